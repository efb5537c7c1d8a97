package plan

import (
	"fmt"
	"testing"
)

// "Best response".

// "6xx first, else the lowest class; inside 4xx: 415, 420, 484, then 486, 480, other 4xx, 408 last."
// RFC 3261 §16.7 step 6. Whichever comes first, the better one goes out.
func TestBestResponseOrder(t *testing.T) {
	order := []int{603, 302, 415, 420, 484, 486, 480, 404, 408, 500}
	for i, better := range order {
		for _, worse := range order[i+1:] {
			for _, codes := range [][2]int{{better, worse}, {worse, better}} {
				r := start(t, parallel(to("a", sixBranch, passes), to("b", sixBranch, passes)))
				r.final("a", codes[0]).final("b", codes[1])
				who := map[bool]string{true: "a", false: "b"}[codes[0] == better]
				if want := fmt.Sprintf("0 respond %d of %s", better, who); r.acts[2] != want {
					t.Errorf("%v: %s, want %s", codes, r.acts[2], want)
				}
			}
		}
	}
}

// Equal ones: the first received. It goes out with its phrase and response.
func TestBestResponseOfEqualOnes(t *testing.T) {
	r := start(t, parallel(to("a"), to("b"), to("c"))).final("b", 404).final("a", 488).final("c", 501).
		want("0 invite a", "0 invite b", "0 invite c", "0 respond 404 of b")
	if a := r.raw[0]; a.Phrase != "Phrase" || a.Response != "b" || a.Branch != 2 {
		t.Errorf("action %+v", a)
	}
	start(t, parallel(to("a", sixBranch), to("b", sixBranch))).final("b", 607).final("a", 600).
		want("0 invite a", "0 invite b", "0 respond 607 of b")
}

// "ring-out counts as 480, nothing back as 408, transport error as 500; 487s to our own CANCELs … do not count."
func TestBestResponseOfSyntheticOnes(t *testing.T) {
	lost := Event{Kind: EventTransportError}
	silent := Event{Kind: EventTimeout}
	// busy + ring-out is not 408
	start(t, parallel(to("a"), to("b", ring(5)))).final("a", 486).at(5).
		want("0 invite a", "0 invite b", "5 cancel b", "5 respond 486 of a")
	start(t, parallel(to("a"), to("b", ring(5)))).final("a", 404).at(5).
		want("0 invite a", "0 invite b", "5 cancel b", "5 respond 480")
	start(t, parallel(to("a"), to("b", ring(5)))).event("a", silent).at(5).final("b", 487).
		want("0 invite a", "0 invite b", "5 cancel b", "5 respond 480")
	start(t, parallel(to("a"), to("b"))).event("a", lost).event("b", silent).
		want("0 invite a", "0 invite b", "0 respond 408")
	start(t, parallel(to("a"), to("b"))).event("a", lost).final("b", 488).
		want("0 invite a", "0 invite b", "0 respond 488 of b")
	// 487 that nobody asked for
	start(t, to("a")).final("a", 487).want("0 invite a", "0 respond 487 of a")
	// Branches cancelled because the plan ends count for nothing.
	start(t, parallel(to("a", on(Busy, reject(404))), to("b"))).final("a", 486).
		want("0 invite a", "0 invite b", "0 cancel b", "0 respond 404 reply")
}

// RFC 3261 §16.7 step 6: 503 is not passed on; 500 instead. The script sees 503.
func TestBestResponse503LeavesAs500(t *testing.T) {
	r := start(t, to("a")).final("a", 503).want("0 invite a", "0 respond 500")
	if r.raw[0].Phrase != "" || r.best.Code != 503 || r.best.Response != "a" {
		t.Errorf("action %+v, best %+v", r.raw[0], r.best)
	}
	start(t, parallel(to("a"), to("b"))).final("a", 503).final("b", 500).want("0 invite a", "0 invite b", "0 respond 500")
}

