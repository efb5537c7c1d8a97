package plan

import (
	"math"
	"time"

	"tandem/engine/clock"
)

type branchState uint8

const (
	branchNone    branchState = iota // a result without an INVITE
	branchRuns                       // INVITEd
	branchGivenUp                    // CANCELled, its final response is yet to come
	branchEnded
)

// result is what came, or will come, of one step that is no group.
type result struct {
	step  Step
	node  int32
	rank  rank
	state branchState
}

// Executor runs the plan of one call. The call owns it: it is not safe for use by several goroutines.
// The slices and Steps that it returns are valid until its next Start or Step.
type Executor struct {
	ask    Asker
	limits Limits

	now      clock.Time
	nodes    []node
	results  []result
	branches []int32  // the result of each branch; BranchID 1 is the first
	recursed []string // keys of the contacts that were followed
	acts     []Action
	diverted []diverting // the diversions that have begun

	root    int32
	best    int32
	round   int32
	pending int32
	winner  BranchID
	queued  uint16 // targets that wait for room
	done    bool
	gone    bool // the caller cancelled
	scratch Step // of a group, or the best response where none counts

	// Room for a usual call within the one allocation: a group of three.
	nodes0    [4]node
	results0  [3]result
	branches0 [4]int32
	acts0     [3]Action
}

// NewExecutor returns an executor that asks ask and has not started.
func NewExecutor(ask Asker, limits Limits) *Executor {
	e := &Executor{ask: ask, limits: limits.orDefault(), root: none, best: none}
	e.nodes, e.results = e.nodes0[:0], e.results0[:0]
	e.branches, e.acts = e.branches0[:0], e.acts0[:0]
	return e
}

func (l Limits) orDefault() Limits {
	d := &DefaultLimits
	return Limits{
		Replacements: or(l.Replacements, d.Replacements),
		Branches:     or(l.Branches, d.Branches),
		Nodes:        or(l.Nodes, d.Nodes),
		Rounds:       or(l.Rounds, d.Rounds),
		TimerC:       or(l.TimerC, d.TimerC),
		Breadth:      min(max(0, l.Breadth), math.MaxUint16),
	}
}

// or is cmp.Or of two without its slice: every call makes an executor.
func or[T int | time.Duration](v, d T) T {
	if v != 0 {
		return v
	}
	return d
}

// Start runs n. Nil, no decision, is 404 at once: no plan ran, so `exhausted` is not asked. It is called once;
// after the caller's CANCEL it does nothing.
func (e *Executor) Start(now clock.Time, n *Node) []Action {
	e.now, e.acts = now, e.acts[:0]
	switch {
	case e.done:
	case n == nil:
		e.finish(Action{Kind: ActRespond, Code: 404})
	default:
		e.run(n, PlaceStart)
	}
	return e.acts
}

// Step takes one event and returns what is to be done, in order. Events of branches that it does not know, and
// what an ended branch repeats, do nothing.
func (e *Executor) Step(now clock.Time, ev Event) []Action {
	e.now, e.acts = now, e.acts[:0]
	switch ev.Kind {
	case EventTick:
		e.tick()
	case EventCallerCancel:
		e.callerCancel()
	case EventDone:
		e.operationDone(&ev)
	default:
		if ev.Branch > 0 && int(ev.Branch) <= len(e.branches) {
			e.branchEvent(e.branches[ev.Branch-1], &ev)
		}
	}
	if e.queued > 0 {
		e.admit()
	}
	return e.acts
}

// Deadline returns when the executor wants EventTick: the end of the first delay, ring time, Timer C or wait for
// an operation. There is none once the call is decided, nor while everything waits for the final response to a CANCEL (Limits.Breadth).
func (e *Executor) Deadline() (clock.Time, bool) {
	i := e.earliest()
	if i == none {
		return 0, false
	}
	return e.nodes[i].at, true
}

// Done reports whether the caller's INVITE was answered, refused or cancelled.
func (e *Executor) Done() bool { return e.done }

// Pending returns how many branches run: INVITEd, not ended, not given up.
func (e *Executor) Pending() int { return int(e.pending) }

// Waiting returns how many targets whose turn has come wait for room (Limits.Breadth).
func (e *Executor) Waiting() int { return int(e.queued) }

// Round returns how often `exhausted` was asked.
func (e *Executor) Round() int { return int(e.round) }

// Best returns the best response so far, of all rounds; nil if nothing that counts came.
// Its Code is the branch's own; a 503, or a 401 that is not passed, leaves as something else.
func (e *Executor) Best() *Step {
	if e.best == none || e.results[e.best].rank == uncounted {
		return nil
	}
	return &e.results[e.best].step
}

// Branch returns the step of a branch, nil if there is no such branch.
func (e *Executor) Branch(id BranchID) *Step {
	if id < 1 || int(id) > len(e.branches) {
		return nil
	}
	return &e.results[e.branches[id-1]].step
}

// earliest returns the step whose deadline comes first, of equal ones the first in the order of the plan: a
// group before what is within, a replacement where the replaced step stood.
func (e *Executor) earliest() int32 {
	if e.done {
		return none
	}
	first, at := none, never
	for i := e.root; i != none; i = e.following(i) {
		if e.nodes[i].at < at {
			first, at = i, e.nodes[i].at
		}
	}
	return first
}

// following returns the step behind i in the order of the plan; what is within a group that does not run is
// passed over.
func (e *Executor) following(i int32) int32 {
	if n := &e.nodes[i]; n.state == running && n.first != none {
		return n.first
	}
	for ; i != none; i = e.nodes[i].parent {
		if next := e.nodes[i].next; next != none {
			return next
		}
	}
	return none
}

// tick does everything that is due, in order of time, then of the plan. What starts, starts now: ring times
// count from the INVITE, which leaves now even if the tick came late.
func (e *Executor) tick() {
	for {
		i := e.earliest()
		if i == none || e.nodes[i].at > e.now {
			return
		}
		switch n := &e.nodes[i]; {
		case n.state == waiting:
			e.begin(i)
		case n.isGroup():
			e.expire(i)
		case n.src.Kind == KindAwait:
			e.operationLate(i)
		default:
			e.ringOut(i)
			e.fail(i)
		}
	}
}
