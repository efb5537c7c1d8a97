package engine_test

import (
	"testing"
	"time"

	"tandem/engine/sim"
)

// An engine that is about to stop lets calls end and begins none.
func TestDrain(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(time.Second))
	r.odd = true // what is refused statelessly is not acknowledged to anybody
	up := r.place(sim.CallSpec{HangupAfter: seconds(10)})
	r.until(at(2 * time.Second))
	idle := 0
	r.eng.Shards()[0].Drain(func() { idle++ })
	for _, method := range []string{"INVITE", "OPTIONS", "SUBSCRIBE", "REFER"} {
		w := written{method: method, callID: method, via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK" + method, more: "Refer-To: <sip:b@192.0.2.12>\r\nEvent: x\r\n"}
		r.write(r.caller, r.net.Now(), w.String())
		r.until(r.net.Now().Add(100 * time.Millisecond))
		got := r.caller.Received("503 " + method)
		if len(got) != 1 || len(header(t, got[0], "Retry-After")) != 1 {
			t.Errorf("%s: %d times 503", method, len(got))
		}
	}
	if !up.Up() || idle != 0 {
		t.Errorf("the call that was up: %v; idle %d", up.Up(), idle)
	}
	if n := r.eng.Shards()[0].Stats(); n.TurnedAway != 4 || n.Overload != 0 {
		t.Errorf("turned away %d, overload %d", n.TurnedAway, n.Overload)
	}
	r.run()
	count(t, a, "BYE", 1)
	count(t, a, "INVITE", 1)
	if idle != 1 {
		t.Errorf("told %d times that the last call is over", idle)
	}
}

// Without calls there is nothing to wait for.
func TestDrainIdle(t *testing.T) {
	r := newRig(t, unrouted(t), 1)
	idle := 0
	r.eng.Shards()[0].Drain(func() { idle++ })
	if idle != 1 {
		t.Errorf("told %d times", idle)
	}
}
