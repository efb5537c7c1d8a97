package engine_test

import (
	"fmt"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// flows has user 100 register one phone by two flows, of which the one at the second address is the latest.
func (r *rig) flows(first, second *sim.Phone) {
	r.t.Helper()
	for i, p := range []*sim.Phone{first, second} {
		x := r.registers(p, contactField(fmt.Sprintf(`<sip:100@%s>;+sip.instance="<urn:uuid:a>";reg-id=%d`, p.Addr().Addr(), i+1)), sim.Header{Name: "Supported", Value: "outbound"})
		if x.Code() != 200 {
			r.t.Fatalf("flow %d: %d", i+1, x.Code())
		}
	}
}

// RFC 5626 §7: of the flows of a phone the next one is tried when one has failed, and when the phone has answered none.
func TestOtherFlow(t *testing.T) {
	for name, c := range map[string]struct {
		does    []sim.Behaviour // at the latest flow
		reach   sim.Reach
		final   int
		invites int // by the other flow
	}{
		"flow failed":  {does: []sim.Behaviour{sim.Status(430, nil)}, final: 200, invites: 1},
		"timed out":    {does: []sim.Behaviour{sim.Status(408, nil)}, final: 200, invites: 1},
		"refused":      {reach: sim.Refusing, final: 200, invites: 1},
		"silent":       {reach: sim.Blackhole, final: 200, invites: 1},
		"busy":         {does: []sim.Behaviour{sim.Status(486, nil)}, final: 486},
		"overloaded":   {does: []sim.Behaviour{sim.Status(503, nil)}, final: 500},
		"rung, failed": {does: []sim.Behaviour{sim.Status(430, seconds(1))}, final: 200, invites: 1},
	} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprint(name, " ", shards), func(t *testing.T) {
				s := always(toUser())
				r := newRig(t, s, shards, registrar)
				first, second := r.phone("sip:100@192.0.2.11", sim.Behaviour{sim.Answer()}), r.phone("sip:100@192.0.2.12", c.does...)
				r.flows(first, second)
				if c.reach != 0 {
					r.net.SetReach(second.Addr(), c.reach)
				}
				call := r.call(sim.CallSpec{HangupAfter: seconds(1)})
				if n := len(first.Received("INVITE")); call.Final() != c.final || n != c.invites {
					t.Errorf("%d after %d INVITEs by the other flow, want %d after %d", call.Final(), n, c.final, c.invites)
				}
			})
		}
	}
}

// Each flow is tried once, and a call that is given up goes by no other.
func TestOtherFlowEnds(t *testing.T) {
	r := newRig(t, always(toUser()), 1, registrar)
	first, second := r.phone("sip:100@192.0.2.11", sim.Status(430, nil)), r.phone("sip:100@192.0.2.12", sim.Status(430, nil))
	r.flows(first, second)
	if c := r.call(sim.CallSpec{}); c.Final() != 430 || len(first.Received("INVITE")) != 1 || len(second.Received("INVITE")) != 1 {
		t.Errorf("%d after %d and %d INVITEs", c.Final(), len(first.Received("INVITE")), len(second.Received("INVITE")))
	}
	r.net.SetReach(second.Addr(), sim.Blackhole)
	if c := r.call(sim.CallSpec{CancelAfter: seconds(5)}); c.Final() != 487 || len(first.Received("INVITE")) != 1 {
		t.Errorf("%d after %d INVITEs by the other flow", c.Final(), len(first.Received("INVITE")))
	}
}

// A request outside a dialog goes by the other flow as well.
func TestOtherFlowOutside(t *testing.T) {
	s := always(nil)
	s.request = func(engine.Call) *plan.Node { return toUser() }
	for name, reply := range map[string]int{"flow failed": 430, "refused": 0, "busy": 486} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s, 1, registrar)
			first, second := r.phone("sip:100@192.0.2.11"), r.phone("sip:100@192.0.2.12")
			r.flows(first, second)
			want := 200
			if second.Reply("MESSAGE", sim.Reply{Code: reply}); reply == 0 {
				r.net.SetReach(second.Addr(), sim.Refusing)
			} else if reply == 486 {
				want = 486
			}
			x := r.caller.Request(r.net.Now(), sim.RequestSpec{Method: "MESSAGE", To: "sip:100@pbx.example", Dest: flow.Flow{Remote: pbx}})
			r.until(r.net.Now().Add(time.Minute))
			if x.Code() != want {
				t.Errorf("%d, want %d", x.Code(), want)
			}
		})
	}
}
