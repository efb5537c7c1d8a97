package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

// inside is a request that the caller's side of a dialog writes by hand.
func (r *rig) inside(w written) written {
	r.t.Helper()
	invite, ok := r.caller.Sent("INVITE")[0], r.caller.Received("200 INVITE")[0]
	w.from, w.to, w.callID = header(r.t, invite, "From")[0], header(r.t, ok, "To")[0], header(r.t, ok, "Call-ID")[0]
	if w.via == "" {
		w.via = "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKinside"
	}
	return w
}

// Towards a strict router the target is the last Route. One that has put a Route of ours into the Request-URI does no harm.
func TestRFC_007_StrictRouter(t *testing.T) {
	t.Run("beyond us", func(t *testing.T) {
		r, _ := desk(t, sim.Answer(sim.Header{Name: "Record-Route", Value: "<sip:192.0.2.50>"}))
		router := r.phone("sip:router@192.0.2.50")
		r.odd = true // the router passes nothing on
		r.call(sim.CallSpec{HangupAfter: seconds(1)})
		for _, method := range []string{"ACK", "BYE"} {
			if got := string(first(t, router, method).RequestURI()); got != "sip:192.0.2.50" {
				t.Errorf("%s %s", method, got)
			}
			want(t, router.Received(method)[0], "Route", "<sip:a@192.0.2.11:5060>")
		}
	})
	t.Run("before us", func(t *testing.T) {
		r, a := desk(t, sim.Answer())
		r.place(sim.CallSpec{})
		r.until(at(time.Second))
		r.write(r.caller, at(time.Second), r.inside(written{method: "BYE", uri: "sip:192.0.2.1;lr", cseq: "2 BYE", more: "Route: <sip:a@192.0.2.1:5060>\r\n"}).String())
		r.run()
		count(t, r.caller, "200 BYE", 1)
		count(t, a, "BYE", 1)
	})
}

// We insert no Record-Route, give back the caller's in what makes its dialog, and follow each leg's own route set.
func TestRFC_014_RouteSets(t *testing.T) {
	before, beyond := "<sip:192.0.2.51;lr>, <sip:192.0.2.52;lr>", "<sip:192.0.2.53;lr>, <sip:192.0.2.54;lr>"
	n := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Send181, t.MaxDuration = true, 10*time.Second })
	r := newRig(t, always(n), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Ring(), sim.Answer(sim.Header{Name: "Record-Route", Value: beyond}).In(70 * time.Second)})
	p1, p4 := r.phone("sip:p@192.0.2.51"), r.phone("sip:p@192.0.2.54")
	r.odd = true // the proxies pass nothing on: no ACK arrives
	r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Record-Route", Value: before}}, NoAck: true})
	want(t, a.Received("INVITE")[0], "Record-Route")
	for _, code := range []string{"181", "180", "200"} {
		for _, l := range copies(r.caller, "SIP/2.0 "+code) { // the second 180 is a sign of life after a minute
			want(t, l, "Record-Route", before)
		}
	}
	want(t, p1.Received("BYE")[0], "Route", "<sip:192.0.2.51;lr>", "<sip:192.0.2.52;lr>")
	if got := string(first(t, p1, "BYE").RequestURI()); got != "sip:alice@192.0.2.100:5060" {
		t.Errorf("BYE %s", got)
	}
	for _, method := range []string{"ACK", "BYE"} {
		want(t, p4.Received(method)[0], "Route", "<sip:192.0.2.54;lr>", "<sip:192.0.2.53;lr>")
		want(t, p4.Received(method)[0], "Record-Route")
	}
}

