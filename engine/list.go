package engine

import (
	"cmp"
	"slices"
	"time"

	"tandem/engine/clock"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/trace"
)

// CallInfo is what a list of calls tells of one.
type CallInfo struct {
	// ID is the Call-ID of the caller's leg; calls with different From tags may share one.
	ID string
	// From is the URI of the caller's From, To that of the Request-URI, Source where the INVITE came from.
	From, To, Source string
	// State is how far it is: "trying", "ringing", "answered", or "ending" when only its BYE or CANCEL is out.
	State string
	// Since is when the INVITE came.
	Since time.Time
	// Branches are the INVITEs that may yet be answered, and the one that was, in order of their start.
	Branches []BranchInfo
}

// BranchInfo is what a list of calls tells of a branch.
type BranchInfo struct {
	// Target is its URI; Remote is where the INVITE went, "" as long as the address is looked up.
	Target, Remote string
	// State is how far it is: "trying", "ringing" or "answered".
	State string
}

// The states of calls and branches.
const (
	stateTrying   = "trying"
	stateRinging  = "ringing"
	stateAnswered = "answered"
	stateEnding   = "ending"
)

// List returns the calls of the shard, the oldest first.
func (sh *Shard) List() []CallInfo {
	list := make([]CallInfo, 0, len(sh.calls))
	for _, c := range sh.calls {
		list = append(list, c.info())
	}
	slices.SortFunc(list, func(a, b CallInfo) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID), cmp.Compare(a.From, b.From))
	})
	return list
}

func (c *call) info() CallInfo {
	na, _ := message.ParseNameAddr(c.invite.Get(message.From)) // Validate has read it
	i := CallInfo{
		ID: c.id, From: string(na.URI), To: string(c.invite.RequestURI()), Source: c.source.String(), State: stateTrying, Since: c.date,
	}
	for _, s := range c.sides {
		if s.b == nil && s.shown > 100 {
			i.State = stateRinging
		}
	}
	switch {
	case c.givenUp, c.hangup:
		i.State = stateEnding
	case c.final:
		i.State = stateAnswered
	}
	for _, b := range c.branches {
		if b == c.winner || !b.ended && (b.client == nil || !b.client.GivenUp()) {
			i.Branches = append(i.Branches, b.info())
		}
	}
	return i
}

func (b *branch) info() BranchInfo {
	i := BranchInfo{Target: b.target.URI, State: stateTrying}
	if b.client != nil {
		i.Remote = b.flow.String()
	}
	switch {
	case b == b.c.winner:
		i.State = stateAnswered
	case b.rings:
		i.State = stateRinging
	}
	return i
}

// Registrations returns what the users of the shard have registered, by user.
func (sh *Shard) Registrations() []*location.Set { return sh.registrar.Sets() }

// Hangup ends the calls of a Call-ID as call:hangup does: BYE to both sides of one that is answered, CANCEL and 480 to one that is not. The
// reason that the peers hear is phrase. It returns how many there were.
func (sh *Shard) Hangup(now clock.Time, id, phrase string) (n int) {
	defer sh.rescue()
	sh.now, sh.current = now, nil
	var doomed []*call
	for _, c := range sh.calls {
		if c.id == id && !c.givenUp {
			doomed = append(doomed, c)
		}
	}
	slices.SortFunc(doomed, func(a, b *call) int { return cmp.Compare(a.key, b.key) })
	for _, c := range doomed {
		sh.current = c
		c.note("ended by hand", nil)
		c.Hangup(phrase)
	}
	return len(doomed)
}

// Follow tells sink of everything from now on, instead of Config.Trace; nil = what Config.Trace was.
func (sh *Shard) Follow(sink trace.Sink) {
	if sink == nil {
		sink = sh.base
	}
	sh.cfg.Trace = sink
}
