package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/message"
	"tandem/engine/sim"
)

// cancelOf is the CANCEL that a caller sends for an INVITE of its own.
func cancelOf(t *testing.T, invite *sim.Logged, reasons ...string) string {
	return string(parsed(t, invite).AppendCancel(nil, message.Reasons(reasons...)...))
}

// A CANCEL that finds its INVITE is answered 200 at once, the INVITE 487; the branches get CANCELs of our own.
func TestRFC_032_Cancel(t *testing.T) {
	r, phones := fork(t, sim.Never(), sim.Behaviour{sim.Progress()})
	c := r.place(sim.CallSpec{})
	c.Cancel(at(3 * time.Second))
	r.until(at(3010 * time.Millisecond))
	count(t, r.caller, "200 CANCEL", 1)
	count(t, r.caller, "487 INVITE", 1)
	for _, p := range phones {
		got := p.Received("CANCEL")
		if len(got) != 1 {
			t.Fatalf("%s got %d CANCEL", p.Name(), len(got))
		}
		if callID := header(t, got[0], "Call-ID")[0]; callID == c.CallID() {
			t.Errorf("%s got the caller's CANCEL", p.Name())
		}
	}
	r.run()
}

// A CANCEL that finds nothing is answered 481 and leaves nothing behind.
func TestRFC_033_StrayCancel(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(3*time.Second))
	for i := range 3 {
		r.write(r.caller, at(time.Duration(i)*time.Second), written{method: "CANCEL"}.String())
	}
	r.until(at(2100 * time.Millisecond))
	got := copies(r.caller, "SIP/2.0 481")
	if len(got) != 3 || string(got[0].Raw) != string(got[2].Raw) || len(a.Log()) != 0 {
		t.Errorf("%d 481, callee got %d messages", len(got), len(a.Log()))
	}
	if left := r.eng.Shards()[0].Leaks(); left != "" {
		t.Error(left)
	}
}

// A CANCEL finds its INVITE by branch, sent-by and method: any other has no effect.
func TestRFC_034_CancelMatching(t *testing.T) {
	for name, c := range map[string]struct {
		change    []string
		code      string
		cancelled bool
	}{
		"the same":                   {nil, "200 CANCEL", true},
		"other branch":               {[]string{"branch=z9hG4bK", "branch=z9hG4bKx"}, "481 CANCEL", false},
		"other port":                 {[]string{"UDP 192.0.2.100:5060", "UDP 192.0.2.100:5062"}, "481 CANCEL", false},
		"other host":                 {[]string{"UDP 192.0.2.100:5060", "UDP 192.0.2.200:5060"}, "481 CANCEL", false},
		"branch of an older request": {[]string{"branch=z9hG4bK", "branch=z9hG4bKoptions"}, "200 CANCEL", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Ring(), sim.Send(486).In(5*time.Second))
			call := r.place(sim.CallSpec{})
			r.until(at(time.Second))
			invite := r.caller.Sent("INVITE")[0]
			if strings.Contains(name, "older") {
				via := strings.Replace(header(t, invite, "Via")[0], "branch=z9hG4bK", "branch=z9hG4bKoptions", 1)
				r.write(r.caller, at(time.Second), written{method: "OPTIONS", uri: "sip:pbx.example", via: via, callID: call.CallID()}.String())
			}
			r.write(r.caller, at(2*time.Second), strings.NewReplacer(c.change...).Replace(cancelOf(t, invite)))
			r.run()
			count(t, r.caller, c.code, 1)
			if want := map[bool]int{true: 487, false: 486}[c.cancelled]; call.Final() != want || len(a.Received("CANCEL")) != want-486 {
				t.Errorf("caller got %d, callee %d CANCEL", call.Final(), len(a.Received("CANCEL")))
			}
		})
	}
}

// A cancelled INVITE is answered 487; a CANCEL after the final response is answered 200 and changes nothing.
func TestRFC_035_CancelAfterFinal(t *testing.T) {
	for name, c := range map[string]struct {
		does  sim.Behaviour
		final int
	}{
		"ringing":  {sim.Never(), 487},
		"answered": {sim.Behaviour{sim.Answer()}, 200},
		"refused":  {sim.Status(486, nil), 486},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, c.does...)
			call := r.place(sim.CallSpec{HangupAfter: seconds(10)})
			r.until(at(time.Second))
			r.write(r.caller, at(time.Second), cancelOf(t, r.caller.Sent("INVITE")[0]))
			r.until(at(5 * time.Second))
			if call.Final() != c.final || call.Up() != (c.final == 200) {
				t.Errorf("caller got %d, up %v", call.Final(), call.Up())
			}
			count(t, r.caller, "200 CANCEL", 1)
			count(t, a, "CANCEL", map[bool]int{true: 1}[c.final == 487])
			r.run()
		})
	}
}

