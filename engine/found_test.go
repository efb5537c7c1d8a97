package engine_test

import (
	"testing"

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
