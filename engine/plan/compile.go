package plan

import (
	"fmt"
	"time"

	"tandem/engine/clock"
)

// none is no node and no result.
const none int32 = -1

// never is the deadline of a node that waits for nothing.
const never clock.Time = 1<<63 - 1

type state uint8

const (
	idle state = iota
	waiting
	queued // a target: its turn has come, there is no room
	running
	ended
)

// node is one step in the flat array: a node of the plan with what its group gave it, and how far it is.
type node struct {
	src         *Node
	target      *Target
	on          *Edges
	ring, delay time.Duration

	base  clock.Time // from when delay counts
	start clock.Time
	at    clock.Time // end of the delay, of the ring time, of Timer C or of the wait for an operation

	parent, first, next int32
	best                int32 // the best result at or within the node
	result              int32 // that of its INVITE

	diverter int32 // the innermost step with a Divert around it, or itself
	outer    int32 // of a step with a Divert: the next one around it
	divert   int32 // likewise: its place in Executor.diverted

	replaces int32 // the failed step that it stands for, in PlaceFailed and PlaceRedirected

	attempt  uint16
	replaced uint16 // how many stood here before: replacements and awaits
	share    uint16 // what it and all within has of Limits.Breadth; 0 = there is no limit
	state    state
	outcome  Outcome
	place    Place

	member     bool // stands in its group as written: takes the group's defaults
	inherits   bool // takes options from the groups around it
	inParallel bool // a parallel group is around it, at any depth
	capped     bool // a group with a ring time is around it
	timerC     bool // at is Timer C
	rang       bool // a 101-198 came, at or within
	user       bool // it is a group made of the registered contacts of a user
	starting   bool // a group that starts members: it settles when all are started
}

func (n *node) isGroup() bool { return n.src.Kind == KindSerial || n.src.Kind == KindParallel }

// compile appends the tree of src below parent and returns its index, or none if it passed the bound. share is what it has of
// the call's breadth, diverter the step whose Divert it belongs to.
func (e *Executor) compile(src *Node, parent int32, member bool, share uint16, diverter int32) int32 {
	if len(e.nodes) >= e.limits.Nodes {
		e.bound(fmt.Sprintf("%d plan nodes in one call", e.limits.Nodes), src.Pos)
		return none
	}
	i := int32(len(e.nodes))
	n := node{
		src: src, target: src.Target, on: src.On, ring: src.Ring, delay: src.Delay, member: member,
		at: never, parent: parent, first: none, next: none, best: none, result: none, replaces: none, attempt: 1, share: share,
		diverter: diverter, outer: none, divert: none,
	}
	if src.Divert != nil {
		n.diverter, n.outer = i, diverter
	}
	if parent != none {
		p := &e.nodes[parent]
		n.inParallel = p.inParallel || p.user || p.src.Kind == KindParallel
		n.capped = p.capped || p.ring > 0
		n.inherits = member && (p.src.Each != nil || p.inherits)
		if n.inherits {
			e.inherit(&n)
		}
	}
	e.nodes = append(e.nodes, n)
	return e.compileMembers(i)
}

func (e *Executor) compileMembers(i int32) int32 {
	src, share := e.nodes[i].src, e.nodes[i].share
	var p parts
	if share > 0 && src.Kind == KindParallel {
		p = partsOf(src, share)
	}
	last := none
	for _, m := range src.Members {
		if p.leaves > 0 {
			share = p.of(m)
		}
		j := e.compile(m, i, true, share, e.nodes[i].diverter)
		if j == none {
			return none
		}
		if last == none {
			e.nodes[i].first = j
		} else {
			e.nodes[last].next = j
		}
		last = j
	}
	return i
}

// key is what tells the URIs of targets apart.
func (t *Target) key() string { return keyOf(t.Key, t.URI) }

func keyOf(key, uri string) string {
	if key != "" {
		return key
	}
	return uri
}
