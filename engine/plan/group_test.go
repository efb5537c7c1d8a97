package plan

import "testing"

// "Parallel group", "delay", "ring" and "Shape".

// "Fails when no member runs or waits". Of a failing serial group: "The same, when its last member failed."
func TestGroupFailsWithItsLastMember(t *testing.T) {
	start(t, serial(parallel(to("a"), to("b")), to("c"))).final("b", 486).want("0 invite a", "0 invite b").
		final("a", 486).want("0 invite a", "0 invite b", "0 invite c")
	start(t, serial(serial(to("a"), to("b")), to("c"))).final("a", 486).final("b", 486).
		want("0 invite a", "0 invite b", "0 invite c")
}

// "or when its ring is over. At ring expiry running members are cancelled, waiting ones dropped, no member edge
// fires, and the outcome is no_answer if any rang, else timeout."
func TestGroupRingExpiry(t *testing.T) {
	edges := []option{on(Timeout, to("x")), on(NoAnswer, to("x"))}
	cases := []struct {
		name string
		plan *Node
		acts []string
	}{
		{
			"parallel", parallel(to("a", edges...), serial(to("b", edges...)), to("c", delay(20))).with(ring(10)),
			[]string{"0 invite a", "0 invite b", "10 cancel a", "10 cancel b", "10 respond 480"},
		},
		{
			"serial", serial(to("a", edges...), to("b", delay(1))).with(ring(10)),
			[]string{"0 invite a", "10 cancel a", "10 respond 480"},
		},
		{
			"waiting in a serial group", parallel(serial(to("a", delay(20)))).with(ring(10)),
			[]string{"10 respond 480"},
		},
		{
			"ring time of the member ends at the same instant", parallel(to("a", ring(10), edges[0])).with(ring(10)),
			[]string{"0 invite a", "10 cancel a", "10 respond 480"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start(t, c.plan).at(60).want(c.acts...)
		})
	}
	silent := start(t, parallel(to("a"), to("b")).with(ring(10))).at(10).asked("10 timeout a 480")
	if silent.last.Rang {
		t.Error("rang")
	}
	start(t, parallel(to("a"), to("b")).with(ring(10))).ringing("b").at(10).
		asked("0 ringing b 0", "10 no_answer a 480")
	// Any: one that is replaced or has failed since rang, too. The branch shown is still the best one.
	start(t, parallel(to("a"), to("b")).with(ring(10))).ringing("b").final("b", 486).at(10).
		asked("0 ringing b 0", "10 no_answer b 486").want("0 invite a", "0 invite b", "10 cancel a", "10 respond 486 of b")
}

// "Otherwise its outcome is that of its best response."
func TestGroupOutcomeIsThatOfItsBestResponse(t *testing.T) {
	start(t, parallel(to("a"), to("b"), to("c"))).final("a", 404).final("b", 486).final("c", 408).
		asked("0 busy b 486")
	start(t, parallel(to("a"), to("b", ring(5)))).final("a", 403).at(5).asked("5 timeout b 480")
	// Replaced members count as well: the one who was called is busy, whatever voicemail says.
	start(t, parallel(to("a", on(Busy, to("vm"))))).final("a", 486).final("vm", 503).asked("0 busy a 486")
}

// "delay (targets and groups) counts from the start of the enclosing group". Nested ones add up once.
func TestDelayCountsFromTheStartOfTheGroup(t *testing.T) {
	start(t, serial(to("z"), parallel(
		to("a"), to("b", delay(5)),
		parallel(to("c"), to("d", delay(3))).with(delay(10), ring(8)),
		serial(to("e"), to("f")).with(delay(2)),
	).with(ring(25)))).at(4).final("z", 486).at(30).want(
		"0 invite z", "4 invite a", "6 invite e", "9 invite b", "14 invite c", "17 invite d",
		"22 cancel c", "22 cancel d",
		"29 cancel a", "29 cancel b", "29 cancel e", "29 respond 486 of z",
	)
}

// "in a serial, from the previous failure".
func TestDelayInSerialCountsFromThePreviousFailure(t *testing.T) {
	start(t, serial(to("a"), to("b", delay(5)), to("c", delay(2)))).at(3).final("a", 486).at(10).final("b", 486).at(20).
		want("0 invite a", "8 invite b", "12 invite c")
	start(t, serial(to("a", delay(1)))).at(2).want("1 invite a")
	start(t, to("a", delay(1))).at(2).want("1 invite a")
}

