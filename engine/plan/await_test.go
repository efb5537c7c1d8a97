package plan

import (
	"testing"
	"time"
)

// "plan.await: the operation starts when the step is reached. The callback returns a decision that takes the await's place.
// Enclosing ring clocks run on. If the step or the call ends first, the callback is never called."

// give is the function of an await that returns a plan.
func give(n *Node) func(*Result) *Node { return func(*Result) *Node { return n } }

func TestAwaitStarts(t *testing.T) {
	var got Result
	plan := await("op", func(r *Result) *Node { got = *r; return to("a") })
	r := start(t, plan).at(1.5).done("op", "value")
	r.want("0 start op", "1.5 invite a").asked("1.5 awaited op value")
	if want := (Result{Value: "value", Elapsed: sec(1.5), Place: PlaceStart}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	r.final("a", 486).want("0 start op", "1.5 invite a", "1.5 respond 486 of a")
	if a := r.last.Attempt; a != 1 {
		t.Errorf("attempt %d: an await is no attempt", a)
	}
}

// A second end of an operation, and one that nobody started, are nothing.
func TestAwaitIsOver(t *testing.T) {
	r := start(t, await("op", give(to("a")))).done("op", 1).done("op", 2)
	r.take(r.e.Step(r.now, Event{Kind: EventDone, Operation: 99}))
	r.take(r.e.Step(r.now, Event{Kind: EventDone, Operation: 2})) // that of a target
	r.want("0 start op", "0 invite a").asked("0 awaited op 1")
}

func TestAwaitTimeout(t *testing.T) {
	r := start(t, await("op", give(to("a")))).at(5).done("op", 1)
	r.want("0 start op", "2 drop op", "2 invite a").asked("2 awaited op: timeout")
}

// What a nil means is said by who has put the await there.
func TestAwaitNil(t *testing.T) {
	nothing := give(nil)
	op := func() *Node { return await("op", nothing) }
	cases := []struct {
		name string
		run  func(t *testing.T) *rig
		want []string
	}{
		{"invite", func(t *testing.T) *rig { return start(t, op()).done("op", 1) }, []string{"0 start op", "0 respond 404"}},
		{"member", func(t *testing.T) *rig { return start(t, serial(op(), to("a"))).done("op", 1) }, []string{"0 start op", "0 invite a"}},
		{"the only member", func(t *testing.T) *rig { return start(t, parallel(op())).done("op", 1) }, []string{"0 start op", "0 respond 500"}},
		{"exhausted", func(t *testing.T) *rig {
			r := newRig(t, Limits{})
			r.onExhaust = func(*Step, int) *Node { return op() }
			return r.start(to("a")).final("a", 404).done("op", 1)
		}, []string{"0 invite a", "0 start op", "0 respond 404 of a"}},
		{"an edge", func(t *testing.T) *rig {
			return start(t, serial(to("a", on(Busy, op())), to("b"))).final("a", 486).done("op", 1)
		}, []string{"0 invite a", "0 start op", "0 invite b"}},
		{"a function on an edge", func(t *testing.T) *rig {
			return start(t, to("a", on(Busy, deferred(func(*Step) *Node { return op() })))).final("a", 486).done("op", 1)
		}, []string{"0 invite a", "0 start op", "0 respond 486 of a"}},
		{"an edge of a 6xx: the plan ends", func(t *testing.T) *rig {
			return start(t, serial(to("a", on(Rejected, op())), to("b"))).final("a", 603).done("op", 1)
		}, []string{"0 invite a", "0 start op", "0 respond 603 of a"}},
		{"a handler", func(t *testing.T) *rig {
			r := newRig(t, Limits{})
			r.on[Busy] = func(*Step) *Node { return op() }
			return r.start(serial(to("a"), to("b"))).final("a", 486).done("op", 1)
		}, []string{"0 invite a", "0 start op", "0 invite b"}},
		{"the edge of a group", func(t *testing.T) *rig {
			return start(t, serial(parallel(to("a"), to("b")).with(on(Busy, op())), to("c"))).final("a", 486).final("b", 486).done("op", 1)
		}, []string{"0 invite a", "0 invite b", "0 start op", "0 invite c"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t).want(c.want...) })
	}
}

// An await in the place of a redirected target decides as `redirected` itself would.
func TestAwaitRedirected(t *testing.T) {
	cases := []struct {
		name   string
		says   *Node
		policy option
		want   []string
	}{
		{"nil is the policy, deny", nil, func(*Node) {}, []string{"0 invite b"}},
		{"nil is the policy, follow", nil, follows, []string{"0 invite c"}},
		{"follow", &Node{Kind: KindFollow}, func(*Node) {}, []string{"0 invite c"}},
		{"a plan", to("d"), follows, []string{"0 invite d"}},
		{"another await", await("two", give(nil)), func(*Node) {}, []string{"0 start two"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Limits{})
			r.redirect = func(*Step) *Node { return await("op", give(c.says)) }
			r.start(serial(to("a", c.policy), to("b"))).final("a", 302, contact("c", 1000)).done("op", 1)
			r.want(append([]string{"0 invite a", "0 start op"}, c.want...)...)
		})
	}
}

// After the policy the step has failed: its edges are asked, and the plan goes on behind it once.
func TestAwaitRedirectedFails(t *testing.T) {
	r := newRig(t, Limits{})
	r.redirect = func(*Step) *Node { return await("one", give(await("two", give(nil)))) }
	r.on[Failed] = func(s *Step) *Node { return map[string]*Node{"a": to("x")}[s.Target.User] }
	r.start(serial(to("a"), to("b"))).final("a", 302, contact("c", 1000)).done("one", 1).done("two", 1)
	r.want("0 invite a", "0 start one", "0 start two", "0 invite x")
	r.asked("0 redirected a 302", "0 awaited one 1", "0 awaited two 1", "0 failed a 302")
	r.final("x", 404).final("b", 404)
	if got := r.acts[len(r.acts)-2:]; got[0] != "0 invite b" || got[1] != "0 respond 404 of x" {
		t.Errorf("did %q", r.acts)
	}
}

