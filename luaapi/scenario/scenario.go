// Package scenario is a network said in words: calls, what phones do, faults, and what is expected of it. A scenario is
// written as a *.txtar file, run on the real engine in virtual time, and judged.
//
// Parse and Load read one, Run runs it against a compiled script. A Run owns its network, engine and phones and belongs to one
// goroutine; a Scenario does not change once read. Every address is a phone's: a target that no line speaks of is answered by
// Options.Others, so that any script can be tried without its phones. Nothing of SIP lives here; what holds in every call
// is engine/sim.Check.
package scenario

import (
	"net/netip"
	"time"
	_ "time/tzdata" // so that dates are the same on every machine

	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/luaapi"
)

// Scenario is what was read.
type Scenario struct {
	// File is what errors name it by, Title its first comment.
	File, Title string
	// At is the date of the first instant; the zero value = DefaultDate.
	At time.Time
	// Seed decides identifiers and faults if Seeded; else Options.Seed does.
	Seed   uint64
	Seeded bool
	// Script is the path of the script that is tried, from the file's folder; "" = the nearest main.lua from there upwards.
	Script string
	Phones []*Phone
	Calls  []*Call
	Links  []Link
	// Pages are what servers answer to what scripts await.
	Pages []*Page
	// Expects are judged after the run.
	Expects []Expect
	// Files take the place of files of the script, by path.
	Files map[string][]byte
	// Ladders are the golden ladders of the calls, by number from 1; a call without one is not compared.
	Ladders map[int]string
	// LadderLines are the lines of their headings in the file.
	LadderLines map[int]int

	errors     []string       // that lines expect
	scriptLine int            // of `script`
	fileLines  map[string]int // of the headings of Files
}

// DefaultDate is the date of a scenario that says none: a Monday morning.
var DefaultDate = time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC)

// Phone is what is said about a phone.
type Phone struct {
	// Name is the user that targets name, their address, or any name if URI says where it is.
	Name, URI string
	// Answers are what it does with one call after the other; the last one again and again.
	Answers []Answer
	Line    int

	addr netip.AddrPort // of URI
	user string
}

// Answer is what a phone does with a call, as words and as steps.
type Answer struct {
	Words string
	Steps sim.Behaviour
	// Absent says that nothing listens there: what is sent is refused.
	Absent bool
}

// Call is a call that is placed.
type Call struct {
	// From and To are SIP URIs, RequestURI is To's if empty.
	From, To, RequestURI string
	// CallID is its Call-ID; "" = one of its own.
	CallID string
	// Via is where the INVITE comes from; the zero value = an address of its own.
	Via netip.AddrPort
	// After is when it is placed, since the start; Cancel how long after its INVITE the caller gives up, Hangup how long after the answer it
	// ends the call, Vanish how long after the INVITE it is gone from the network; nil = never.
	After          time.Duration
	Cancel, Hangup *time.Duration
	Vanish         *time.Duration
	Headers        []sim.Header
	// User and Password are what the caller says to challenges; "" = the user that From names, and the password that he has.
	User, Password string
	Line           int
}

// Link is what is said about what goes to and comes from a phone; Phone "" = all.
type Link struct {
	Phone  string
	Faults sim.Faults
	Line   int
}

// Expect is an expectation; Text is how it was written.
type Expect struct {
	Line int
	Text string
	hold func(r *Run) *Miss
}

// Miss says why an expectation does not hold.
type Miss struct{ Got, Want string }

func (s *Scenario) fail(line int, format string, args ...any) error {
	return &luaapi.Error{Pos: plan.Pos{File: s.File, Line: line}, Message: sprintf(format, args...)}
}

// phone returns what is said about a phone by its name, nil if nothing is.
func (s *Scenario) phone(name string) *Phone {
	for _, p := range s.Phones {
		if p.Name == name {
			return p
		}
	}
	return nil
}
