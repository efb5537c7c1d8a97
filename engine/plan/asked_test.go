package plan

import "testing"

// "Who is asked" and "Replacement".

var noPlan = fn(func(*Step) *Node { return nil })

func gives(n *Node) fn { return func(*Step) *Node { return n } }

// "A failed step asks its own on[outcome]."
func TestOwnEdge(t *testing.T) {
	plan := serial(to("100", on(Busy, to("101")), on(NoAnswer, to("102"))), to("200"))
	start(t, plan).final("100", 486).asked().want("0 invite 100", "0 invite 101")
	start(t, plan).ringing("100").final("100", 480).want("0 invite 100", "0 invite 102")
	start(t, plan).final("100", 404).asked("0 failed 100 404").want("0 invite 100", "0 invite 200")
}

// An edge that is a plan is told of, since nobody is asked; of a function the asker knows.
func TestTakenEdge(t *testing.T) {
	r := start(t, serial(to("100", on(Busy, to("101"))), to("200", on(Busy, deferred(gives(to("201")))))))
	r.final("100", 486).final("101", 404).final("200", 486)
	if len(r.taken) != 1 || r.taken[0] != "busy of 100 → 101" {
		t.Errorf("told of %q", r.taken)
	}
}

// An edge may be a function: it is called with the failed step.
func TestEdgeIsAFunction(t *testing.T) {
	r := start(t, to("100", name("desk"), line(7), on(Busy, deferred(gives(to("101")))))).at(3)
	r.final("100", 486).asked("3 edge busy 100 486").want("0 invite 100", "3 invite 101")
	s := r.last
	if s.Branch != 1 || s.Name != "desk" || s.Pos.String() != "main.lua:7" || s.Phrase != "Phrase" ||
		s.Response != "100" || s.Elapsed != sec(3) || s.Attempt != 1 || s.Rang || s.Synthetic {
		t.Errorf("step %+v", s)
	}
}

// An own edge that exists and gives nothing: the branch has failed, the plan goes on; the route handler is
// asked only "without one".
func TestEdgeGivesNothing(t *testing.T) {
	r := newRig(t, Limits{})
	r.on[Busy] = gives(to("300"))
	r.start(serial(to("100", on(Busy, deferred(noPlan))), to("200"))).final("100", 486).
		asked("0 edge busy 100 486").want("0 invite 100", "0 invite 200")
}

// "Without one, a target with no parallel group around it, and an outermost parallel group as a whole, ask the
// route handler of that name. Members of a parallel group, at any depth, ask only their own on."
func TestWhoAsksTheRouteHandler(t *testing.T) {
	busy := on(Busy, to("vm"))
	cases := []struct {
		name  string
		plan  *Node
		fails []string
		asked []string
	}{
		{"lone target", to("a"), []string{"a"}, []string{"0 busy a 486"}},
		{"targets of a serial group, not the group", serial(to("a"), to("b")), []string{"a", "b"}, []string{"0 busy a 486", "0 busy b 486"}},
		{"serial in serial", serial(serial(to("a")), to("b")), []string{"a", "b"}, []string{"0 busy a 486", "0 busy b 486"}},
		{"parallel as a whole", parallel(to("a"), to("b")), []string{"a", "b"}, []string{"0 busy a 486"}},
		{"parallel in parallel", parallel(to("a"), parallel(to("b"))), []string{"a", "b"}, []string{"0 busy a 486"}},
		{"target in serial in parallel", parallel(serial(to("a"), to("b"))), []string{"a", "b"}, []string{"0 busy a 486"}},
		{"parallel in serial", serial(parallel(to("a"))), []string{"a"}, []string{"0 busy a 486"}},
		{"own edge, replacement in serial asks", serial(to("a", busy)), []string{"a", "vm"}, []string{"0 busy vm 486"}},
		{"own edge, replacement in parallel does not", parallel(to("a", busy)), []string{"a", "vm"}, []string{"0 busy a 486"}},
		{"parallel with its own edge", parallel(to("a")).with(busy), []string{"a", "vm"}, []string{"0 busy vm 486"}},
		{"parallel in parallel with an edge of its own", parallel(parallel(to("a")).with(busy)), []string{"a", "vm"}, []string{"0 busy a 486"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, c.plan)
			for _, user := range c.fails {
				r.final(user, 486)
			}
			r.asked(c.asked...)
			if !r.e.Done() {
				t.Error("not done")
			}
		})
	}
}

