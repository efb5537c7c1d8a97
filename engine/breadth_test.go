package engine_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

func maxBreadth(v string) []sim.Header { return []sim.Header{{Name: "Max-Breadth", Value: v}} }

// breadths are the Max-Breadth of the first INVITE that each phone got, and the second in which it did: "20@0".
func breadths(t *testing.T, phones ...*sim.Phone) string {
	t.Helper()
	var all []string
	for _, p := range phones {
		invite := p.Received("INVITE")
		if len(invite) == 0 {
			all = append(all, "-")
			continue
		}
		v := header(t, invite[0], "Max-Breadth")
		all = append(all, fmt.Sprintf("%s@%d", strings.Join(v, ","), time.Duration(invite[0].At)/time.Second))
	}
	return strings.Join(all, " ")
}

func TestRFC_074_MaxBreadth(t *testing.T) {
	for name, c := range map[string]struct {
		incoming string // "-" = none
		want     string // three phones in parallel, each of which rings for a second
	}{
		"none":           {"-", "20@0 20@0 20@0"},
		"more than most": {"100", "20@0 20@0 20@0"},
		"huge":           {"99999999999999999999", "20@0 20@0 20@0"},
		"rounded down":   {"10", "3@0 3@0 3@0"},
		"leading zeros":  {"0009", "3@0 3@0 3@0"},
		"as many":        {"3", "1@0 1@0 1@0"},
		"room for two":   {"2", "1@0 1@0 1@1"},
		"room for one":   {"1", "1@0 1@1 1@2"},
	} {
		t.Run(name, func(t *testing.T) {
			busy := sim.Status(486, seconds(1))
			r, phones := fork(t, busy, busy, busy)
			var spec sim.CallSpec
			if c.incoming != "-" {
				spec.Headers = maxBreadth(c.incoming)
			}
			call := r.call(spec)
			if got := breadths(t, phones...); got != c.want || call.Final() != 486 {
				t.Errorf("INVITEs %s, want %s; caller got %d, want 486", got, c.want, call.Final())
			}
			if waits := r.noted("wait for a branch to end"); waits != strings.Contains(c.want, "@1") {
				t.Errorf("the trace tells of waiting: %v", waits)
			}
		})
	}
}

// "A proxy MUST NOT decrement Max-Breadth for each hop"; what one target gets is all there is (§5.2, No Forking).
func TestRFC_074_NotDecremented(t *testing.T) {
	for incoming, want := range map[string]string{"60": "60@0", "7": "7@0", "1": "1@0"} {
		r, a := desk(t, sim.Send(486))
		r.call(sim.CallSpec{Headers: maxBreadth(incoming)})
		if got := breadths(t, a); got != want {
			t.Errorf("of %s: %s, want %s", incoming, got, want)
		}
	}
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1, func(c *engine.Config) { c.Limits.Breadth = 4 })
	a := r.phone("sip:a@192.0.2.11", sim.Status(486, nil), sim.Status(486, nil))
	r.call(sim.CallSpec{})
	r.call(sim.CallSpec{Headers: maxBreadth("5")})
	for _, invite := range a.Received("INVITE") {
		want(t, invite, "Max-Breadth", "4")
	}
}

func TestRFC_074_Refused(t *testing.T) {
	for v, want := range map[string]int{"0": 440, "000": 440, "": 400, "x": 400, "-1": 400, "6 0": 400, "1.5": 400, "60;x=y": 400} {
		t.Run(v, func(t *testing.T) {
			r := newRig(t, unrouted(t), 1)
			if got := r.call(sim.CallSpec{Headers: maxBreadth(v)}); got.Final() != want {
				t.Errorf("caller got %d %s, want %d", got.Final(), got.Message().Phrase(), want)
			}
		})
	}
}