// Follow where nothing was redirected is nothing that can be done.
func TestAwaitFollowElsewhere(t *testing.T) {
	start(t, serial(await("op", give(&Node{Kind: KindFollow})), to("a"))).done("op", 1).want("0 start op", "0 invite a")
}

func TestAwaitDecision(t *testing.T) {
	r := start(t, parallel(to("a"), await("op", give(reject(410))))).done("op", 1)
	r.want("0 invite a", "0 start op", "0 cancel a", "0 respond 410 reply")
	// Its options are those of a member as written: each applies, and its delay counts from the start of the group.
	r = start(t, parallel(to("a"), await("op", give(to("b", delay(5))))).with(each(Each{Ring: sec(3)})))
	r.at(1).done("op", 1).at(20)
	r.want("0 invite a", "0 start op", "3 cancel a", "3 invite b", "6 cancel b", "6 respond 480")
}

// Enclosing clocks run on, and end the wait.
func TestAwaitWithinARing(t *testing.T) {
	r := start(t, serial(parallel(to("a"), await("op", give(to("b")))).with(ring(1)), to("c"))).at(1).done("op", 1)
	r.want("0 invite a", "0 start op", "1 cancel a", "1 drop op", "1 invite c").asked("1 timeout a 480")
	r = start(t, serial(await("op", give(to("b")))).with(ring(1))).at(1)
	r.want("0 start op", "1 drop op", "1 respond 480")
	// What the await has become is capped too.
	r = start(t, serial(await("op", give(to("b", ring(60))))).with(ring(10))).at(1).done("op", 1).at(30)
	r.want("0 start op", "1 invite b", "10 cancel b", "10 respond 480")
}

// An await is a member that runs: delayed ones keep their time.
func TestAwaitRuns(t *testing.T) {
	r := start(t, parallel(await("op", give(nil)), to("a", delay(5)))).at(1).want("0 start op")
	r.done("op", 1).want("0 start op", "1 invite a")
}

func TestAwaitIsDropped(t *testing.T) {
	plan := parallel(to("a"), serial(await("op", give(to("b")))), to("c"))
	cases := []struct {
		name string
		run  func(*rig)
		want []string
	}{
		{"answer", func(r *rig) { r.answer("a") }, []string{"0 answer a", "0 cancel c elsewhere", "0 drop op"}},
		{"caller", func(r *rig) { r.cancel() }, []string{"0 cancel a caller", "0 cancel c caller", "0 drop op"}},
		{"6xx", func(r *rig) { r.final("c", 603) }, []string{"0 cancel a", "0 drop op", "0 respond 603 of c"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, plan)
			c.run(r)
			r.done("op", 1)
			r.want(append([]string{"0 invite a", "0 start op", "0 invite c"}, c.want...)...)
			if len(r.asks) > 0 && r.asks[0][2:] != "exhausted 1 c 603" {
				t.Errorf("asked %q", r.asks)
			}
		})
	}
}

// A late 2xx wins although an await stands in the place of its branch.
func TestAwaitLateAnswer(t *testing.T) {
	r := start(t, to("a", ring(5), on(Timeout, await("op", give(to("b")))))).at(6).answer("a")
	r.want("0 invite a", "5 cancel a", "5 start op", "6 answer a", "6 drop op")
}

func TestAwaitBounds(t *testing.T) {
	var again func(*Result) *Node
	again = func(*Result) *Node { return await("op", again).with(line(7)) }
	r := start(t, again(nil))
	for range 10 {
		r.done("op", 1)
	}
	if r.e.Done() {
		t.Fatal("ended too early")
	}
	r.done("op", 1).bounded(t, "10 replacements in one place", 7)
	// Nodes of decisions count.
	r = newRig(t, Limits{Nodes: 3}).start(await("op", give(serial(to("a"), to("b")).with(line(8))))).done("op", 1)
	r.bounded(t, "3 plan nodes in one call", 0)
	// An await that gave the step back has used up its place all the same.
	r = newRig(t, Limits{Replacements: 1})
	r.redirect = func(*Step) *Node { return await("op", give(nil)) }
	r.start(to("a", follows)).final("a", 302, contact("c", 1000)).done("op", 1).bounded(t, "1 replacements in one place", 0)
}

func TestAwaitText(t *testing.T) {
	plan := parallel(await("GET http://192.0.2.5/", nil), to("a"))
	if got, want := plan.String(), "parallel{await GET http://192.0.2.5/, a}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if n := plan.Leaves(); n != 2 {
		t.Errorf("%d leaves", n)
	}
}

// BenchmarkStepAwait is a call whose target an operation finds.
func BenchmarkStepAwait(b *testing.B) {
	target := to("a")
	plan := &Node{Kind: KindAwait, Await: &Operation{Timeout: time.Second}}
	b.ReportAllocs()
	for b.Loop() {
		e := NewExecutor(finds{plan: target}, DefaultLimits)
		id := e.Start(0, plan)[0].Operation
		if acts := e.Step(1, Event{Kind: EventDone, Operation: id, Value: plan}); acts[0].Kind != ActInvite {
			b.Fatal("no INVITE")
		}
	}
}

type finds struct {
	silent
	plan *Node
}

func (f finds) Awaited(*Node, *Result) *Node { return f.plan }
