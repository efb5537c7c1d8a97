// Package plan is the fork plan: the tree that a script returns, and the executor that runs it.
//
// A plan is data. Scripts build Nodes; an Executor owned by one call compiles them and is stepped
// with events (an answer, a refusal, the clock) and returns actions (send an INVITE, cancel a
// branch, answer the caller). It reads no clock, knows no message and starts nothing by itself.
// What it obeys is RFC 3261 §16.7 (response context, best response), §16.8 (Timer C) and §16.10
// (CANCEL), and RFC 5393 §5.3 (Max-Breadth), as a B2BUA reads them, and the page "How a plan runs" of the Lua reference.
//
// Every step has a place in the plan. What stands there may fail and be replaced; the place, its
// group and the clocks of the groups around stay. The code follows that: compile.go lays the tree
// out, run.go starts steps and moves groups on, user.go rings users where they are registered, room.go makes targets wait where RFC 5393 §5.3 bounds what
// may be alive at once, await.go waits for operations, fail.go says who is asked and puts replacements in place, best.go ranks
// what came back.
package plan

import (
	"fmt"
	"time"

	"tandem/engine/location"
	"tandem/engine/sdp"
)

// Outcome is how a step of a plan failed, as scripts name it.
type Outcome uint8

// The outcomes. NoOutcome is a step that has not failed.
const (
	NoOutcome Outcome = iota
	Busy
	NoAnswer
	Timeout
	Offline
	Rejected
	Failed
	Limited
	Denied
	NumOutcomes // how many there are, NoOutcome included
)

var outcomeNames = [NumOutcomes]string{
	"", "busy", "no_answer", "timeout", "offline", "rejected", "failed", "limited", "denied",
}

