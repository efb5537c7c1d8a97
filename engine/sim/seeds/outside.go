package seeds

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// errand is a request outside calls on its way from target to target.
type errand struct {
	base  *txn // of its sender
	asked bool // the script was asked about it
	next  int  // target
	cur   *txn // to the target at hand
	code  int  // of the last failure that may be passed on, 0 without one
	sub   *subscription
}

// trying is when a request other than INVITE that is still open is answered 100 (RFC 4320 §4.1).
const trying = 3500 * time.Millisecond

// given up reports whether the sender of the request has given up (RFC 3261 §17.1.2.2).
func (e *errand) givenUp(now clock.Time) bool { return now >= e.base.at.Add(64*t1) }

// gotOutside notes a request outside calls, or one in a subscription that came of it.
func (k *book) gotOutside(t *txn) {
	l := t.leg
	if l.n > 0 || t.msg.ToTag() != nil {
		k.gotInSubscription(t)
		return
	}
	k.seen[sawOutside]++
	s := l.call.outside
	switch s.Method {
	case "PUBLISH":
		k.seen[sawPublish]++
	case "REFER":
		k.seen[sawRefer]++
	}
	l.errand = &errand{base: t}
	switch {
	case s.Reject > 0:
		k.owe(t, s.Reject)
	case len(s.Peers) > 0:
		k.oweTry(l.errand)
	case s.Method == "SUBSCRIBE" || s.Method == "PUBLISH":
		k.owe(t, 489) // RFC 6665 §4.2.1.1
	default:
		k.owe(t, 405)
	}
}

func (k *book) oweTry(e *errand) { k.due = append(k.due, due{t: e.base, try: e}) }

// sentOutside checks a request that goes to the next target.
func (k *book) sentOutside(shard int, m *message.Message, f flow.Flow) *leg {
	n, now := outsideOf(m), k.w.net.Now()
	var e *errand
	for i := range k.due {
		if o := &k.due[i]; o.try != nil && o.try.base.leg.call.n == n && (o.try.cur == nil || o.try.cur.at != now) {
			e = o.try
		}
	}
	if e == nil {
		k.bad(nil, "a request that is due to nobody: %q", m.Bytes())
		return nil
	}
	c, in := e.base.leg.call, &e.base.msg
	l := &leg{
		call: c, n: len(c.legs), callID: string(m.CallID()), shard: shard, remote: f.Remote, phone: e.next, tag: string(m.FromTag()),
		target: string(m.RequestURI()), errand: e,
	}
	c.legs = append(c.legs, l)
	k.legs[l.callID] = l
	k.txnOf(m, string(m.MethodName()))
	t := k.begun(l, m)
	t.origin, e.base.relay, e.cur = e.base, t, t
	e.next++
	forwards, _ := m.Uint(message.MaxForwards)
	switch {
	case l.target != outsideURI(n, l.phone):
		k.bad(c, "target %d: sent to %s", l.phone, l.target)
	case !bytes.Equal(m.Body(), in.Body()) || !bytes.Equal(m.MethodName(), in.MethodName()) || !same(m, in, "Subject") || !same(m, in, "Event") || !same(m, in, "Refer-To"):
		k.bad(c, "target %d: %q does not follow from %q", l.phone, m.Bytes(), in.Bytes())
	case l.tag == string(in.FromTag()) || l.callID == string(in.CallID()) || len(m.AppendValues(nil, "Via")) != 1:
		k.bad(c, "target %d: shares an identifier with the sender", l.phone)
	case forwards != 69:
		k.bad(c, "target %d: Max-Forwards %d", l.phone, forwards)
	}
	c.add(fact{at: now, what: tried, leg: l.n, code: l.phone})
	return l
}

// same reports whether two messages have the same values of a field.
func same(a, b *message.Message, name string) bool {
	return slices.EqualFunc(a.AppendValues(nil, name), b.AppendValues(nil, name), bytes.Equal)
}

// gotOutsideResponse notes the first final response to a request of the engine's.
func (k *book) gotOutsideResponse(t *txn, m *message.Message) {
	e, code, now := t.leg.errand, m.Status(), k.w.net.Now()
	if t.sub != nil {
		k.gotAnswerIn(t, m)
		return
	}
	switch {
	case code < 300 && subscribes(string(m.MethodName())):
		k.granted(t, m)
	case code >= 300:
		t.leg.close()
	}
	if code != 408 { // RFC 4320 §4.2: it is as good as silence
		e.code = code
	}
	switch {
	case e.givenUp(now): // its sender hears nothing any more
		k.seen[sawTooLate]++
	case code >= 300 && e.next < len(t.leg.call.outside.Peers):
		k.seen[sawNextTarget]++
		k.oweTry(e)
	default:
		k.oweBest(e)
	}
}

// oweBest has a request whose last target failed answered with what there is.
func (k *book) oweBest(e *errand) {
	if e.code == 0 {
		e.base.mute = true
		return
	}
	k.owe(e.base, passedOn(e.code))
}

// passedOn is the code that a final response to a request outside calls is passed on with.
func passedOn(code int) int {
	switch code {
	case 401, 407:
		return 403 // the other side does not know the credentials
	case 503:
		return 500 // RFC 3261 §16.7 step 6
	}
	return code
}

// failedOutside notes that a request of the engine's did not arrive.
func (k *book) failedOutside(t *txn) {
	e := t.leg.errand
	switch o := t.origin; {
	case t.sub != nil:
		if o.code == 0 {
			k.owe(o, 503)
		}
		t.sub.ended = t.sub.ended || t.msg.Method() == message.NOTIFY
		return
	case t.code != 0 || e.givenUp(k.w.net.Now()):
	case e.next < len(t.leg.call.outside.Peers):
		k.seen[sawNextTarget]++
		k.oweTry(e)
	case e.code == 0:
		k.owe(o, 503)
	default:
		k.oweBest(e)
	}
	t.leg.close()
}

// sentOutsideFinal checks the engine's final response: that a 2xx to SUBSCRIBE names the dialog of its subscription.
func (k *book) sentOutsideFinal(t *txn) {
	c := t.leg.call
	c.add(fact{at: t.finalAt, what: finished, leg: t.leg.n, code: t.code, text: t.msg.Method().String()})
	if e := t.leg.errand; e.base == t && e.sub != nil && t.code < 300 {
		k.named(e.sub, t.tag)
	}
}

// finishOutside checks what has to hold at the end: a request other than INVITE is answered unless nobody has answered what it was passed
// on as, and 100 says so in between (RFC 4320 §4.1, §4.2).
func (k *book) finishOutside(t *txn) {
	if t.client {
		return
	}
	if t.relay != nil && (t.code == 0 || t.finalAt > t.at.Add(trying)) && len(t.line) == 0 {
		k.bad(t.leg.call, "leg %d: %s %d got no 100", t.leg.n, t.msg.MethodName(), t.msg.CSeq())
	}
	if t.code != 0 || t.mute {
		return
	}
	k.seen[sawSilentTarget]++
	if r := t.relay; r == nil || r.failedAt >= 0 && r.sub != nil || r.code != 0 && r.finalAt < t.at.Add(64*t1) {
		k.bad(t.leg.call, "leg %d: %s %s got no final response", t.leg.n, t.msg.MethodName(), strconv.Itoa(int(t.msg.CSeq())))
	}
}
