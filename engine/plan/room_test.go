package plan

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tandem/engine/location"
)

// RFC 5393 §5.3: Max-Breadth.

// within runs a plan whose branches have a breadth together.
func within(t testing.TB, breadth int, n *Node) *rig {
	return newRig(t, Limits{Breadth: breadth}).start(n)
}

// shares returns what the INVITEs so far carried: "a:30 b:30".
func (r *rig) shares() string {
	var all []string
	for i := range r.e.branches {
		s := &r.e.results[r.e.branches[i]]
		all = append(all, fmt.Sprintf("%s:%d", s.step.Target.User, r.e.nodes[s.node].share))
	}
	return strings.Join(all, " ")
}

func TestLeaves(t *testing.T) {
	cases := []struct {
		name string
		plan *Node
		want int
	}{
		{"target", to("a"), 1},
		{"function", deferred(noPlan), 1},
		{"serial", serial(to("a"), to("b"), to("c")), 1},
		{"parallel", parallel(to("a"), to("b", delay(5)), to("c")), 3},
		{"parallel in serial", serial(to("a"), parallel(to("b"), to("c")), to("d")), 2},
		{"serial in parallel", parallel(serial(to("a"), to("b")), to("c"), parallel(to("d"), to("e"))), 4},
		{"edges come up in the place of what failed", parallel(to("a", on(Busy, parallel(to("b"), to("c"))))), 1},
		{"replies ring nobody", parallel(reject(603), &Node{Kind: KindRedirect}, &Node{Kind: KindFollow}), 0},
		{"empty", serial(), 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.plan.Leaves(); got != c.want {
				t.Errorf("%s has %d leaves, want %d", c.plan, got, c.want)
			}
		})
	}
}

func TestSharesOfTheBreadth(t *testing.T) {
	cases := []struct {
		name    string
		plan    *Node
		breadth int
		want    string
	}{
		{"no limit", parallel(to("a"), to("b")), 0, "a:0 b:0"},
		{"one target has it all", to("a"), 60, "a:60"},
		{"two", parallel(to("a"), to("b")), 60, "a:30 b:30"},
		{"rounded down", parallel(to("a"), to("b"), to("c")), 10, "a:3 b:3 c:3"},
		{"one each", parallel(to("a"), to("b"), to("c")), 3, "a:1 b:1 c:1"},
		{"never none", parallel(to("a"), to("b"), to("c"), to("d")), 3, "a:1 b:1 c:1"},
		{"those that wait have their part", parallel(to("a"), to("b", delay(5))), 60, "a:30"},
		{"a group has the part of its leaves", parallel(serial(to("a"), parallel(to("x"), to("y"))), to("b")), 60, "a:40 b:20"},
		{"parallel in parallel", parallel(parallel(to("a"), to("b")), to("c")), 60, "a:20 b:20 c:20"},
		{"functions have one", parallel(deferred(gives(parallel(to("a"), to("b")))), to("c")), 60, "a:15 b:15 c:30"},
		{"what replaces an empty group has one", parallel(serial().with(on(Failed, to("x"))), to("c"), to("d")), 60, "x:20 c:20 d:20"},
		{"more than there can be", to("a"), 1 << 20, "a:65535"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := within(t, c.breadth, c.plan)
			if got := r.shares(); got != c.want {
				t.Errorf("%s of %d: %s, want %s", c.plan, c.breadth, got, c.want)
			}
			for _, a := range r.raw {
				if want := r.e.nodes[r.e.results[r.e.branches[a.Branch-1]].node].share; a.Kind == ActInvite && a.Breadth != want {
					t.Errorf("INVITE of %s carries %d, want %d", a.Target.User, a.Breadth, want)
				}
			}
		})
	}
}

