package scenario

import (
	"tandem/engine"
	"tandem/engine/plan"
)

// Decisions stand between an engine and its scripts, and tell what those decide about INVITEs.
type Decisions struct {
	// Seen is told of each decision, nil for none.
	Seen func(c engine.Call, decision *plan.Node)
	// Only ends each call with its decision: nothing is called.
	Only bool
}

// Of returns scripts whose decisions are told.
func (d *Decisions) Of(s engine.Scripts) engine.Scripts { return deciding{s, d} }

type deciding struct {
	engine.Scripts
	to *Decisions
}

// Acquire returns the script of a shard.
func (s deciding) Acquire(shard int, callID []byte) engine.Script {
	return decider{s.Scripts.Acquire(shard, callID), s.to}
}

type decider struct {
	engine.Script
	to *Decisions
}

// decided ends a call of which only the decision is asked for.
var decided = &plan.Node{Kind: plan.KindReject, Name: "only a decision was asked for", Reply: &plan.Reply{Code: 480}}

// Invite asks the script.
func (s decider) Invite(c engine.Call) *plan.Node {
	n := s.Script.Invite(c)
	s.to.Seen(c, n)
	if s.to.Only {
		return decided
	}
	return n
}

// Exhausted asks the script, unless no plan has run.
func (s decider) Exhausted(c engine.Call, best *plan.Step, round int) *plan.Node {
	if s.to.Only {
		return nil
	}
	return s.Script.Exhausted(c, best, round)
}
