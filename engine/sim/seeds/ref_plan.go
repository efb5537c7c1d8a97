package seeds

import (
	"slices"

	"tandem/engine/plan"
)

func (p *place) group() bool { return p.Kind == serial || p.Kind == parallel }

// among reports whether a parallel group is around the place.
func (p *place) among() bool {
	for u := p.up; u != nil; u = u.up {
		if u.Kind == parallel || u.user {
			return true
		}
	}
	return false
}

// capped reports whether a group with a ring time is around the place.
func (p *place) capped() bool {
	for u := p.up; u != nil; u = u.up {
		if u.Ring > 0 {
			return true
		}
	}
	return false
}

// groupName is the name of the place's group, its own if it is one.
func (p *place) groupName() string {
	for ; p != nil; p = p.up {
		if p.group() && p.Name != "" {
			return p.Name
		}
	}
	return ""
}

// put makes places of a step and all that is in it, nil if that is more than a call may have.
func (r *ref) put(s *step, up *place, written bool) *place {
	if r.places += size(s); r.places > r.limits.Nodes {
		r.bound()
		return nil
	}
	return build(s, up, written)
}

func size(s *step) int {
	n := 1
	for _, m := range s.Members {
		n += size(m)
	}
	return n
}

func build(s *step, up *place, written bool) *place {
	p := &place{step: s, up: up, written: written, attempt: 1, due: never}
	if up != nil && up.Each != nil && written && s.Kind != function && s.Kind != await {
		p.step = defaulted(s, up.Each)
	}
	for g := p; g.written && g.up != nil && s.Kind == ring; g = g.up {
		if e := g.up.Each; e != nil {
			p.step = policed(p.step, e)
		}
	}
	for _, m := range s.Members {
		p.members = append(p.members, build(m, p, true))
	}
	return p
}

// defaulted returns a member with the group's times and edges for what it leaves unset.
func defaulted(s *step, e *each) *step {
	c := *s
	if c.Ring == 0 {
		c.Ring = e.Ring
	}
	if c.Delay == 0 {
		c.Delay = e.Delay
	}
	if len(c.On) == 0 {
		c.On = e.On
	}
	return &c
}

// policed returns a target with the policies that a group around it gives.
func policed(s *step, e *each) *step {
	c := *s
	if c.Six == 0 {
		c.Six = e.Six
	}
	if c.Redirect == 0 {
		c.Redirect = e.Redirect
	}
	return &c
}

// run makes a step the whole plan.
func (r *ref) run(s *step, role plan.Place) {
	if p := r.put(s, nil, false); p != nil {
		r.root, p.role = p, role
		r.enter(p)
	}
}

// enter is a place whose turn it is: its delay counts from now.
func (r *ref) enter(p *place) {
	p.base = r.now
	r.enterFrom(p)
}

func (r *ref) enterFrom(p *place) {
	if due := p.base.Add(p.Delay); due > r.now {
		p.status, p.due = waits, due
		r.look(p.up)
		return
	}
	r.begin(p)
}

func (r *ref) begin(p *place) {
	p.status, p.begun, p.due = runs, r.now, never
	switch p.Kind {
	case ring:
		if p.User > 0 {
			r.ringUser(p)
			return
		}
		r.ring(p)
	case serial, parallel:
		r.beginGroup(p)
	case function:
		r.ask(p)
	case await:
		r.await(p)
	case reject:
		r.finish(max(p.Code, 300))
	case redirect:
		r.finish(302)
	}
}

func (r *ref) beginGroup(p *place) {
	switch {
	case len(p.members) == 0:
		r.synthetic(p, plan.Failed, 480) // "an empty group fails at once"
		return
	case p.Ring > 0:
		p.due = r.now.Add(p.Ring)
	}
	if p.Kind == serial {
		r.enter(p.members[0])
		return
	}
	p.opening = true
	for _, m := range slices.Clone(p.members) {
		if !r.over && m.status == idle {
			r.enter(m)
		}
	}
	p.opening = false
	r.look(p)
}