// "When no member runs and some wait, the earliest starts at once, the others keep their times".
func TestEarliestStartsAtOnce(t *testing.T) {
	plan := parallel(to("a"), to("c", delay(20)), to("b", delay(10)))
	start(t, plan).at(3).final("a", 486).at(30).want("0 invite a", "3 invite b", "20 invite c")
	start(t, plan).at(3).final("a", 486).at(4).final("b", 486).
		want("0 invite a", "3 invite b", "4 invite c")
	// Nobody to start with.
	start(t, parallel(to("a", delay(5)), to("b", delay(9)))).at(9).want("0 invite a", "9 invite b")
	// Those due at the same instant are the earliest together.
	start(t, parallel(to("a", delay(5)), to("c", delay(6)), to("b", delay(5)))).want("0 invite a", "0 invite b")
	// A serial group between two of its members is a member that runs.
	start(t, parallel(serial(to("a"), to("b", delay(4))), to("c", delay(9)))).at(1).final("a", 486).at(9).
		want("0 invite a", "5 invite b", "9 invite c")
	// A replacement that has to wait, and nobody else.
	start(t, parallel(to("a", on(Busy, to("x", delay(9)))), to("b", delay(20)))).at(1).final("a", 486).at(20).
		want("0 invite a", "1 invite x", "20 invite b")
	// It fails as it starts: the next one's turn, or the group has failed, once.
	start(t, parallel(serial().with(delay(1)), to("b", delay(2)))).want("0 invite b")
	start(t, serial(parallel(serial().with(delay(1))).with(on(Failed, deferred(noPlan))), to("b"))).
		asked("0 edge failed - 480").want("0 invite b")
}

// "(hold = true on the group: wait)".
func TestHold(t *testing.T) {
	start(t, parallel(to("a"), to("b", delay(10))).with(hold)).at(3).final("a", 486).at(20).
		want("0 invite a", "10 invite b")
	start(t, parallel(to("a", delay(5))).with(hold)).at(20).want("5 invite a")
	start(t, parallel(to("a", delay(5))).with(hold, ring(3), on(Timeout, to("b")))).at(3).
		want("3 invite b")
}

// "ring (s, > 0) counts from the INVITE (target) or the start (group)".
func TestRingCountsFromTheInvite(t *testing.T) {
	start(t, parallel(to("a"), to("b", delay(5), ring(10)))).at(15).want("0 invite a", "5 invite b", "15 cancel b")
	start(t, parallel(to("a"), to("b", delay(5), ring(10)))).at(2).final("a", 486).at(12).
		want("0 invite a", "2 invite b", "12 cancel b", "12 respond 486 of a")
}

// "a group's covers everything inside": what starts later, nested groups, delays.
func TestGroupRingCoversEverythingInside(t *testing.T) {
	start(t, serial(
		to("a", ring(10)), to("b", delay(5), ring(60)), to("c"),
	).with(ring(20))).at(99).want("0 invite a", "10 cancel a", "15 invite b", "20 cancel b", "20 respond 480")
	start(t, serial(
		parallel(to("a"), serial(to("b", ring(5)), to("c", ring(60))).with(ring(60))).with(ring(10)),
		to("d"),
	)).at(10).want("0 invite a", "0 invite b", "5 cancel b", "5 invite c", "10 cancel a", "10 cancel c", "10 invite d")
}

// "Without any: Timer C, 181 s, restarted by each 101-199." RFC 3261 §16.8: CANCEL, or as if 408 came.
func TestTimerC(t *testing.T) {
	start(t, to("a")).at(200).asked("181 timeout a 408").want("0 invite a", "181 cancel a", "181 respond 408")
	r := start(t, parallel(to("a"))).at(100).ringing("a").at(281)
	r.want("0 invite a", "281 cancel a", "281 respond 480").asked("100 ringing a 0", "281 no_answer a 480")
	r = start(t, to("a"))
	for s := 60.0; s <= 600; s += 60 {
		r.at(s).event("a", Event{Kind: EventProvisional, Code: 199})
	}
	r.at(780).want("0 invite a").at(781).asked("781 timeout a 408")
	// Not where a ring time of its own, or of a group around, applies; nor does a provisional move those.
	start(t, to("a", ring(300))).at(299).ringing("a").want("0 invite a").at(300).
		want("0 invite a", "300 cancel a", "300 respond 480")
	start(t, parallel(serial(to("a"))).with(ring(300))).at(299).want("0 invite a")
	start(t, serial(parallel(to("a", on(Busy, to("x")))).with(ring(300)), to("b"))).at(1).final("a", 486).at(300).
		want("0 invite a", "1 invite x", "300 cancel x", "300 invite b").at(481).
		want("0 invite a", "1 invite x", "300 cancel x", "300 invite b", "481 cancel b", "481 respond 486 of a")
}

// "The next serial step starts at ring expiry, without waiting for the 487."
func TestNextStepDoesNotWaitForThe487(t *testing.T) {
	r := start(t, serial(to("a", ring(5)), to("b"))).at(5).want("0 invite a", "5 cancel a", "5 invite b")
	r.final("a", 487).want("0 invite a", "5 cancel a", "5 invite b")
}