// Sequential forking gives each the whole breadth. It waits for a branch that was given up only if there is room for no other:
// until its final response, or until none will come.
func TestRFC_074_SequentialForking(t *testing.T) {
	for name, c := range map[string]struct {
		incoming string
		does     sim.Behaviour
		want     string
		late     time.Duration // of b's INVITE after ring expiry
	}{
		"refused":               {"60", sim.Status(486, seconds(1)), "60@0 60@1", -time.Second + 2*time.Millisecond},
		"rung out":              {"60", sim.Never(), "60@0 60@2", 0},
		"rung out, room of two": {"2", sim.Never(), "2@0 2@2", 0},
		"rung out, no room":     {"1", sim.Never(), "1@0 1@2", 2 * time.Millisecond},
		"silent, no room":       {"1", sim.Silent(), "1@0 1@32", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(serial(ring(2*time.Second, to("sip:a@192.0.2.11")), to("sip:b@192.0.2.12"))), 1)
			a, b := r.phone("sip:a@192.0.2.11", c.does), r.phone("sip:b@192.0.2.12", sim.Status(486, nil))
			r.call(sim.CallSpec{Headers: maxBreadth(c.incoming)})
			if got := breadths(t, a, b); got != c.want {
				t.Errorf("INVITEs %s, want %s", got, c.want)
			}
			if late := b.Received("INVITE")[0].At.Sub(a.Received("INVITE")[0].At) - 2*time.Second; late != c.late {
				t.Errorf("next step %v after ring expiry, want %v", late, c.late)
			}
		})
	}
}

// The INVITE that is sent again after a 422 has the same part of the breadth.
func TestRFC_074_RetriedInvite(t *testing.T) {
	r, a := desk(t, sim.Send(422, sim.Header{Name: "Min-SE", Value: "1800"}))
	r.call(sim.CallSpec{Headers: maxBreadth("7")})
	for _, invite := range a.Received("INVITE") {
		want(t, invite, "Max-Breadth", "7")
	}
	count(t, a, "INVITE", 2)
}

// lookups is a resolver that answers when the test wants it to.
type lookups []func(clock.Time, []flow.Hop, error)

func (l *lookups) Resolve(_ int, _ *message.URI, done func(clock.Time, []flow.Hop, error)) {
	*l = append(*l, done)
}

// A branch that is given up before its address is known has ended: nobody waits for it.
func TestRFC_074_GivenUpBeforeItsInvite(t *testing.T) {
	var l lookups
	s := always(serial(ring(time.Second, to("sip:a@a.example")), to("sip:b@192.0.2.12")))
	r := newRig(t, s, 1, func(c *engine.Config) { c.Resolver = &l })
	b := r.phone("sip:b@192.0.2.12", sim.Status(486, nil))
	r.place(sim.CallSpec{Headers: maxBreadth("1")})
	r.until(at(5 * time.Second))
	l[0](r.net.Now(), []flow.Hop{{Remote: netip.MustParseAddrPort("192.0.2.11:5060")}}, nil)
	r.run()
	if got := breadths(t, b); got != "1@1" || r.forwarded() != 1 {
		t.Errorf("INVITE %s of %d, want 1@1 alone", got, r.forwarded())
	}
}