// ask lets a function say what stands in its place.
func (r *ref) ask(p *place) {
	r.seen[sawFunction]++
	r.asked("function", nil, nil)
	r.do(p.Does)
	if r.hungUp() {
		return
	}
	if p.Returns == nil {
		r.synthetic(p, plan.Failed, 500)
		return
	}
	r.become(p, p.Returns, p.stood)
}

// become lets what a function returned stand in its place as if it had been written there.
func (r *ref) become(p *place, s *step, stood int) {
	p.status = done
	if n := r.put(s, p.up, p.written); n != nil {
		r.stand(p, n)
		n.attempt, n.stood, n.base, n.role, n.instead = p.attempt, stood, p.base, p.role, p.instead
		r.enterFrom(n)
	}
}

// stand puts n where p stood.
func (r *ref) stand(p, n *place) {
	if p.up == nil {
		r.root = n
		return
	}
	i := slices.Index(p.up.members, p)
	p.up.members = slices.Insert(p.up.members, i+1, n)
}

// look sees to a parallel group after a change: "when no member runs and some wait, the earliest starts at once"; it fails
// "when no member runs or waits".
func (r *ref) look(g *place) {
	if g == nil || g.Kind != parallel || g.opening {
		return
	}
	for !r.over {
		first := never
		for _, m := range g.members {
			switch m.status {
			case runs:
				return
			case waits:
				first = min(first, m.due)
			}
		}
		switch {
		case first == never:
			r.groupOver(g)
			return
		case g.Hold:
			r.seen[sawHold]++
			return
		}
		r.seen[sawEarly]++
		g.opening = true
		for i := 0; i < len(g.members); i++ { // those in the place of one that failed at once may wait for the same instant
			if m := g.members[i]; !r.over && m.status == waits && m.due == first {
				r.begin(m)
			}
		}
		g.opening = false
	}
}

// next moves on what p stands in.
func (r *ref) next(p *place) {
	switch g := p.up; {
	case g == nil:
		r.exhausted()
	case g.Kind == parallel:
		r.look(g)
	default:
		if i := slices.Index(g.members, p); i+1 < len(g.members) {
			r.enter(g.members[i+1])
			return
		}
		r.groupOver(g)
	}
}

func (r *ref) groupOver(g *place) {
	b := r.best(g)
	if b == nil { // nothing but duplicates
		r.skip(g)
		return
	}
	g.outcome = b.outcome
	r.failed(g)
}

func (r *ref) skip(p *place) {
	r.seen[sawSkip]++
	p.status, p.due = done, never
	r.next(p)
}

// expire is the end of a group's ring time.
func (r *ref) expire(g *place) {
	r.seen[sawGroupRingOut]++
	r.drop(g)
	out := plan.Timeout
	if g.rang {
		out = plan.NoAnswer
	}
	if r.best(g) == nil {
		r.synthetic(g, out, 480)
		return
	}
	g.outcome = out
	r.failed(g)
}

// drop gives up everything in a group.
func (r *ref) drop(g *place) {
	for _, m := range g.members {
		if m.Kind == ring && m.status == runs {
			r.ringOut(m)
			continue
		}
		r.forget(m)
		m.status, m.due = done, never
		r.drop(m)
	}
}

// synthetic fails a step that no INVITE was sent for.
func (r *ref) synthetic(p *place, o plan.Outcome, code int) {
	r.results = append(r.results, &result{
		place: p, outcome: o, code: code, synthetic: true, counts: true, attempt: p.attempt, elapsed: r.now - p.begun,
	})
	p.outcome = o
	r.failed(p)
}

func (r *ref) replace(p *place, s *step, role plan.Place) {
	r.seen[sawReplacement]++
	if p.stood >= r.limits.Replacements {
		r.bound()
		return
	}
	if n := r.put(s, p.up, false); n != nil {
		r.stand(p, n)
		n.attempt, n.stood, n.role, n.instead = p.attempt+1, p.stood+1, role, p
		r.enter(n)
	}
}
