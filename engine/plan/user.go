package plan

import (
	"cmp"

	"tandem/engine/location"
)

// ringUser rings the registered contacts of a user: one step whose members are the contacts. They ring together, or one after the other by
// descending q, and as a whole fail once, by best response. Without a contact the step fails at once.
func (e *Executor) ringUser(i int32) {
	contacts := e.ask.Contacts(e.nodes[i].target.Registrant)
	if len(contacts) == 0 {
		e.failSynthetic(i, Offline, 480)
		return
	}
	n := &e.nodes[i]
	n.src, n.user = n.contacts(contacts), true
	first := int32(len(e.nodes))
	if e.compileMembers(i) == none {
		return
	}
	for j := first; j < int32(len(e.nodes)); j++ {
		e.nodes[j].attempt = e.nodes[i].attempt
	}
	e.beginGroup(i)
}

// contacts is the group that stands for the user.
func (n *node) contacts(all []*location.Binding) *Node {
	var levels, level []*Node
	for i, b := range all {
		if n.target.ByQ && i > 0 && all[i-1].Q != b.Q {
			levels, level = append(levels, together(level)), nil
		}
		level = append(level, &Node{Kind: KindTarget, Pos: n.src.Pos, Name: n.src.Name, Target: n.target.At(b)})
	}
	if len(levels) == 0 {
		return &Node{Kind: KindParallel, Pos: n.src.Pos, Members: level}
	}
	return &Node{Kind: KindSerial, Pos: n.src.Pos, Members: append(levels, together(level))}
}

// At returns the target, which is a user, at one of his contacts.
func (t *Target) At(b *location.Binding) *Target {
	c := *t
	c.URI, c.Key, c.Registrant, c.Registered, c.Binding = b.URI, b.Key, "", true, b
	return &c
}

// userAround returns the user's step that the contact i stands in, none if i is no contact.
func (e *Executor) userAround(i int32) int32 {
	for p := e.nodes[i].parent; p != none; p = e.nodes[p].parent {
		if e.nodes[p].user {
			return p
		}
	}
	return none
}

// declined ends the step of a user one of whose contacts has declined for all (RFC 3261 §16.7 step 5): the others stop ringing.
func (e *Executor) declined(user int32) {
	e.ringOutMembers(user)
	n := &e.nodes[user]
	n.outcome = e.results[n.best].step.Outcome
	e.fail(user)
}

// identity is how a history names the target: where it is registered, its address of record.
func (t *Target) identity() string {
	if t.Binding != nil {
		return t.Binding.AOR
	}
	return cmp.Or(t.Registrant, t.URI)
}
