package seeds

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// subscription is a dialog with a notifier and one with the subscriber (RFC 6665 §4.4.1).
type subscription struct {
	leg      *leg       // with the notifier
	tag      string     // the notifier's
	ours     string     // the engine's towards the subscriber; "" as long as nobody was told
	seqs     [2]uint32  // of the requests of the subscriber and of the notifier
	sent     [2]uint32  // of the engine's to them
	until    clock.Time // when it is over unless it is refreshed
	lasts    time.Duration
	heard    bool   // a NOTIFY came
	ended    bool   // by what was said
	notifies []*txn // the engine's
}

// gone are the responses that end the subscription that they are in (RFC 6665 §4.1.2.2, §4.2.2).
var gone = []int{404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604}

// over reports whether the subscription is: by what was said, because nobody refreshed it, because a NOTIFY was not answered, or the
// SUBSCRIBE.
func (s *subscription) over(now clock.Time) bool {
	unanswered := func(t *txn) bool { return t.code == 0 && now > t.at.Add(64*t1) }
	return s.ended || now > s.until || unanswered(s.leg.requests[0]) || slices.ContainsFunc(s.notifies, unanswered)
}

// close ends what came of a request that a target refused, or that did not reach it.
func (l *leg) close() {
	for _, s := range l.subs {
		s.ended = true
	}
	l.closed = true
}

// subOf returns the subscription that a request or a response of a notifier is in; a NOTIFY may make one until Timer N is over (RFC 6665
// §4.1.2.4).
func (k *book) subOf(l *leg, tag string, makes bool) *subscription {
	for _, s := range l.subs {
		if s.tag == tag {
			return s
		}
	}
	now, first := k.w.net.Now(), l.requests[0]
	if !makes || l.closed || now > first.at.Add(64*t1) || !subscribes(string(first.msg.MethodName())) {
		return nil
	}
	if len(l.subs) > 0 {
		k.seen[sawForkedNotify]++
	}
	s := &subscription{leg: l, tag: tag, lasts: time.Hour, until: now.Add(64 * t1)}
	s.seqs[0], s.sent[1] = l.errand.base.msg.CSeq(), first.msg.CSeq()
	l.subs = append(l.subs, s)
	k.seen[sawSubscription]++
	return s
}

// granted notes a 2xx to a SUBSCRIBE that makes a subscription, unless a NOTIFY has.
func (k *book) granted(t *txn, m *message.Message) {
	s := k.subOf(t.leg, string(m.ToTag()), true)
	if s == nil {
		return
	}
	t.leg.errand.sub = s
	s.grant(m)
	switch now := k.w.net.Now(); {
	case s.heard:
		k.seen[sawEarlyNotify]++
		s.until = now.Add(s.lasts + 64*t1)
	default:
		s.until = now.Add(64 * t1) // until the first NOTIFY
	}
}

// grant notes for how long a 2xx grants the subscription; that to a REFER says nothing of it.
func (s *subscription) grant(m *message.Message) {
	if n, ok := m.Uint(message.Expires); ok && m.Method() == message.SUBSCRIBE {
		s.lasts = time.Duration(n) * time.Second
	}
}

// subscriptionOf returns the subscription that a request is in, nil if it is in none.
func (k *book) subscriptionOf(t *txn) *subscription {
	l, m := t.leg, &t.msg
	if l.n > 0 {
		if string(m.ToTag()) != l.tag {
			return nil
		}
		return k.subOf(l, string(m.FromTag()), m.Method() == message.NOTIFY)
	}
	for _, o := range l.call.legs[1:] {
		for _, s := range o.subs {
			if s.ours == string(m.ToTag()) && bytes.Equal(m.FromTag(), o.errand.base.msg.FromTag()) {
				return s
			}
		}
	}
	return nil
}

// gotInSubscription notes a request in a subscription: it is passed on, or shows that there is none.
func (k *book) gotInSubscription(t *txn) {
	now, m := k.w.net.Now(), &t.msg
	s, who := k.subscriptionOf(t), min(t.leg.n, 1)
	switch {
	case s == nil || s.over(now):
		k.seen[sawNoSubscription]++
		if s != nil && now > s.until {
			k.seen[sawUnrefreshed]++
		}
		k.owe(t, 481)
		return
	case m.CSeq() < s.seqs[who]:
		k.owe(t, 500) // RFC 3261 §12.2.2
		return
	}
	s.seqs[who], t.sub = m.CSeq(), s
	switch m.Method() {
	case message.INFO:
		k.owe(t, 481) // it belongs to calls
		return
	case message.OPTIONS:
		k.owe(t, 200)
		return
	case message.NOTIFY:
		k.notified(s, m)
	}
	k.due = append(k.due, due{t: t, relay: true})
}

