package seeds

import (
	"slices"

	"tandem/engine/plan"
)

// accept is a 2xx: "wins whenever there is no winner and the caller has not cancelled"; everything else gets ACK and BYE.
func (r *ref) accept(t *try, in *input) {
	if slices.Contains(t.tags, in.tag) || t.tx == vanished {
		return
	}
	t.tags = append(t.tags, in.tag)
	if t.cancel {
		r.seen[sawCrossing]++
	}
	ack := fact{what: acked, leg: t.leg, text: in.tag}
	stray := t.let || t.tx == completed || t.tx == lapsed
	if t.tx == calling || t.tx == proceeding {
		t.tx, t.wanted = accepted, false
		t.until = rounded(r.now.Add(64 * t1))
	}
	if !stray && r.winner == nil && !r.over && !r.gone {
		r.won(t, in)
		return
	}
	t.running, t.over = false, true
	bye := fact{what: byed, leg: t.leg, text: in.tag}
	switch {
	case stray:
		r.seen[sawStray]++
	case r.winner != nil:
		bye.more = elsewhere
	case r.gone:
		bye.more = r.reasons
	}
	r.seen[sawRelease]++
	if len(t.tags) > 1 {
		r.seen[sawSecondTag]++
	}
	r.add(ack)
	r.add(bye)
	t.let = t.let || r.ended
}

// stray is a 2xx to an INVITE of the branch that was refused and made again: nobody waits for it any more.
func (r *ref) stray(t *try, in *input) {
	if slices.Contains(t.tags, in.tag) {
		return
	}
	t.tags = append(t.tags, in.tag)
	r.seen[sawStray]++
	r.add(fact{what: acked, leg: t.leg, text: in.tag})
	r.add(fact{what: byed, leg: t.leg, text: in.tag})
}

const elsewhere = `SIP;cause=200;text="Call completed elsewhere"|`

func (r *ref) won(t *try, in *input) {
	if t.givenUp {
		r.seen[sawLateWin]++
		if slices.ContainsFunc(r.ops, func(p *place) bool { return p.waiting() && p.instead == t.place }) {
			r.seen[sawAwaitLateWin]++
		}
	}
	r.winner, r.winTag = t, in.tag
	t.running, t.over = false, true
	x := t.result
	x.code, x.outcome, x.synthetic, x.elapsed = in.code, plan.NoOutcome, false, r.now-t.place.begun
	if !r.spec.LateOffer {
		r.add(fact{what: acked, leg: t.leg, text: in.tag})
	}
	r.over = true
	f := r.join(r.earlyOf(t, in.tag))
	r.winFront = f
	for _, o := range r.fronts {
		if o != f {
			o.waits, o.until, o.queue = false, never, nil
		}
	}
	r.observe("answered", t)
	f.queue = nil
	if f.waits && f.media { // RFC 3262 §5: not before the PRACK
		r.seen[sawPatience]++
		f.queue = append(f.queue, func() { r.answered(f, t, in.code) })
	} else {
		r.answered(f, t, in.code)
	}
	for _, o := range r.tries {
		if o.givenUp && !o.over {
			r.cancel(o, elsewhere)
		}
	}
	r.close(elsewhere)
}

// answered sends the caller the 2xx.
func (r *ref) answered(f *front, t *try, code int) {
	r.final = true
	f.owed, f.waits, f.until = f.waits, false, never
	if f.n < 0 {
		f.n = r.tags
		r.tags++
	}
	if f.n > 0 {
		r.seen[sawNewTag]++
	}
	r.add(fact{what: finished, leg: t.leg, code: code, x: int64(f.n)})
}

// ringOut gives a target up whose time is over.
func (r *ref) ringOut(p *place) {
	t := p.try
	r.giveUp(t, "")
	x := t.result
	x.code, x.synthetic, x.outcome = 480, true, plan.Timeout
	if t.rang {
		x.outcome = plan.NoAnswer
	} else if p.timerC {
		x.code = 408
	}
	p.outcome = x.outcome
	r.results = append(r.results, x)
}

func (r *ref) giveUp(t *try, reasons string) {
	p := t.place
	p.status, p.due = done, never
	t.running, t.givenUp = false, true
	t.result.elapsed = r.now - p.begun
	r.cancel(t, reasons)
}

// cancel cancels a branch, as soon as a provisional has come.
func (r *ref) cancel(t *try, reasons string) {
	switch t.tx {
	case unsent:
		t.over = true
	case calling:
		t.wanted, t.reasons = true, reasons
	case proceeding:
		t.reasons = reasons
		r.sendCancel(t)
	}
}

func (r *ref) sendCancel(t *try) {
	if t.cancel {
		return
	}
	t.cancel, t.wanted = true, false
	t.until = r.now.Add(64 * t1)
	r.add(fact{what: given, leg: t.leg, text: t.reasons})
}

// close gives everything up.
func (r *ref) close(reasons string) {
	for _, t := range r.tries {
		if t.running {
			r.giveUp(t, reasons)
		}
	}
	r.shut(r.root)
}

func (r *ref) shut(p *place) {
	if p == nil {
		return
	}
	r.forget(p)
	p.status, p.due = done, never
	for _, m := range p.members {
		r.shut(m)
	}
}
