package engine_test

import (
	"testing"
	"time"

	"tandem/engine/sim"
)

// No interval under 90 s: who could choose another gets 422, for others it is raised. None is made shorter.
func TestRFC_091_MinimumInterval(t *testing.T) {
	timer := sim.Header{Name: "Supported", Value: "timer"}
	se := func(v string) sim.Header { return sim.Header{Name: "Session-Expires", Value: v} }
	for name, c := range map[string]struct {
		headers []sim.Header
		final   int
		on      []string // Session-Expires towards the callee
	}{
		"too small":               {[]sim.Header{timer, se("30")}, 422, nil},
		"smallest":                {[]sim.Header{timer, se("90")}, 200, []string{"90"}},
		"too small, no timer":     {[]sim.Header{se("30")}, 200, []string{"90"}},
		"not lowered to Min-SE":   {[]sim.Header{timer, se("1800"), {Name: "Min-SE", Value: "600"}}, 200, []string{"1800"}},
		"none asked for":          {[]sim.Header{timer}, 200, nil},
		"compact, with refresher": {[]sim.Header{timer, {Name: "x", Value: "1000;refresher=uas"}}, 200, []string{"1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Answer())
			call := r.call(sim.CallSpec{Headers: c.headers, HangupAfter: seconds(1)})
			if call.Final() != c.final {
				t.Fatalf("caller got %d, want %d", call.Final(), c.final)
			}
			if c.final == 422 {
				want(t, r.caller.Received("422")[0], "Min-SE", "90")
				count(t, a, "INVITE", 0)
				return
			}
			want(t, a.Received("INVITE")[0], "Session-Expires", c.on...)
		})
	}
	t.Run("inside the dialog", func(t *testing.T) {
		r, c, _ := answered(t)
		for i, method := range []string{"INVITE", "UPDATE"} {
			x := c.Request(at(time.Duration(5+i)*time.Second), method, []sim.Header{timer, se("30")}, nil)
			r.until(at(time.Duration(6+i) * time.Second))
			if x.Code() != 422 {
				t.Errorf("%s got %d", method, x.Code())
			}
		}
		r.run()
	})
}

// Who is to refresh is the one agreed on. If it stops, both legs are ended.
func TestRFC_092_Refresher(t *testing.T) {
	agreed := func(v string) sim.Header { return sim.Header{Name: "Session-Expires", Value: v} }
	for name, c := range map[string]struct {
		caller  []sim.Header
		callee  []sim.Header
		granted []string
		end     time.Duration
	}{
		"the caller":    {sessionHeaders("120"), nil, []string{"120;refresher=uac"}, 88 * time.Second},
		"the callee":    {nil, []sim.Header{agreed("120;refresher=uas")}, nil, 88 * time.Second},
		"a short third": {sessionHeaders("90"), nil, []string{"90;refresher=uac"}, 60 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Answer(c.callee...))
			call := r.call(sim.CallSpec{Headers: c.caller})
			want(t, r.caller.Received("200 INVITE")[0], "Session-Expires", c.granted...)
			for _, p := range []*sim.Phone{r.caller, a} {
				if got := p.Received("BYE"); len(got) != 1 || time.Duration(got[0].At).Round(100*time.Millisecond) != c.end {
					t.Errorf("%s: BYE %v, want one at %v", p.Name(), got, c.end)
				}
				count(t, p, "UPDATE", 0)
			}
			if call.Up() {
				t.Error("still up")
			}
		})
	}
	t.Run("we", func(t *testing.T) {
		r, a := desk(t, sim.Answer(agreed("100;refresher=uac"), sim.Header{Name: "Allow", Value: "UPDATE"}))
		a.Reply("UPDATE", sim.Reply{Code: 200, Headers: []sim.Header{agreed("100;refresher=uac")}})
		r.call(sim.CallSpec{HangupAfter: seconds(130)})
		if got := after(a.Received("UPDATE")); len(got) != 2 || time.Duration(got[1]*1e9).Round(100*time.Millisecond) != 50*time.Second {
			t.Errorf("refreshes %v, want one each 50 s", got)
		}
		count(t, r.caller, "UPDATE", 0)
	})
}

// A 422 of a callee is no failure: the INVITE goes again with a larger interval and its Min-SE, same Call-ID, next CSeq.
func TestRFC_110_IntervalRaised(t *testing.T) {
	for name, c := range map[string]struct {
		asked, min, raised string
	}{"caller asked": {"120", "2000", "2000"}, "small minimum": {"120", "400", "1800"}} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t)
			a.Behave(sim.Status(422, nil, sim.Header{Name: "Min-SE", Value: c.min}), sim.After(time.Second))
			call := r.call(sim.CallSpec{Headers: sessionHeaders(c.asked), HangupAfter: seconds(1)})
			got := a.Received("INVITE")
			if len(got) != 2 || !call.Answered() {
				t.Fatalf("%d INVITE, caller got %d", len(got), call.Final())
			}
			for _, field := range []string{"Call-ID", "From", "To"} {
				want(t, got[1], field, header(t, got[0], field)...)
			}
			want(t, got[0], "CSeq", "1 INVITE")
			want(t, got[1], "CSeq", "2 INVITE")
			want(t, got[1], "Min-SE", c.min)
			want(t, got[1], "Session-Expires", c.raised)
			wantSeen(t, r.script, "ringing", "answered", "ended")
		})
	}
	t.Run("nothing is left of the first", func(t *testing.T) {
		r, a := desk(t)
		min := sim.Header{Name: "Min-SE", Value: "2000"}
		a.Behave(sim.Behaviour{sim.Progress().Reliably(), sim.Send(422, min)}, sim.After(time.Second))
		r.odd = true // the caller's early dialog is not confirmed
		c := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Supported", Value: "100rel, 199"}}, HangupAfter: seconds(1)})
		if !c.Answered() {
			t.Errorf("caller got %d", c.Final())
		}
		count(t, r.caller, "200 PRACK", 1)
		count(t, r.caller, "199", 1)
		count(t, a, "PRACK", 0) // its INVITE is over
	})
	t.Run("given up meanwhile", func(t *testing.T) { // its CANCEL still waits for a provisional
		n := serial(ring(time.Second, to("sip:a@192.0.2.11")), to("sip:b@192.0.2.12"))
		r := newRig(t, always(n), 1)
		a := r.phone("sip:a@192.0.2.11", sim.Behaviour{{Act: sim.Pause}, sim.Send(422, sim.Header{Name: "Min-SE", Value: "2000"}).In(1200 * time.Millisecond)})
		r.phone("sip:b@192.0.2.12", sim.After(2*time.Second))
		if c := r.call(sim.CallSpec{HangupAfter: seconds(1)}); c.AnsweredBy() != "b" {
			t.Errorf("answered by %q, want b", c.AnsweredBy())
		}
		count(t, a, "INVITE", 1)
	})
	t.Run("again and again", func(t *testing.T) {
		r, a := desk(t, sim.Send(422, sim.Header{Name: "Min-SE", Value: "2000"}))
		if call := r.call(sim.CallSpec{}); call.Final() != 422 {
			t.Errorf("caller got %d", call.Final())
		}
		want(t, r.caller.Received("422")[0], "Min-SE", "2000") // RFC 4028 §6
		if n := len(a.Received("INVITE")); n > 3 {
			t.Errorf("%d INVITE", n)
		}
	})
}
