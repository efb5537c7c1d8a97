package plan

import "fmt"

// fail asks about a step that has failed and puts the plan that comes back in its place; without one the plan
// goes on.
func (e *Executor) fail(i int32) {
	n := &e.nodes[i]
	n.state, n.at = ended, never
	plan, own := e.askEdge(i)
	if plan == nil && !own && !e.stops(i) && e.asksRoute(i) {
		plan = e.ask.Handler(n.outcome, e.failedStep(i))
	}
	if plan != nil {
		e.replace(i, plan, PlaceFailed)
		return
	}
	e.goOn(i)
}

// goOn lets the plan go on without the step i: it has failed and nothing takes its place.
func (e *Executor) goOn(i int32) {
	if e.stops(i) {
		if user := e.userAround(i); user != none {
			e.declined(user)
			return
		}
		e.close(CauseNone)
		e.exhausted()
		return
	}
	e.memberEnded(i)
}

// askEdge asks the step's own edge for its outcome. own tells whether there is one: then the route handler is
// not asked, whatever the edge gave.
func (e *Executor) askEdge(i int32) (plan *Node, own bool) {
	n := &e.nodes[i]
	if n.on == nil || n.on[n.outcome] == nil {
		return nil, false
	}
	edge := n.on[n.outcome]
	if edge.Kind == KindDeferred {
		return e.ask.Deferred(edge.Func, e.failedStep(i)), true
	}
	e.ask.Taken(e.failedStep(i), edge)
	return edge, true
}

// stops reports whether the failure of i ends the plan: RFC 3261 §16.7 step 5, a 6xx, unless the target's
// policy makes it a failure like any other.
func (e *Executor) stops(i int32) bool {
	n := &e.nodes[i]
	r := n.result
	if n.user {
		r = n.best
	}
	return r != none && n.target != nil && n.target.On6xx != SixBranch && e.results[r].step.Code >= 600
}

// asksRoute reports whether the step asks the route handler named after its outcome: a target, a user among them, or a parallel
// group as a whole, with no parallel group around it.
func (e *Executor) asksRoute(i int32) bool {
	n := &e.nodes[i]
	return !n.inParallel && (n.src.Kind == KindTarget || n.src.Kind == KindParallel || n.user)
}

// failedStep is what a script sees of the failed step i: of a group its best failed branch, under the group's
// own outcome, name, place and time.
func (e *Executor) failedStep(i int32) *Step {
	n := &e.nodes[i]
	if !n.isGroup() {
		return &e.results[n.best].step
	}
	e.scratch = e.results[n.best].step
	s := &e.scratch
	s.Outcome, s.Group, s.Pos = n.outcome, e.groupName(i), n.src.Pos
	s.Elapsed, s.Rang, s.Attempt = e.now.Sub(n.start), n.rang, int(n.attempt)
	return s
}

// failSynthetic fails a step that no INVITE was sent for.
func (e *Executor) failSynthetic(i int32, o Outcome, code int) {
	n := &e.nodes[i]
	s := Step{Target: n.target, Outcome: o, Code: code, Synthetic: true, Elapsed: e.now.Sub(n.start)}
	if n.src.Kind == KindTarget {
		s.Name = n.src.Name
	}
	e.leafFailed(i, e.newResult(i, s, branchNone), rankOf(code))
}

// replace puts plan in the place of the failed step i. It takes no defaults of the group and no edge of i.
func (e *Executor) replace(i int32, plan *Node, p Place) {
	if e.full(i, plan) {
		return
	}
	j := e.compile(plan, e.nodes[i].parent, false, e.nodes[i].share, e.nodes[i].diverter)
	if j == none {
		return
	}
	e.link(i, j)
	was, n := &e.nodes[i], &e.nodes[j]
	n.attempt, n.replaced, n.place, n.replaces = was.attempt+1, was.replaced+1, p, i
	e.enter(j)
}

// full reports whether so many have stood in the place of i that plan must not, and ends the plan then.
func (e *Executor) full(i int32, plan *Node) bool {
	if int(e.nodes[i].replaced) < e.limits.Replacements {
		return false
	}
	e.bound(fmt.Sprintf("%d replacements in one place", e.limits.Replacements), plan.Pos)
	return true
}

// exhausted ends a round: the whole plan failed.
func (e *Executor) exhausted() {
	if e.Round() >= e.limits.Rounds {
		e.bound(fmt.Sprintf("exhausted asked %d times", e.limits.Rounds), Pos{})
		return
	}
	e.round++
	best := e.Best()
	if best == nil {
		e.scratch = Step{Outcome: Failed, Code: 480, Synthetic: true}
		best = &e.scratch
	}
	if plan := e.ask.Exhausted(best, e.Round()); plan != nil {
		e.run(plan, PlaceExhausted)
		return
	}
	e.respondBest()
}