// What stands in the place of a step has the step's part: what runs beside it keeps its own.
func TestReplacementInheritsTheShare(t *testing.T) {
	three := parallel(to("x"), to("y"), to("z"))
	r := within(t, 60, parallel(to("a", on(Busy, three)), to("b"))).final("a", 486)
	if got, want := r.shares(), "a:30 b:30 x:10 y:10 z:10"; got != want {
		t.Errorf("shares %s, want %s", got, want)
	}
	// One after the other each has it all (§5.2, Sequential Forking).
	r = within(t, 60, serial(to("a"), to("b", follows))).final("a", 486).final("b", 302, contact("c", 1000), contact("d", 1000))
	if got, want := r.shares(), "a:60 b:60 c:30 d:30"; got != want {
		t.Errorf("shares %s, want %s", got, want)
	}
	// A new round has the whole breadth.
	r = newRig(t, Limits{Breadth: 60})
	r.onExhaust = func(*Step, int) *Node { return three }
	r.start(parallel(to("a"), to("b"))).final("a", 486).final("b", 486)
	if got, want := r.shares(), "a:30 b:30 x:20 y:20 z:20"; got != want {
		t.Errorf("shares %s, want %s", got, want)
	}
}

// Where rounding up to 1 took more than the part of a place, a later step has what is left.
func TestShareIsWhatIsLeft(t *testing.T) {
	six := parallel(to("1"), to("2"), to("3"), to("4"), to("5"), to("6"))
	r := within(t, 8, parallel(to("a", on(Busy, six)), to("b", delay(5)))).final("a", 486).at(5)
	if got, want := r.shares(), "a:4 1:1 2:1 3:1 4:1 5:1 6:1 b:2"; got != want {
		t.Errorf("shares %s, want %s", got, want)
	}
}

// §5.5: "may parallel fork to 4 of these targets initially … If one of these transactions completes with a failure response, …
// allowing the proxy to forward to one of the 4 remaining targets".
func TestTargetsWaitForRoom(t *testing.T) {
	r := within(t, 2, parallel(to("a"), to("b"), to("c"), to("d"))).want("0 invite a", "0 invite b")
	if r.e.Pending() != 2 || r.e.Waiting() != 2 {
		t.Errorf("%d run and %d wait, want 2 and 2", r.e.Pending(), r.e.Waiting())
	}
	r.at(3).final("b", 486).want("0 invite a", "0 invite b", "3 invite c")
	r.at(4).event("c", Event{Kind: EventTransportError}).final("a", 486).final("d", 404).
		want("0 invite a", "0 invite b", "3 invite c", "4 invite d", "4 respond 486 of b").asked("4 busy b 486")
	if r.e.Waiting() != 0 {
		t.Errorf("%d wait at the end", r.e.Waiting())
	}
	// Several at once, when what held them all back has gone.
	r = within(t, 60, parallel(to("a", on(Busy, parallel(to("x"), to("y"))), ring(9)), to("b")))
	r.e.limits.Breadth = 1
	r.final("a", 486).want("0 invite a", "0 invite b")
	r.e.limits.Breadth = 60
	r.final("b", 486).want("0 invite a", "0 invite b", "0 invite x", "0 invite y")
}

// What waits has not rung: its clock starts at its INVITE, those around it run on.
func TestRingOfWhatWaitsForRoom(t *testing.T) {
	r := within(t, 1, parallel(to("a", ring(5)), to("b", ring(5))).with(ring(20))).at(5).final("a", 487).at(30)
	r.want("0 invite a", "5 cancel a", "5 invite b", "10 cancel b", "10 respond 480")
	r = within(t, 1, serial(parallel(to("a"), to("b", on(Timeout, to("x")))).with(ring(20), name("g")), to("c"))).at(20)
	r.asked("20 timeout a 480").want("0 invite a", "20 cancel a")
	if r.e.Waiting() != 1 {
		t.Errorf("%d wait, want c alone", r.e.Waiting())
	}
	r.final("a", 487).want("0 invite a", "20 cancel a", "20 invite c")
	// A group in which nobody rang.
	r = within(t, 1, parallel(to("a"), parallel(to("b"), to("c")).with(ring(8), on(Timeout, to("x"))))).at(8)
	r.want("0 invite a").final("a", 486).want("0 invite a", "8 invite x")
	// Elapsed counts from the INVITE.
	r = within(t, 1, parallel(to("a"), to("b"))).at(7).final("a", 486).at(9).ringing("b")
	if got := r.last.Elapsed; got != sec(2) {
		t.Errorf("rang after %v, want 2 s", got)
	}
}