// "on on a group is the group's own edge, fired once when the group as a whole has failed".
func TestGroupEdgeFiresOnce(t *testing.T) {
	for _, group := range []*Node{parallel(to("a"), to("b")), serial(to("a"), to("b"))} {
		group.with(on(Busy, deferred(gives(to("vm")))))
		r := start(t, parallel(group)).final("a", 486).asked()
		r.final("b", 404).asked("0 edge busy a 486").ringing("vm")
	}
}

// "For a group, branch is its best failed branch, branch.group its name."
func TestGroupStep(t *testing.T) {
	group := parallel(
		to("a", name("desk")),
		to("b", name("mobile"), delay(2)),
	).with(name("sales"), line(9), on(Busy, deferred(noPlan)))
	r := start(t, serial(to("z", on(Busy, group))).with(name("house"))).at(1).final("z", 486)
	r.at(3).ringing("b").at(4).final("b", 486).at(5).final("a", 404)
	s := r.last
	if s.Branch != 3 || s.Name != "mobile" || s.Group != "sales" || s.Target.User != "b" || s.Code != 486 {
		t.Errorf("branch: %+v", s)
	}
	if s.Outcome != Busy || s.Pos.Line != 9 || s.Elapsed != sec(4) || !s.Rang || s.Attempt != 2 || s.Response != "b" {
		t.Errorf("group: %+v", s)
	}
}

// branch.group of a target is that of the innermost named group around it; so is a group's without a name.
func TestGroupNameOfSteps(t *testing.T) {
	inner := parallel(to("a", on(Busy, deferred(noPlan)))).with(on(Busy, deferred(noPlan)))
	r := start(t, parallel(serial(inner).with(name("in"))))
	r.final("a", 486).asked("0 edge busy a 486", "0 edge busy a 486", "0 busy a 486")
	var groups []string
	inner.On[Busy] = deferred(func(s *Step) *Node { groups = append(groups, s.Group); return nil })
	start(t, parallel(serial(inner).with(name("in"))).with(name("out"))).final("a", 486)
	if len(groups) != 1 || groups[0] != "in" {
		t.Errorf("unnamed group: %q", groups)
	}
	if got := r.e.Branch(1).Group; got != "in" {
		t.Errorf("target: %q", got)
	}
	if r.last.Group != "" {
		t.Errorf("outermost group: %q", r.last.Group)
	}
	if got := start(t, to("a")).e.Branch(1).Group; got != "" {
		t.Errorf("no group: %q", got)
	}
}

// "defaults for members are each = { ring =, on =, … }": for direct members, be they targets or groups, where
// they leave the option unset.
func TestEachGivesMembersWhatTheyLeaveUnset(t *testing.T) {
	vm := Edges{NoAnswer: to("vm"), Timeout: to("vm")}
	plan := serial(
		to("a"),
		to("b", ring(4), delay(1)),
		serial(to("c"), to("d")),
		to("e", on(Busy, to("x"))),
	).with(each(Each{Ring: sec(10), Delay: sec(2), On: &vm}))
	start(t, plan).at(12).final("vm", 486).at(13).final("b", 404).
		at(25).final("vm", 404).at(37).want(
		"2 invite a", "12 cancel a", "12 invite vm", // its delay and ring time, then its edge
		"13 invite b",                                               // its own delay …
		"15 invite c", "25 cancel c", "25 invite vm", "27 invite e", // the group's ring, not c's; no delay in it
		"37 cancel e", "37 respond 486 of vm", // on as a whole: e has only busy
	)
	r := start(t, plan).at(12).final("vm", 486).at(17)
	r.want("2 invite a", "12 cancel a", "12 invite vm", "13 invite b", "17 cancel b", "17 invite vm") // … and ring
}

