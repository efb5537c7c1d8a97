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
