package seeds

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// sentResponse checks a response and returns the leg that it is on.
func (k *book) sentResponse(m *message.Message, f flow.Flow) *leg {
	t := k.txnOf(m, string(m.MethodName()))
	if t == nil || t.client {
		k.bad(nil, "a response to nothing: %q", m.Bytes())
		return nil
	}
	k.checkReply(t, m, f)
	switch code := m.Status(); {
	case t.code != 0:
		k.repeated(t, m)
	case code < 200:
		k.sentProvisional(t, m)
	default:
		k.sentFinal(t, m)
	}
	return t.leg
}

// checkReply checks what a response copies from its request (RFC 3261 §8.2.6.2).
func (k *book) checkReply(t *txn, m *message.Message, f flow.Flow) {
	r := &t.msg
	rv, mv := r.AppendValues(nil, "Via"), m.AppendValues(nil, "Via")
	port := strconv.Itoa(int(f.Remote.Port()))
	got, _ := message.Param(m.TopVia().Params, "rport")
	received, _ := message.Param(m.TopVia().Params, "received")
	same := len(rv) == len(mv)
	for i := 1; same && i < len(rv); i++ {
		same = bytes.Equal(rv[i], mv[i])
	}
	switch {
	case !same || !bytes.Equal(r.TopVia().Host, m.TopVia().Host) || r.TopVia().Port != m.TopVia().Port:
		k.bad(t.leg.call, "leg %d: the response %q has other Vias than %q", t.leg.n, m.Bytes(), r.Bytes())
	case string(got) != port || string(received) != f.Remote.Addr().String(): // RFC 3581 §4
		k.bad(t.leg.call, "leg %d: received %q, rport %q in the response to %s", t.leg.n, received, got, f.Remote)
	case !bytes.Equal(r.Get(message.From), m.Get(message.From)) || r.CSeq() != m.CSeq():
		k.bad(t.leg.call, "leg %d: From or CSeq of %q are not those of %q", t.leg.n, m.Bytes(), r.Bytes())
	case r.ToTag() != nil && !bytes.Equal(r.Get(message.To), m.Get(message.To)), !bytes.HasPrefix(m.Get(message.To), r.Get(message.To)):
		k.bad(t.leg.call, "leg %d: To of %q is not that of %q", t.leg.n, m.Bytes(), r.Bytes())
	}
}

// repeated checks what follows a final response: a copy of it, because the request came again or, for an INVITE, on the
// clock (RFC 3261 §13.3.1.4, §17.2.1), until the ACK.
func (k *book) repeated(t *txn, m *message.Message) {
	now, c := k.w.net.Now(), t.leg.call
	invite := t.msg.Method() == message.INVITE
	onClock := invite && now == t.again && now < t.finalAt.Add(64*t1)
	switch {
	case !bytes.Equal(m.Bytes(), t.final):
		k.bad(c, "leg %d: a response after the final one: %q after %q", t.leg.n, m.Bytes(), t.final)
	case invite && t.ackedAt >= 0:
		k.bad(c, "leg %d: %d sent again after the ACK", t.leg.n, t.code)
	case !onClock && (t.last != now || t.copies < 2 || t.code/100 == 2 && invite):
		k.bad(c, "leg %d: %d sent again at the wrong time", t.leg.n, t.code)
	}
	if onClock {
		t.resent++
		t.gap = min(2*t.gap, t2)
		t.again = now.Add(t.gap)
	}
}

func (k *book) sentProvisional(t *txn, m *message.Message) {
	now, c, code := k.w.net.Now(), t.leg.call, m.Status()
	again := t.last == now && t.copies > 1 && bytes.Equal(m.Bytes(), t.line) // because the request came again
	if again && (t != c.invite || !c.promiseDue(m, now)) {
		return
	}
	t.line = append(t.line[:0], m.Bytes()...)
	if t != c.invite {
		if t.msg.Method() != message.INVITE && (code > 100 || now != t.at.Add(trying)) {
			k.bad(c, "leg %d: %d to %s after %s", t.leg.n, code, t.msg.MethodName(), time.Duration(now-t.at)) // RFC 4320 §4.1
		}
		return
	}
	f := fact{at: now, what: shown, code: code}
	if len(m.Body()) > 0 {
		f.x = 1
		k.checkMedia(c, m.Body())
	}
	if code > 100 {
		f.leg = c.tagNumber(m.ToTag())
	}
	if rseq := rseqOf(m); rseq > 0 {
		f.more = "reliably"
		if !k.promised(c, m, rseq) {
			return
		}
	}
	c.add(f)
}

// checkMedia checks that early media are those of a callee.
func (k *book) checkMedia(c *callBook, body []byte) {
	for _, l := range c.legs[1:] {
		if slices.Contains(l.media, string(body)) {
			return
		}
	}
	k.bad(c, "early media of nobody: %q", body)
}

// tagNumber returns which of the engine's tags towards the caller one is.
func (c *callBook) tagNumber(tag []byte) int {
	i := slices.Index(c.tags, string(tag))
	if i < 0 {
		i = len(c.tags)
		c.tags = append(c.tags, string(tag))
	}
	return i
}

func (k *book) sentFinal(t *txn, m *message.Message) {
	now, c := k.w.net.Now(), t.leg.call
	t.code, t.finalAt, t.tag, t.final = m.Status(), now, string(m.ToTag()), k.keep(m.Bytes())
	t.gap, t.again = t1, now.Add(t1)
	if t.code/100 == 2 && t.msg.Method() == message.INVITE {
		t.leg.accepted = append(t.leg.accepted, t)
	}
	if t == c.invite {
		k.sentResult(t, m)
		return
	}
	if t.challenged {
		k.checkChallenge(t, m)
	}
	if t.leg.errand != nil {
		k.sentOutsideFinal(t)
	}
	if t.loose {
		if t.code != 481 && t.at == now {
			t.numbered()
		}
		return
	}
	if t.expect != t.code && !k.excused(t) {
		k.bad(c, "leg %d: %s answered %d, expected %d", t.leg.n, t.msg.MethodName(), t.code, t.expect)
	}
	if t.code/100 == 2 && t.relay != nil {
		t.leg.refresh(&t.msg)
	}
	if t.code/100 == 2 && t.relay != nil && (t.relay.finalAt != now || t.relay.code != t.code) {
		k.bad(c, "leg %d: %s answered %d by itself", t.leg.n, t.msg.MethodName(), t.code)
	}
}

// sentResult notes the final response to the caller.
func (k *book) sentResult(t *txn, m *message.Message) {
	c := t.leg.call
	f := fact{at: t.finalAt, what: finished, code: t.code}
	c.tag = t.tag
	f.x = int64(c.tagNumber([]byte(c.tag)))
	for i := range c.promises {
		p := &c.promises[i]
		p.silent = true
		p.dropped = t.code >= 300 || p.tag != c.tag
	}
	if t.code/100 == 2 {
		k.seen[sawAnswer]++
		for _, l := range c.legs[1:] {
			for _, d := range l.dialogs {
				if (d.at == f.at || d == c.pending) && d.body == string(m.Body()) {
					c.winner, f.leg = d, l.n
				}
			}
		}
		if c.winner == nil {
			k.bad(c, "answered with the description of nobody: %q", m.Bytes())
		}
		k.up(c)
	}
	c.add(f)
}
