package engine

import (
	"time"

	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// Scripts hands out the script that a new call runs. It is called from every shard at once.
type Scripts interface {
	// Acquire returns the script that a new call runs on a shard (0 …), and counts the call; callID is that of the
	// request, to be read during the call only. The engine calls the script's Release when the call is over.
	Acquire(shard int, callID []byte) Script
}

// Script decides what happens to calls: one generation of the user's script as one shard runs it. Its methods are
// called on the shard's goroutine only and return at once. Errors of the script are the script host's to contain and
// to log: a method returns what the contract says for an error.
type Script interface {
	// Release ends a call's use of the script; c is nil if the script was never asked about it.
	Release(c Call)
	// Generation is the number of the script version, from 1.
	Generation() uint64
	// Invite decides about a new call. Nil means 404.
	Invite(c Call) *plan.Node
	// Deferred calls a function that stands in a plan; failed is the step whose edge it is, else nil.
	Deferred(c Call, fn plan.Callback, failed *plan.Step) *plan.Node
	// Handler asks the route handler of an outcome (busy, no_answer, …).
	Handler(c Call, o plan.Outcome, failed *plan.Step) *plan.Node
	// Redirected asks what a 3xx of a target does.
	Redirected(c Call, s *plan.Step) *plan.Node
	// Awaited calls the function of an await with what came of its operation; Result.Place says who else would have to decide.
	Awaited(c Call, n *plan.Node, r *plan.Result) *plan.Node
	// Exhausted asks what to do when the plan has ended without an answer.
	Exhausted(c Call, best *plan.Step, round int) *plan.Node
	// Refer decides about a transfer request that one leg sent, "caller" or "callee"; target is the URI of its Refer-To.
	// Nil and a KindPass pass it to the other leg, a KindReject refuses it.
	Refer(c Call, leg, target string) *plan.Node
	// Request decides about a request outside a dialog that is no INVITE and no REGISTER. It is seen like a call that has no
	// fork: Request is the request, Progress and Hangup do nothing. A target, or a serial of targets, is where it goes; a
	// KindReject answers it; nil refuses the method.
	Request(c Call) *plan.Node
	// Register decides about a REGISTER that is in order, before it is carried out; c shows it as Request does. A KindAccept may say how long its contacts are kept,
	// a KindReject answers it, nil leaves it to the policy.
	Register(c Call, r *Registration) *plan.Node
	// Replied says that the call ends with a response that the script made, a plan.reject or plan.redirect.
	Replied(c Call, code int)
	// Cancelled says that the caller gave up, before it gets its 487; the phrase and the header fields of what it returns, if anything, are those
	// of the 487.
	Cancelled(c Call) *plan.Reply
	// Ringing, Answered and Ended observe.
	Ringing(c Call, s *plan.Step)
	Answered(c Call, s *plan.Step)
	Ended(c Call)
}

// Call is a call as the script sees it. It is valid from Invite until Ended returns.
type Call interface {
	// ID is the Call-ID of the caller's leg: what the log and the trace name the call by.
	ID() string
	// Request is the caller's INVITE.
	Request() *message.Message
	// Source is where the INVITE came from.
	Source() flow.Flow
	// User is the user of ours whose credentials the request bears, "" if none were asked for.
	User() string
	// Trusted reports whether that is in the trust domain (RFC 3325 §5): what it asserts of who is there may be used.
	Trusted() bool
	// Emergency reports whether it is a call to an emergency number, or to urn:service:sos.
	Emergency() bool
	// Date is when the INVITE came.
	Date() time.Time
	// Best is the best response so far, nil if none came; Round counts `exhausted`; Pending the branches that run.
	Best() *plan.Step
	Round() int
	Pending() int
	// Data is the script host's own state of the call.
	Data() any
	SetData(v any)
	// Progress sends a provisional response (101-199) to the caller. It is an error once the call has its final response.
	Progress(code int, headers []plan.Header) error
	// Move lets another script, acquired already, take the call's remaining events in place of its own, which it does not
	// release. It is for calls that were answered and between two events; functions in the call's plan are dropped.
	Move(to Script)
	// Hangup ends the call: BYE to both sides if it is up, else it rejects the caller with 480 and the phrase.
	Hangup(phrase string)
}
