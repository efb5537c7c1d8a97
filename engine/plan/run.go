package plan

import (
	"fmt"
	"math"

	"tandem/engine/clock"
)

// run makes n the whole plan.
func (e *Executor) run(n *Node, p Place) {
	if i := e.compile(n, none, false, uint16(e.limits.Breadth), none); i != none {
		e.root, e.nodes[i].place = i, p
		e.enter(i)
	}
}

// enter lets a step begin, now or after its delay. In a parallel group the delay counts from the group's
// start; in a serial group from the previous failure, which is now, or from the start for the first member;
// for a replacement from when it takes the place.
func (e *Executor) enter(i int32) {
	n := &e.nodes[i]
	n.base = e.now
	e.enterFrom(i)
}

func (e *Executor) enterFrom(i int32) {
	n := &e.nodes[i]
	if due := n.base.Add(n.delay); due > e.now {
		n.state, n.at = waiting, due
		e.settle(n.parent) // it may be the only one left
		return
	}
	e.begin(i)
}

// begin starts a step whose turn has come.
func (e *Executor) begin(i int32) {
	n := &e.nodes[i]
	n.state, n.start, n.at = running, e.now, never
	switch n.src.Kind {
	case KindTarget:
		if n.target.Registrant != "" {
			e.ringUser(i)
			return
		}
		e.invite(i)
	case KindSerial, KindParallel:
		e.beginGroup(i)
	case KindDeferred:
		e.call(i)
	case KindAwait:
		e.await(i)
	case KindReject, KindRedirect:
		r := n.src.Reply
		e.finish(Action{Kind: ActRespond, Pos: n.src.Pos, Code: r.Code, Phrase: r.Phrase, Reply: r})
	default: // KindFollow where there is no 3xx, KindPass where there is no request
		e.failSynthetic(i, Failed, 500)
	}
}

// invite rings the target i, or lets it wait for room.
func (e *Executor) invite(i int32) {
	n := &e.nodes[i]
	room := math.MaxInt
	if e.limits.Breadth > 0 {
		room = e.room()
	}
	switch key := n.target.key(); {
	case e.rings(key) || n.src.contact && e.invited(key):
		e.skip(i)
	case e.queued > 0 || room == 0:
		n.state = queued
		e.queued++
	default:
		e.send(i, room)
	}
}

// send is the INVITE to the target i; room is the breadth that it may have at most.
func (e *Executor) send(i int32, room int) {
	n := &e.nodes[i]
	if len(e.branches) >= e.limits.Branches {
		e.bound(fmt.Sprintf("%d branches in one call", e.limits.Branches), n.src.Pos)
		return
	}
	switch {
	case n.ring > 0:
		n.at = e.now.Add(n.ring)
	case !n.capped: // RFC 3261 §16.6 step 11
		n.timerC, n.at = true, e.now.Add(e.limits.TimerC)
	}
	n.share = uint16(min(int(n.share), room))
	id := BranchID(len(e.branches) + 1)
	n.result = e.newResult(i, Step{Branch: id, Target: n.target, Name: n.src.Name}, branchRuns)
	e.branches = append(e.branches, n.result)
	e.pending++
	a := Action{Kind: ActInvite, Branch: id, Target: n.target, Pos: n.src.Pos, Breadth: n.share}
	if n.diverter != none {
		a.Diverted, a.Announce = e.diversions(i)
	}
	e.acts = append(e.acts, a)
}

// newResult adds the step s of node i.
func (e *Executor) newResult(i int32, s Step, st branchState) int32 {
	n := &e.nodes[i]
	s.Group, s.Pos, s.Attempt = e.groupName(i), n.src.Pos, int(n.attempt)
	e.results = append(e.results, result{step: s, node: i, state: st})
	return int32(len(e.results) - 1)
}

// groupName returns the name of the group i, or of the innermost named group around i.
func (e *Executor) groupName(i int32) string {
	for p := i; p != none; p = e.nodes[p].parent {
		if n := &e.nodes[p]; n.isGroup() && n.src.Name != "" {
			return n.src.Name
		}
	}
	return ""
}

// rings reports whether a branch to the URI runs, or will when there is room. One that was given up does not: a plan that
// tries a target a second time need not wait for the 487 to the first.
func (e *Executor) rings(key string) bool {
	for _, r := range e.branches {
		if b := &e.results[r]; b.state == branchRuns && b.step.Target.key() == key {
			return true
		}
	}
	return e.queued > 0 && e.waits(key)
}

// invited reports whether the call ever had a branch to the URI.
func (e *Executor) invited(key string) bool {
	for _, r := range e.branches {
		if e.results[r].step.Target.key() == key {
			return true
		}
	}
	return false
}

// skip ends a step that is not to be: it has not failed, nobody is asked, nothing counts.
func (e *Executor) skip(i int32) {
	e.nodes[i].state, e.nodes[i].at = ended, never
	e.memberEnded(i)
}

func (e *Executor) beginGroup(i int32) {
	n := &e.nodes[i]
	if n.src.Divert != nil {
		e.beginDivert(i)
	}
	if n.first == none {
		e.failSynthetic(i, Failed, 480)
		return
	}
	if n.ring > 0 {
		n.at = e.now.Add(n.ring)
	}
	if n.src.Kind == KindSerial {
		e.enter(n.first)
		return
	}
	n.starting = true
	for c := n.first; c != none && !e.done; c = e.nodes[c].next {
		if e.nodes[c].state == idle { // not a replacement that came in meanwhile
			e.enter(c)
		}
	}
	e.nodes[i].starting = false
	e.settle(i)
}

