package engine_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// Rows M2 and M3: two forwards, two 181s.
func TestForwardingIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		dialect string
		want    []string
	}{
		"by RFC 3261":   {"", []string{`<sip:userc@192.0.2.1:5060>;purpose=forwarding;username="userb"`, `<sip:userd@192.0.2.1:5060>;purpose=forwarding;username="userc"`}},
		"minisipserver": {"minisipserver", []string{`purpose=forwarding, username="userb", contact="userc"`, `purpose=forwarding, username="userc", contact="userd"`}},
	} {
		t.Run(name, func(t *testing.T) {
			told := func(t *plan.Target) { t.Send181, t.Dialect = true, c.dialect }
			r := newRig(t, always(serial(to("sip:userb@192.0.2.11"), target("sip:userc@192.0.2.12", told), target("sip:userd@192.0.2.13", told))), 1)
			r.phone("sip:userb@192.0.2.11", sim.Status(486, nil))
			r.phone("sip:userc@192.0.2.12", sim.Status(486, nil))
			r.phone("sip:userd@192.0.2.13", sim.After(time.Second))
			call := r.call(sim.CallSpec{To: "sip:userb@pbx.example", HangupAfter: seconds(1)})
			if got := call.Provisionals(); !slices.Equal(got, []int{100, 181, 181, 180}) {
				t.Errorf("provisionals %v", got)
			}
			var info []string
			for _, l := range r.caller.Received("181") {
				info = append(info, header(t, l, "Call-Info")...)
			}
			if !slices.Equal(info, c.want) {
				t.Errorf("Call-Info %q, want %q", info, c.want)
			}
		})
	}
}

// RFC 6228 §6: 199 for an early dialog that is over while others ring, to a caller that supports it.
func TestEarlyDialogIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		headers []sim.Header
		want    int
	}{
		"supported":          {[]sim.Header{{Name: "Supported", Value: "199"}}, 1},
		"not supported":      {nil, 0},
		"all to be reliable": {[]sim.Header{{Name: "Supported", Value: "199"}, {Name: "Require", Value: "100rel"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(serial(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
			r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress(), sim.Send(486).In(time.Second)})
			r.phone("sip:b@192.0.2.12", sim.After(time.Second))
			r.call(sim.CallSpec{Headers: c.headers, HangupAfter: seconds(1)})
			got := r.caller.Received("199")
			if len(got) != c.want {
				t.Fatalf("%d 199, want %d", len(got), c.want)
			}
			if c.want == 0 {
				return
			}
			m, _ := got[0].Message()
			early, _ := r.caller.Received("183")[0].Message()
			if string(m.ToTag()) != string(early.ToTag()) || !slices.Equal(header(t, got[0], "Reason"), []string{"SIP;cause=486"}) {
				t.Errorf("tag %s, Reason %q", m.ToTag(), header(t, got[0], "Reason"))
			}
		})
	}
}

// A 2xx that nobody asked for is not answered: ACK and BYE would go where it says.
func TestForgedAnswer(t *testing.T) {
	r := newRig(t, always(nil), 1)
	r.odd = true
	victim := r.phone("sip:v@192.0.2.66")
	forged := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKforged\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n" +
		"Call-ID: forged\r\nCSeq: 1 INVITE\r\nContact: <sip:v@192.0.2.66>\r\nContent-Length: 0\r\n\r\n"
	if got := r.raw(forged); len(got) != 0 || len(victim.Log()) != 0 {
		t.Errorf("sent %q back and %d messages to its Contact", got, len(victim.Log()))
	}
}

// Why a target could not be reached is logged once and known to the script.
func TestUnreachableTargetsSayWhy(t *testing.T) {
	for name, c := range map[string]struct{ uri, why string }{
		"closed port": {"sip:a@192.0.2.99:7999", "nothing listens at udp:192.0.2.99:7999"},
		"family":      {"sip:a@[2001:db8::11]", "no listener for the address family of 2001:db8::11"},
		"name":        {"sip:a@nowhere.example", "no names are looked up here"},
		"TLS":         {"sips:a@192.0.2.11", "no listener for tls: listen on one, --listen tls:IP:PORT"},
		"SCTP":        {"sip:a@192.0.2.11;transport=sctp", "sip with transport=sctp is not spoken"},
		"TCP":         {"sip:a@192.0.2.11;transport=tcp", "no listener for tcp: listen on one, --listen tcp:IP:PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			s := always(to(c.uri))
			phrase := ""
			s.handler = func(_ engine.Call, _ plan.Outcome, failed *plan.Step) *plan.Node {
				phrase = failed.Phrase
				return nil
			}
			r := newRig(t, s, 1)
			a := r.phone("sip:a@192.0.2.11")
			call := r.call(sim.CallSpec{})
			if call.Final() != 500 || phrase != c.why || len(a.Received("INVITE")) != 0 {
				t.Errorf("caller got %d, branch.phrase %q, want %q", call.Final(), phrase, c.why)
			}
			logged := r.logs.FilterMessage("target not reached").All()
			if len(logged) != 1 || logged[0].ContextMap()["why"] != c.why || logged[0].ContextMap()["target"] != c.uri {
				t.Errorf("logged %v", logged)
			}
		})
	}
}

// A dead gateway does not fill the log.
func TestUnreachableTargetsAreLoggedAtABoundedRate(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.99")), 1)
	for range 30 {
		r.place(sim.CallSpec{})
	}
	r.run()
	r.call(sim.CallSpec{})
	if n := r.logs.FilterMessage("target not reached").Len(); n != 11 {
		t.Errorf("logged %d times, want 10 and one a while later", n)
	}
	if more := r.logs.FilterMessage("more targets could not be reached").All(); len(more) != 1 || more[0].ContextMap()["not logged"] != int64(20) {
		t.Errorf("the rest: %v", more)
	}
}

// An engine that stops ends its calls.
func TestEndCalls(t *testing.T) {
	for _, shards := range []int{1, 3} {
		r := newRig(t, always(to("sip:a@192.0.2.11")), shards)
		a := r.phone("sip:a@192.0.2.11", sim.After(time.Second), sim.Never())
		up := r.place(sim.CallSpec{})
		r.net.Run(at(2 * time.Second))
		ringing := r.place(sim.CallSpec{})
		r.net.Run(at(3 * time.Second))
		n := 0
		for _, sh := range r.eng.Shards() {
			n += sh.EndCalls(r.net.Now())
		}
		r.run()
		if n != 2 || up.Up() || ringing.Final() != 503 || len(a.Received("BYE")) != 1 || len(a.Received("CANCEL")) != 1 || len(r.caller.Received("BYE")) != 1 {
			t.Errorf("%d ended; the ringing one got %d", n, ringing.Final())
		}
	}
}

// A target of the other address family leaves by the listener of that family; without one it cannot be reached.
func TestListenerByFamily(t *testing.T) {
	six := netip.MustParseAddrPort("[2001:db8::1]:5060")
	for name, c := range map[string]struct {
		both bool
		want int
	}{"with": {true, 200}, "without": {false, 500}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@[2001:db8::11]")), 1, func(cfg *engine.Config) {
				if c.both {
					cfg.Locals = append(cfg.Locals, engine.Local{SentBy: six.String(), Addr: six.Addr(), Transport: flow.UDP})
				}
			})
			r.phone("sip:a@[2001:db8::11]", sim.After(time.Second))
			if got := r.call(sim.CallSpec{HangupAfter: seconds(1)}).Final(); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