// Our CANCEL is that of its INVITE: Request-URI, Call-ID, To, From, CSeq number, Route and the one Via are the INVITE's.
func TestRFC_036_CancelFields(t *testing.T) {
	r, a := desk(t, sim.Ring())
	c := r.place(sim.CallSpec{Headers: []sim.Header{{Name: "Require", Value: "histinfo"}}})
	c.Cancel(at(time.Second))
	r.run()
	invite, cancel := a.Received("INVITE")[0], a.Received("CANCEL")[0]
	for _, field := range []string{"Via", "Route", "From", "To", "Call-ID"} {
		want(t, cancel, field, header(t, invite, field)...)
	}
	want(t, cancel, "CSeq", "1 CANCEL")
	want(t, cancel, "Require") // RFC 3261 §9.1: none in a CANCEL
	want(t, cancel, "Proxy-Require")
	if i, c := parsed(t, invite), parsed(t, cancel); string(i.RequestURI()) != string(c.RequestURI()) || c.ToTag() != nil || len(header(t, cancel, "Via")) != 1 {
		t.Errorf("CANCEL %s", cancel.Raw)
	}
}

// The ACK to a refusal is the INVITE's: branch, Request-URI, Call-ID, From, CSeq number, Route; its To is the response's.
func TestRFC_037_AckFields(t *testing.T) {
	r, phones := fork(t, sim.Status(486, nil), sim.Status(404, seconds(1)))
	r.call(sim.CallSpec{})
	for i, code := range []string{"486", "404"} {
		p := phones[i]
		invite, ack := p.Received("INVITE")[0], p.Received("ACK")[0]
		for _, field := range []string{"Via", "Route", "From", "Call-ID"} {
			want(t, ack, field, header(t, invite, field)...)
		}
		want(t, ack, "CSeq", "1 ACK")
		want(t, ack, "To", header(t, p.Sent(code)[0], "To")...)
		if i, a := parsed(t, invite), parsed(t, ack); string(i.RequestURI()) != string(a.RequestURI()) || len(header(t, ack, "Via")) != 1 {
			t.Errorf("ACK %s", ack.Raw)
		}
	}
}

// "Call completed elsewhere" goes to the losers of an answered call, or where the caller's CANCEL carried it; other Reasons of a
// CANCEL or a BYE are copied.
func TestRFC_093_Reasons(t *testing.T) {
	for name, reasons := range map[string][]string{
		"none": nil, "elsewhere": {elsewhere}, "another": {"Q.850;cause=16;text=\"Terminated\""}, "two": {"SIP;cause=480", "Q.850;cause=102"},
	} {
		t.Run("cancelled, "+name, func(t *testing.T) {
			r, phones := fork(t, sim.Never(), sim.Never())
			c := r.place(sim.CallSpec{})
			c.Cancel(at(time.Second), reasons...)
			r.run()
			for _, p := range phones {
				want(t, p.Received("CANCEL")[0], "Reason", reasons...)
			}
		})
		t.Run("ended, "+name, func(t *testing.T) {
			r, a := desk(t, sim.Answer())
			var list []sim.Header
			for _, v := range reasons {
				list = append(list, sim.Header{Name: "Reason", Value: v})
			}
			c := r.place(sim.CallSpec{})
			c.Bye(at(time.Second), list...)
			r.run()
			want(t, a.Received("BYE")[0], "Reason", reasons...)
		})
	}
	t.Run("lost", func(t *testing.T) {
		r, phones := fork(t, sim.After(time.Second), sim.Never())
		r.call(sim.CallSpec{HangupAfter: seconds(1)})
		want(t, phones[1].Received("CANCEL")[0], "Reason", elsewhere)
		if got := phones[0].Received("BYE"); len(got) != 1 || slices.Contains(header(t, got[0], "Reason"), elsewhere) {
			t.Errorf("the winner's BYE: %v", got)
		}
	})
	t.Run("rung out", func(t *testing.T) {
		r := newRig(t, always(serial(ring(5*time.Second, to("sip:a@192.0.2.11")), to("sip:b@192.0.2.12"))), 1)
		a := r.phone("sip:a@192.0.2.11", sim.Never())
		r.phone("sip:b@192.0.2.12", sim.After(time.Second))
		r.call(sim.CallSpec{HangupAfter: seconds(1)})
		want(t, a.Received("CANCEL")[0], "Reason")
	})
}
