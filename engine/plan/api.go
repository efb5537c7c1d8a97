package plan

import (
	"errors"
	"time"

	"tandem/engine/location"
)

// Asker is the script as the executor asks it. Its methods return at once and do not call the executor;
// errors in the script are the asker's to log, and it returns nil then.
type Asker interface {
	// Deferred calls a function that stands where a plan may stand; failed is the step that failed if the
	// function is an edge, else nil. Nil means no plan.
	Deferred(fn Callback, failed *Step) *Node
	// Handler asks the route handler named after the outcome. Nil means no handler, or no plan from it.
	Handler(o Outcome, failed *Step) *Node
	// Redirected asks the route handler for a 3xx of a target. Nil leaves it to the target's policy; a node of
	// KindFollow follows.
	Redirected(s *Step) *Node
	// Awaited calls the function of a KindAwait with what came of its operation. Nil means no plan; a node of KindFollow
	// follows where Result.Place is PlaceRedirected.
	Awaited(n *Node, r *Result) *Node
	// Exhausted asks what to do when the whole plan ended without an answer; round counts from 1. best is never
	// nil. Nil means: send the best response.
	Exhausted(best *Step, round int) *Node
	// Contacts returns where a user is registered, by descending q; none = nowhere.
	Contacts(user string) []*location.Binding
	// Ringing tells of the first 101-198 of a target.
	Ringing(s *Step)
	// Taken tells, for the trace, that a plan which the failed step has as its own edge takes its place.
	Taken(failed *Step, plan *Node)
	// Bound tells that a limit of the plan was met, for the log; pos is the step that did not start, no place
	// for the bound on `exhausted`.
	Bound(what string, pos Pos)
}

// EventKind is what happened.
type EventKind uint8

// The kinds of events.
const (
	EventTick           EventKind = iota // the clock reached Deadline
	EventProvisional                     // Code is 101-199
	EventAnswer                          // a 2xx with a To tag that this branch has not answered with before
	EventFinal                           // Code is 300-699, with Response, and Contacts for 3xx
	EventTimeout                         // Timer B: no final response and none will come
	EventTransportError                  // the INVITE could not be sent; Phrase says why
	EventOffline                         // the target has nowhere to be reached
	EventCallerCancel                    // the caller gave up; every later 2xx is released
	EventDenied                          // no INVITE was sent: the call has no right to the target
	EventLimited                         // no INVITE was sent: no slot is free
	EventDone                            // Operation has ended with Value or Err
	EventRefused                         // no INVITE was sent: it fails with Code, Phrase says why
)

// Event is something that happened to a branch, the caller or the clock.
type Event struct {
	Kind     EventKind
	Branch   BranchID
	Code     int
	Phrase   string
	Response Response
	Contacts []Contact

	Operation OperationID
	Value     any
	Err       error
}

// OperationID names an operation that a call has started; none is 0.
type OperationID int32

// ErrTimeout says that an operation took longer than its step waits.
var ErrTimeout = errors.New("timeout")

// Result is what came of an operation.
type Result struct {
	// Value is nil if there is an Err, which is ErrTimeout or the operation's own.
	Value any
	Err   error
	// Elapsed is the time since the step was reached.
	Elapsed time.Duration
	// Place is what the plan asked for now takes the place of, and so what nil means.
	Place Place
}

// Place is who is to decide about a step of a plan if nothing comes of it.
type Place uint8

// The places.
const (
	PlaceMember     Place = iota // a member of a group: without a plan it has failed (500)
	PlaceStart                   // the whole plan of `invite`: without one 404
	PlaceExhausted               // the whole plan of `exhausted`: without one the best response
	PlaceFailed                  // instead of a step that has failed: without one the plan goes on
	PlaceRedirected              // instead of a target that was redirected: without one its policy
)

// ActionKind is what is to be done.
type ActionKind uint8

// The kinds of actions.
const (
	ActInvite ActionKind = iota // send the INVITE of Branch to Target
	// ActCancel gives Branch up: CANCEL as soon as RFC 3261 §9.1 allows, with Cause. A branch that was given up
	// before and has not ended gets it once more, with CauseElsewhere, when another branch answers: if its
	// CANCEL still waits for a provisional, it leaves with that Reason; if it has left, nothing is to be done.
	ActCancel
	ActAnswer  // Branch has won: its 2xx answers the caller
	ActRelease // ACK and BYE the 2xx that Branch just received, with Cause
	ActRespond // end the caller's INVITE: with Reply if set, else Response if set, else Code
	ActStart   // start Operation: Await says what
	ActDrop    // nobody waits for Operation any more: if it has not ended, it may be given up
)

// Cause is why a branch is given up.
type Cause uint8

// The causes.
const (
	CauseNone      Cause = iota // ring-out, replaced, stopped by a 6xx or a reject: no Reason
	CauseElsewhere              // another branch answered: Reason: SIP;cause=200;text="Call completed elsewhere"
	CauseCaller                 // the caller gave up: the Reasons of its own CANCEL
)

// Action is one thing that the call glue does, in order.
type Action struct {
	Kind   ActionKind
	Branch BranchID
	Target *Target
	Pos    Pos
	Cause  Cause
	// Breadth is the part of Limits.Breadth that goes with the INVITE of ActInvite: the Max-Breadth that it carries
	// (RFC 5393 §5.3.3). It is 0 if there is no limit.
	Breadth uint16
	// Diverted are the diversions on the way to the target of ActInvite, the first one first. Announce is set if the caller is to hear of the last one.
	Diverted []Diversion
	Announce *Divert
	Code     int
	Phrase   string
	Response Response
	Reply    *Reply

	Operation OperationID
	Await     *Operation
}

// Limits bound one call's plan. A field that is zero takes its value from DefaultLimits.
type Limits struct {
	Replacements int // in one place, decisions of awaits included
	Branches     int // INVITEs per call
	Nodes        int // plan nodes per call, those of replacements included
	Rounds       int // times `exhausted` is asked
	TimerC       time.Duration
	// Breadth is how many branches may be alive at once: INVITEd and without a final response, those that were given up
	// included (RFC 5393 §5.3.2, §5.4.1). A target whose turn comes while there is no room waits until a branch ends.
	// 0 is no limit, and so is the default; more than 65535 is taken as that.
	Breadth int
}

// DefaultLimits are 10 replacements, 64 branches, 256 nodes, 3 rounds, Timer C = 181 s (RFC 3261 §16.6 step 11: more
// than three minutes) and any breadth.
var DefaultLimits = Limits{Replacements: 10, Branches: 64, Nodes: 256, Rounds: 3, TimerC: 181 * time.Second}
