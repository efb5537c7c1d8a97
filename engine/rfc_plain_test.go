package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

// exchanges are the two ways in which a request other than INVITE goes through us: outside a dialog, and inside one.
func exchanges(t *testing.T, each func(t *testing.T, r *rig, callee *sim.Phone, method string, ask func() *sim.Exchange)) {
	t.Run("outside", func(t *testing.T) {
		r := newRig(t, requests(to("sip:bob@192.0.2.11")), 1)
		each(t, r, r.phone("sip:bob@192.0.2.11"), "MESSAGE", func() *sim.Exchange {
			return r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello})
		})
	})
	t.Run("inside", func(t *testing.T) {
		r, a := desk(t, sim.Answer())
		c := r.place(sim.CallSpec{HangupAfter: seconds(80)})
		each(t, r, a, "INFO", func() *sim.Exchange {
			x := c.Request(at(5*time.Second), "INFO", nil, nil)
			r.run()
			return x
		})
	})
}

// No provisional but 100 to a request other than INVITE, and that when 3.5 s have gone by without a final response.
func TestRFC_076_Trying(t *testing.T) {
	exchanges(t, func(t *testing.T, r *rig, callee *sim.Phone, method string, ask func() *sim.Exchange) {
		callee.Reply(method, sim.Reply{Code: 200, After: 10 * time.Second})
		progress := 0
		r.net.Watch(func(d sim.Datagram) {
			if d.To == callee.Addr() && strings.HasPrefix(string(d.Bytes), method) && progress < 3 {
				progress++
				m := parsed(t, &sim.Logged{Raw: d.Bytes})
				for _, code := range []int{100, 183} {
					r.write(callee, r.net.Now(), string(m.AppendResponse(nil, code, "", []byte("t"), pbx))+"Content-Length: 0\r\n\r\n")
				}
			}
		})
		if x := ask(); x.Code() != 200 {
			t.Errorf("%s got %d", method, x.Code())
		}
		sent := r.caller.Sent(method)[0].At
		var early []string
		for _, l := range copies(r.caller, "SIP/2.0 1") {
			if header(t, l, "CSeq")[0] != header(t, r.caller.Sent(method)[0], "CSeq")[0] {
				continue
			}
			line, _, _ := strings.Cut(string(l.Raw), "\r\n")
			if early = append(early, line); l.At.Sub(sent) < 3500*time.Millisecond {
				t.Errorf("%s after %v", line, l.At.Sub(sent))
			}
		}
		if len(early) == 0 || slices.ContainsFunc(early, func(s string) bool { return s != "SIP/2.0 100 Trying" }) {
			t.Errorf("provisionals %q, want 100 and no other", early)
		}
	})
	t.Run("answered at once", func(t *testing.T) {
		r := newRig(t, requests(nil), 1)
		for method, code := range map[string]int{"OPTIONS": 200, "SUBSCRIBE": 489, "MESSAGE": 405} {
			if x := r.ask(sim.RequestSpec{Method: method}); x.Code() != code {
				t.Errorf("%s got %d", method, x.Code())
			}
		}
		count(t, r.caller, "100", 0)
	})
}

// A request other than INVITE is never answered 408: not where nobody answers, nor where the far side said so.
func TestRFC_077_NoRequestTimeout(t *testing.T) {
	for name, reply := range map[string]sim.Reply{"silence": {}, "408": {Code: 408, After: time.Second}} {
		t.Run(name, func(t *testing.T) {
			exchanges(t, func(t *testing.T, r *rig, callee *sim.Phone, method string, ask func() *sim.Exchange) {
				r.odd = true
				callee.Reply(method, reply)
				if x := ask(); x.Why() != "timeout" || x.Code() != 0 {
					t.Errorf("%s got %d %s", method, x.Code(), x.Why())
				}
				if n := len(copies(r.caller, "SIP/2.0 408")); n != 0 {
					t.Errorf("%d 408", n)
				}
				count(t, callee, method, 1) // and it is not sent on again
			})
		})
	}
}

// A final response that comes when its request has none to wait for any more is not forwarded.
func TestRFC_078_LateResponse(t *testing.T) {
	exchanges(t, func(t *testing.T, r *rig, callee *sim.Phone, method string, ask func() *sim.Exchange) {
		r.odd = true
		callee.Reply(method, sim.Reply{Code: 200, After: 40 * time.Second})
		ask()
		if n := len(callee.Sent("200 " + method)); n != 1 {
			t.Errorf("the callee sent %d 200", n)
		}
		count(t, r.caller, "200 "+method, 0)
	})
}

// Contacts of a 3xx are tried only where the script allows it: no target that it has not chosen, each URI once, never from sips to sip.
func TestRFC_102_Recursion(t *testing.T) {
	contacts := func(list ...string) sim.Behaviour {
		var h []sim.Header
		for _, c := range list {
			h = append(h, sim.Header{Name: "Contact", Value: c})
		}
		return sim.Status(302, nil, h...)
	}
	for name, c := range map[string]struct {
		target string
		policy plan.RedirectPolicy
		list   []string
		rings  bool
		final  int
	}{
		"denied":        {"sip:a@192.0.2.11", plan.RedirectDefault, []string{"<sip:+1900@192.0.2.77>", "<sip:x@127.0.0.77>"}, false, 480},
		"followed":      {"sip:a@192.0.2.11", plan.RedirectFollow, []string{"<sip:+1900@192.0.2.77>"}, true, 486},
		"passed":        {"sip:a@192.0.2.11", plan.RedirectPass, []string{"<sip:+1900@192.0.2.77>"}, false, 302},
		"back to it":    {"sip:a@192.0.2.11", plan.RedirectFollow, []string{"<sip:a@192.0.2.11>", "<sip:%61@192.0.2.11>"}, false, 480},
		"twice the one": {"sip:a@192.0.2.11", plan.RedirectFollow, []string{"<sip:+1900@192.0.2.77>", "<sip:+%31900@192.0.2.77>;q=0.1"}, true, 486},
		"to a tel URI":  {"sip:a@192.0.2.11", plan.RedirectFollow, []string{"<tel:+1900>"}, false, 480},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(target(c.target, func(t *plan.Target) { t.Redirect = c.policy })), 1)
			a, local := r.phone("sip:a@192.0.2.11", contacts(c.list...)), r.phone("sip:x@127.0.0.77")
			premium := r.phone("sip:+1900@192.0.2.77", sim.Status(486, nil))
			if call := r.call(sim.CallSpec{}); call.Final() != c.final {
				t.Errorf("caller got %d, want %d", call.Final(), c.final)
			}
			count(t, a, "INVITE", 1)
			count(t, local, "INVITE", 0)
			count(t, premium, "INVITE", map[bool]int{true: 1}[c.rings])
		})
	}
	t.Run("bounded", func(t *testing.T) {
		follow := func(t *plan.Target) { t.Redirect = plan.RedirectFollow }
		r := newRig(t, always(target("sip:0@192.0.2.11", follow)), 1)
		r.odd = true
		a := r.phone("sip:0@192.0.2.11")
		var chain []sim.Behaviour
		for i := range 200 {
			chain = append(chain, contacts(fmt.Sprintf("<sip:%d@192.0.2.11>", i+1)))
		}
		a.Behave(chain...)
		r.call(sim.CallSpec{})
		if n := len(a.Received("INVITE")); n < 5 || n > 64 {
			t.Errorf("%d INVITE in a chain of redirects", n)
		}
	})
}