// "on_6xx", "redirect" and "headers" of `each` are for targets; the script's nodes stay as they are.
func TestEachGivesTargetsPolicies(t *testing.T) {
	a, b := to("a", headers(Header{Name: "X-A"})), to("b")
	h := []Header{{Name: "X-B"}}
	r := start(t, serial(a, b).with(each(Each{Target: Target{On6xx: SixBranch, Redirect: RedirectPass, Headers: h}})))
	if got := r.raw[0].Target; got.Headers[0].Name != "X-A" || got.On6xx != SixBranch || got.Redirect != RedirectPass {
		t.Errorf("a: %+v", got)
	}
	r.final("a", 600)
	if got := r.raw[0].Target; got.Headers[0].Name != "X-B" {
		t.Errorf("b: %+v", got)
	}
	if a.Target.On6xx != SixDefault || b.Target.Headers != nil {
		t.Error("a node of the script was changed")
	}
	r = start(t, serial(b).with(each(Each{Ring: sec(1)})))
	if r.raw[0].Target != b.Target {
		t.Error("the target was copied for nothing")
	}
}

// `each` is not for replacements: an edge given there would apply to the plan that it gave.
func TestEachIsNotForReplacements(t *testing.T) {
	busy := Edges{Busy: to("vm")}
	start(t, parallel(to("a"), to("b")).with(each(Each{Ring: sec(5), On: &busy}))).at(1).
		final("a", 486).at(4).final("vm", 486).at(5).asked("5 busy a 486").
		want("0 invite a", "0 invite b", "1 invite vm", "5 cancel b", "5 respond 486 of a")
}

// For a function that stands as a member `each` applies to what it returns.
func TestEachAppliesToWhatAFunctionReturns(t *testing.T) {
	busy := Edges{Busy: to("vm")}
	twice := deferred(gives(deferred(gives(to("a")))))
	start(t, parallel(twice, to("b")).with(hold, each(Each{Ring: sec(5), Delay: sec(1), On: &busy}))).
		at(2).asked("0 function", "0 function").final("a", 486).at(6).
		want("1 invite a", "1 invite b", "2 invite vm", "6 cancel b")
}

// An option of targets goes to every target within: its own first, then that of the nearest group, then those of the groups
// around, then the script's defaults.
func TestEachGivesTargetsOfGroupsWithin(t *testing.T) {
	inner := parallel(to("a"), deferred(gives(to("b"))), to("c", prack(PrackRequired))).with(each(Each{Target: Target{Prack: PrackOff}}))
	outer := serial(inner).with(each(Each{Target: Target{Prack: PrackSupported, EarlyMedia: EarlyNone, MaxDuration: sec(9)}}))
	r := start(t, outer)
	for i, want := range []Prack{PrackOff, PrackOff, PrackRequired} {
		if got := r.raw[i].Target; got.Prack != want || got.EarlyMedia != EarlyNone || got.MaxDuration != sec(9) {
			t.Errorf("%s: %+v", got.User, got)
		}
	}
}

// Neither a ring time nor a delay nor an edge goes past the members of the group.
func TestEachGivesTimesToMembersOnly(t *testing.T) {
	start(t, serial(serial(to("a"))).with(each(Each{Ring: sec(10), Delay: sec(2)}))).at(12).
		want("2 invite a", "12 cancel a", "12 respond 480")
}

// What stands in the place of a member takes nothing of the groups around, its own members what it gives them.
func TestReplacementsTakeOnlyTheirOwnEach(t *testing.T) {
	vm := serial(to("vm")).with(each(Each{Target: Target{Prack: PrackOff}}))
	r := start(t, serial(to("a", on(Busy, vm))).with(each(Each{Target: Target{Prack: PrackRequired, EarlyMedia: EarlyNone}})))
	r.final("a", 486)
	if got := r.raw[0].Target; got.User != "vm" || got.Prack != PrackOff || got.EarlyMedia != EarlyDefault {
		t.Errorf("%+v", got)
	}
}