// String returns the name of the handler that the outcome asks: "busy", "no_answer", ….
func (o Outcome) String() string {
	if o < NumOutcomes {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", o)
}

// OutcomeNamed returns the outcome with a handler name, and whether there is one.
func OutcomeNamed(name string) (Outcome, bool) {
	for o := Busy; o < NumOutcomes; o++ {
		if outcomeNames[o] == name {
			return o, true
		}
	}
	return NoOutcome, false
}

// Kind is what a Node is.
type Kind uint8

// The kinds of nodes.
const (
	KindTarget   Kind = iota // one target is rung
	KindSerial               // members one after the other until one answers
	KindParallel             // members together; first answer wins
	KindDeferred             // a function that returns the plan when the step is reached
	KindReject               // ends the call with a response given by the script
	KindRedirect             // ends the call with 302 and contacts
	KindFollow               // from `redirected` only: the contacts of the 3xx in the branch's place
	KindPass                 // from `refer` only: the request goes on to the other leg
	KindAwait                // an operation is started; a function says what comes of its result
	KindAccept               // from `register` only: the registration is carried out
)

// Pos is a place in a script.
type Pos struct {
	File string
	Line int
}

// String returns "main.lua:31", or "" for no place.
func (p Pos) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Callback is a function of the script, opaque to the engine.
type Callback any

// Edges are the plans that stand in for a step that failed, by outcome; nil = none. An edge that
// is a function is a KindDeferred node; it is called with the failed step.
type Edges [NumOutcomes]*Node

// Node is one step of a plan as the script wrote it. Nodes are not changed once built: one node may
// stand in many calls at a time.
type Node struct {
	Kind    Kind
	contact bool // a contact of a 3xx that the executor follows
	// Hold keeps delayed members of a parallel waiting although no member runs.
	Hold bool
	// Said are the options that the script sets, for those that it sets to their zero value. Weak are those of them that come
	// from its defaults: they give way to what a group gives its members.
	Said, Weak Options
	// Pos is where the script made the node, for errors and traces.
	Pos Pos
	// Name is option `name`, shown in traces and as branch.group of a group.
	Name string
	// Ring is how long the step may ring: from its INVITE for a target, from its start for a group
	// (0 = no limit of its own).
	Ring time.Duration
	// Delay is counted from the start of the enclosing group; in a serial, from the previous failure.
	Delay time.Duration
	// On are the step's own edges (nil = none).
	On *Edges

	// Target is set for KindTarget.
	Target *Target

	// Members are the steps of a group.
	Members []*Node
	// Each holds defaults for the members of a group (nil = none).
	Each *Each
	// Divert says that the group, a serial one of one member, is a diversion (nil = it is not).
	Divert *Divert

	// Func is set for KindDeferred and KindAwait.
	Func Callback

	// Await is set for KindAwait.
	Await *Operation

	// Reply is set for KindReject and KindRedirect, and for KindAccept.
	Reply *Reply
}

// Operation is work that is done off the shard while the plan goes on around the step that awaits it.
type Operation struct {
	// Name is what traces call it: "GET http://192.0.2.5/route".
	Name string
	// Timeout is how long the step waits, from when it is reached; above 0.
	Timeout time.Duration
	// Pos is where the script made it.
	Pos Pos
	// Work is what is to be done, opaque to the plan.
	Work any
}

// SixPolicy says what a 6xx of a target does (option on_6xx).
type SixPolicy uint8

// The policies for 6xx. The zero value means "not said", which is SixStop.
const (
	SixDefault SixPolicy = iota
	SixStop              // cancel what is pending; the plan ends (RFC 3261 §16.7 step 5)
	SixBranch            // counts as that branch's failure
)

// RedirectPolicy says what a 3xx of a target does when no handler decides (option redirect).
type RedirectPolicy uint8

// The policies for 3xx. The zero value means "not said", which is RedirectDeny.
const (
	RedirectDefault RedirectPolicy = iota
	RedirectDeny                   // the branch has failed; its 3xx never becomes the best response
	RedirectFollow                 // the contacts take the branch's place
	RedirectPass                   // the 3xx counts as the branch's response
)

// EarlyMedia says which early dialogs the caller is shown (option early_media).
type EarlyMedia uint8

// The choices. The zero value means "not said", which is EarlyFirst.
const (
	EarlyDefault EarlyMedia = iota
	EarlyFirst              // the first early dialog that carries SDP; of others only that they ring
	EarlyAll                // every one, each under a tag of its own
	EarlyNone               // none: only that it rings
)

// Prack says how an INVITE speaks of reliable provisionals (option prack).
type Prack uint8

// The choices. The zero value means "not said", which is PrackSupported.
const (
	PrackDefault   Prack = iota
	PrackSupported       // Supported: 100rel
	PrackOff             // nothing, and what comes reliably is not acknowledged
	PrackRequired        // Require: 100rel
)

// Trust says whether somebody belongs to the trust domain (option trusted).
type Trust uint8

// The choices. The zero value leaves it to the network.
const (
	TrustNetwork Trust = iota
	TrustYes
	TrustNo
)

// Header is a header field that a script sets (Value) or takes away (Remove).
type Header struct {
	Name   string
	Value  string
	Remove bool
}

// Target is where an INVITE goes and how.
type Target struct {
	// URI is the Request-URI of the branch, a valid SIP or SIPS URI; with a Registrant it is "user:" and that name.
	URI string
	// Key is equal for URIs that are equal by RFC 3261 §19.1.4.
	Key string
	// User is the user part of URI, unescaped.
	User string
	// On6xx and Redirect are the policies of the target.
	On6xx    SixPolicy
	Redirect RedirectPolicy
	// Registered says that URI is a registered contact: a 404 from it means that the phone is gone, `offline`.
	Registered bool
	// Redirection is set if the target is the contact of a 3xx that is followed.
	Redirection *Redirection
	// Registrant is the user whose registered contacts are rung, together or, ByQ, one after the other by descending q; "" = URI is rung. The
	// step is one target to whoever asks how it failed.
	Registrant string
	ByQ        bool
	// Binding is how a registered contact is reached; nil = by its URI.
	Binding *location.Binding
	// EarlyMedia says what the caller is shown of the branch before the answer.
	EarlyMedia EarlyMedia
	// Prack says whether the INVITE offers, or asks for, reliable provisionals (RFC 3262).
	Prack Prack
	// Send181 tells the caller that it is being forwarded when the branch's INVITE goes out (RFC 3261 §21.1.3).
	Send181 bool
	// Headers are set on, or removed from, the branch's INVITE.
	Headers []Header
	// CancelHeaders are set on a CANCEL of the branch with CauseNone.
	CancelHeaders []Header
	// Dialect is whose form of Call-Info a 181 carries: "" = ours, by RFC 3261, or "minisipserver".
	Dialect string
	// MaxDuration ends the call so long after its answer (0 = never).
	MaxDuration time.Duration
	// Params are parameters added to the Request-URI, with their leading semicolon: ";user=phone".
	Params string
	// To is the URI in the To header; "" = the Request-URI, ToKeep = the To that came in.
	To string
	// From is what is changed of the caller's From; nil = nothing. Display is its display name, unquoted, where From has none;
	// nil = as it came in, "" = without one.
	From    *From
	Display *string
	// Clip is the P-Asserted-Identity, set or taken away; nil = as it came in (RFC 3325 §9.1).
	Clip *Header
	// Colp is the P-Asserted-Identity of what comes from the target, as the caller gets it; nil = as it came.
	Colp *Header
	// Trust says whether the target belongs to the trust domain, whatever its network (RFC 3325 §5).
	Trust Trust
	// Privacy are the values, with semicolons between them, by which the caller asks for privacy, beside those of its own: "id;user" (RFC 3323 §4.2).
	Privacy string
	// Codecs are those that offers to the target may have (nil = all).
	Codecs *sdp.Codecs
	// Auth says who meets a challenge, 401 or 407; the zero value: nobody, and it goes out as 403.
	Auth Auth
}

// Auth is who meets the challenges of a target (RFC 3261 §22): the caller, or the leg, with credentials of its own.
type Auth struct {
	// Pass passes 401 and 407 to the caller.
	Pass bool
	// Login is what the leg answers them with; nil = nothing.
	Login *Login
}

// Login are credentials of a leg. Those made of the same option are one.
type Login struct{ User, Password string }

// ToKeep is Target.To for the To that came in.
const ToKeep = "keep"

// From is what a target changes of the caller's From (RFC 3261 §20.20).
type From struct {
	// User is the user part, escaped, and Host the host, with a port if there is one; "" = as it came in.
	User, Host string
	// Display is the display name, unquoted; nil = as it came in, "" = without one.
	Display *string
}

// Reply is a response that the script makes.
type Reply struct {
	// Code is 300 to 699.
	Code int
	// Phrase is the reason phrase; "" = the standard one.
	Phrase string
	// Headers are added to the response.
	Headers []Header
	// Contacts are the targets of a redirect, in order.
	Contacts []Contact
	// Expires is how many seconds the contacts are kept that KindAccept takes, 0 = as long as is asked for.
	Expires uint32
}

// Contact is one entry of a 3xx.
type Contact struct {
	// URI is the contact's URI.
	URI string
	// Key and User are as in Target.
	Key, User string
	// Q is the preference, 0 to 1000 thousandths; 1000 if the contact gave none (RFC 3261 §20.10).
	Q int
	// Mapping is how who redirects has found it, as a history says it: "rc", another address of the same user, "mp", another user, or "" if the contact does not say
	// (RFC 7044 §10.4).
	Mapping string
}

// Redirection is where a target comes from that a 3xx named.
type Redirection struct {
	// By is the branch that the 3xx came to, Mapping as in Contact.
	By      BranchID
	Mapping string
}

// BranchID names one INVITE of a call; the first is 1.
type BranchID int32

// Response is a final response as the call glue keeps it, opaque to the plan.
type Response any

// Step is what a script sees of a step: `branch` of the Lua API. For a group it shows the best failed
// branch. It is valid during the call that it is passed to.
type Step struct {
	// Branch is the INVITE that it is about; 0 if none was sent.
	Branch BranchID
	// Target is nil if the step never had one.
	Target *Target
	// Name is the target's option name; Group that of the group asked, or the innermost named group around.
	Name, Group string
	// Pos is where the script made the step.
	Pos Pos
	// Outcome says how it failed.
	Outcome Outcome
	// Code is the final response's, or the one that counts in its place (480, 408, 500, 503).
	Code   int
	Phrase string
	// Response is nil if none came.
	Response Response
	// Synthetic says that no peer sent Code.
	Synthetic bool
	// Contacts are those of a 3xx, by descending q, equal ones as received.
	Contacts []Contact
	// Elapsed is the time since the INVITE (group: since its start).
	Elapsed time.Duration
	// Rang says that a 101-198 came.
	Rang bool
	// Attempt is 1 for the step as planned and one more for each replacement in its place.
	Attempt int
}