// "401/407 only with auth = pass"; else 403.
func TestBestResponseChallenges(t *testing.T) {
	for _, code := range []int{401, 407} {
		start(t, to("a")).final("a", code).want("0 invite a", "0 respond 403")
		start(t, to("a", passAuth)).final("a", code).want("0 invite a", fmt.Sprintf("0 respond %d of a", code))
		start(t, parallel(to("a"), to("b"))).final("a", code).final("b", 404).want("0 invite a", "0 invite b", "0 respond 403")
		start(t, parallel(to("a"), to("b"))).final("a", code).final("b", 486).want("0 invite a", "0 invite b", "0 respond 486 of b")
	}
}

// "A code given by plan.reject goes out as given." Wherever it is reached it ends the call: what runs is
// cancelled without a Reason, what waits is dropped, exhausted is not asked.
func TestRejectGoesOutAsGiven(t *testing.T) {
	start(t, reject(503)).want("0 respond 503 reply")
	start(t, serial(to("a"), reject(408))).final("a", 486).want("0 invite a", "0 respond 408 reply")
	r := start(t, parallel(to("a"), parallel(to("b"), to("d", delay(9))), reject(401).with(delay(5)), to("c", delay(8)))).
		at(99).want("0 invite a", "0 invite b", "5 cancel a", "5 cancel b", "5 respond 401 reply")
	if a := r.e; !a.Done() || len(r.asks) != 0 {
		t.Errorf("asked %q", r.asks)
	}
	start(t, parallel(to("a"), reject(404), to("b"))).want("0 invite a", "0 cancel a", "0 respond 404 reply")
	start(t, parallel(reject(404).with(delay(1)), to("b", delay(1)))).want("0 respond 404 reply")
	start(t, deferred(gives(reject(410)))).want("0 respond 410 reply")

	moved := &Node{Kind: KindRedirect, Reply: &Reply{Code: 302, Contacts: []Contact{contact("x", 1000)}}}
	r = newRig(t, Limits{})
	r.on[Busy] = gives(moved)
	r.start(to("a")).final("a", 486).want("0 invite a", "0 respond 302 reply")
	if r.raw[0].Reply != moved.Reply {
		t.Errorf("reply %+v", r.raw[0].Reply)
	}
	r = newRig(t, Limits{})
	r.onExhaust = func(*Step, int) *Node { return reject(600) }
	r.start(to("a")).final("a", 486).want("0 invite a", "0 respond 600 reply")
	if a := r.raw[0]; a.Phrase != "As Given" || a.Reply.Code != 600 {
		t.Errorf("action %+v", a)
	}
}

// A new call: "invite … a decision (nil = 404)".
func TestNoDecisionIs404(t *testing.T) {
	r := start(t, nil).want("0 respond 404")
	if _, ok := r.e.Deadline(); ok || !r.e.Done() || len(r.asks) != 0 || r.e.Best() != nil {
		t.Errorf("asked %q", r.asks)
	}
}

// "exhausted: the whole plan ended without an answer; call.best is the best response, call.round counts; may
// return a decision, or nil = send the best response."
func TestExhausted(t *testing.T) {
	r := newRig(t, Limits{})
	r.onExhaust = func(best *Step, round int) *Node {
		return map[int]*Node{1: deferred(gives(parallel(to("x"), to("y", delay(2))))), 2: to("z")}[round]
	}
	r.start(serial(to("a"), to("b"))).final("a", 486).at(1)
	if r.e.Round() != 0 || r.e.Best().Code != 486 {
		t.Errorf("round %d, best %+v", r.e.Round(), r.e.Best())
	}
	r.final("b", 404).at(3).final("x", 480).final("y", 403).at(4).final("z", 500)
	r.want("0 invite a", "0 invite b", "1 invite x", "3 invite y", "3 invite z", "4 respond 486 of a")
	if r.e.Round() != 3 || r.best.Code != 486 || r.best.Response != "a" {
		t.Errorf("round %d, best %+v", r.e.Round(), r.best)
	}
}

// When nothing counts the best response is 480, and `exhausted` sees a step that nobody stands behind.
func TestExhaustedWithoutAnyResponse(t *testing.T) {
	r := start(t, to("a")).final("a", 302).want("0 invite a", "0 respond 480")
	if s := r.best; s.Code != 480 || !s.Synthetic || s.Target != nil || s.Branch != 0 || r.e.Best() != nil {
		t.Errorf("best %+v", s)
	}
}
