package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// replies sends bytes from the caller's phone and returns the status lines of all that the engine sends for them, to whomever.
func (r *rig) replies(b string) []string {
	r.t.Helper()
	var lines []string
	done := false
	r.net.Watch(func(d sim.Datagram) {
		if d.From == pbx && !done {
			line, _, _ := strings.Cut(string(d.Bytes), "\r\n")
			lines = append(lines, strings.TrimPrefix(line, "SIP/2.0 "))
		}
	})
	r.write(r.caller, r.net.Now(), b)
	r.until(r.net.Now().Add(100 * time.Millisecond))
	done = true
	r.run()
	return lines
}

// What fails the syntax that we need is refused, if it is a request, and never routed.
func TestRFC_001_InvalidSyntax(t *testing.T) {
	for name, code := range map[string]int{
		"badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400,
		"trws": 400, "regbadct": 400, "badaspec": 400, "badvers": 505, "mismatch01": 400, "mismatch02": 501, "multi01": 400, "mcl01": 400,
		"insuf": 400, "scalarlg": 0, "bigcode": 0,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, unrouted(t), 1)
			r.odd = true // a refusal gives back what cannot be read
			got := r.replies(torture(t, name))
			if code == 0 && len(got) == 0 || len(got) == 1 && strings.HasPrefix(got[0], fmt.Sprint(code)) {
				return
			}
			t.Errorf("answered %q, want %d", got, code)
		})
	}
}

// A scheme that we do not know is refused with 416.
func TestRFC_002_UnknownScheme(t *testing.T) {
	for _, name := range []string{"unkscm", "novelsc"} {
		r := newRig(t, unrouted(t), 1)
		if got := r.replies(torture(t, name)); len(got) != 1 || !strings.HasPrefix(got[0], "416") {
			t.Errorf("%s answered %q", name, got)
		}
	}
	r := newRig(t, unrouted(t), 1)
	if c := r.call(sim.CallSpec{RequestURI: "urn:service:sos"}); c.Final() != 416 {
		t.Errorf("INVITE answered %d", c.Final())
	}
}

// Max-Forwards 0 goes no further: 483, but OPTIONS is answered here.
func TestRFC_003_MaxForwardsZero(t *testing.T) {
	r, a := desk(t, sim.Answer())
	r.script.request = func(engine.Call) *plan.Node { return to("sip:a@192.0.2.11") }
	zero := []sim.Header{{Name: "Max-Forwards", Value: "0"}}
	if c := r.call(sim.CallSpec{Headers: zero}); c.Final() != 483 {
		t.Errorf("INVITE got %d", c.Final())
	}
	for method, code := range map[string]int{"MESSAGE": 483, "SUBSCRIBE": 483, "OPTIONS": 200} {
		if x := r.ask(sim.RequestSpec{Method: method, Headers: zero}); x.Code() != code {
			t.Errorf("%s got %d, want %d", method, x.Code(), code)
		}
	}
	if n := len(a.Log()); n != 0 {
		t.Errorf("%d messages went further", n)
	}
	inside, c, b := answered(t)
	x := c.Request(at(5*time.Second), "INFO", zero, nil)
	inside.run()
	if x.Code() != 483 || len(b.Received("INFO")) != 0 {
		t.Errorf("INFO got %d", x.Code())
	}
}

// What Proxy-Require asks for and we do not know is named in Unsupported, with 420.
func TestRFC_005_ProxyRequire(t *testing.T) {
	r := newRig(t, unrouted(t), 1)
	if got := r.replies(torture(t, "bext01")); len(got) != 1 || !strings.HasPrefix(got[0], "420") {
		t.Errorf("bext01 answered %q", got)
	}
	c := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Proxy-Require", Value: "foo, privacy"}, {Name: "Proxy-Require", Value: "bar"}}})
	if c.Final() != 420 {
		t.Fatalf("INVITE got %d", c.Final())
	}
	want(t, r.caller.Received("420 INVITE")[0], "Unsupported", "foo, bar")
}

