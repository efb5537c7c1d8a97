package sim

import (
	"slices"
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// Incoming is a call that a phone was offered.
type Incoming struct {
	session
	invite    *message.Message
	branch    string
	tx        *transaction.Server
	flow      flow.Flow
	at        clock.Time
	steps     Behaviour
	next      int
	waited    bool // the wait before the next step is over
	timer     clock.Timer
	repeats   bool   // a step sends the last response once more
	last      []byte // response, if so
	tag       string
	deaf      bool // to CANCEL
	muted     bool
	rang      bool // a provisional was sent
	final     int
	cancelled bool
}

// mediaOf makes the session number of an SDP origin (RFC 4566 §5.2: numeric), by FNV-1a.
func mediaOf(phone, callID string) string {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{phone, callID} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	return strconv.FormatUint(h>>2, 10)
}

// tryingAfter is how long a phone may take for its first response without a 100 (RFC 3261 §17.2.1).
const tryingAfter = 200 * time.Millisecond

// invited takes the INVITE of a new call.
func (p *Phone) invited(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	c := &Incoming{invite: m.Share(), branch: string(m.TopVia().Branch), tx: tx, flow: f, at: now, tag: p.word()}
	c.callID, c.in, c.pending = string(m.CallID()), c, true
	p.enter(&c.session)
	if isSDP(m) {
		_, c.media = origin(m.Body())
	}
	c.refers = m.Has(message.Replaces)
	p.incoming = append(p.incoming, c)
	c.timer.Owner = c
	tx.Owner = c
	tx.SetToTag([]byte(c.tag))
	switch {
	case p.choose != nil:
		c.steps = p.choose(c.invite)
	case len(p.behaviours) > 0:
		c.steps = p.behaviours[min(p.turn, len(p.behaviours)-1)]
		p.turn++
	}
	c.repeats = slices.ContainsFunc(c.steps, func(s Step) bool { return s.Act == Retransmit })
	if len(c.steps) > 0 && c.steps[0].Wait > tryingAfter {
		tx.Respond(now, 100, p.response(c.invite, f, "", &Reply{Code: 100}))
	}
	c.run(now)
}

// Message returns the INVITE.
func (c *Incoming) Message() *message.Message { return c.invite }

// At returns when the INVITE came.
func (c *Incoming) At() clock.Time { return c.at }

// Final returns the status code that the phone ended the INVITE with, 0 if it did not yet.
func (c *Incoming) Final() int { return c.final }

// Answered reports whether the phone answered the call and was acknowledged.
func (c *Incoming) Answered() bool {
	for _, d := range c.dialogs {
		for _, a := range d.answers {
			if a.acked {
				return true
			}
		}
	}
	return false
}

// Cancelled reports whether a CANCEL came in time.
func (c *Incoming) Cancelled() bool { return c.cancelled }

// Fire goes on with the steps when the wait before the next one is over.
func (c *Incoming) Fire(now clock.Time, _ uint8) {
	c.waited = true
	c.run(now)
}

// run does the steps that are due.
func (c *Incoming) run(now clock.Time) {
	for c.next < len(c.steps) {
		s := &c.steps[c.next]
		if s.Wait > 0 && !c.waited {
			c.phone.heap.Arm(&c.timer, now.Add(s.Wait))
			return
		}
		c.waited = false
		c.next++
		c.do(now, s)
	}
}

func (c *Incoming) do(now clock.Time, s *Step) {
	switch s.Act {
	case Respond:
		c.respond(now, s)
	case InDialog:
		c.dialog(s.Tag).do(now, s)
	case Retransmit:
		if c.last != nil {
			logger{c.phone}.Send(c.flow, c.last)
		}
	case Vanish:
		c.phone.vanish()
	case IgnoreCancel:
		c.deaf = true
	case Mute:
		c.muted, c.pending = true, false
		c.tx.Forget() // each copy of the INVITE is ignored by its Call-ID
		c.phone.ignored[c.callID] = true
	}
}

// respond sends a response to the INVITE.
func (c *Incoming) respond(now clock.Time, s *Step) {
	p := c.phone
	if s.Code == 100 {
		c.rang = c.tx.Respond(now, 100, p.response(c.invite, c.flow, "", &Reply{Code: 100, Headers: s.Headers})) || c.rang
		return
	}
	d := c.dialog(s.Tag)
	r := &Reply{Code: s.Code, Phrase: s.Phrase, Headers: s.Headers, Body: s.Body}
	if r.Body == nil && (s.SDP || s.Code/100 == 2) {
		r.Body = d.answerTo(c.invite)
	}
	rel := s.Code < 200 && c.byReliable(s)
	if rel {
		r.Headers = d.reliable.mark(s.Headers)
	}
	b := p.response(c.invite, c.flow, d.localTag, r)
	if c.repeats {
		c.last = append(c.last[:0], b...)
	}
	if !c.tx.Respond(now, s.Code, b) {
		p.fault("step %d: %d after the final response %d", c.next, s.Code, c.final)
		return
	}
	switch {
	case rel:
		d.reliable.start(now, p, c.tx, s.Code, b, c.invite.CSeq())
		c.rang = true
	case s.Code < 200:
		c.rang = true
	default:
		c.ended(now, s.Code, d, b)
	}
}

// ended takes note of the final response.
func (c *Incoming) ended(now clock.Time, code int, d *dialog, b []byte) {
	if c.final == 0 {
		c.final, c.pending = code, false
	}
	if code >= 300 && c.next < len(c.steps) {
		c.phone.fault("%d ends the call, yet there are steps after it", code)
	}
	for _, e := range c.dialogs {
		e.reliable.stop(c.phone)
		if code >= 300 {
			e.end(now)
		}
	}
	if code < 300 {
		d.confirm(now)
		d.await(now, c.tx, b, c.invite.CSeq())
	}
}

// cancel takes a CANCEL that came in time.
func (c *Incoming) cancel(now clock.Time) {
	c.cancelled = true
	if !c.deaf {
		c.terminate(now)
	}
}

// terminate ends the INVITE with 487 (RFC 3261 §9.2) and whatever was still to be done.
func (c *Incoming) terminate(now clock.Time) {
	c.stop()
	c.respond(now, &Step{Act: Respond, Code: 487})
}

// stop drops the steps that were still to be done.
func (c *Incoming) stop() {
	c.phone.heap.Stop(&c.timer)
	c.next = len(c.steps)
}

// dialog returns the dialog with the name that a step gives it, a new one (RFC 3261 §12.1.1) at first.
func (c *Incoming) dialog(name string) *dialog {
	for _, d := range c.dialogs {
		if d.name == name {
			return d
		}
	}
	m := c.invite
	d := &dialog{
		s: &c.session, name: name, localTag: c.tag, remoteTag: string(m.FromTag()),
		local: untagged(m.Get(message.To)), remote: untagged(m.Get(message.From)),
		target: contactURI(m), peerCSeq: m.CSeq(), flow: c.flow,
	}
	if name != "" {
		d.localTag += "-" + name
	}
	m.Each(message.RecordRoute, func(e []byte) bool {
		d.routes = append(d.routes, string(e))
		return true
	})
	c.dialogs = append(c.dialogs, d)
	return d
}