// call lets the function that stands as the step say what the step is. What it returns stands there as if it
// had been written there; it is no replacement.
func (e *Executor) call(i int32) {
	plan := e.ask.Deferred(e.nodes[i].src.Func, nil)
	if plan == nil {
		e.failSynthetic(i, Failed, 500)
		return
	}
	e.stand(i, plan, e.nodes[i].replaced)
}

// stand puts plan where i stands, as if it had been written there: it is no replacement of i, although it may be one of what
// failed before. Its delay counts from when that of i did.
func (e *Executor) stand(i int32, plan *Node, replaced uint16) {
	e.nodes[i].state, e.nodes[i].at = ended, never
	j := e.compile(plan, e.nodes[i].parent, e.nodes[i].member, e.nodes[i].share, e.nodes[i].diverter)
	if j == none {
		return
	}
	e.link(i, j)
	was, n := &e.nodes[i], &e.nodes[j]
	n.attempt, n.replaced, n.base, n.place, n.replaces = was.attempt, replaced, was.base, was.place, was.replaces
	e.enterFrom(j)
}

// link puts j behind i, which has ended, among the members of their group.
func (e *Executor) link(i, j int32) {
	if e.nodes[i].parent == none {
		e.root = j
		return
	}
	e.nodes[j].next = e.nodes[i].next
	e.nodes[i].next = j
}

// memberEnded moves on what i stands in: its place is empty now.
func (e *Executor) memberEnded(i int32) {
	p := e.nodes[i].parent
	switch {
	case p == none:
		e.exhausted()
	case e.nodes[p].src.Kind == KindParallel:
		e.settle(p)
	case e.nodes[i].next != none:
		e.enter(e.nodes[i].next)
	default:
		e.groupEnded(p)
	}
}

// settle looks at a parallel group after a change: without a running member the earliest of the waiting ones
// starts at once, unless the group holds; without waiting ones either, the group has failed. Members that
// wait for the same instant start together, as they would have later.
func (e *Executor) settle(p int32) {
	if p == none || e.nodes[p].src.Kind != KindParallel || e.nodes[p].starting {
		return
	}
	for !e.done {
		runs, at := e.members(p)
		if runs || at != never && e.nodes[p].src.Hold {
			return
		}
		if at == never {
			e.groupEnded(p)
			return
		}
		e.startWaiting(p, at)
	}
}

// members tells whether a member of p runs, or would if there was room, and when the first of the waiting ones is due.
func (e *Executor) members(p int32) (runs bool, at clock.Time) {
	at = never
	for c := e.nodes[p].first; c != none; c = e.nodes[c].next {
		switch n := &e.nodes[c]; n.state {
		case running, queued:
			runs = true
		case waiting:
			at = min(at, n.at)
		}
	}
	return runs, at
}

func (e *Executor) startWaiting(p int32, at clock.Time) {
	e.nodes[p].starting = true
	for c := e.nodes[p].first; c != none && !e.done; c = e.nodes[c].next {
		if n := &e.nodes[c]; n.state == waiting && n.at == at {
			e.begin(c)
		}
	}
	e.nodes[p].starting = false
}

// groupEnded is a group none of whose members runs or waits.
func (e *Executor) groupEnded(i int32) {
	n := &e.nodes[i]
	if n.best == none { // every member was a duplicate, and so is the group
		e.skip(i)
		return
	}
	n.outcome = e.results[n.best].step.Outcome
	e.fail(i)
}

// expire is the end of a group's ring time: no edge of a member fires.
func (e *Executor) expire(i int32) {
	e.ringOutMembers(i)
	n := &e.nodes[i]
	if n.best == none { // nothing was rung yet
		e.failSynthetic(i, rungOut(n.rang), 480)
		return
	}
	n.outcome = rungOut(n.rang)
	e.fail(i)
}

func (e *Executor) ringOutMembers(i int32) {
	for c := e.nodes[i].first; c != none; c = e.nodes[c].next {
		n := &e.nodes[c]
		if n.state == running && n.src.Kind == KindTarget {
			e.ringOut(c)
			continue
		}
		e.drop(c)
		if n.state == queued {
			e.queued--
		}
		n.state, n.at = ended, never
		e.ringOutMembers(c)
	}
}

// close cancels every branch that runs, drops everything that waits and every operation.
func (e *Executor) close(c Cause) {
	for _, r := range e.branches {
		if e.results[r].state == branchRuns {
			e.giveUp(e.results[r].node, c)
		}
	}
	for i := range e.nodes {
		e.drop(int32(i))
		e.nodes[i].state, e.nodes[i].at = ended, never
	}
	e.queued = 0
}

// finish ends the caller's INVITE with a final response.
func (e *Executor) finish(a Action) {
	e.close(CauseNone)
	e.done = true
	e.acts = append(e.acts, a)
}

// bound ends the plan because one of its limits was met.
func (e *Executor) bound(what string, pos Pos) {
	e.ask.Bound(what, pos)
	e.respondBest()
}