// What is due is done in order of time, then of steps; what a late tick starts, starts now.
func TestLateTick(t *testing.T) {
	r := start(t, serial(parallel(to("a", ring(6)), to("b", delay(5), ring(9))), to("c", ring(7))))
	r.now += 30e9
	r.take(r.e.Step(r.now, Event{Kind: EventTick}))
	r.at(46).want("0 invite a", "30 invite b", "30 cancel a", "39 cancel b", "39 invite c", "46 cancel c", "46 respond 480")
}

// "A target that is ringing already in this call is not rung again: the duplicate is skipped, no edge fires."
func TestDuplicateIsSkipped(t *testing.T) {
	edge := on(Failed, to("x"))
	start(t, parallel(to("a"), to("a", edge), to("b"))).asked().want("0 invite a", "0 invite b")
	start(t, parallel(to("a"), serial(to("a", edge), to("b")))).want("0 invite a", "0 invite b")
	// A group of nothing but duplicates is one.
	start(t, parallel(to("a"), parallel(to("a"), serial(to("a"))).with(edge), to("b"))).want("0 invite a", "0 invite b")
	// The step that is skipped still leaves the group to fail with the others.
	start(t, parallel(to("a"), to("a"))).final("a", 486).asked("0 busy a 486").want("0 invite a", "0 respond 486 of a")
	// Equal URIs, different texts (RFC 3261 §19.1.4): the key says so.
	other := to("A")
	other.Target.Key = to("a").Target.Key
	start(t, parallel(to("a"), other)).want("0 invite a")
	// Without keys, the URIs.
	bare := func(n *Node) { n.Target.Key = "" }
	start(t, parallel(to("a", bare), to("a", bare), to("b", bare))).want("0 invite a", "0 invite b")
}

// One that has failed, or was given up, may be rung again.
func TestTargetMayBeTriedAgain(t *testing.T) {
	start(t, serial(to("a"), to("a"))).final("a", 486).want("0 invite a", "0 invite a")
	start(t, serial(to("a", ring(5)), to("a"))).at(5).want("0 invite a", "5 cancel a", "5 invite a")
}

// A duplicate in a serial group counts from when its turn came: the next one's delay starts then.
func TestDelayAfterDuplicate(t *testing.T) {
	start(t, parallel(to("a"), serial(to("a"), to("b", delay(2))))).at(2).want("0 invite a", "2 invite b")
}

// "an empty group fails at once as failed (480)".
func TestEmptyGroup(t *testing.T) {
	for _, kind := range []Kind{KindSerial, KindParallel} {
		group := &Node{Kind: kind, On: &Edges{Failed: deferred(gives(to("x")))}, Name: "nobody"}
		r := start(t, serial(group)).asked("0 edge failed - 480").want("0 invite x")
		if s := r.last; !s.Synthetic || s.Branch != 0 || s.Group != "nobody" || s.Outcome != Failed {
			t.Errorf("step %+v", s)
		}
		start(t, &Node{Kind: kind}).want("0 respond 480")
	}
	start(t, parallel()).asked("0 failed - 480")
	start(t, parallel(serial(), to("a"))).asked().want("0 invite a")
}

// "Where a plan may stand, function(call) returning a plan may stand; it is called when reached."
func TestFunctionIsCalledWhenReached(t *testing.T) {
	f := deferred(gives(to("x", delay(1))))
	r := start(t, serial(to("a"), f, to("b"))).asked().at(3).final("a", 404).at(5).
		asked("3 failed a 404", "3 function").want("0 invite a", "4 invite x")
	r.final("x", 404).want("0 invite a", "4 invite x", "5 invite b")
	start(t, parallel(to("a"), deferred(gives(to("y"))).with(delay(5)))).asked().at(5).asked("5 function").
		want("0 invite a", "5 invite y")
	// A delay that it returns counts as that of a member: from the start of the group.
	start(t, parallel(to("a"), deferred(gives(to("y", delay(7)))).with(delay(5)))).at(10).
		want("0 invite a", "7 invite y")
	// It may return what has to wait, and nobody else is there.
	start(t, parallel(deferred(gives(to("y", delay(7)))))).want("0 invite y")
	start(t, deferred(gives(deferred(gives(parallel(to("x"), to("y"))))))).asked("0 function", "0 function").
		want("0 invite x", "0 invite y")
}

// A function at a plain place that gives nothing fails as `failed`; it is no target and asks nobody.
func TestFunctionGivesNothing(t *testing.T) {
	start(t, serial(deferred(noPlan), to("a"))).asked("0 function").want("0 invite a")
	r := start(t, deferred(noPlan)).want("0 respond 500")
	if got := r.asks[1]; got != "0 exhausted 1 - 500" || !r.best.Synthetic {
		t.Errorf("asked %q with %+v", got, r.best)
	}
	// plan.follow() where there is no 3xx is no plan either.
	start(t, serial(deferred(gives(&Node{Kind: KindFollow})), to("a"))).want("0 invite a")
}