// Its turn has come: a group does not take it for one that waits for its delay, nor for nothing.
func TestWhatWaitsForRoomCountsAsRunning(t *testing.T) {
	plan := parallel(to("a", ring(5)), to("b"), to("c", delay(20)), to("d", delay(1)))
	within(t, 1, plan).at(5).want("0 invite a", "5 cancel a").
		at(6).final("a", 487).want("0 invite a", "5 cancel a", "6 invite b").
		at(21).final("b", 486).final("c", 486).want("0 invite a", "5 cancel a", "6 invite b", "21 invite c", "21 invite d")
	within(t, 1, serial(parallel(to("a", ring(5)), to("b")).with(on(Busy, to("x"))), to("y"))).at(6).
		want("0 invite a", "5 cancel a").final("a", 487).final("b", 486).
		want("0 invite a", "5 cancel a", "6 invite b", "6 invite x")
}

// §5.4.1: "Sending a CANCEL in no way affects the Outgoing Max-Breadth": a branch that was given up counts until its final
// response, or until it is known that none will come.
func TestGivenUpBranchHasRoomUntilItsEnd(t *testing.T) {
	plan := serial(to("a", ring(5)), to("b", ring(5)), to("c"))
	for kind, name := range map[EventKind]string{
		EventFinal: "487", EventTimeout: "timeout", EventTransportError: "transport error",
	} {
		t.Run(name, func(t *testing.T) {
			r := within(t, 1, plan).at(5).want("0 invite a", "5 cancel a")
			if _, due := r.e.Deadline(); due || r.e.Done() {
				t.Error("there is something to wait for")
			}
			r.at(8).event("a", Event{Kind: kind, Code: 487}).at(13).
				want("0 invite a", "5 cancel a", "8 invite b", "13 cancel b")
		})
	}
	// With room the next step starts at ring expiry, and inherits the whole part of the one given up.
	r := within(t, 2, plan).at(11).want("0 invite a", "5 cancel a", "5 invite b", "10 cancel b")
	r.final("b", 487).want("0 invite a", "5 cancel a", "5 invite b", "10 cancel b", "11 invite c")
	if got, want := r.shares(), "a:2 b:2 c:2"; got != want {
		t.Errorf("shares %s, want %s", got, want)
	}
}

// A 2xx from a branch given up wins while others wait for its end.
func TestGivenUpBranchAnswersWhileOthersWait(t *testing.T) {
	r := within(t, 1, serial(to("a", ring(5)), to("b"))).at(6).answer("a")
	if r.want("0 invite a", "5 cancel a", "6 answer a"); r.e.Waiting() != 0 {
		t.Errorf("%d wait", r.e.Waiting())
	}
}

// Order of the plan, whoever waits longer: a replacement goes before what stands behind it, and behind what stands before it.
func TestRoomGoesByTheOrderOfThePlan(t *testing.T) {
	plan := parallel(to("a", delay(5)), to("b", on(Busy, to("x"))), to("c"), to("d"))
	within(t, 2, plan).want("0 invite b", "0 invite c").
		at(1).final("b", 486).want("0 invite b", "0 invite c", "1 invite x").
		at(6).final("x", 486).want("0 invite b", "0 invite c", "1 invite x", "6 invite a").
		final("c", 486).want("0 invite b", "0 invite c", "1 invite x", "6 invite a", "6 invite d")
	plan = parallel(to("a", delay(5)), to("b", on(Busy, to("x"))))
	within(t, 1, plan).at(6).final("b", 486).want("0 invite b", "6 invite a").
		final("a", 486).want("0 invite b", "6 invite a", "6 invite x")
}

