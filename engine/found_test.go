package engine_test

import (
	"fmt"
	"testing"
	"time"

	"tandem/engine/flow"
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
	ok := a.Sent("200")[0]
	a.SendRaw(at(120*time.Millisecond), flow.Flow{Remote: pbx}, fmt.Appendf(nil,
		"BYE sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKearly\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"+
			"Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
		header(t, ok, "To")[0], header(t, ok, "From")[0], header(t, ok, "Call-ID")[0]))
	r.odd = true // it hung up too early and does not know of it
	r.run()
	if acks := a.Received("ACK"); len(acks) != 1 || len(a.Received("BYE")) != 0 {
		t.Errorf("callee got %d ACK, %d BYE", len(acks), len(a.Received("BYE")))
	}
}