// What a step has from the defaults of the script gives way to any group; what it says itself does not, be it nothing.
func TestWeakOptionsGiveWay(t *testing.T) {
	weak := to("a", ring(20), delay(3), headers(Header{Name: "X-Default"}))
	weak.Target.Send181, weak.Target.EarlyMedia = true, EarlyAll
	weak.Weak = OptRing | OptDelay | OptSend181 | OptHeaders | OptEarlyMedia
	own := to("b")
	own.Said = OptDelay | OptSend181
	inner := parallel(weak, own).with(each(Each{Ring: sec(5), Said: OptDelay, Target: Target{Send181: true}}))
	h := []Header{{Name: "X-Group"}}
	r := start(t, serial(inner).with(each(Each{Said: OptSend181, Target: Target{Headers: h, Dialect: "minisipserver"}})))
	r.at(5).want("0 invite a", "0 invite b", "5 cancel a", "5 cancel b", "5 respond 480")
	a, b := start(t, serial(inner).with(each(Each{Target: Target{Headers: h}}))).raw[0].Target, r.e.Branch(2).Target
	if !a.Send181 || a.EarlyMedia != EarlyAll || a.Headers[0].Name != "X-Group" {
		t.Errorf("a: %+v", a)
	}
	if b.Send181 || b.Dialect != "minisipserver" {
		t.Errorf("b: %+v", b)
	}
}

// "The returned plan takes the failed step's place in its parent: a serial goes on to its next member only when
// the replacement has failed".
func TestReplacementInSerial(t *testing.T) {
	r := newRig(t, Limits{})
	r.on[Busy] = func(s *Step) *Node {
		if s.Target.User == "a" {
			return serial(to("x"), to("y"))
		}
		return nil
	}
	r.start(serial(to("a"), to("b"))).final("a", 486).final("x", 404).final("y", 404).
		want("0 invite a", "0 invite x", "0 invite y", "0 invite b")
}

// "in a parallel it runs beside the others".
func TestReplacementInParallel(t *testing.T) {
	start(t, parallel(to("a", on(Busy, to("x"))), to("b"))).at(1).final("a", 486).at(2).final("b", 404).at(3).
		final("x", 404).want("0 invite a", "0 invite b", "1 invite x", "3 respond 486 of a")
}

// "Clocks of enclosing groups run on, never restart, and cap it."
func TestReplacementIsCappedByTheGroups(t *testing.T) {
	for _, kind := range []Kind{KindSerial, KindParallel} {
		group := &Node{Kind: kind, Members: []*Node{to("a", on(Busy, to("x", ring(60))))}, Ring: sec(25)}
		start(t, serial(group, to("b"))).at(20).final("a", 486).at(25).
			want("0 invite a", "20 invite x", "25 cancel x", "25 invite b")
	}
}

// "Its own ring and delay start when it starts."
func TestReplacementHasItsOwnClocks(t *testing.T) {
	start(t, serial(to("a", ring(20), on(Timeout, to("x", ring(10), delay(3)))), to("b"))).at(40).
		want("0 invite a", "20 cancel a", "23 invite x", "33 cancel x", "33 invite b")
}

// "The replaced step's on does not apply to it."
func TestReplacementHasNotTheEdgesOfTheReplaced(t *testing.T) {
	start(t, parallel(to("a", on(Busy, to("x"))))).final("a", 486).final("x", 486).
		want("0 invite a", "0 invite x", "0 respond 486 of a")
}

// "A replaced group's own ring ends with the group."
func TestReplacedGroupsRingEnds(t *testing.T) {
	group := parallel(to("a")).with(ring(10), on(Busy, to("x", ring(30))), on(Timeout, to("y")))
	start(t, group).at(5).final("a", 486).at(40).
		want("0 invite a", "5 invite x", "35 cancel x", "35 respond 486 of a")
	start(t, group).at(60).want("0 invite a", "10 cancel a", "10 invite y")
}

// branch.attempt is 1 for the step as planned and one more for each replacement in its place.
func TestAttempt(t *testing.T) {
	r := newRig(t, Limits{})
	var attempts []int
	r.on[Busy] = func(s *Step) *Node {
		attempts = append(attempts, s.Attempt)
		return map[int]*Node{1: deferred(gives(to("x"))), 2: serial(to("y"))}[s.Attempt]
	}
	r.start(to("a")).final("a", 486).final("x", 486).final("y", 486)
	if len(attempts) != 3 || attempts[1] != 2 || attempts[2] != 1 { // y's place is in the new group
		t.Errorf("attempts %v", attempts)
	}
}
