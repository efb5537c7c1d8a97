// Package trace is what happened in a call: events, and the ladders drawn from them.
//
// The engine hands every event to a Sink on the goroutine of the shard; nobody owns an Event, and its bytes are
// valid only during the call. A nil Sink costs one comparison.
package trace

import (
	"net/netip"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

// Kind is what an Event tells of.
type Kind uint8

// The kinds of events.
const (
	Received Kind = iota // a message came from Remote
	Sent                 // a message went to Remote
	Leg                  // the leg with Call-ID Text belongs to Call; Remote is its peer
	Note                 // the script or the plan decided: Text says what, Pos where
	Saw                  // the script looked at something: Text says what it was, Pos where; ladders do not show it
)

// Challenged is the text of the note about a request that was answered by asking for credentials: it was nobody's call yet, and what follows is another request.
const Challenged = "asked for credentials"

// Event is one thing that happened.
type Event struct {
	At   clock.Time
	Kind Kind
	// Call is the Call-ID of the caller's leg; empty for messages, which carry their own Call-ID.
	Call string
	// Remote is the peer's address.
	Remote netip.AddrPort
	// Bytes is the message of Received and Sent.
	Bytes []byte
	// Text is a note, or the Call-ID of a leg.
	Text string
	// User is the user that a leg was sent to; of a note about a call, the one whose credentials the caller has.
	User string
	Pos  plan.Pos
	// Edge is the outcome of a step whose own edge was taken, "" in other notes; Step is where the step was made.
	Edge string
	Step plan.Pos
	// Came is what an operation came to, of the note that says what was decided by it; nil in all others.
	Came *Came
}

// Came is an operation that a plan awaited, and what came of it. Neither changes any more: a Sink may keep them.
type Came struct {
	Operation *plan.Operation
	Result    plan.Result
}

// Sink takes events.
type Sink interface{ Trace(e Event) }
