package seeds

import (
	"slices"
	"time"

	"tandem/engine/plan"
)

// failed asks about a step that has failed.
func (r *ref) failed(p *place) {
	p.status, p.due = done, never
	var s *step
	own := p.edge()
	switch {
	case own == nil:
	case own.Kind == function:
		r.seen[sawFunction]++
		r.asked("function", p, nil)
		r.do(own.Does)
		if r.hungUp() {
			return
		}
		s = own.Returns
	default:
		s = own
	}
	switch {
	case s != nil || r.stops(p):
	case own == nil && !p.among() && (p.Kind == ring || p.Kind == parallel || p.user):
		r.asked(p.outcome.String(), p, nil)
		s = r.answer().Plan
		if r.hungUp() {
			return
		}
	}
	if s == nil {
		r.goOn(p)
		return
	}
	r.replace(p, s, plan.PlaceFailed)
}

// goOn is a failed step that nothing takes the place of.
func (r *ref) goOn(p *place) {
	if r.stops(p) {
		if u := p.userAround(); u != nil { // RFC 3261 §16.7 step 5: for all of them
			r.seen[sawDeclined]++
			r.drop(u)
			u.outcome = r.best(u).outcome
			r.failed(u)
			return
		}
		r.seen[sawSix]++
		r.close("")
		r.exhausted()
		return
	}
	r.next(p)
}

// edge is what the step itself says of its outcome.
func (p *place) edge() *step {
	for _, e := range p.On {
		if e.Outcome == p.outcome && e.Plan != nil {
			return e.Plan
		}
	}
	return nil
}

// stops reports whether a 6xx ends the plan.
func (r *ref) stops(p *place) bool {
	if p.user {
		return p.Six != plan.SixBranch && r.best(p) != nil && r.best(p).code >= 600
	}
	return p.Kind == ring && p.Six != plan.SixBranch && p.try != nil && p.try.result.code >= 600
}

func (r *ref) exhausted() {
	if r.rounds >= r.limits.Rounds {
		r.bound()
		return
	}
	r.rounds++
	r.seen[sawExhausted]++
	code, out := 480, plan.Failed
	if b := r.best(nil); b != nil && b.counts {
		code, out = b.code, b.outcome
	}
	r.asked("exhausted", nil, nil)
	f := &r.facts[len(r.facts)-1]
	f.code, f.x, f.step.outcome = code, int64(r.rounds), out
	s := r.answer().Plan
	if r.hungUp() {
		return
	}
	if s != nil {
		r.run(s, plan.PlaceExhausted)
		return
	}
	r.respondBest()
}

// bound ends the plan at one of its limits.
func (r *ref) bound() {
	r.seen[sawBound]++
	r.respondBest()
}

// respondBest sends the best response.
func (r *ref) respondBest() {
	b := r.best(nil)
	switch {
	case b == nil || !b.counts:
		r.finish(480)
	case b.code == 503:
		r.finish(500)
	case (b.code == 401 || b.code == 407) && !b.place.PassAuth:
		r.finish(403)
	default:
		r.finish(b.code)
	}
}

func (r *ref) finish(code int) {
	r.seen[sawRefusal]++
	r.close("")
	r.over = true
	r.reply(code)
	r.end()
}

// best is the best result in a place, nil for the whole call: the first of those with the least weight.
func (r *ref) best(g *place) (best *result) {
	for _, x := range r.results {
		if x.within(g) && (best == nil || x.weight() < best.weight()) {
			best = x
		}
	}
	return best
}

func (x *result) within(g *place) bool {
	for p := x.place; p != nil; p = p.up {
		if p == g {
			return true
		}
	}
	return g == nil
}

// weight is the order of the contract: "6xx first, else the lowest class; inside 4xx: 415, 420, 484, then 486, 480, other
// 4xx, 408 last"; what does not count comes after everything.
func (x *result) weight() int {
	if !x.counts {
		return 1000
	}
	if i := slices.Index([]int{415, 420, 484, 486, 480}, x.code); i >= 0 {
		return 400 + i
	}
	switch {
	case x.code >= 600:
		return 0
	case x.code == 408:
		return 499
	case x.code/100 == 4:
		return 450
	}
	return x.code / 100 * 100
}

// asked notes that the script is asked about a place that failed, or told of a branch.
func (r *ref) asked(what string, p *place, res *result) {
	f := fact{what: asked, text: what, step: stepFact{none: true}}
	switch {
	case p != nil:
		x := r.best(p)
		f.code, f.more = x.code, p.groupName()
		f.step = x.fact()
		f.step.outcome = p.outcome
		if p.group() {
			f.step.elapsed, f.step.rang, f.step.attempt = time.Duration(r.now-p.begun), p.rang, p.attempt
		}
	case res != nil:
		f.code, f.more = res.code, res.place.groupName()
		f.step = res.fact()
	}
	r.add(f)
}

func (x *result) fact() stepFact {
	f := stepFact{
		elapsed: time.Duration(x.elapsed), outcome: x.outcome, attempt: x.attempt, synthetic: x.synthetic, phone: -1,
	}
	if x.try != nil {
		f.phone, f.line, f.rang = x.try.phone, x.try.line, x.try.rang
	}
	return f
}
