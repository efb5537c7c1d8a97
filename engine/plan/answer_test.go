package plan

import "testing"

// "A 2xx wins", and the caller's CANCEL.

// "A 2xx wins whenever there is no winner and the caller has not cancelled … everything else is then cancelled
// with Reason: SIP;cause=200": what runs gets CANCEL, what waits is dropped. RFC 3261 §16.7 step 10.
func TestAnswerWins(t *testing.T) {
	r := start(t, serial(parallel(to("a"), to("b"), to("c", delay(5))), to("d"))).at(2).ringing("b")
	if r.e.Pending() != 2 {
		t.Errorf("pending %d", r.e.Pending())
	}
	r.at(3).answer("b").at(500).want("0 invite a", "0 invite b", "3 answer b", "3 cancel a elsewhere")
	if _, ok := r.e.Deadline(); ok || !r.e.Done() || r.e.Pending() != 0 {
		t.Errorf("deadline %v, done %v, pending %d", ok, r.e.Done(), r.e.Pending())
	}
	s := r.e.Branch(2)
	if s.Code != 200 || s.Phrase != "OK" || s.Response != "b" || s.Elapsed != sec(3) || s.Outcome != NoOutcome {
		t.Errorf("winner %+v", s)
	}
	a := start(t, to("a", line(4))).answer("a").raw[0]
	if a.Branch != 1 || a.Code != 200 || a.Response != "a" || a.Pos.Line != 4 {
		t.Errorf("action %+v", a)
	}
}

// "even from a branch already cancelled for ring-out or replaced".
func TestLateAnswerOfABranchGivenUpWins(t *testing.T) {
	r := start(t, serial(to("a", ring(5)), to("b", ring(5)), to("c"))).at(10).answer("a")
	// b was given up without a Reason; should its CANCEL still wait for a provisional, it gets this one.
	r.want("0 invite a", "5 cancel a", "5 invite b", "10 cancel b", "10 invite c",
		"10 answer a", "10 cancel b elsewhere", "10 cancel c elsewhere")
	if s := r.e.Branch(1); s.Outcome != NoOutcome || s.Synthetic {
		t.Errorf("winner %+v", s)
	}
	start(t, parallel(to("a", ring(5), on(Timeout, to("x"))))).at(6).answer("a").
		want("0 invite a", "5 cancel a", "5 invite x", "6 answer a", "6 cancel x elsewhere")
	// The 487 has come: that branch is over and gets nothing.
	start(t, serial(to("a", ring(5)), to("b"))).at(5).final("a", 487).answer("b").
		want("0 invite a", "5 cancel a", "5 invite b", "5 answer b")
}

// A 2xx of a downstream fork behind its 486 wins as well.
func TestAnswerBehindAFinalResponse(t *testing.T) {
	start(t, serial(to("a"), to("b"))).final("a", 486).answer("a").
		want("0 invite a", "0 invite b", "0 answer a", "0 cancel b elsewhere")
}

// "ACK and BYE (same Reason) only for a 2xx after a winner or after the caller's CANCEL."
func TestAnswerAfterAWinnerIsReleased(t *testing.T) {
	r := start(t, parallel(to("a"), to("b"))).answer("a").answer("b").
		want("0 invite a", "0 invite b", "0 answer a", "0 cancel b elsewhere", "0 release b elsewhere")
	// A second 2xx of the winning branch with another To tag; what the losers say after that is nothing.
	r.answer("a").final("b", 487).
		want("0 invite a", "0 invite b", "0 answer a", "0 cancel b elsewhere", "0 release b elsewhere", "0 release a elsewhere")
}

// The caller's CANCEL: everything that runs gets it, nothing is asked, the 487 is not the plan's.
// "cause=200 goes only to losers of an answered call, or when the caller's own CANCEL carried it."
// RFC 3261 §16.10.
func TestCallerCancels(t *testing.T) {
	r := start(t, serial(parallel(to("a"), to("b"), to("z", ring(1)), to("c", delay(5))), to("d"))).at(2)
	r.cancel().cancel().answer("a").answer("z").final("b", 487).at(300).asked().want(
		"0 invite a", "0 invite b", "0 invite z", "1 cancel z",
		"2 cancel a caller", "2 cancel b caller", "2 release a caller", "2 release z caller",
	)
	if !r.e.Done() || r.e.Pending() != 0 || len(r.asks) != 0 {
		t.Errorf("done %v, pending %d, asked %q", r.e.Done(), r.e.Pending(), r.asks)
	}
	// After the answer it is too late (RFC 3261 §9.2).
	start(t, to("a")).answer("a").cancel().want("0 invite a", "0 answer a")
	// Before the plan: it never starts.
	newRig(t, Limits{}).cancel().start(to("a")).want()
}

// RFC 3261 §16.7 step 5: no final response after another; a 2xx that comes then is let go.
func TestAnswerAfterTheFinalResponseIsReleased(t *testing.T) {
	start(t, to("a", ring(5))).at(5).answer("a").want("0 invite a", "5 cancel a", "5 respond 480", "5 release a")
	start(t, to("a", ring(5))).at(5).cancel().answer("a").want("0 invite a", "5 cancel a", "5 respond 480", "5 release a")
}

// Late responses of branches that were given up fire no edge and do not count.
func TestLateFinalOfABranchGivenUp(t *testing.T) {
	edges := []option{on(Busy, to("x")), on(Failed, to("x"))}
	r := start(t, serial(to("a", append(edges, ring(5))...), to("b"))).at(5).ringing("a").final("a", 486)
	r.final("a", 486).at(6).final("b", 404).asked("5 timeout a 480", "6 failed b 404").
		want("0 invite a", "5 cancel a", "5 invite b", "6 respond 480")
	r = start(t, parallel(to("a"), to("b"))).final("a", 603).final("b", 604)
	r.want("0 invite a", "0 invite b", "0 cancel b", "0 respond 603 of a")
}

// What makes no sense changes nothing.
func TestEventsThatDoNothing(t *testing.T) {
	r := start(t, serial(to("a"), to("b")))
	for _, ev := range []Event{
		{Kind: EventAnswer, Branch: 0},
		{Kind: EventAnswer, Branch: 2},
		{Kind: EventFinal, Branch: -1, Code: 486},
		{Kind: EventFinal, Branch: 1, Code: 200},
		{Kind: EventFinal, Branch: 1, Code: 700},
		{Kind: EventProvisional, Branch: 1, Code: 100},
		{Kind: EventTick},
	} {
		if acts := r.e.Step(1, ev); len(acts) != 0 {
			t.Errorf("%+v: %+v", ev, acts)
		}
	}
	if r.e.Branch(0) != nil || r.e.Branch(2) != nil || r.e.Pending() != 1 {
		t.Error("branches that are not there")
	}
	r.final("a", 486).final("a", 486).event("a", Event{Kind: EventTimeout}).asked("0 busy a 486").
		want("0 invite a", "0 invite b")
}
