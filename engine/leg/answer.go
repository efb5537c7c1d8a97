package leg

import (
	"time"

	"tandem/engine/clock"
)

// Answerer is who sent the 2xx that an Answer repeats.
type Answerer interface {
	// Resend sends the 2xx once more.
	Resend(now clock.Time)
	// Lapsed is called when no ACK came: the session is to be ended with BYE.
	Lapsed(now clock.Time)
}

// Answer repeats a 2xx until its ACK comes (RFC 3261 §13.3.1.4): after T1, doubling to T2, for 64·T1. The transport
// does not matter: a hop further on may lose it. The zero value is at rest.
type Answer struct {
	user  Answerer
	heap  *clock.Heap
	timer clock.Timer
	next  time.Duration
	max   time.Duration
	end   clock.Time
	seq   uint32
}

// Start begins to wait for the ACK to the 2xx that was just sent for the INVITE with CSeq number seq; t1 and t2
// are the timers of RFC 3261 §17.1.1.1.
func (a *Answer) Start(now clock.Time, heap *clock.Heap, user Answerer, seq uint32, t1, t2 time.Duration) {
	a.Stop()
	a.user, a.heap, a.seq = user, heap, seq
	a.next, a.max, a.end = t1, t2, now.Add(64*t1)
	a.timer.Owner = a
	heap.Arm(&a.timer, now.Add(t1))
}

// Waiting reports whether an ACK with this CSeq number is awaited.
func (a *Answer) Waiting(seq uint32) bool { return a.timer.Armed() && a.seq == seq }

// Pending reports whether an ACK is awaited.
func (a *Answer) Pending() bool { return a.timer.Armed() }

// Stop ends the repetition: the ACK came, or the leg is over.
func (a *Answer) Stop() {
	if a.heap != nil {
		a.heap.Stop(&a.timer)
	}
}

// Fire sends the 2xx again or gives up.
func (a *Answer) Fire(now clock.Time, _ uint8) {
	if now >= a.end {
		a.user.Lapsed(now)
		return
	}
	a.next = min(2*a.next, a.max)
	a.heap.Arm(&a.timer, min(now.Add(a.next), a.end))
	a.user.Resend(now)
}
