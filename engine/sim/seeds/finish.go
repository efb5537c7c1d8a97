package seeds

import (
	"slices"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// finish checks what has to hold when everything is over.
func (k *book) finish() {
	for _, c := range k.all() {
		k.finishCall(c)
	}
	for _, t := range k.list {
		k.finishTxn(t)
	}
	if k.acquired != k.released {
		k.bad(nil, "the script was acquired %d times and released %d times", k.acquired, k.released)
	}
	if k.operations != 0 {
		k.bad(nil, "%d operations were neither awaited to their end nor stopped", k.operations)
	}
	for _, sh := range k.w.eng.Shards() {
		if left := sh.Leaks(); left != "" {
			k.bad(nil, "left over: %s", left)
		}
		if n := sh.Stats().Panics; n > 0 {
			k.bad(nil, "%d panics", n)
		}
	}
}

// all returns the calls, those that came twice twice.
func (k *book) all() []*callBook { return append(k.past[:len(k.past):len(k.past)], k.calls...) }

func (k *book) finishCall(c *callBook) {
	switch {
	case c.invite == nil:
		return // it never arrived
	case !c.over:
		k.bad(c, "the script was not told of the end")
	case c.lasts() && c.endAt > c.invite.finalAt.Add(c.spec.Longest):
		k.bad(c, "lasted longer than %s", c.spec.Longest)
	case c.winner != nil && c.endAt < 0:
		k.bad(c, "answered and never ended")
	}
	for _, l := range c.legs {
		if l.parting != nil {
			k.bad(c, "leg %d: the BYE that waited for an ACK never came", l.n)
		}
	}
	for _, l := range c.legs[1:] {
		for _, d := range l.dialogs {
			if d.ackTo(d.invite.msg.CSeq()) == nil {
				k.bad(c, "leg %d: the 2xx with tag %q never got an ACK", l.n, d.tag)
			}
			if d != c.winner && d.byes == 0 && !d.left {
				k.bad(c, "leg %d: the 2xx with tag %q never got a BYE", l.n, d.tag)
			}
		}
	}
}

func (k *book) finishTxn(t *txn) {
	l, c := t.leg, t.leg.call
	invite := t.msg.Method() == message.INVITE
	k.finishCopies(t)
	switch {
	case t.leg.errand != nil:
		k.finishOutside(t)
	case t.code != 0:
		if !t.client && t.code >= 200 && t.code < 300 && invite && t.ackedAt < 0 && c.endAt < 0 {
			k.bad(c, "leg %d: a 2xx that was never acknowledged did not end the call", l.n)
		}
	case t.loose:
	case !t.client && t.relay != nil && !invite && t.relay.code == 0:
		// RFC 4320 §4.2: no 408 to others than INVITE
	case !t.client:
		k.bad(c, "leg %d: %s got no final response", l.n, t.msg.MethodName())
	case invite && t.heard >= 0 && t.cancel == nil:
		k.bad(c, "leg %d: an INVITE that was neither answered nor refused nor cancelled", l.n)
	}
}

// finishCopies checks that a request was sent again as long as nothing came, and a final response to an INVITE until its ACK.
func (k *book) finishCopies(t *txn) {
	invite := t.msg.Method() == message.INVITE
	from, until, most := t.at, t.at.Add(64*t1), t2
	switch {
	case t.client && invite:
		until, most = stop(until, t.provisional, t.failedAt), 64*t1
		if t.code != 0 {
			until = min(until, t.finalAt)
		}
	case t.client && t.provisional >= 0:
		return // RFC 3261 §17.1.2.2: then it depends on when it came
	case t.client:
		until = stop(until, t.failedAt)
		if t.code != 0 {
			until = min(until, t.finalAt)
		}
	case !invite || t.code == 0 || t.challenged:
		return
	default:
		from, until = t.finalAt, t.settledBy()
	}
	n := 0
	for gap, at := t1, from.Add(t1); at < until; at = at.Add(gap) {
		n++
		gap = min(2*gap, most)
	}
	if n != t.resent {
		k.bad(t.leg.call, "leg %d: %s %d (%d) was sent again %d times, expected %d", t.leg.n, t.msg.MethodName(), t.msg.CSeq(), t.code, t.resent, n)
	}
}

// settledBy is when a final response of the engine to an INVITE is not sent again any more: it was acknowledged, or the 2xx is of a
// call that is over, or another INVITE of that peer was accepted.
func (t *txn) settledBy() clock.Time {
	until := stop(t.finalAt.Add(64*t1), t.ackedAt)
	if t.code >= 300 {
		return until
	}
	if t.outlives {
		until = stop(until, t.leftAt)
	} else {
		until = stop(until, t.leg.call.endAt)
	}
	if i := slices.Index(t.leg.accepted, t); i+1 < len(t.leg.accepted) {
		until = min(until, t.leg.accepted[i+1].finalAt)
	}
	return until
}

// stop returns the earliest of until and those instants that there are.
func stop(until clock.Time, events ...clock.Time) clock.Time {
	for _, e := range events {
		if e >= 0 {
			until = min(until, e)
		}
	}
	return until
}