// notified notes what a NOTIFY says of the subscription (RFC 6665 §4.1.3).
func (k *book) notified(s *subscription, m *message.Message) {
	s.heard = true
	var state string
	for _, v := range m.AppendValues(nil, "Subscription-State") {
		state = string(v)
	}
	if strings.HasPrefix(state, "terminated") {
		k.seen[sawTerminated]++
		s.ended = true
		return
	}
	if _, n, ok := strings.Cut(state, "expires="); ok {
		seconds, _ := strconv.Atoi(n)
		s.lasts = time.Duration(seconds) * time.Second
	}
	s.until = k.w.net.Now().Add(s.lasts + 64*t1)
}

// named checks that a subscription has one name towards its subscriber, and no other has it.
func (k *book) named(s *subscription, tag string) {
	c := s.leg.call
	for _, l := range c.legs[1:] {
		for _, o := range l.subs {
			if o != s && o.ours == tag {
				k.bad(c, "two subscriptions with the tag %q", tag)
			}
		}
	}
	if s.ours != "" && s.ours != tag {
		k.bad(c, "a subscription has the tags %q and %q", s.ours, tag)
	}
	s.ours = tag
}

// sentInSubscription checks a request that passes one of the other side on.
func (k *book) sentInSubscription(l *leg, m *message.Message) {
	if t := k.txnOf(m, string(m.MethodName())); t != nil {
		k.copied(t, m)
		return
	}
	t := k.begun(l, m)
	c, o := l.call, k.current
	if o == nil || o.at != t.at || o.sub == nil || o.relay != nil || (o.leg.n == 0) == (l.n == 0) || o.leg.call != c {
		k.bad(c, "leg %d: %s that nobody sent", l.n, m.MethodName())
		return
	}
	s, who, target := o.sub, 0, "sip:o"+strconv.Itoa(c.n)+"@"+outsideAddr(c.n, -1).String()
	o.relay, t.origin, t.sub = t, o, s
	if l.n > 0 {
		who, target = 1, "sip:o"+strconv.Itoa(c.n)+"."+strconv.Itoa(l.n)+"@"+outsideAddr(c.n, l.phone).String()
		if string(m.FromTag()) != l.tag || string(m.ToTag()) != s.tag {
			k.bad(c, "leg %d: %s in another dialog: %q", l.n, m.MethodName(), m.Bytes())
		}
	} else {
		k.named(s, string(m.FromTag()))
		if !bytes.Equal(m.ToTag(), s.leg.errand.base.msg.FromTag()) {
			k.bad(c, "leg %d: %s to another dialog: %q", l.n, m.MethodName(), m.Bytes())
		}
	}
	switch in := &o.msg; {
	case !bytes.Equal(in.MethodName(), m.MethodName()) || !bytes.Equal(in.Body(), m.Body()) || !same(in, m, "Subscription-State"):
		k.bad(c, "leg %d: %q does not follow from %q", l.n, m.Bytes(), in.Bytes())
	case in.Has(message.Event) && string(m.Get(message.Event)) != event(c.outside.Method, l.n == 0) || !in.Has(message.Event) && m.Has(message.Event):
		k.bad(c, "leg %d: %s with Event %q, which the other side knows as %q", l.n, m.MethodName(), m.Get(message.Event), in.Get(message.Event))
	case string(m.RequestURI()) != target:
		k.bad(c, "leg %d: %s to %s, not to the Contact %s", l.n, m.MethodName(), m.RequestURI(), target)
	case m.CSeq() <= s.sent[who]:
		k.bad(c, "leg %d: CSeq %d after %d", l.n, m.CSeq(), s.sent[who])
	}
	s.sent[who] = m.CSeq()
	if m.Method() == message.NOTIFY {
		s.notifies = append(s.notifies, t)
	}
	c.add(fact{at: t.at, what: relayed, leg: l.n, text: string(m.MethodName())})
}

// gotAnswerIn notes the final response to what was passed on in a subscription: it is passed back, and may end the subscription.
func (k *book) gotAnswerIn(t *txn, m *message.Message) {
	now, o, s, code := k.w.net.Now(), t.origin, t.sub, m.Status()
	switch code {
	case 408:
		o.mute = true // RFC 4320 §4.2
	case 401, 407:
		k.owe(o, 403) // the other side does not know the credentials
	default:
		k.owe(o, code)
	}
	switch {
	case s.over(now):
	case code < 300 && m.Method() == message.SUBSCRIBE:
		k.seen[sawRefreshed]++
		s.grant(m)
		s.until = now.Add(s.lasts + 64*t1)
	case slices.Contains(gone, code):
		k.seen[sawGoneSubscriber]++
		s.ended = true
	}
}
