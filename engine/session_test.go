package engine_test

import (
	"slices"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

func sessionHeaders(expires string) []sim.Header {
	return []sim.Header{{Name: "Supported", Value: "timer"}, {Name: "Session-Expires", Value: expires}}
}

// RFC 4028 §9: an interval under the minimum is refused with 422 and Min-SE.
func TestSessionTooBrief(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	c := r.call(sim.CallSpec{Headers: sessionHeaders("30")})
	if c.Final() != 422 || !slices.Equal(header(t, r.caller.Received("422")[0], "Min-SE"), []string{"90"}) {
		t.Errorf("got %d", c.Final())
	}
}

// RFC 4028 §9, §10: a caller that refreshes keeps the call; one that stops is ended, on both sides.
func TestSessionOfTheCaller(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.place(sim.CallSpec{Headers: sessionHeaders("120")})
	r.net.Run(at(5 * time.Second))
	if got := header(t, r.caller.Received("200")[0], "Session-Expires"); !slices.Equal(got, []string{"120;refresher=uac"}) {
		t.Errorf("Session-Expires %q", got)
	}
	x := c.Request(at(60*time.Second), "UPDATE", sessionHeaders("120"), sim.NoBody)
	r.run()
	if x.Code() != 200 || !slices.Equal(header(t, r.caller.Received("200 UPDATE")[0], "Session-Expires"), []string{"120;refresher=uac"}) {
		t.Errorf("UPDATE %d", x.Code())
	}
	if len(a.Received("UPDATE")) != 0 {
		t.Error("a refresh is the leg's own")
	}
	bye := r.caller.Received("BYE")
	if len(bye) != 1 || len(a.Received("BYE")) != 1 {
		t.Fatalf("%d BYE", len(bye))
	}
	// 120 s after the refresh less min(32 s, a third).
	if got := time.Duration(bye[0].At).Round(10 * time.Millisecond); got != 148*time.Second {
		t.Errorf("ended at %v, want 2m28s", got)
	}
}

// RFC 4028 §7.2, §7.4: the callee wants us to refresh. UPDATE if it takes it, else a re-INVITE with the standing offer.
func TestSessionOfTheCallee(t *testing.T) {
	for name, c := range map[string]struct {
		allow, method string
	}{
		"UPDATE":    {"INVITE, ACK, BYE, CANCEL, UPDATE", "UPDATE"},
		"re-INVITE": {"INVITE, ACK, BYE, CANCEL", "INVITE"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
			agreed := sim.Header{Name: "Session-Expires", Value: "100;refresher=uac"}
			a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer(agreed, sim.Header{Name: "Allow", Value: c.allow})})
			a.Reply(c.method, sim.Reply{Code: 200, Headers: []sim.Header{agreed}})
			r.call(sim.CallSpec{HangupAfter: seconds(170)})
			got := a.Received(c.method)
			if c.method == "INVITE" {
				got = got[1:]
				if len(got) > 0 && body(t, got[0]) != body(t, r.caller.Sent("INVITE")[0]) {
					t.Error("the refresh is to carry the offer that stands")
				}
			}
			if len(got) != 3 || len(r.caller.Received(c.method)) != 0 {
				t.Fatalf("%d refreshes, want one each 50 s", len(got))
			}
			if d := time.Duration(got[1].At - got[0].At).Round(10 * time.Millisecond); d != 50*time.Second {
				t.Errorf("refreshed every %v", d)
			}
		})
	}
}

// RFC 4028 §7.4: a refresh that finds no dialog ends the call on both sides.
func TestRefreshFindsNoDialog(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer(sim.Header{Name: "Session-Expires", Value: "100;refresher=uac"}, sim.Header{Name: "Allow", Value: "UPDATE"})})
	a.Reply("UPDATE", sim.Reply{Code: 481})
	r.call(sim.CallSpec{})
	if len(r.caller.Received("BYE")) != 1 || len(a.Received("BYE")) != 1 {
		t.Error("want a BYE to both sides")
	}
}

// RFC 4028 §7.4: a 422 is answered with a larger interval, under the same Call-ID and the next CSeq.
func TestSessionIntervalRaised(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11",
		sim.Status(422, nil, sim.Header{Name: "Min-SE", Value: "3600"}), sim.After(time.Second))
	r.odd = true
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	got := a.Received("INVITE")
	if len(got) != 2 || !c.Answered() {
		t.Fatalf("%d INVITE, answered %v", len(got), c.Answered())
	}
	m0, _ := got[0].Message()
	m1, _ := got[1].Message()
	if string(m0.CallID()) != string(m1.CallID()) || m1.CSeq() != 2 || string(m0.FromTag()) != string(m1.FromTag()) {
		t.Errorf("Call-ID %s %s, CSeq %d", m0.CallID(), m1.CallID(), m1.CSeq())
	}
	if !slices.Equal(header(t, got[1], "Session-Expires"), []string{"3600"}) || !slices.Equal(header(t, got[1], "Min-SE"), []string{"3600"}) {
		t.Errorf("Session-Expires %q", header(t, got[1], "Session-Expires"))
	}
	wantSeen(t, s, "ringing", "answered", "ended")
}

