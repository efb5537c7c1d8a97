package plan

import (
	"fmt"
	"testing"
)

// "Bounds: 10 replacements in one place, 64 INVITEd branches and 256 plan nodes per call, exhausted 3 times. Past
// them: logged, best response sent."

func (r *rig) bounded(t *testing.T, what string, place int) {
	t.Helper()
	if got := r.asks[len(r.asks)-1]; got != r.secs()+" bound "+what || r.boundPlace.Line != place {
		t.Errorf("asked %q at %v", got, r.boundPlace)
	}
	if _, ok := r.e.Deadline(); ok || !r.e.Done() || r.e.Pending() != 0 {
		t.Error("the plan goes on")
	}
}

func TestBoundReplacements(t *testing.T) {
	r := newRig(t, Limits{})
	r.on[Busy] = func(s *Step) *Node { return to("a", line(s.Attempt)) }
	r.start(to("a"))
	for range 10 {
		r.final("a", 486)
	}
	if n := len(r.e.branches); n != 11 || r.e.Done() {
		t.Errorf("%d branches, done %v", n, r.e.Done())
	}
	r.final("a", 486).bounded(t, "10 replacements in one place", 11)
	if got := r.acts[len(r.acts)-1]; got != "0 respond 486 of a" {
		t.Errorf("got %q", got)
	}
	// In one place: two places have ten each.
	plan := to("x")
	plan.with(on(Busy, deferred(func(s *Step) *Node { return map[bool]*Node{true: plan}[s.Attempt <= 10] })))
	r = start(t, serial(plan, plan))
	for range 22 {
		r.final("x", 486)
	}
	if n := len(r.e.branches); n != 22 || !r.e.Done() {
		t.Errorf("%d branches, done %v", n, r.e.Done())
	}
}

func TestBoundBranches(t *testing.T) {
	group := parallel()
	for i := range 65 {
		group.Members = append(group.Members, to(fmt.Sprint(i), line(i)))
	}
	r := start(t, group)
	if len(r.acts) != 64+64+1 || r.acts[128] != "0 respond 480" || r.acts[64] != "0 cancel 0" {
		t.Errorf("did %q", r.acts[64:])
	}
	r.bounded(t, "64 branches in one call", 64)
	// INVITEd ones: a plan may have more targets than that.
	group.Members[64] = to("0")
	if r = start(t, group); len(r.acts) != 64 {
		t.Errorf("did %q", r.acts)
	}
}

func TestBoundNodes(t *testing.T) {
	group := serial()
	for i := range 254 {
		group.Members = append(group.Members, to(fmt.Sprint(i)))
	}
	group.Members[0].with(on(Busy, to("x")), on(Failed, serial(to("y")).with(line(7))))
	group.Members[1].with(on(Busy, to("z", line(8))))
	start(t, group).final("0", 486).want("0 invite 0", "0 invite x") // the 256th
	start(t, group).final("0", 486).final("x", 403).final("1", 486).bounded(t, "256 plan nodes in one call", 8)
	start(t, group).final("0", 404).want("0 invite 0", "0 respond 404 of 0")
	group.Members = append(group.Members, deferred(gives(to("w"))), to("v", line(9)))
	start(t, group).want("0 respond 480").bounded(t, "256 plan nodes in one call", 9)
	// Functions that return functions end here, too.
	var f *Node
	f = deferred(func(*Step) *Node { return f })
	r := start(t, serial(to("a"), parallel(to("b"), f))).final("a", 486)
	r.bounded(t, "256 plan nodes in one call", 0)
	r.want("0 invite a", "0 invite b", "0 cancel b", "0 respond 486 of a")
}

func TestBoundRounds(t *testing.T) {
	r := newRig(t, Limits{})
	r.onExhaust = func(*Step, int) *Node { return to("a") }
	r.start(to("a"))
	for range 4 {
		r.final("a", 486)
	}
	r.bounded(t, "exhausted asked 3 times", 0)
	r.want("0 invite a", "0 invite a", "0 invite a", "0 invite a", "0 respond 486 of a")
	if r.e.Round() != 3 {
		t.Errorf("round %d", r.e.Round())
	}
	// A plan that fails at once comes to the bound at once.
	r = newRig(t, Limits{Rounds: 2})
	r.onExhaust = func(*Step, int) *Node { return parallel() }
	r.start(serial()).want("0 respond 480").bounded(t, "exhausted asked 2 times", 0)
}

func TestLimitsDefault(t *testing.T) {
	if got := (Limits{}).orDefault(); got != DefaultLimits {
		t.Errorf("got %+v", got)
	}
	own := Limits{1, 2, 3, 4, 5, 6}
	if got := own.orDefault(); got != own {
		t.Errorf("got %+v", got)
	}
	for breadth, want := range map[int]int{-1: 0, 0: 0, 1: 1, 65535: 65535, 65536: 65535} {
		if got := (Limits{Breadth: breadth}).orDefault().Breadth; got != want {
			t.Errorf("breadth %d became %d, want %d", breadth, got, want)
		}
	}
}
