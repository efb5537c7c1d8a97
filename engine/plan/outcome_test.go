package plan

import (
	"fmt"
	"testing"
)

// Section "Outcomes".

func TestOutcomeOfFinalResponse(t *testing.T) {
	cases := []struct {
		name         string
		code         int
		silent, rang Outcome
	}{
		{"486, 600: busy", 486, Busy, Busy},
		{"486, 600: busy", 600, Busy, Busy},
		{"403, 603, 606, 607, 608: rejected", 403, Rejected, Rejected},
		{"403, 603, 606, 607, 608: rejected", 603, Rejected, Rejected},
		{"403, 603, 606, 607, 608: rejected", 606, Rejected, Rejected},
		{"403, 603, 606, 607, 608: rejected", 607, Rejected, Rejected},
		{"403, 603, 606, 607, 608: rejected", 608, Rejected, Rejected},
		{"480: no_answer if it rang, else offline", 480, Offline, NoAnswer},
		{"487 that we did not ask for: no_answer if it rang, else failed", 487, Failed, NoAnswer},
		{"Timer B, or a 408: the same test", 408, Timeout, NoAnswer},
		{"offline: 410", 410, Offline, Offline},
		{"offline: 430", 430, Offline, Offline},
		{"404 not from a registered contact", 404, Failed, Failed},
		{"everything else: failed", 400, Failed, Failed},
		{"everything else: failed", 401, Failed, Failed},
		{"everything else: failed", 488, Failed, Failed},
		{"everything else: failed", 500, Failed, Failed},
		{"everything else: failed", 503, Failed, Failed},
		{"everything else: failed", 604, Failed, Failed},
		{"everything else: failed", 699, Failed, Failed},
	}
	for _, c := range cases {
		for _, rang := range []bool{false, true} {
			r := start(t, to("100", sixBranch))
			want := c.silent
			if rang {
				r.ringing("100")
				want = c.rang
			}
			r.final("100", c.code)
			s := r.e.Branch(1)
			if s.Outcome != want || s.Code != c.code || s.Synthetic || s.Rang != rang {
				t.Errorf("%s: %d, rang %v: got %+v, want %v", c.name, c.code, rang, s, want)
			}
			ask := fmt.Sprintf("0 %v 100 %d", want, c.code)
			if got := r.asks[len(r.asks)-2]; got != ask {
				t.Errorf("%s: asked %q, want %q", c.name, got, ask)
			}
		}
	}
}

// "offline: … 404 from a registered contact".
func TestOutcome404FromRegisteredContact(t *testing.T) {
	start(t, to("100", registered)).final("100", 404).asked("0 offline 100 404").want("0 invite 100", "0 respond 404 of 100")
}

// "Timer B, or a 408: the same test." "nothing back as 408".
func TestOutcomeTimerB(t *testing.T) {
	start(t, to("100")).at(32).event("100", Event{Kind: EventTimeout}).
		asked("32 timeout 100 408").want("0 invite 100", "32 respond 408")
	r := start(t, to("100")).ringing("100").at(32).event("100", Event{Kind: EventTimeout}).
		asked("0 ringing 100 0", "32 no_answer 100 408")
	if !r.last.Synthetic || r.last.Response != nil || r.last.Elapsed != sec(32) {
		t.Errorf("step %+v", r.last)
	}
}

// "no right: denied; no slot: limited. Transport error: failed, code 503, branch.synthetic = true."
// "offline: no binding … the flow of a registered contact is gone".
func TestOutcomeWithoutResponse(t *testing.T) {
	cases := []struct {
		kind    EventKind
		asked   string
		respond string
	}{
		{EventDenied, "0 denied 100 403", "0 respond 403"},
		{EventLimited, "0 limited 100 480", "0 respond 480"},
		{EventTransportError, "0 failed 100 503", "0 respond 500"},
		{EventOffline, "0 offline 100 480", "0 respond 480"},
	}
	for _, c := range cases {
		r := start(t, to("100")).event("100", Event{Kind: c.kind}).asked(c.asked).want("0 invite 100", c.respond)
		if !r.e.Branch(1).Synthetic {
			t.Errorf("%s is not synthetic", c.asked)
		}
	}
}

// "ring time over: no_answer if it rang, else timeout".
func TestOutcomeRingTimeOver(t *testing.T) {
	r := start(t, to("100", delay(5), ring(20))).at(25).asked("25 timeout 100 480")
	if s := r.last; !s.Synthetic || s.Elapsed != sec(20) || s.Response != nil {
		t.Errorf("step %+v", s)
	}
	start(t, to("100", ring(20))).at(1).ringing("100").at(20).asked("1 ringing 100 0", "20 no_answer 100 480")
}