func TestMaxDuration(t *testing.T) {
	n := target("sip:a@192.0.2.11", func(t *plan.Target) { t.MaxDuration = 30 * time.Second })
	r := newRig(t, always(n), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	r.call(sim.CallSpec{})
	for _, p := range []*sim.Phone{r.caller, a} {
		got := p.Received("BYE")
		if len(got) != 1 || time.Duration(got[0].At).Round(10*time.Millisecond) != 31*time.Second {
			t.Errorf("%s: BYE %v", p.Name(), got)
		}
	}
}

// RFC 3261 §13.3.1.1: the caller hears a provisional at least every minute.
func TestSignOfLife(t *testing.T) {
	r := newRig(t, always(ring(170*time.Second, to("sip:a@192.0.2.11"))), 1)
	r.phone("sip:a@192.0.2.11", sim.Never())
	c := r.call(sim.CallSpec{})
	if got := c.Provisionals(); !slices.Equal(got, []int{100, 180, 180, 180}) {
		t.Errorf("provisionals %v", got)
	}
}

func TestSignOfLifeOfASilentCall(t *testing.T) {
	n := serial(ring(40*time.Second, to("sip:a@192.0.2.11")), ring(40*time.Second, to("sip:b@192.0.2.12")))
	r := newRig(t, always(n), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Send(100)})
	r.phone("sip:b@192.0.2.12", sim.Behaviour{sim.Send(100)})
	r.odd = true
	c := r.call(sim.CallSpec{})
	if got := c.Provisionals(); !slices.Equal(got, []int{100, 183}) {
		t.Errorf("provisionals %v", got)
	}
}

// RFC 3261 §14.1: a refresh of ours that met another offer is made again, 2.1 to 4 s later where the Call-ID is ours, within 2 s where
// it is the peer's; one that an offer of theirs stands in the way of, too. The call outlives it.
func TestRefreshMeetsAnOffer(t *testing.T) {
	agreed := sim.Header{Name: "Session-Expires", Value: "100;refresher=uac"}
	ok := sim.Reply{Code: 200, Headers: []sim.Header{agreed}}
	later := sim.Reply{Code: 500, Headers: []sim.Header{{Name: "Retry-After", Value: "3"}}}
	for name, c := range map[string]struct {
		caller   bool // whose leg is refreshed
		replies  []sim.Reply
		offer    bool // of the caller, under way when the refresh is due
		lo, hi   time.Duration
		requests int
	}{
		"callee's leg":        {false, []sim.Reply{{Code: 491}, ok}, false, 2100 * time.Millisecond, 4 * time.Second, 2},
		"caller's leg":        {true, []sim.Reply{{Code: 491}, ok}, false, 0, 2 * time.Second, 2},
		"asked to wait":       {false, []sim.Reply{later, ok}, false, 3 * time.Second, 3100 * time.Millisecond, 2},
		"again and again":     {false, []sim.Reply{{Code: 491}, {Code: 491}, ok}, false, 2100 * time.Millisecond, 4 * time.Second, 3},
		"an offer is pending": {false, []sim.Reply{{Code: 200, After: 3 * time.Second}, ok}, true, 3 * time.Second, 9 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			does, spec := sim.Behaviour{sim.Answer()}, sim.CallSpec{HangupAfter: seconds(95)}
			if c.caller {
				spec.Headers = []sim.Header{{Name: "Supported", Value: "timer"}, {Name: "Session-Expires", Value: "100;refresher=uas"}}
			} else {
				does = sim.Behaviour{sim.Answer(agreed)}
			}
			r, a := desk(t, does...)
			peer, method := a, "INVITE"
			if c.caller {
				peer, method = r.caller, "UPDATE" // which it says it takes
			}
			peer.Reply(method, c.replies...)
			call := r.place(spec)
			if c.offer {
				call.Request(at(49*time.Second), "INVITE", nil, nil)
			}
			r.run()
			all := peer.Received(method)
			if len(all) != c.requests+map[bool]int{true: 0, false: 1}[c.caller] {
				t.Fatalf("%d %s", len(all), method)
			}
			got := all[len(all)-c.requests:]
			if gap := got[1].At.Sub(got[0].At); gap < c.lo || gap > c.hi {
				t.Errorf("again after %v, want %v to %v", gap, c.lo, c.hi)
			}
			if bye := a.Received("BYE"); len(bye) != 1 || bye[0].At < at(90*time.Second) {
				t.Errorf("the call ended at %v", bye)
			}
		})
	}
}
