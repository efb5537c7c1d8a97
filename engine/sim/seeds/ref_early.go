package seeds

import (
	"time"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

// front is a dialog towards the caller: a To tag of the engine's.
type front struct {
	of    *early     // whom it shows; nil as long as that is nobody
	n     int        // which tag, by first use; -1 before that
	code  int        // of the provisional that was shown last
	waits bool       // a reliable provisional waits for its PRACK
	owed  bool       // though it is not repeated any more
	media bool       // and has a description
	until clock.Time // when that is given up
	queue []func()   // what waits for the PRACK, too
}

// early is a dialog of a callee that no 2xx has confirmed.
type early struct {
	t     *try
	tag   string
	front *front
	rseq  uint32 // of its last reliable provisional
	heard bool
	due   uint32 // the RSeq that its PRACK is still to name
}

// earlyOf returns the early dialog of a branch with a tag, a new one at first.
func (r *ref) earlyOf(t *try, tag string) *early {
	for _, d := range r.earlies {
		if d.t == t && d.tag == tag {
			return d
		}
	}
	d := &early{t: t, tag: tag}
	r.earlies = append(r.earlies, d)
	return d
}

// ringFront is the dialog under which the caller hears that something rings, or that of the answer.
func (r *ref) ringFront() *front {
	if r.winFront != nil {
		return r.winFront
	}
	if len(r.fronts) == 0 {
		r.fronts = append(r.fronts, &front{n: -1, until: never})
	}
	return r.fronts[0]
}

// join shows a callee's dialog to the caller: under a tag that shows nobody yet, else under a new one.
func (r *ref) join(d *early) *front {
	if d.front != nil {
		return d.front
	}
	for _, f := range r.fronts {
		if f.of == nil {
			d.front = f
			break
		}
	}
	if d.front == nil {
		d.front = &front{n: -1, until: never}
		r.fronts = append(r.fronts, d.front)
	}
	d.front.of = d
	return d.front
}

// provisional takes a 1xx.
func (r *ref) provisional(t *try, in *input) {
	if t.tx == calling {
		t.tx, t.until = proceeding, never
		if t.wanted {
			r.sendCancel(t)
		}
	}
	if in.code == 100 || r.ended || r.winner != nil {
		return
	}
	p := t.place
	var d *early
	if in.tag != "" && (in.rseq > 0 || in.body || p.Early == plan.EarlyAll) {
		d = r.earlyOf(t, in.tag)
	}
	if d != nil && in.rseq > 0 {
		if d.heard && in.rseq != d.rseq+1 {
			return // RFC 3262 §4
		}
		d.heard, d.rseq = true, in.rseq
	}
	r.rang(t, in)
	r.settle()
	if d != nil && in.rseq > 0 && p.Prack != plan.PrackOff {
		d.due = in.rseq
	}
	if !r.over && !t.cancel && in.code != 199 {
		r.show(t, d, in)
	}
	if d != nil && d.due != 0 && (d.front == nil || !d.front.waits && len(d.front.queue) == 0) {
		r.prack(d)
	}
}

// rang is what a provisional means to the plan.
func (r *ref) rang(t *try, in *input) {
	p := t.place
	if !t.running {
		return
	}
	if p.timerC {
		p.due = r.now.Add(r.limits.TimerC)
	}
	if in.code == 199 || t.rang {
		return
	}
	t.rang = true
	t.result.elapsed = r.now - p.begun
	for u := p; u != nil; u = u.up {
		u.rang = true
	}
	r.observe("ringing", t)
}

// show passes a provisional to the caller, by option early_media: "first: the first early dialog that carries SDP passes, others
// send nothing or our 180 without SDP; all: each callee dialog has its own caller-side To-tag; none: only our 180".
func (r *ref) show(t *try, d *early, in *input) {
	body := in.body
	var f *front
	switch t.place.Early {
	case plan.EarlyNone:
		body = false
	case plan.EarlyAll:
		if d != nil {
			f = r.join(d)
		} else {
			body = false // without a tag it is of no dialog
		}
	default:
		if body && !r.media && d != nil {
			r.media = true
			r.join(d)
		}
		if d != nil && d.front != nil {
			f = d.front
		} else {
			body = false
		}
	}
	if f == nil {
		f = r.ringFront()
	}
	if in.code == f.code && !body {
		return
	}
	f.code = in.code
	r.provide(f, in.code, body)
}

// provide sends the caller a provisional: reliably if it has a description and the caller can, or if the caller wants all of
// them so; one at a time (RFC 3262 §3).
func (r *ref) provide(f *front, code int, body bool) {
	reliable := r.spec.Reliable == requires || body && r.spec.Reliable == supports
	if reliable && f.waits {
		f.queue = append(f.queue, func() { r.provide(f, code, body) })
		return
	}
	if f.n < 0 {
		f.n = r.tags
		r.tags++
	}
	s := fact{what: shown, code: code, leg: f.n}
	if body {
		s.x = 1
	}
	if reliable {
		r.seen[sawReliable]++
		s.more = "reliably"
		f.waits, f.media, f.until = true, body, r.now.Add(64*t1)
	}
	r.add(s)
}

// acknowledged is the caller's PRACK.
func (r *ref) acknowledged(n int) {
	for _, f := range r.fronts {
		if f.n != n || !f.waits && !f.owed {
			continue
		}
		f.waits, f.owed, f.until = false, false, never
		if f.of != nil && f.of.due != 0 {
			r.prack(f.of)
		}
		for len(f.queue) > 0 && !f.waits {
			next := f.queue[0]
			f.queue = f.queue[1:]
			next()
		}
		return
	}
}

func (r *ref) prack(d *early) {
	r.seen[sawPrack]++
	r.add(fact{what: pracked, leg: d.t.leg, x: int64(d.due), text: d.tag})
	d.due = 0
}

// nextFront returns the dialog whose PRACK is given up first.
func (r *ref) nextFront() (next *front) {
	for _, f := range r.fronts {
		if f.until != never && (next == nil || f.until < next.until) {
			next = f
		}
	}
	return next
}

// unpracked is RFC 3262 §3: an INVITE whose caller does not acknowledge provisionals is refused with a 5xx.
func (r *ref) unpracked(f *front) {
	f.until = never
	r.seen[sawUnpracked]++
	r.endBefore(504)
}

// endBefore ends a call that is not answered, from our side.
func (r *ref) endBefore(code int) {
	r.gone, r.over = true, true
	r.close("")
	r.letGo()
	r.reply(code)
	r.end()
}

// letGo ends the dialog of a winner whose 2xx still waits for the caller's PRACK.
func (r *ref) letGo() {
	if r.winner != nil && !r.final && !r.left {
		r.add(fact{what: byed, leg: r.winner.leg, text: r.winTag})
	}
}

// signOfLife is RFC 3261 §13.3.1.1: the caller hears a provisional at least every minute.
func (r *ref) signOfLife() {
	r.sign = r.now.Add(time.Minute)
	f := r.ringFront()
	if f.waits || r.spec.Reliable == requires {
		return
	}
	if f.code == 0 {
		f.code = 183
	}
	r.provide(f, f.code, false)
}
