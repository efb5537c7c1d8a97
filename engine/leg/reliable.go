package leg

import (
	"time"

	"tandem/engine/clock"
)

// Provisioner is who sent the provisionals that a Reliable repeats.
type Provisioner interface {
	// ResendProvisional sends b once more.
	ResendProvisional(now clock.Time, b []byte)
	// Unpracked is called when no PRACK came for 64*T1: the INVITE is to be refused with a 5xx (RFC 3262 §3).
	Unpracked(now clock.Time)
	// Free is called when the last provisional sent was acknowledged: the next one, or the 2xx, may go.
	Free(now clock.Time)
}

// Reliable sends the reliable provisionals of one INVITE (RFC 3262 §3): each is repeated until its PRACK, after T1,
// doubling, for 64*T1, and there is one at a time. The zero value is at rest.
type Reliable struct {
	user  Provisioner
	heap  *clock.Heap
	timer clock.Timer
	next  time.Duration
	end   clock.Time
	cseq  uint32
	rseq  uint32
	sent  []byte
	owed  bool // the PRACK of what is not repeated any more
	media bool
}

// Start makes the sender ready for the INVITE with CSeq number cseq; first is the RSeq of its first provisional, 1 to
// 2^31-1.
func (r *Reliable) Start(heap *clock.Heap, user Provisioner, cseq, first uint32) {
	r.user, r.heap, r.cseq, r.rseq = user, heap, cseq, first-1
	r.timer.Owner = r
}

// Started reports whether Start was called.
func (r *Reliable) Started() bool { return r.user != nil }

// Outstanding reports whether a provisional waits for its PRACK; with media whether it carried a session description, so that
// no 2xx may go before (RFC 3262 §5).
func (r *Reliable) Outstanding() (waiting, media bool) {
	return r.sent != nil, r.sent != nil && r.media
}

// NextRSeq returns the RSeq of the next provisional.
func (r *Reliable) NextRSeq() uint32 { return r.rseq + 1 }

// Sent says that b, with NextRSeq, was sent; t1 is the timer of RFC 3261 §17.1.1.1. b is kept.
func (r *Reliable) Sent(now clock.Time, b []byte, media bool, t1 time.Duration) {
	r.rseq++
	r.sent, r.media = b, media
	r.next, r.end = t1, now.Add(64*t1)
	r.heap.Arm(&r.timer, now.Add(t1))
}

// Prack takes the RAck of a PRACK and reports whether it acknowledges the provisional that waits; if not, the PRACK is
// answered 481 (RFC 3262 §3). After the PRACK was answered, the caller calls Release.
func (r *Reliable) Prack(rack RAck) bool {
	if r.sent == nil && !r.owed || rack.RSeq != r.rseq || rack.CSeq != r.cseq || !rack.Invite {
		return false
	}
	r.Stop()
	return true
}

// Silence ends the repetition because a final response was sent. The PRACK of what waits is still taken (RFC 3262 §3).
func (r *Reliable) Silence() {
	waits := r.sent != nil
	r.Stop()
	r.owed = waits
}

// Release lets the next provisional or the 2xx go.
func (r *Reliable) Release(now clock.Time) { r.user.Free(now) }

// Stop ends the repetition.
func (r *Reliable) Stop() {
	r.sent, r.owed = nil, false
	if r.heap != nil {
		r.heap.Stop(&r.timer)
	}
}

// Fire sends the provisional again or gives up.
func (r *Reliable) Fire(now clock.Time, _ uint8) {
	if now >= r.end {
		r.Stop()
		r.user.Unpracked(now)
		return
	}
	r.next *= 2 // RFC 3262 §3: it doubles without a bound
	r.heap.Arm(&r.timer, min(now.Add(r.next), r.end))
	r.user.ResendProvisional(now, r.sent)
}

// RAck is the value of a RAck header (RFC 3262 §7.2).
type RAck struct {
	RSeq, CSeq uint32
	// Invite says that the method is INVITE, the only one with reliable provisionals.
	Invite bool
}

// Received keeps the order of the reliable provisionals that an INVITE of ours is answered with (RFC 3262 §4). There is one
// for each early dialog. The zero value has seen none.
type Received struct {
	last uint32
	seen bool
}

// Accept reports whether a provisional with this RSeq is the next one: repeats and those that came too early are dropped.
func (r *Received) Accept(rseq uint32) bool {
	if r.seen && rseq != r.last+1 {
		return false
	}
	r.seen, r.last = true, rseq
	return true
}