// The Route by which a request came to us goes no further; our leg has a route set of its own.
func TestRFC_008_OwnRoute(t *testing.T) {
	for name, routes := range map[string][]string{
		"ours": {"<sip:192.0.2.1;lr>"}, "ours and another": {"<sip:192.0.2.1;lr>", "<sip:192.0.2.66;lr>"}, "one line": {"<sip:192.0.2.1;lr>, <sip:192.0.2.66;lr>"},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Answer())
			var headers []sim.Header
			for _, v := range routes {
				headers = append(headers, sim.Header{Name: "Route", Value: v})
			}
			r.call(sim.CallSpec{Headers: headers, HangupAfter: seconds(1)})
			for _, method := range []string{"INVITE", "ACK", "BYE"} {
				want(t, a.Received(method)[0], "Route")
			}
		})
	}
}

// An maddr that names us does not lead a call back to us: it goes where the script says.
func TestRFC_009_Maddr(t *testing.T) {
	for given, want := range map[string]string{
		"sip:x@pbx.example;maddr=192.0.2.1":                              "sip:x@pbx.example",
		"sip:x@pbx.example;user=phone;MADDR=192.0.2.1;transport=UDP;a=b": "sip:x@pbx.example;user=phone;a=b",
		"sip:x@pbx.example:5060;maddr=192.0.2.1":                         "sip:x@pbx.example:5060",
		"sip:x@pbx.example;maddr=192.0.2.1?Subject=y":                    "sip:x@pbx.example?Subject=y",
		"sip:x@pbx.example;maddr=192.0.2.2":                              "sip:x@pbx.example;maddr=192.0.2.2",
		"sip:x@pbx.example:5070;maddr=192.0.2.1":                         "sip:x@pbx.example:5070;maddr=192.0.2.1",
		"sip:x@pbx.example;maddr=192.0.2.1;transport=tcp":                "sip:x@pbx.example;maddr=192.0.2.1;transport=tcp",
		"sip:x@pbx.example;transport=udp":                                "sip:x@pbx.example;transport=udp",
	} {
		t.Run(given, func(t *testing.T) {
			r, a := desk(t, sim.Answer())
			var seen string
			target := r.script.invite
			r.script.invite = func(c engine.Call) *plan.Node { seen = string(c.Request().RequestURI()); return target(c) }
			c := r.call(sim.CallSpec{RequestURI: given, HangupAfter: seconds(1)})
			if got := string(first(t, a, "INVITE").RequestURI()); !c.Answered() || got != "sip:a@192.0.2.11" || seen != want {
				t.Errorf("answered %v, Request-URI %s, the script saw %s, want %s", c.Answered(), got, seen, want)
			}
			if got := body(t, a.Received("INVITE")[0]); got != body(t, r.caller.Sent("INVITE")[0]) {
				t.Errorf("body %q", got)
			}
		})
	}
	t.Run("on another port", func(t *testing.T) {
		var seen string
		s := &script{invite: func(c engine.Call) *plan.Node { seen = string(c.Request().RequestURI()); return nil }}
		r := newRig(t, s, 1, func(c *engine.Config) { c.Locals[0].SentBy = "pbx.example:5070" })
		r.call(sim.CallSpec{RequestURI: "sip:x@[2001:db8::1]:5070;maddr=PBX.example"})
		if want := "sip:x@[2001:db8::1]"; seen != want {
			t.Errorf("the script saw %s, want %s", seen, want)
		}
	})
}

// Max-Forwards is one less, and 70 where there was none.
func TestRFC_013_MaxForwards(t *testing.T) {
	for given, left := range map[string]string{"70": "69", "1": "0", "255": "254", "": "70"} {
		t.Run("given "+given, func(t *testing.T) {
			r, a := desk(t, sim.Send(486))
			line := "Max-Forwards: " + given + "\r\n"
			if given == "" {
				line = ""
			}
			r.write(r.caller, 0, strings.Replace(written{}.String(), "Max-Forwards: 70\r\n", line, 1))
			r.run()
			want(t, a.Received("INVITE")[0], "Max-Forwards", left)
		})
	}
}

