package engine_test

import (
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// lose drops the first n datagrams that begin so, of all calls.
func (r *rig) lose(n int, start string) {
	r.net.Lose(func(d sim.Datagram) bool {
		if n == 0 || !strings.HasPrefix(string(d.Bytes), start) {
			return false
		}
		n--
		return true
	})
}

// order returns what the caller sent and received of some kinds, in order and with copies left out.
func (r *rig) order(kinds ...string) string {
	var list []string
	seen := map[string]bool{}
	for _, l := range r.caller.Log() {
		for _, k := range kinds {
			if strings.HasPrefix(string(l.Raw), k) && !seen[k] {
				seen[k] = true
				list = append(list, k)
			}
		}
	}
	return strings.Join(list, ", ")
}

// RFC 3261 §15: a callee does not send a BYE before the ACK to its 2xx. The caller has not heard of the answer if that was lost, and
// would take the end of the call for nothing, and wait for ever.
func TestByeWaitsForAck(t *testing.T) {
	hangsUp := []sim.Step{sim.Answer(), sim.Bye(sim.Header{Name: "Reason", Value: `Q.850;cause=16`}).In(time.Second)}
	const all = 1000
	for _, c := range []struct {
		name     string
		lost     int
		of       string
		order    string
		byes     int // to the caller
		at       time.Duration
		answered bool
	}{
		{"two answers lost", 2, "SIP/2.0 200", "SIP/2.0 200, ACK, BYE", 1, 1500 * time.Millisecond, true},
		{"four acknowledgements lost", 4, "ACK", "SIP/2.0 200, ACK, BYE", 1, 7500 * time.Millisecond, true},
		{"no answer arrives", all, "SIP/2.0 200", "BYE", 1, 32 * time.Second, false},
		{"no acknowledgement arrives", all, "ACK", "SIP/2.0 200, ACK, BYE", 1, 32 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, a := desk(t, hangsUp...)
			toCaller := 0
			r.net.Lose(func(d sim.Datagram) bool {
				if d.To == a.Addr() || d.From == a.Addr() || toCaller == c.lost || !strings.HasPrefix(string(d.Bytes), c.of) {
					return false
				}
				toCaller++
				return !strings.Contains(string(d.Bytes), "CSeq: 2") // the answers to a BYE arrive
			})
			r.odd = c.lost == all
			call := r.call(sim.CallSpec{})
			if got := r.order("SIP/2.0 200", "ACK", "BYE"); got != c.order {
				t.Errorf("the caller's side: %s, want %s", got, c.order)
			}
			count(t, r.caller, "BYE", c.byes)
			bye := r.caller.Received("BYE")[0]
			if d := time.Duration(bye.At); d < c.at || d > c.at+100*time.Millisecond {
				t.Errorf("BYE after %s, want %s", d, c.at)
			}
			if reason := header(t, bye, "Reason"); len(reason) != 1 || reason[0] != "Q.850;cause=16" {
				t.Errorf("BYE with Reason %q", reason)
			}
			if call.Answered() != c.answered || call.Up() {
				t.Errorf("answered %v, up %v", call.Answered(), call.Up())
			}
		})
	}
}

// What ends a call from our side waits as well, on the caller's leg.
func TestOwnByeWaitsForAck(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	s.observe = func(what string, c engine.Call, _ *plan.Step) {
		if what == "answered" {
			c.Hangup("")
		}
	}
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
	r.lose(3, "ACK sip:a@192") // none of ours
	r.call(sim.CallSpec{})
	if got := r.order("SIP/2.0 200", "ACK", "BYE"); got != "SIP/2.0 200, ACK, BYE" {
		t.Errorf("the caller's side: %s", got)
	}
	count(t, a, "BYE", 1)
	count(t, r.caller, "BYE", 1)
}

// In a dialog that is over but for our BYE the peer's own BYE ends that, and other requests find nobody.
func TestRequestsBeforeParting(t *testing.T) {
	for method, want := range map[string]struct{ code, byes int }{"INFO": {481, 1}, "BYE": {200, 0}} {
		t.Run(method, func(t *testing.T) {
			r, _ := desk(t, sim.Answer(), sim.Bye().In(500*time.Millisecond))
			r.odd = true // the ACK is never sent
			c := r.place(sim.CallSpec{NoAck: true})
			idle := 0
			r.until(at(2 * time.Second))
			r.eng.Shards()[0].Drain(func() { idle++ })
			if n := r.eng.Shards()[0].Stats().Active; n != 0 || idle != 0 {
				t.Errorf("%d calls, told %d times that all is over", n, idle)
			}
			x := c.Request(at(3*time.Second), method, nil, nil)
			r.run()
			if x.Code() != want.code || idle != 1 {
				t.Errorf("answered %d, told %d times that all is over", x.Code(), idle)
			}
			count(t, r.caller, "BYE", want.byes)
		})
	}
}

// When the engine stops there is no time left to wait.
func TestPartingAtTheEnd(t *testing.T) {
	for name, hangsUp := range map[string]time.Duration{"the call is over": 500 * time.Millisecond, "the call is up": time.Hour} {
		t.Run(name, func(t *testing.T) {
			r, _ := desk(t, sim.Answer(), sim.Bye().In(hangsUp))
			r.odd = true // the ACK is never sent
			r.place(sim.CallSpec{NoAck: true})
			r.until(at(time.Second))
			count(t, r.caller, "BYE", 0)
			r.eng.Shards()[0].EndCalls(r.net.Now())
			r.run()
			count(t, r.caller, "BYE", 1)
			if d := time.Duration(r.caller.Received("BYE")[0].At); d > 1100*time.Millisecond {
				t.Errorf("BYE after %s", d)
			}
		})
	}
}
