package engine_test

import (
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

// What package sim/seeds found, each with the seed that found it first.

func reject(code int) *plan.Node {
	return &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: code}}
}

// Seed 5: an early dialog that a provisional made after the end of its call was never forgotten.
func TestEarlyDialogAfterTheEnd(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), reject(603))), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress()})
	if c := r.call(sim.CallSpec{}); c.Final() != 603 {
		t.Errorf("caller got %d", c.Final())
	}
}

// Seed 35: a callee that hung up before the ACK that waited for the caller's never got one.
func TestLateAckWhenTheCalleeHangsUp(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	r.net.SetLatency(50 * time.Millisecond)
	a := r.phone("sip:a@192.0.2.11", sim.After(0))
	r.place(sim.CallSpec{Body: sim.NoBody})
	r.net.Run(at(110 * time.Millisecond))
	a.Incoming()[0].Request(at(120*time.Millisecond), "BYE", nil, sim.NoBody)
	r.odd = true // it hung up too early
	r.run()
	if acks := a.Received("ACK"); len(acks) != 1 || len(a.Received("BYE")) != 0 {
		t.Errorf("callee got %d ACK, %d BYE", len(acks), len(a.Received("BYE")))
	}
}