// Every message has a Content-Length, whatever the transport and whether or not the request had one.
func TestRFC_016_ContentLength(t *testing.T) {
	r, a := desk(t, sim.Answer())
	r.odd = true // no ACK
	r.write(r.caller, 0, strings.Replace(written{body: "v=0\r\n", more: "Content-Type: application/sdp\r\n"}.String(), "Content-Length: 5\r\n", "", 1))
	r.run()
	if l := a.Received("INVITE")[0]; body(t, l) != "v=0\r\n" {
		t.Errorf("body %q", body(t, l))
	}
	for _, l := range append(a.Received(""), r.caller.Received("")...) {
		want(t, l, "Content-Length", fmt.Sprint(len(body(t, l))))
	}
}

// Methods that we do not know are refused with 405 and what we allow; method names have a case.
func TestRFC_043_UnknownMethod(t *testing.T) {
	for _, method := range []string{"FOO", "invite", "REGISTER"} {
		r := newRig(t, unrouted(t), 1)
		if x := r.ask(sim.RequestSpec{Method: method}); x.Code() != 405 {
			t.Fatalf("%s got %d", method, x.Code())
		}
		want(t, r.caller.Received("405")[0], "Allow", allowed)
	}
}

// Option tags that we do not know are refused with 420 and Unsupported, but never in CANCEL and ACK.
func TestRFC_045_Require(t *testing.T) {
	foo := []sim.Header{{Name: "Require", Value: "foo"}}
	r, a := desk(t, sim.Ring())
	if c := r.call(sim.CallSpec{Headers: foo}); c.Final() != 420 {
		t.Fatalf("INVITE got %d", c.Final())
	}
	want(t, r.caller.Received("420")[0], "Unsupported", "foo")
	if x := r.ask(sim.RequestSpec{Method: "OPTIONS", Headers: foo}); x.Code() != 420 {
		t.Errorf("OPTIONS got %d", x.Code())
	}
	c := r.place(sim.CallSpec{})
	r.until(r.net.Now().Add(time.Second))
	r.write(r.caller, r.net.Now(), strings.Replace(cancelOf(t, r.caller.Sent("INVITE")[1]), "Content-Length", "Require: foo\r\nContent-Length", 1))
	r.run()
	if c.Final() != 487 || len(a.Received("CANCEL")) != 1 {
		t.Errorf("CANCEL with Require: INVITE got %d", c.Final())
	}

	in, call, _ := answered(t)
	x := call.Request(at(5*time.Second), "INFO", foo, nil)
	in.run()
	if x.Code() != 420 {
		t.Errorf("INFO got %d", x.Code())
	}
	noAck, _ := desk(t, sim.Answer())
	d := noAck.place(sim.CallSpec{NoAck: true})
	noAck.until(at(time.Second))
	noAck.write(noAck.caller, at(time.Second), noAck.inside(written{method: "ACK", cseq: "1 ACK", more: "Require: foo\r\n"}).String())
	d.Bye(at(50 * time.Second))
	noAck.run()
	if n := len(copies(noAck.caller, "SIP/2.0 200 OK")); n != 3 { // two to the INVITE, one to the BYE
		t.Errorf("ACK with Require: %d 200", n)
	}
}

// We end no media: what a body means is between the peers, and so is a 415.
func TestRFC_046_BodyTypes(t *testing.T) {
	accept := sim.Header{Name: "Accept", Value: "application/sdp"}
	r, a := desk(t, sim.Send(415, accept))
	odd := &sim.Body{Type: "application/unknownformat", Content: []byte("<audio>\r\n <pcmu port=\"443\"/>\r\n</audio>")}
	if c := r.call(sim.CallSpec{Body: odd}); c.Final() != 415 {
		t.Errorf("caller got %d", c.Final())
	}
	if l := a.Received("INVITE")[0]; body(t, l) != string(odd.Content) {
		t.Errorf("body %q", body(t, l))
	}
	want(t, a.Received("INVITE")[0], "Content-Type", odd.Type)
	want(t, r.caller.Received("415")[0], "Accept", "application/sdp")
}