// mostAlive is how many branches to the engine itself were alive at once, over all passes: its INVITEs without a final response
// that it has not forwarded, as the trace has it.
func (r *rig) mostAlive() (most int) {
	r.t.Helper()
	caller, alive := map[string]string{}, map[string]bool{}
	for _, e := range r.rec.Events() {
		if e.Kind == trace.Leg && e.Remote == pbx {
			caller[e.Text] = e.Call
		}
		var m message.Message
		if e.Kind > trace.Sent || m.Parse(e.Bytes) != nil || m.Method() != message.INVITE {
			continue
		}
		switch leg := string(m.CallID()); {
		case caller[leg] == "":
		case e.Kind == trace.Sent && m.IsRequest():
			alive[leg] = true
		case e.Kind == trace.Received && m.Status() >= 200:
			delete(alive, leg)
		}
		forwarded := map[string]bool{}
		for leg := range alive {
			forwarded[caller[leg]] = true
		}
		n := 0
		for leg := range alive {
			if !forwarded[leg] {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// lastFinal is when the caller of a call got its final response.
func lastFinal(p *sim.Phone, code string) time.Duration {
	got := p.Received(code)
	return time.Duration(got[len(got)-1].At)
}

// RFC 5393 §3, figure 1: users that forward to each other.
func TestRFC_075_Attack(t *testing.T) {
	both := func(users ...string) *plan.Node {
		n := &plan.Node{Kind: plan.KindParallel}
		for _, u := range users {
			n.Members = append(n.Members, self(u))
		}
		return n
	}
	for name, places := range map[string]map[string]*plan.Node{
		"a to b and c, b to a and c": {"a": both("b", "c"), "b": both("a", "c"), "c": both("a", "b")},
		"each to both":               {"a": both("a", "b"), "b": both("a", "b")},
		"one after the other":        {"a": serial(self("b"), self("c")), "b": serial(self("a"), self("c")), "c": serial(self("a"), self("b"))},
	} {
		for _, breadth := range []int{60, 4, 1} {
			t.Run(fmt.Sprintf("%s, Max-Breadth %d", name, breadth), func(t *testing.T) {
				places["other"] = to("sip:other@192.0.2.11")
				r := newRig(t, forward(places), 1)
				r.phone("sip:other@192.0.2.11", sim.After(10*time.Millisecond))
				c := r.place(sim.CallSpec{To: "sip:a@192.0.2.1:5060", Headers: maxBreadth(fmt.Sprint(breadth))})
				r.until(at(5 * time.Millisecond)) // amid the attack
				other := r.place(sim.CallSpec{To: "sip:other@pbx.example", HangupAfter: seconds(1)})
				r.run()
				if took := lastFinal(r.caller, "482"); c.Final() != 482 || took > 5*time.Second {
					t.Errorf("caller got %d after %v, want 482 within 5 s", c.Final(), took)
				}
				if most := r.mostAlive(); most > breadth {
					t.Errorf("%d branches alive at once", most)
				}
				if !other.Answered() {
					t.Errorf("another call was refused with %d", other.Final())
				}
			})
		}
	}
}

// RFC 5393 §3: where every pass differs nothing is a loop; Max-Breadth bounds what is alive, Max-Forwards ends it.
func TestRFC_075_AttackWithoutLoops(t *testing.T) {
	s := &script{invite: func(c engine.Call) *plan.Node {
		u, _ := message.ParseURI(c.Request().RequestURI())
		return parallel(self(string(u.User)+"a"), self(string(u.User)+"b"))
	}}
	for _, breadth := range []int{1, 2, 3, 5, 16} {
		r := newRig(t, s, 1)
		c := r.call(sim.CallSpec{Headers: append(maxBreadth(fmt.Sprint(breadth)), sim.Header{Name: "Max-Forwards", Value: "5"})})
		if n := 2 + 4 + 8 + 16 + 32; c.Final() != 483 || r.forwarded() != n {
			t.Errorf("caller got %d after %d INVITEs, want 483 after %d", c.Final(), r.forwarded(), n)
		}
		if most := r.mostAlive(); most > breadth {
			t.Errorf("%d branches alive at once, Max-Breadth %d", most, breadth)
		}
		for _, e := range r.rec.Events() {
			if e.Kind == trace.Sent && bytes.HasPrefix(e.Bytes, []byte("INVITE")) && !bytes.Contains(e.Bytes, []byte("\r\nMax-Breadth: ")) {
				t.Fatalf("INVITE without Max-Breadth:\n%s", e.Bytes)
			}
		}
	}
	if !slices.Contains(s.seen, "exhausted") {
		t.Error("no fork was exhausted")
	}
}