// Each leg has a tag of its own, which stays as long as the dialog does; so does its route set.
func TestRFC_029_TagsAndRoutes(t *testing.T) {
	r, phones := fork(t, sim.After(time.Second), sim.Never())
	phones[0].Reply("INVITE", sim.Reply{Code: 200, Headers: []sim.Header{{Name: "Record-Route", Value: "<sip:192.0.2.66;lr>"}}})
	c := r.place(sim.CallSpec{HangupAfter: seconds(10)})
	c.Request(at(5*time.Second), "INVITE", nil, nil)
	r.run()
	tags := map[string]bool{}
	for _, p := range phones {
		var mine []string
		for _, l := range p.Received("") {
			m := parsed(t, l)
			if !m.IsRequest() {
				continue
			}
			mine = append(mine, string(m.FromTag()))
			if method := string(m.MethodName()); method == "BYE" || method == "ACK" {
				want(t, l, "Route")
			}
		}
		if slices.Sort(mine); mine[0] != mine[len(mine)-1] {
			t.Errorf("%s: From tags %v", p.Name(), mine)
		}
		tags[mine[0]] = true
	}
	for _, l := range r.caller.Received("") {
		if m := parsed(t, l); m.Status() > 100 {
			tags[string(m.ToTag())] = true
		}
	}
	if len(tags) != 3 {
		t.Errorf("%d tags for three legs", len(tags))
	}
}

// A CSeq lower than the last one is refused with 500; what belongs to no dialog with 481.
func TestRFC_053_SequenceAndDialog(t *testing.T) {
	r, a := desk(t, sim.Answer())
	c := r.place(sim.CallSpec{HangupAfter: seconds(20)})
	c.Request(at(5*time.Second), "INFO", nil, nil)
	r.until(at(6 * time.Second))
	for i, w := range []struct {
		change func(w *written)
		code   string
	}{
		{func(w *written) { w.cseq = "1 BYE" }, "500 BYE"},
		{func(w *written) { w.to += "x" }, "481 BYE"},
		{func(w *written) { w.from += "x" }, "481 BYE"},
		{func(w *written) { w.callID += "x" }, "481 BYE"},
		{func(w *written) { w.to += "x"; w.method = "INVITE" }, "481 INVITE"},
		{func(w *written) { w.to += "x"; w.method = "INFO" }, "481 INFO"},
	} {
		req := r.inside(written{method: "BYE", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKi" + strings.Repeat("i", i)})
		w.change(&req)
		before := len(r.caller.Received(w.code))
		r.write(r.caller, r.net.Now(), req.String())
		r.until(r.net.Now().Add(100 * time.Millisecond))
		count(t, r.caller, w.code, before+1)
	}
	if !c.Up() || len(a.Received("BYE")) != 0 {
		t.Error("the call is to stay up")
	}
	r.run()
}

// The Contact of a target refresh that is accepted replaces the remote target; that of any other request or of one that is
// refused does not (RFC 6141 §4.6).
func TestRFC_054_TargetRefresh(t *testing.T) {
	moved := []sim.Header{{Name: "Contact", Value: "<sip:alice@192.0.2.101>"}}
	for name, c := range map[string]struct {
		method string
		code   int
		moves  bool
	}{
		"re-INVITE": {"INVITE", 200, true}, "UPDATE": {"UPDATE", 200, true}, "INFO": {"INFO", 200, false},
		"refused re-INVITE": {"INVITE", 488, false}, "refused UPDATE": {"UPDATE", 488, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Answer(), sim.Bye().In(20*time.Second))
			r.odd = true // the place that the caller moved to knows of nothing
			there := r.phone("sip:alice@192.0.2.101")
			a.Reply(c.method, sim.Reply{Code: c.code})
			call := r.place(sim.CallSpec{})
			x := call.Request(at(5*time.Second), c.method, moved, nil)
			r.run()
			if x.Code() != c.code {
				t.Errorf("%s got %d", c.method, x.Code())
			}
			count(t, there, "BYE", map[bool]int{true: 1}[c.moves])
			count(t, r.caller, "BYE", map[bool]int{false: 1}[c.moves])
		})
	}
	t.Run("of the callee", func(t *testing.T) {
		r, a := desk(t, sim.Answer())
		r.odd = true
		there := r.phone("sip:a@192.0.2.15")
		a.Reply("INVITE", sim.Reply{Code: 200, Headers: []sim.Header{{Name: "Contact", Value: "<sip:a@192.0.2.15>"}}})
		c := r.place(sim.CallSpec{HangupAfter: seconds(10)})
		c.Request(at(5*time.Second), "INVITE", nil, nil)
		r.run()
		count(t, there, "BYE", 1)
	})
}

