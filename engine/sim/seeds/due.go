package seeds

import (
	"slices"

	"tandem/engine/clock"
)

// due is something that the engine has to do before virtual time goes on.
type due struct {
	t     *txn
	d     *dialog // ack: of the 2xx in this dialog; nil: of a refusal
	code  int     // answer with it
	ack   bool
	relay bool    // pass t on
	end   bool    // end the call
	final bool    // refuse the INVITE
	try   *errand // send the request outside calls to its next target
	body  []byte  // of the late ACK
	alone bool    // ack: it waits for no other side's
	bye   bool    // end the leg with BYE
}

// owe says that a request is to be answered at once.
func (k *book) owe(t *txn, code int) {
	t.expect = code
	k.due = append(k.due, due{t: t, code: code})
}

func (k *book) oweAck(t *txn, d *dialog) { k.due = append(k.due, due{t: t, d: d, ack: true}) }

// settled checks, after each event, that the engine did what it had to do at once.
func (k *book) settled() {
	now := k.w.net.Now()
	for _, c := range k.all() {
		if c.over && c.winner != nil && c.endAt < 0 {
			k.ends(c) // both BYEs wait
		}
	}
	for i := range k.due {
		o := &k.due[i]
		c := o.t.leg.call
		switch {
		case o.ack:
			k.settledAck(o)
		case o.try != nil && (o.try.cur == nil || o.try.cur.at != now):
			k.bad(c, "%s went to no further target", o.t.msg.MethodName())
		case o.end && (c.endAt < 0 || !o.t.client && c.endAt != now):
			k.bad(c, "leg %d: %s was given up without cause", o.t.leg.n, o.t.msg.MethodName())
		case o.bye && o.t.leg.parting != nil:
			k.bad(c, "leg %d: the BYE that waited for an ACK did not come", o.t.leg.n)
		case o.final && o.t.finalAt != now:
			k.bad(c, "the winner was let go without a final response")
		case o.relay && (o.t.relay == nil || o.t.relay.at != now):
			k.bad(c, "leg %d: %s was not passed on", o.t.leg.n, o.t.msg.MethodName())
		case o.code != 0 && (o.t.code != o.code || o.t.finalAt != now):
			k.bad(c, "leg %d: %s %d was not answered %d", o.t.leg.n, o.t.msg.MethodName(), o.t.msg.CSeq(), o.code)
		}
	}
	k.due = k.due[:0]
	for _, c := range k.all() {
		if c.endAt == now && !c.settled {
			c.settled = true
			k.settledEnd(c)
		}
	}
}

// woken checks, as a timer of the engine's runs, that there is something to wait for: a call that is being set up, or copies of
// the messages that passed last (RFC 3261 §17: 64*T1, which the engine rounds up).
func (k *book) woken(now clock.Time) {
	if now <= rounded(k.busyAt.Add(64*t1)) {
		return
	}
	for _, t := range k.list {
		if t.client && t.code == 0 && now <= rounded(t.gaveUp(now).Add(64*t1)) {
			return // its 2xx may come late
		}
	}
	for _, c := range k.all() {
		if c.invite != nil && !c.over && (c.winner == nil || c.lasts()) {
			return
		}
	}
	for _, c := range k.outside {
		for _, l := range c.legs {
			if slices.ContainsFunc(l.subs, func(s *subscription) bool { return now <= s.until && !s.ended }) {
				return
			}
		}
	}
	k.bad(nil, "a timer that nobody needs any more")
}

// settledAck checks that a final response was acknowledged: at once, unless the ACK to a 2xx has to carry what the
// other side's ACK will bring (RFC 3261 §13.2.1); and that a 2xx too many was ended.
func (k *book) settledAck(o *due) {
	now, t, c := k.w.net.Now(), o.t, o.t.leg.call
	if o.d == nil {
		if t.code >= 300 && t.ackedAt != now {
			k.bad(c, "leg %d: the refusal %d got no ACK", t.leg.n, t.code)
		}
		return
	}
	offer := t.origin
	if t == t.leg.invite && c.winner == o.d {
		offer = c.invite
	}
	sent := o.d.ackTo(t.msg.CSeq())
	switch {
	case offer != nil && len(offer.msg.Body()) == 0 && c.endAt < 0 && o.body == nil && !o.alone && (sent == nil || t.leg.late == t):
		if sent == nil {
			t.leg.late = t
			k.seen[sawLateOffer]++
		}
	case sent == nil || sent.at != now:
		k.bad(c, "leg %d: a 2xx with tag %q got no ACK", t.leg.n, o.d.tag)
	}
	if t == o.d.invite && c.winner != o.d && o.d.at == now && o.d.byeAt != now && !c.pends(o.d) {
		k.bad(c, "leg %d: a 2xx too many, with tag %q, got no BYE", t.leg.n, o.d.tag)
	}
}

func (d *dialog) ackTo(cseq uint32) *ackOf {
	for i := range d.acks {
		if d.acks[i].cseq == cseq {
			return &d.acks[i]
		}
	}
	return nil
}

// settledEnd checks the end of an answered call: each side that did not end it itself got its BYE, once.
func (k *book) settledEnd(c *callBook) {
	for _, d := range []*dialog{c.legs[0].dialogs[0], c.winner} {
		want := 1
		if d.leg == c.endedBy || d.leg.parting != nil {
			want = 0
		}
		if d.byes != want {
			k.bad(c, "leg %d: %d BYEs at the end of the call, expected %d", d.leg.n, d.byes, want)
		}
	}
	if c.winner.ackTo(c.winner.invite.msg.CSeq()) == nil {
		k.bad(c, "leg %d: ended without an ACK to its 2xx", c.winner.leg.n)
	}
	if !c.over {
		k.bad(c, "the script was not told of the end")
	}
}
