package engine_test

import (
	"slices"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// A call that was answered can be handed to another script between two events: that one gets the rest, and is released.
func TestMovedCall(t *testing.T) {
	s, next := always(to("sip:a@192.0.2.11")), &script{acquired: 1}
	var up engine.Call
	s.observe = func(_ string, c engine.Call, _ *plan.Step) { up = c }
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer(), sim.Bye().In(3 * time.Second)})
	r.place(sim.CallSpec{})
	if err := r.net.Run(clock.Time(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantSeen(t, s, "answered")
	up.Move(next)
	s.released++ // what Move does not do
	r.run()
	wantSeen(t, s, "answered")
	wantSeen(t, next, "ended")
	if next.released != 1 || len(a.Received("BYE"))+len(r.caller.Received("BYE")) != 1 {
		t.Errorf("released %d times, %d BYE", next.released, len(r.caller.Received("BYE")))
	}
}

// The script hears of the final responses that it made, and of no others.
func TestReplied(t *testing.T) {
	for name, c := range map[string]struct {
		plan *plan.Node
		want []int
	}{
		"a rejection":                {&plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 503}}, []int{503}},
		"a rejection after a branch": {serial(to("sip:a@192.0.2.11"), &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 599}}), []int{599}},
		"what a branch said":         {to("sip:a@192.0.2.11"), nil},
		"no decision":                {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := always(c.plan)
			r := newRig(t, s, 1)
			r.phone("sip:a@192.0.2.11", sim.Status(502, nil))
			r.call(sim.CallSpec{})
			if !slices.Equal(s.replied, c.want) {
				t.Errorf("heard of %v, want %v", s.replied, c.want)
			}
		})
	}
}
