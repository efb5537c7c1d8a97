package seeds

import (
	"slices"
	"time"

	"tandem/engine/plan"
)

// await starts the operation of an await: "the operation starts when the step is reached".
func (r *ref) await(p *place) {
	p.due = r.now.Add(min(p.Work.takes(), p.Work.timeout()))
	if p.Work.Endless {
		p.due = r.now.Add(p.Work.timeout())
	}
	r.ops = append(r.ops, p)
	r.add(fact{what: begun, text: p.Work.String()})
}

// waiting reports whether the place waits for its operation.
func (p *place) waiting() bool { return p.Kind == await && p.status == runs }

// answers reports whether what is due at the place is the end of its operation.
func (p *place) answers() bool { return p.waiting() && !p.Work.late() }

// forget stops the operation of a place that ends before it: "the callback is never called".
func (r *ref) forget(p *place) {
	if p.waiting() {
		r.add(fact{what: stopped, text: p.Work.String()})
		if r.over || r.gone {
			r.seen[sawAwaitLeft]++
		} else {
			r.seen[sawAwaitCapped]++
		}
	}
}

// unbegin takes back the operations of an event that ended the call: they were not started.
func (r *ref) unbegin() {
	for _, p := range r.ops[r.opMark:] {
		p.status, p.due = done, never
		i := slices.IndexFunc(r.facts, func(f fact) bool { return f.what == begun && f.at == r.now && f.text == p.Work.String() })
		r.facts = slices.Delete(r.facts, i, i+1)
	}
	r.ops = r.ops[:r.opMark]
}

// awaited is the end of an operation, or of the wait for it: "the callback returns a decision that takes the await's place".
func (r *ref) awaited(p *place) {
	o := &p.Work
	r.seen[sawAwait]++
	switch {
	case o.late():
		r.seen[sawAwaitTimeout]++
		r.add(fact{what: stopped, text: o.String()})
	case o.Fails:
		r.seen[sawAwaitFails]++
	}
	p.status, p.due = done, never
	r.asked("awaited "+o.String(), nil, nil)
	f := &r.facts[len(r.facts)-1]
	f.more, f.step.elapsed = placeNames[p.role]+": "+o.text(), time.Duration(r.now-p.begun)
	r.do(p.Does)
	if r.hungUp() {
		return
	}
	follow := o.Follow && p.role == plan.PlaceRedirected
	if p.Returns != nil && !follow {
		r.decided(p)
		return
	}
	if !follow {
		r.seen[sawAwaitNil+sight(p.role)]++
	}
	switch p.role {
	case plan.PlaceMember:
		r.synthetic(p, plan.Failed, 500)
	case plan.PlaceStart:
		r.finish(404)
	case plan.PlaceExhausted:
		r.respondBest()
	case plan.PlaceFailed:
		f := r.giveBack(p)
		if r.stops(f) && f.up != nil {
			r.seen[sawAwaitSix]++
		}
		r.goOn(f)
	case plan.PlaceRedirected:
		if follow {
			r.seen[sawAwaitFollow]++
		}
		r.whither(r.giveBack(p), follow, nil)
	}
}

// decided puts what the function of an await returned in its place: "each await counts as one of the 10 replacements".
func (r *ref) decided(p *place) {
	switch p.Returns.Kind {
	case await:
		r.seen[sawAwaitChain]++
	case reject:
		r.seen[sawAwaitReject]++
	}
	if p.stood >= r.limits.Replacements {
		r.bound()
		return
	}
	r.become(p, p.Returns, p.stood+1)
}

// giveBack takes out what stood, and waited, in the place of a failed step, and returns that.
func (r *ref) giveBack(p *place) *place {
	f := p.instead
	f.stood = p.stood
	if p.up == nil {
		r.root = f
		return f
	}
	from, to := slices.Index(p.up.members, f), slices.Index(p.up.members, p)
	p.up.members = slices.Delete(p.up.members, from+1, to+1)
	return f
}