// "A target that is ringing already in this call is not rung again": nor one that will as soon as there is room.
func TestDuplicateOfWhatWaitsForRoom(t *testing.T) {
	r := within(t, 1, parallel(to("a"), to("b"), to("b", on(Busy, to("x"))))).final("a", 486).final("b", 486)
	r.want("0 invite a", "0 invite b", "0 respond 486 of a")
}

// What ends the plan leaves nobody waiting.
func TestEndOfThePlanWhileTargetsWait(t *testing.T) {
	plan := parallel(to("a"), to("b"), to("c"))
	cases := []struct {
		name string
		run  func(*rig)
		want string
	}{
		{"answer", func(r *rig) { r.answer("a") }, "0 answer a"},
		{"6xx", func(r *rig) { r.final("a", 603) }, "0 respond 603 of a"},
		{"caller", func(r *rig) { r.cancel() }, "0 cancel a caller"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := within(t, 1, plan)
			c.run(r)
			if r.want("0 invite a", c.want); r.e.Waiting() != 0 || !r.e.Done() {
				t.Errorf("%d wait, done %v", r.e.Waiting(), r.e.Done())
			}
		})
	}
	// A 6xx of one ends the round; the next one starts afresh, when the branches given up have ended.
	r := newRig(t, Limits{Breadth: 2})
	r.onExhaust = func(_ *Step, round int) *Node { return map[int]*Node{1: to("x")}[round] }
	r.start(plan).final("b", 600).want("0 invite a", "0 invite b", "0 cancel a", "0 invite x")
	// The bound on branches is met when a target gets its room.
	r = newRig(t, Limits{Breadth: 1, Branches: 2}).start(parallel(to("a"), to("b"), to("c", line(3)), to("d")))
	r.final("a", 486).final("b", 404).bounded(t, "2 branches in one call", 3)
	r.want("0 invite a", "0 invite b", "0 respond 486 of a")
}

// echo is the script of world.twin: it says once more what it said to the executor itself.
type echo struct{ w *world }

func (m echo) said() *Node {
	n := m.w.said[0]
	m.w.said = m.w.said[1:]
	return n
}

func (m echo) Deferred(Callback, *Step) *Node           { return m.said() }
func (m echo) Handler(Outcome, *Step) *Node             { return m.said() }
func (m echo) Redirected(*Step) *Node                   { return m.said() }
func (m echo) Awaited(*Node, *Result) *Node             { return m.said() }
func (m echo) Contacts(user string) []*location.Binding { return registeredBy(user) }
func (m echo) Exhausted(*Step, int) *Node               { return m.said() }
func (m echo) Taken(*Step, *Node)                       {}
func (m echo) Ringing(*Step)                            {}
func (m echo) Bound(string, Pos)                        {}

func newTwins(t *rapid.T, breadth int) *world {
	w := &world{T: t, awaits: map[OperationID]bool{}, limits: Limits{TimerC: sec(100000)}}
	w.e = NewExecutor(w, w.limits)
	wide := w.limits
	wide.Breadth = breadth
	w.twin = NewExecutor(echo{w}, wide)
	return w
}

// A breadth that is never used up changes nothing.
func TestEnoughBreadthChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { newTwins(t, 1<<16).run(drawPlan(t, 3)) })
}

// The leaves of a plan are as many as may be alive at once, as long as nothing is given up or replaced.
func TestLeavesAreEnoughBreadth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := plain(drawPlan(t, 3))
		w := newTwins(t, max(1, plan.Leaves()))
		w.plain = true
		w.run(plan)
	})
}

// plain returns the plan without rings, edges, functions, awaits and users.
func plain(n *Node) *Node {
	c := *n
	c.On, c.Ring, c.Each, c.Members = nil, 0, nil, nil
	if c.Kind == KindDeferred || c.Kind == KindAwait || c.Target != nil && c.Target.Registrant != "" {
		c.Kind, c.Target = KindTarget, to("f").Target
	}
	if c.Kind == KindTarget {
		u := *c.Target
		u.Redirect, c.Target = RedirectDefault, &u
	}
	for _, m := range n.Members {
		c.Members = append(c.Members, plain(m))
	}
	return &c
}
