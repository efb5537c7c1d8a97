package plan

// Leaves returns how many branches of the plan can be alive at once at most: of a serial group as many as of the member that has
// the most, of a parallel group those of all members, of a function, an await and a user 1: nobody knows yet what comes of them. What stands on edges counts where it comes up, not
// here: it takes the place of a step that has failed.
func (n *Node) Leaves() int {
	leaves := 0
	switch n.Kind {
	case KindTarget, KindDeferred, KindAwait:
		leaves = 1
	case KindSerial:
		for _, m := range n.Members {
			leaves = max(leaves, m.Leaves())
		}
	case KindParallel:
		for _, m := range n.Members {
			leaves += m.Leaves()
		}
	}
	return leaves
}

// parts divides what a parallel group has of the call's breadth among its members. RFC 5393 §5.3.3 leaves open how: each has a
// part by its leaves. The members of a serial group are no parts: one after the other has the breadth of the group. A
// replacement inherits the part of the step that it replaces.
type parts struct {
	share  int
	leaves int // of all members; 0 = nothing is divided
}

func partsOf(group *Node, share uint16) parts {
	p := parts{share: int(share)}
	for _, m := range group.Members {
		p.leaves += atLeastOne(m)
	}
	return p
}

// of rounds down, but to 1 at least: members that do not fit wait.
func (p parts) of(m *Node) uint16 { return uint16(max(1, p.share*atLeastOne(m)/p.leaves)) }

// atLeastOne is the leaves of a member of which something may come: what takes the place of an empty group rings.
func atLeastOne(m *Node) int { return max(1, m.Leaves()) }

// room returns how much of a limited breadth the next INVITE may have at most, 0 if none may be sent. A branch is alive until
// its final response, although it was given up (RFC 5393 §5.3.2, §5.4.1). What it had of the breadth is handed on as soon as
// it is given up: a serial group's next step starts at ring expiry, and its INVITE could carry nothing otherwise.
func (e *Executor) room() int {
	alive, left := 0, e.limits.Breadth
	for _, r := range e.branches {
		switch b := &e.results[r]; b.state {
		case branchRuns:
			alive++
			left -= int(e.nodes[b.node].share)
		case branchGivenUp:
			alive++
		}
	}
	if alive >= e.limits.Breadth {
		return 0
	}
	return left
}

// waits reports whether a target with the URI waits for room.
func (e *Executor) waits(key string) bool {
	for i := range e.nodes {
		if n := &e.nodes[i]; n.state == queued && n.target.key() == key {
			return true
		}
	}
	return false
}

// admit lets targets that wait for room ring as far as there is some now, in the order of the plan
// (RFC 5393 §5.3.3.1).
func (e *Executor) admit() {
	for e.queued > 0 {
		room := e.room()
		if room == 0 {
			return
		}
		i := e.firstQueued()
		n := &e.nodes[i]
		n.state, n.start = running, e.now
		e.queued--
		e.send(i, room)
	}
}

func (e *Executor) firstQueued() int32 {
	i := e.root
	for e.nodes[i].state != queued {
		i = e.following(i)
	}
	return i
}
