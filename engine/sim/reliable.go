package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// reliable is the reliable provisional of a dialog (RFC 3262): on the callee's side the one that waits for its PRACK,
// on the caller's the last one acknowledged.
type reliable struct {
	rseq     uint32
	cseq     uint32
	tx       *transaction.Server
	code     int
	bytes    []byte
	timer    clock.Timer
	phone    *Phone
	interval time.Duration
	until    clock.Time
}

// byReliable reports whether a provisional goes out reliably: if the caller insists, or it is asked for and supported.
func (c *Incoming) byReliable(s *Step) bool {
	return c.invite.HasToken(message.Require, "100rel") || s.Reliable && c.invite.HasToken(message.Supported, "100rel")
}

// mark numbers the next reliable provisional.
func (r *reliable) mark(headers []Header) []Header {
	r.rseq++
	return append([]Header{{"Require", "100rel"}, {"RSeq", strconv.FormatUint(uint64(r.rseq), 10)}}, headers...)
}

// start repeats it until its PRACK comes or 64*T1 are over.
func (r *reliable) start(now clock.Time, p *Phone, tx *transaction.Server, code int, b []byte, cseq uint32) {
	r.phone, r.tx, r.code, r.bytes, r.cseq = p, tx, code, bytes.Clone(b), cseq
	r.interval, r.until = p.cfg.Timers.T1, now.Add(64*p.cfg.Timers.T1)
	r.timer.Owner = r
	p.heap.Arm(&r.timer, now.Add(r.interval))
}

// Fire sends the provisional again; its interval doubles without a limit (RFC 3262 §3).
func (r *reliable) Fire(now clock.Time, _ uint8) {
	if now >= r.until || !r.tx.Respond(now, r.code, r.bytes) {
		r.phone.fault("no PRACK to %d", r.code)
		return
	}
	r.interval *= 2
	r.phone.heap.Arm(&r.timer, min(now.Add(r.interval), r.until))
}

func (r *reliable) stop(p *Phone) { p.heap.Stop(&r.timer) }

// acknowledge takes a PRACK and reports whether there is a provisional that it fits.
func (r *reliable) acknowledge(p *Phone, m *message.Message) bool {
	var rseq, cseq uint32
	var method string
	for _, v := range m.AppendValues(nil, "RAck") {
		if n, _ := fmt.Sscan(string(v), &rseq, &cseq, &method); n != 3 {
			return false
		}
	}
	if rseq != r.rseq || rseq == 0 || cseq != r.cseq || method != "INVITE" || !r.timer.Armed() {
		return false
	}
	r.stop(p)
	return true
}

// prack acknowledges a reliable provisional that the caller's side received, once (RFC 3262 §4).
// Its body is the answer to an offer in it, or next, if there is one, after an answer.
func (d *dialog) prack(now clock.Time, m *message.Message, offered bool, next *Body) {
	rseq, ok := m.Uint(message.RSeq)
	if !ok || !m.HasToken(message.Require, "100rel") || rseq <= d.reliable.rseq {
		return
	}
	d.reliable.rseq = rseq
	body := NoBody
	if !offered && isSDP(m) && d.version == 0 {
		body = d.sdp(m.Body())
	} else if offered && isSDP(m) && next != nil {
		body = next
	}
	x := &Exchange{phone: d.s.phone, method: "PRACK"}
	x.start(now, d, []Header{{"RAck", fmt.Sprintf("%d %d INVITE", rseq, m.CSeq())}}, body)
}