// A 2xx is repeated until its ACK; without one both legs are ended after 64*T1.
func TestRFC_055_AnswerRepeated(t *testing.T) {
	r, a := desk(t, sim.Answer())
	r.odd = true
	r.call(sim.CallSpec{NoAck: true})
	got := copies(r.caller, "SIP/2.0 200 OK")
	if want := []float64{0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}; !slices.Equal(after(got), want) {
		t.Errorf("200 after %v, want %v", after(got), want)
	}
	for _, p := range []*sim.Phone{r.caller, a} {
		bye := p.Received("BYE")
		if len(bye) != 1 || bye[0].At.Sub(got[0].At).Round(100*time.Millisecond) != 32*time.Second {
			t.Errorf("%s: BYE %v", p.Name(), bye)
		}
	}
}

// Every 2xx of a fork is acknowledged, the ones that are not wanted are ended: from several branches and from one.
func TestRFC_056_EveryAnswerAcknowledged(t *testing.T) {
	t.Run("branches", func(t *testing.T) {
		r, phones := fork(t, sim.Behaviour{sim.Answer()}, sim.Behaviour{sim.Answer()})
		r.call(sim.CallSpec{HangupAfter: seconds(5)})
		for _, p := range phones {
			count(t, p, "ACK", 1)
			count(t, p, "BYE", 1)
		}
	})
	t.Run("one branch", func(t *testing.T) {
		r, a := desk(t, sim.Answer(), sim.Answer().As("x").In(10*time.Millisecond), sim.Answer().As("y"))
		r.call(sim.CallSpec{HangupAfter: seconds(5)})
		count(t, a, "ACK", 3)
		count(t, a, "BYE", 3)
		if got := a.Received("BYE"); got[1].At > at(time.Second) || got[2].At < at(time.Second) {
			t.Error("want two ended at once and the winner with the call")
		}
		count(t, r.caller, "200 INVITE", 1)
	})
}

// The server transaction does not repeat a 2xx, not even for a copy of the INVITE; the leg does, until the ACK.
func TestRFC_083_AnswerIsTheLegs(t *testing.T) {
	r, _ := desk(t, sim.Answer())
	c := r.place(sim.CallSpec{NoAck: true})
	r.odd = true
	for _, d := range []time.Duration{100, 200, 1000} {
		r.until(at(d * time.Millisecond))
		r.write(r.caller, r.net.Now(), string(r.caller.Sent("INVITE")[0].Raw))
	}
	r.until(at(2 * time.Second))
	r.write(r.caller, r.net.Now(), r.inside(written{method: "ACK", cseq: "1 ACK"}).String())
	r.until(at(10 * time.Second))
	if got := after(copies(r.caller, "SIP/2.0 200 OK")); !slices.Equal(got, []float64{0, .5, 1.5}) {
		t.Errorf("200 after %v", got)
	}
	c.Bye(r.net.Now())
	r.run()
}

// A repeated 2xx of a callee is acknowledged again and goes no further.
func TestRFC_084_AnswerRepeatedByCallee(t *testing.T) {
	r, a := desk(t, sim.Answer())
	lost := 0
	r.net.Lose(func(d sim.Datagram) bool {
		if lost < 3 && strings.HasPrefix(string(d.Bytes), "ACK ") && d.To == a.Addr() {
			lost++
			return true
		}
		return false
	})
	r.call(sim.CallSpec{HangupAfter: seconds(20)})
	if n := len(copies(r.caller, "SIP/2.0 200 OK")); n != 2 { // INVITE and BYE
		t.Errorf("caller got %d 200", n)
	}
	if n := len(copies(a, "ACK")); lost != 3 || n != 1 {
		t.Errorf("%d ACK lost, %d arrived", lost, n)
	}
}
