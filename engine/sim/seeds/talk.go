package seeds

import (
	"bytes"
	"slices"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// up takes note that a call was answered: there is a dialog on the caller's leg now.
func (k *book) up(c *callBook) {
	l, m := c.legs[0], &c.invite.msg
	l.tag, l.peerSeq = c.tag, m.CSeq()
	var final message.Message
	_ = final.Parse(c.invite.final) // it was parsed before
	l.dialogs = []*dialog{{
		leg: l, tag: string(m.FromTag()), to: m.Get(message.From), from: final.Get(message.To),
		target: contactOf(m, ""), at: -1, copiedAt: -1, byeAt: -1,
	}}
	if c.winner != nil {
		c.winner.seq = c.winner.invite.msg.CSeq()
		if h := c.winner.leg.heardOf([]byte(c.winner.tag)); h != nil {
			c.winner.leg.peerSeq = h.seq
			c.winner.seq = max(c.winner.seq, h.outSeq)
		}
	}
}

// live reports whether a request belongs to one of the two dialogs of an answered call.
func (c *callBook) live(l *leg, m *message.Message) bool { return c.endAt < 0 && c.within(l, m) }

// within is live, or was.
func (c *callBook) within(l *leg, m *message.Message) bool {
	if c.winner == nil {
		return false
	}
	if l.n == 0 {
		return string(m.ToTag()) == c.tag && bytes.Equal(m.FromTag(), c.invite.msg.FromTag())
	}
	return l == c.winner.leg && string(m.ToTag()) == l.tag && string(m.FromTag()) == c.winner.tag
}

// other returns the other leg of an answered call.
func (c *callBook) other(l *leg) *leg {
	if l.n == 0 {
		return c.winner.leg
	}
	return c.legs[0]
}

// joined reports whether a request of the engine was in one of the two dialogs of an answered call.
func (c *callBook) joined(t *txn) bool {
	switch {
	case c.winner == nil:
		return false
	case t.leg.n == 0:
		return string(t.msg.FromTag()) == c.tag
	}
	return t.leg == c.winner.leg && string(t.msg.ToTag()) == c.winner.tag
}

// pending reports whether an offer of a leg's peer, in the dialog of the answered call, has no final response. One that was passed on
// before the answer stays an offer after it: RFC 3311 §5.2 and RFC 3261 §14.2 count offers, whatever state their dialog was in.
func (l *leg) pending(now clock.Time) bool {
	return l.reinvite != nil && l.reinvite.code == 0 && !l.reinvite.forgotten(now) || l.pendingEarly(now)
}

// pendingEarly reports whether it is one from before the answer.
func (l *leg) pendingEarly(now clock.Time) bool {
	return slices.ContainsFunc(l.early, func(t *txn) bool { return t.code == 0 && !t.forgotten(now) && l.call.live(l, &t.msg) })
}

// gotInDialog notes what a request inside a dialog has to come to.
func (k *book) gotInDialog(t *txn) {
	l, c, m := t.leg, t.leg.call, &t.msg
	switch {
	case m.Method() == message.PRACK && l.n == 0:
		k.gotPrack(t)
		return
	case c.pending != nil && c.winner == nil && l == c.pending.leg && string(m.FromTag()) == c.pending.tag && string(m.ToTag()) == l.tag:
		k.gotBefore(t)
		return
	case c.early(l, m):
		t.loose = true
		return
	}
	if l.parting != nil && c.within(l, m) {
		k.gotParting(t)
		return
	}
	if !c.live(l, m) {
		k.seen[saw481]++
		k.owe(t, 481) // RFC 3261 §12.2.2
		return
	}
	if m.CSeq() < l.peerSeq {
		k.owe(t, 500) // RFC 3261 §12.2.2
		return
	}
	l.peerSeq = m.CSeq()
	switch m.Method() {
	case message.BYE:
		k.owe(t, 200)
		if a := l.accepted; len(a) > 0 && a[len(a)-1].ackedAt < 0 || l.n > 0 && c.winner.ackTo(c.winner.invite.msg.CSeq()) == nil {
			k.seen[sawByeBeforeAck]++
		}
		c.endedBy, c.reasons = l, reasonsOf(m)
		k.end(c)
	case message.INVITE:
		k.gotOffer(t)
	case message.UPDATE:
		if len(m.Body()) > 0 {
			k.gotOffer(t)
			return
		}
		l.refresh(m)
		k.owe(t, 200) // it refreshes this leg only
	case message.OPTIONS:
		k.owe(t, 200)
	case message.PUBLISH:
		k.owe(t, 405)
	default:
		k.due = append(k.due, due{t: t, relay: true})
	}
}

// early reports whether a request is in a dialog that no 2xx has confirmed: of a callee that rings, or whose 2xx is on its way.
func (c *callBook) early(l *leg, m *message.Message) bool {
	switch {
	case c.winner != nil || c.over || c.invite == nil:
		return false
	case l.n == 0:
		return slices.Contains(c.tags, string(m.ToTag()))
	}
	return string(m.ToTag()) == l.tag && l.heardOf(m.FromTag()) != nil
}

// gotBefore notes a request of a callee whose 2xx the caller has yet to be sent. A BYE ends the call.
func (k *book) gotBefore(t *txn) {
	c := t.leg.call
	if t.msg.Method() != message.BYE || c.over {
		t.loose = true
		return
	}
	if h := t.leg.heardOf(t.msg.FromTag()); h != nil && t.msg.CSeq() < h.seq {
		k.owe(t, 500) // RFC 3261 §12.2.2
		return
	}
	k.owe(t, 200)
	c.pending.left = true
	c.inputs = append(c.inputs, input{at: k.w.net.Now(), kind: inCalleeGone})
}

// numbered notes that a request in an early dialog was taken, so that its number is the last one there.
func (t *txn) numbered() {
	if h := t.leg.heardOf(t.msg.FromTag()); h != nil {
		h.seq = max(h.seq, t.msg.CSeq())
	}
}

// gotOffer is RFC 3261 §14.2 and RFC 3311 §5.2.
func (k *book) gotOffer(t *txn) {
	l, now := t.leg, k.w.net.Now()
	if l.pendingEarly(now) || l.call.other(l).pendingEarly(now) {
		k.seen[sawEarlyOffer]++
	}
	switch {
	case l.pending(now):
		k.seen[sawGlare]++
		k.owe(t, 500)
	case l.call.other(l).pending(now), l.late != nil, l.call.other(l).late != nil:
		k.seen[sawGlare]++
		k.owe(t, 491)
	default:
		k.seen[sawReinvite]++
		l.reinvite = t
		k.due = append(k.due, due{t: t, relay: true})
	}
}

// refresh takes the remote target from a target refresh request or its 2xx (RFC 3261 §12.2).
func (l *leg) refresh(m *message.Message) {
	offers := m.Method() == message.INVITE || m.Method() == message.UPDATE
	switch c := l.call; {
	case !offers || c.winner == nil:
	case l.n == 0:
		l.dialogs[0].target = contactOf(m, l.dialogs[0].target)
	case l == c.winner.leg:
		c.winner.target = contactOf(m, c.winner.target)
	}
}

// gotRelayed notes the final response to a request that was passed on: it is passed back.
func (k *book) gotRelayed(t *txn, m *message.Message) {
	o, c := t.origin, t.leg.call
	invite := t.msg.Method() == message.INVITE
	code, ended := m.Status(), c.endAt >= 0
	if (code == 481 || code == 408) && !ended && c.joined(t) && (o.code == 0 || o.loose) {
		k.end(c) // RFC 3261 §12.2.1.2
	}
	if o.loose || o.code != 0 || invite && ended {
		return // answered with the end of the call
	}
	if code == 401 || code == 407 {
		code = 403 // the other side does not know the credentials
	}
	k.owe(o, code)
}

// gotLateAnswer notes an ACK that the other side's 2xx may wait for.
func (k *book) gotLateAnswer(t *txn, m *message.Message) {
	l := t.leg
	late := l.call.other(l).late
	if late == nil || t != l.accepted[len(l.accepted)-1] {
		return
	}
	k.seen[sawLateOffer]++
	k.due = append(k.due, due{t: late, d: l.call.peer(late.leg), ack: true, body: k.keep(m.Body())})
	late.leg.late = nil
}

// peer returns the dialog on a leg of an answered call.
func (c *callBook) peer(l *leg) *dialog {
	if l.n == 0 {
		return l.dialogs[0]
	}
	return c.winner
}

// excused reports whether a final response that no event asked for is in order: the end of the call, or of the wait for
// the other side.
func (k *book) excused(t *txn) bool {
	now := k.w.net.Now()
	invite := t.msg.Method() == message.INVITE
	switch {
	case t.relay == nil:
	case t.code == 487 && (invite || t.msg.Method() == message.UPDATE):
		k.due = append(k.due, due{t: t, end: true}) // RFC 3261 §15.1.2
		return true
	case t.code == 408 && invite:
		r := t.relay
		return r.heard < 0 && now == r.at.Add(64*t1) || r.cancel != nil && now == r.cancelAt.Add(64*t1)
	}
	return false
}

// sentInDialog checks a request inside a dialog: it passes on one of the other side, or is a BYE.
func (k *book) sentInDialog(l *leg, m *message.Message) {
	if t := k.txnOf(m, string(m.MethodName())); t != nil {
		k.copied(t, m)
		return
	}
	if m.Method() == message.PRACK {
		k.sentPrack(l, m)
		return
	}
	t := k.begun(l, m)
	now, c, o := t.at, l.call, k.current
	if o != nil && o.loose && o.at == now {
		t.origin, o.relay = o, t
		if m.Method() == message.UPDATE && len(m.Body()) > 0 {
			o.leg.early = append(o.leg.early, o)
		}
		o.numbered()
		return
	}
	d := k.dialogTo(l, m)
	if d == nil {
		k.bad(l.call, "leg %d: a request in no dialog: %q", l.n, m.Bytes())
		return
	}
	k.checkInDialog(d, m)
	if m.Method() == message.BYE {
		k.sentBye(d, m)
		return
	}
	if o == nil || o.at != now || c.winner == nil || o.leg != c.other(l) || !bytes.Equal(o.msg.MethodName(), m.MethodName()) || o.relay != nil {
		k.bad(c, "leg %d: %s that nobody sent", l.n, m.MethodName())
		return
	}
	if !bytes.Equal(o.msg.Body(), m.Body()) {
		k.bad(c, "leg %d: the body of %s changed", l.n, m.MethodName())
	}
	o.relay, t.origin = t, o
	c.add(fact{at: now, what: relayed, leg: l.n, text: string(m.MethodName())})
}

// checkInDialog checks RFC 3261 §12.2.1.1.
func (k *book) checkInDialog(d *dialog, m *message.Message) {
	l, c := d.leg, d.leg.call
	route := ""
	if l.n == 0 && c.spec.Proxied {
		route = string(c.invite.msg.Get(message.RecordRoute))
	}
	switch {
	case !bytes.Equal(m.Get(message.To), d.to) || !bytes.Equal(m.Get(message.From), d.from) && !d.strange():
		k.bad(c, "leg %d: From or To of %q are not those of its dialog", l.n, m.Bytes())
	case string(m.RequestURI()) != d.target && !slices.Contains(d.early, string(m.RequestURI())):
		k.bad(c, "leg %d: %s to %s, not to the Contact %s", l.n, m.MethodName(), m.RequestURI(), d.target)
	case string(m.Get(message.Route)) != route:
		k.bad(c, "leg %d: Route %q, expected %q", l.n, m.Get(message.Route), route)
	case m.Method() != message.ACK && m.CSeq() <= d.seq && !d.strange():
		k.bad(c, "leg %d: CSeq %d after %d", l.n, m.CSeq(), d.seq)
	}
	if m.Method() != message.ACK {
		d.seq = m.CSeq()
	}
}

// sentBye checks that a BYE has a cause: a 2xx too many, or the end of the call.
func (k *book) sentBye(d *dialog, m *message.Message) {
	now, l, c := k.w.net.Now(), d.leg, d.leg.call
	d.byes++
	d.byeAt = now
	if l.n > 0 && d != c.winner {
		switch {
		case d == c.pending && d.byes == 1 && c.winner == nil:
			k.due = append(k.due, due{t: c.invite, final: true})
			c.add(fact{at: now, what: byed, leg: l.n, text: d.tag, more: reasonsOf(m)})
		case d.copiedAt != now:
			k.bad(c, "leg %d: a BYE without cause", l.n)
		case d.byes > 1 && !d.strange():
			k.bad(c, "leg %d: %d BYEs in one dialog", l.n, d.byes)
		case d.byes == 1:
			c.add(fact{at: now, what: byed, leg: l.n, text: d.tag, more: reasonsOf(m)})
		}
		return
	}
	if c.winner == nil {
		k.bad(c, "leg %d: a BYE before an answer", l.n)
		return
	}
	if c.endAt < 0 {
		k.ends(c)
	}
	parted := l.parted(now)
	if (c.endAt == now || parted) && reasonsOf(m) != c.reasons {
		k.bad(c, "leg %d: BYE with %q, expected %q", l.n, reasonsOf(m), c.reasons)
	}
	switch {
	case parted:
		l.parting = nil
	case c.endAt == now && l.parting != nil:
		k.bad(c, "leg %d: a BYE before the ACK", l.n)
	case c.endAt != now:
		k.bad(c, "leg %d: a BYE after the end", l.n)
	}
}

// ends notes that the engine ends a call, and why.
func (k *book) ends(c *callBook) {
	now := k.w.net.Now()
	switch {
	case c.hungAt == now:
		c.reasons = `SIP;cause=200;text="` + hangupText + `"|`
	case c.lasts() && now == c.invite.finalAt.Add(c.spec.Longest):
		k.seen[sawLongest]++
		c.reasons = `SIP;cause=200;text="Maximum duration"|`
	case k.lapsed(c, now):
		k.seen[sawLapse]++
	default:
		k.bad(c, "the call was ended without cause")
	}
	k.end(c)
}

// end notes the end of an answered call. Who did not end it and has not acknowledged a 2xx yet gets its BYE after that (RFC 3261 §15).
func (k *book) end(c *callBook) {
	now := k.w.net.Now()
	c.endAt = now
	c.inputs = append(c.inputs, input{at: now, kind: inEnd})
	for _, l := range []*leg{c.legs[0], c.winner.leg} {
		if n := len(l.accepted); l != c.endedBy && n > 0 && l.accepted[n-1].ackedAt < 0 && now < l.accepted[n-1].finalAt.Add(64*t1) {
			k.seen[sawParting]++
			l.parting = l.accepted[n-1]
			l.parting.outlives = true
		}
	}
}

// parted reports whether the BYE that a leg waits for is due: the ACK has come, or is waited for no more.
func (l *leg) parted(now clock.Time) bool {
	t := l.parting
	return t != nil && (t.ackedAt == now || now == t.finalAt.Add(64*t1))
}

// gotParting notes what a request comes to in a dialog that is over but for the engine's BYE.
func (k *book) gotParting(t *txn) {
	if t.msg.Method() != message.BYE {
		k.owe(t, 481)
		return
	}
	k.owe(t, 200)
	t.leg.parting.leftAt, t.leg.parting = t.at, nil
}

// lasts reports whether there is a bound to how long the answered call may last.
func (c *callBook) lasts() bool { return c.winner != nil && c.spec.Longest > 0 }

// lapsed reports whether the wait for an ACK to a 2xx is over (RFC 3261 §13.3.1.4).
func (k *book) lapsed(c *callBook, now clock.Time) bool {
	for _, l := range []*leg{c.legs[0], c.winner.leg} {
		if n := len(l.accepted); n > 0 && l.accepted[n-1].ackedAt < 0 && now == l.accepted[n-1].finalAt.Add(64*t1) {
			return true
		}
	}
	return false
}