// "rang = any 101-198 came (183 counts)."
func TestRang(t *testing.T) {
	for code, want := range map[int]bool{100: false, 101: true, 180: true, 183: true, 198: true, 199: false} {
		r := start(t, to("100")).event("100", Event{Kind: EventProvisional, Code: code})
		if got := r.e.Branch(1).Rang; got != want {
			t.Errorf("%d: rang = %v", code, got)
		}
	}
}

// "ringing: first 101-198 of a target" — "per target wherever it stands".
func TestRingingIsToldOncePerTarget(t *testing.T) {
	r := start(t, parallel(to("100"), serial(to("200")))).at(1).ringing("200").ringing("100")
	r.at(2).ringing("200").event("100", Event{Kind: EventProvisional, Code: 183}).
		asked("1 ringing 200 0", "1 ringing 100 0")
	if r.last.Elapsed != sec(1) || !r.last.Rang {
		t.Errorf("step %+v", r.last)
	}
}

// "6xx first asks the branch's own on; a plan from there is used."
func Test6xxAsksOwnEdgeFirst(t *testing.T) {
	start(t, parallel(to("100", on(Rejected, to("vm"))), to("200"))).final("100", 603).
		asked().want("0 invite 100", "0 invite 200", "0 invite vm")
}

// "Otherwise option on_6xx = stop (default: cancel what is pending, the plan ends, exhausted)".
// RFC 3261 §16.7 step 5, §16.7 step 10.
func Test6xxStops(t *testing.T) {
	nothing := deferred(func(*Step) *Node { return nil })
	for _, edge := range []option{on(Busy, to("vm")), on(Rejected, nothing)} {
		r := newRig(t, Limits{})
		r.on[Rejected] = func(*Step) *Node { return to("300") }
		r.start(serial(parallel(to("100", edge), to("200"), to("201", delay(5))), to("300"))).ringing("200").at(1)
		r.final("100", 603).want("0 invite 100", "0 invite 200", "1 cancel 200", "1 respond 603 of 100")
		if got := r.asks[len(r.asks)-1]; got != "1 exhausted 1 100 603" {
			t.Errorf("last asked %q", got)
		}
	}
}

// The plan that `exhausted` gives after a 6xx runs.
func Test6xxThenExhausted(t *testing.T) {
	r := newRig(t, Limits{})
	r.onExhaust = func(*Step, int) *Node { return to("vm") }
	r.start(parallel(to("100"), to("200"), to("300", delay(9)))).final("100", 600).at(20)
	r.onExhaust = nil
	r.final("vm", 486).want("0 invite 100", "0 invite 200", "0 cancel 200", "0 invite vm", "20 respond 600 of 100")
	if r.e.Round() != 2 {
		t.Errorf("round %d", r.e.Round())
	}
}

// "or branch (counts as that branch's failure …)". Its edges and handler are asked like any other's, once.
func Test6xxBranch(t *testing.T) {
	start(t, parallel(to("100", sixBranch), to("200"))).final("100", 603).at(1).final("200", 486).
		asked("1 rejected 100 603").want("0 invite 100", "0 invite 200", "1 respond 603 of 100")
	start(t, serial(to("100", sixBranch), to("200"))).final("100", 600).
		asked("0 busy 100 600").want("0 invite 100", "0 invite 200")
	start(t, serial(to("100", sixBranch, on(Busy, deferred(func(*Step) *Node { return nil }))), to("200"))).
		final("100", 600).asked("0 edge busy 100 600").want("0 invite 100", "0 invite 200")
	start(t, serial(to("100"), to("200")).with(each(Each{Target: Target{On6xx: SixBranch}}))).final("100", 600).
		want("0 invite 100", "0 invite 200")
}

func TestOutcomeNames(t *testing.T) {
	for o := Busy; o < NumOutcomes; o++ {
		if got, ok := OutcomeNamed(o.String()); !ok || got != o {
			t.Errorf("OutcomeNamed(%q) = %v, %v", o, got, ok)
		}
	}
	if o, ok := OutcomeNamed("engaged"); ok || o != NoOutcome {
		t.Errorf("OutcomeNamed(engaged) = %v, %v", o, ok)
	}
	if got := Outcome(99).String(); got != "outcome(99)" {
		t.Errorf("got %q", got)
	}
}
