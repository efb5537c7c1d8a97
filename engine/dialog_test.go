package engine_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, MESSAGE, REFER, NOTIFY, SUBSCRIBE"

func at(d time.Duration) clock.Time { return clock.Time(d) }

// answered returns a call to a phone that answers after a second.
func answered(t *testing.T) (*rig, *sim.Call, *sim.Phone) {
	t.Helper()
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	return r, r.place(sim.CallSpec{HangupAfter: seconds(60)}), a
}

func body(t *testing.T, l *sim.Logged) string {
	t.Helper()
	m, err := l.Message()
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Body())
}

func TestReinviteFromEitherSide(t *testing.T) {
	hold := &sim.Body{Type: "application/sdp", Content: []byte("v=0\r\no=- 1 2 IN IP4 192.0.2.100\r\ns=-\r\nc=IN IP4 192.0.2.100\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n")}
	t.Run("caller", func(t *testing.T) {
		r, c, a := answered(t)
		x := c.Request(at(5*time.Second), "INVITE", nil, hold)
		r.run()
		if x.Code() != 200 {
			t.Fatalf("re-INVITE answered %d", x.Code())
		}
		if got := a.Received("INVITE"); len(got) != 2 || body(t, got[1]) != string(hold.Content) {
			t.Errorf("callee got %d INVITE", len(got))
		}
		if got := header(t, a.Received("INVITE")[1], "CSeq"); !slices.Equal(got, []string{"2 INVITE"}) {
			t.Errorf("CSeq %q", got)
		}
	})
	t.Run("callee", func(t *testing.T) {
		r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
		r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer(), sim.Ask("INVITE").With(hold).In(3 * time.Second)})
		r.call(sim.CallSpec{HangupAfter: seconds(60)})
		if got := r.caller.Received("INVITE"); len(got) != 1 || body(t, got[0]) != string(hold.Content) {
			t.Fatalf("caller got %d INVITE", len(got))
		}
		if n := len(r.caller.Received("ACK")); n != 1 {
			t.Errorf("caller got %d ACK", n)
		}
	})
	t.Run("refused", func(t *testing.T) {
		r, c, a := answered(t)
		a.Reply("INVITE", sim.Reply{Code: 488})
		x := c.Request(at(5*time.Second), "INVITE", nil, hold)
		r.run()
		if x.Code() != 488 || len(a.Received("BYE")) != 1 || a.Received("BYE")[0].At < at(30*time.Second) {
			t.Errorf("re-INVITE answered %d; the call is to stay up", x.Code())
		}
	})
	t.Run("late offer", func(t *testing.T) {
		r, c, a := answered(t)
		c.Request(at(5*time.Second), "INVITE", nil, sim.NoBody)
		r.run()
		acks := a.Received("ACK")
		if len(acks) != 2 || body(t, acks[1]) == "" {
			t.Errorf("the ACK is to carry the caller's answer: %d ACK", len(acks))
		}
	})
}

// RFC 3261 §14.2: a second INVITE while one is pending is refused, 500 from the same side and 491 from the other.
func TestReinviteGlare(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("INVITE", sim.Reply{Code: 200, After: 4 * time.Second})
	first := c.Request(at(5*time.Second), "INVITE", nil, nil)
	second := c.Request(at(6*time.Second), "INVITE", nil, nil)
	r.net.Run(at(5500 * time.Millisecond))
	fromCallee := a.Incoming()[0].Request(at(7*time.Second), "INVITE", nil, nil)
	r.run()
	if first.Code() != 200 || second.Code() != 500 || fromCallee.Code() != 491 {
		t.Errorf("got %d, %d, %d; want 200, 500, 491", first.Code(), second.Code(), fromCallee.Code())
	}
	if h := header(t, r.caller.Received("500")[0], "Retry-After"); len(h) != 1 {
		t.Errorf("Retry-After %q", h)
	}
}

// RFC 3261 §15.1.2: BYE ends a pending re-INVITE with 487.
func TestByeEndsReinvite(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("INVITE", sim.Reply{Code: 200, After: 10 * time.Second})
	x := c.Request(at(5*time.Second), "INVITE", nil, nil)
	c.Bye(at(6 * time.Second))
	r.run()
	if x.Code() != 487 || len(a.Received("BYE")) == 0 {
		t.Errorf("re-INVITE answered %d, callee got %d BYE", x.Code(), len(a.Received("BYE")))
	}
}

func TestInfoAndMessagePass(t *testing.T) {
	r, c, a := answered(t)
	dtmf := &sim.Body{Type: "application/dtmf-relay", Content: []byte("Signal=5\r\nDuration=160\r\n")}
	x := c.Request(at(5*time.Second), "INFO", []sim.Header{{Name: "X-Seen", Value: "yes"}}, dtmf)
	r.net.Run(at(6 * time.Second))
	y := a.Incoming()[0].Request(at(7*time.Second), "MESSAGE", nil, &sim.Body{Type: "text/plain", Content: []byte("hi")})
	z := c.Request(at(8*time.Second), "OPTIONS", nil, nil)
	odd := c.Request(at(9*time.Second), "FOO", nil, nil)
	r.run()
	got := a.Received("INFO")
	if x.Code() != 200 || len(got) != 1 || body(t, got[0]) != string(dtmf.Content) || !slices.Equal(header(t, got[0], "X-Seen"), []string{"yes"}) {
		t.Errorf("INFO: %d, callee got %d", x.Code(), len(got))
	}
	if y.Code() != 200 || len(r.caller.Received("MESSAGE")) != 1 {
		t.Errorf("MESSAGE from the callee: %d", y.Code())
	}
	if z.Code() != 200 || len(a.Received("OPTIONS")) != 0 || odd.Code() != 501 {
		t.Errorf("OPTIONS %d, FOO %d", z.Code(), odd.Code())
	}
}

// RFC 4320 §4.2: a request other than INVITE that the far side never answers is not answered 408.
func TestSilentInfo(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("INFO", sim.Reply{Code: 0})
	x := c.Request(at(5*time.Second), "INFO", nil, nil)
	r.odd = true
	r.run()
	if x.Why() != "timeout" {
		t.Errorf("INFO got %d %s", x.Code(), x.Why())
	}
}

// RFC 3261 §13.2.1: without an offer in the INVITE the callee's comes in its 2xx and the answer in the caller's ACK.
func TestLateOffer(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.call(sim.CallSpec{Body: sim.NoBody, HangupAfter: seconds(3)})
	if !c.Answered() || len(c.Message().Body()) == 0 {
		t.Fatal("no offer in the 2xx")
	}
	if acks := a.Received("ACK"); len(acks) != 1 || body(t, acks[0]) == "" {
		t.Errorf("%d ACK; the ACK is to carry the caller's answer", len(acks))
	}
}

// RFC 3261 §13.3.1.4: a 2xx that is never acknowledged ends the call on both sides.
func TestUnacknowledgedAnswer(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.place(sim.CallSpec{NoAck: true})
	r.odd = true
	r.run()
	n := 0
	for _, l := range r.caller.Log() {
		if !l.Sent && bytes.HasPrefix(l.Raw, []byte("SIP/2.0 200")) {
			n++
		}
	}
	if n != 11 {
		t.Errorf("2xx sent %d times, want 11 in 32 s", n)
	}
	if !c.Answered() || len(a.Received("BYE")) != 1 || len(r.caller.Received("BYE")) != 1 {
		t.Error("want a BYE to both sides")
	}
	wantSeen(t, s, "ringing", "answered", "ended")
}

// The first early dialog with SDP is shown; the SDP of another never comes under its tag.
func TestEarlyMedia(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress()})
	b := r.phone("sip:b@192.0.2.12", sim.Behaviour{sim.Progress().In(time.Second), sim.Answer().In(3 * time.Second)})
	c := r.call(sim.CallSpec{HangupAfter: seconds(2)})
	shown := r.caller.Received("183")
	if len(shown) != 1 || body(t, shown[0]) != body(t, a.Sent("183")[0]) {
		t.Fatalf("caller was shown %d 183", len(shown))
	}
	early, _ := shown[0].Message()
	if c.AnsweredBy() != "b" || string(early.ToTag()) == c.ToTag() {
		t.Errorf("answered by %q under the tag of another's early media", c.AnsweredBy())
	}
	if string(c.Message().Body()) != body(t, b.Sent("200")[0]) {
		t.Error("the answer's SDP is not the winner's")
	}
}

func TestEarlyMediaOfTheWinner(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Ring(), sim.Progress().In(time.Second), sim.Answer().In(time.Second)})
	c := r.call(sim.CallSpec{HangupAfter: seconds(2)})
	for _, code := range []string{"180", "183"} {
		if m, _ := r.caller.Received(code)[0].Message(); string(m.ToTag()) != c.ToTag() {
			t.Errorf("%s under tag %q, answer under %q", code, m.ToTag(), c.ToTag())
		}
	}
}

func TestRequestsOutsideDialogs(t *testing.T) {
	for method, want := range map[string]int{
		"OPTIONS": 200, "REGISTER": 405, "SUBSCRIBE": 489, "PUBLISH": 489, "MESSAGE": 405, "BYE": 481, "FOO": 405,
	} {
		t.Run(method, func(t *testing.T) {
			r := newRig(t, always(nil), 1)
			x := r.caller.Request(0, sim.RequestSpec{Method: method, To: "sip:pbx.example", Dest: flow.Flow{Remote: pbx}})
			r.run()
			if x.Code() != want {
				t.Errorf("got %d, want %d", x.Code(), want)
			}
			if want == 405 && !slices.Equal(header(t, r.caller.Received("405")[0], "Allow"), []string{allowed}) {
				t.Error("405 without Allow")
			}
		})
	}
}

// raw sends bytes as a datagram of the caller and returns what came back.
func (r *rig) raw(b string) []string {
	r.t.Helper()
	before := len(r.caller.Log())
	r.caller.SendRaw(r.net.Now(), flow.Flow{Remote: pbx}, []byte(b))
	r.run()
	var codes []string
	for _, l := range r.caller.Log()[before:] {
		if !l.Sent {
			line, _, _ := strings.Cut(string(l.Raw), "\r\n")
			codes = append(codes, strings.TrimPrefix(line, "SIP/2.0 "))
		}
	}
	return codes
}

const options = "OPTIONS sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n" +
	"From: <sip:a@b>;tag=1\r\nTo: <sip:pbx.example>\r\nCall-ID: raw%d\r\nCSeq: 1 OPTIONS\r\n%s\r\n"

// What is no usable request is answered 400 if it can be answered, and counted; it is never forwarded.
func TestBadDatagrams(t *testing.T) {
	good := func(i int, more string) string { return fmt.Sprintf(options, i, i, more) }
	for name, c := range map[string]struct {
		raw  string
		want []string
		good bool
	}{
		"good":                {good(1, ""), []string{"200 OK"}, true},
		"empty":               {"", nil, true},
		"keep-alive":          {"\r\n\r\n", nil, true},
		"noise":               {"\x00\x01\x02\x03hello", nil, false},
		"http":                {"GET / HTTP/1.1\r\n\r\n", nil, false},
		"no Via":              {strings.Replace(good(2, ""), "Via:", "X:", 1), nil, false},
		"no From":             {strings.Replace(good(3, ""), "From:", "X:", 1), []string{"400 Bad Request: no From"}, false},
		"broken Via":          {strings.Replace(good(4, ""), "192.0.2.100:5060", "???", 1), nil, false},
		"broken CSeq":         {strings.Replace(good(5, ""), "CSeq: 1", "CSeq: x", 1), []string{"400 Bad Request: CSeq"}, false},
		"CSeq of another":     {strings.Replace(good(6, ""), "1 OPTIONS", "1 INVITE", 1), []string{"400 Bad Request: CSeq method"}, false},
		"body cut short":      {good(7, "Content-Length: 10\r\n"), []string{"400 Bad Request: Content-Length"}, false},
		"two Call-IDs":        {good(8, "Call-ID: b\r\n"), []string{"400 Bad Request: two Call-ID"}, false},
		"line without colon":  {good(9, "nonsense\r\n"), []string{"400 Bad Request: header line"}, false},
		"version":             {strings.Replace(good(10, ""), "SIP/2.0\r\nVia", "SIP/3.0\r\nVia", 1), []string{"505 Version Not Supported"}, false},
		"response to nothing": {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: y\r\nCSeq: 1 OPTIONS\r\n\r\n", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{invite: func(engine.Call) *plan.Node { t.Error("routed"); return nil }}
			r := newRig(t, s, 1)
			r.odd = true
			if got := r.raw(c.raw); !slices.Equal(got, c.want) {
				t.Errorf("answered %q, want %q", got, c.want)
			}
			bad := uint64(0)
			for _, n := range r.eng.Shards()[0].Stats().Bad {
				bad += n
			}
			want := uint64(1)
			if c.good {
				want = 0
			}
			if bad != want {
				t.Errorf("counted %d, want %d", bad, want)
			}
		})
	}
}

// RFC 3261 §8.2.2.2: the same INVITE by another path is merged away.
func TestMergedRequest(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(3*time.Second))
	r.place(sim.CallSpec{HangupAfter: seconds(1)})
	r.net.Run(at(time.Second))
	copied := bytes.Replace(r.caller.Sent("INVITE")[0].Raw, []byte("branch=z9hG4bK"), []byte("branch=z9hG4bKother"), 1)
	r.caller.SendRaw(r.net.Now(), flow.Flow{Remote: pbx}, copied)
	r.run()
	if len(r.caller.Received("482")) == 0 || len(a.Received("INVITE")) != 1 {
		t.Errorf("%d 482, callee got %d INVITE", len(r.caller.Received("482")), len(a.Received("INVITE")))
	}
}

// A bug in the handling of one call ends that call and no other.
func TestPanicEndsItsCallOnly(t *testing.T) {
	for name, when := range map[string]string{"in invite": "invite", "while ringing": "ringing", "when answered": "answered"} {
		t.Run(name, func(t *testing.T) {
			s := always(nil)
			s.invite = func(c engine.Call) *plan.Node {
				if strings.Contains(string(c.Request().RequestURI()), "bad@") && when == "invite" {
					panic("a bug")
				}
				return to("sip:a@192.0.2.11")
			}
			s.observe = func(what string, c engine.Call, _ *plan.Step) {
				if what == when && strings.Contains(string(c.Request().RequestURI()), "bad@") {
					panic("a bug")
				}
			}
			r := newRig(t, s, 1)
			r.phone("sip:a@192.0.2.11", sim.After(time.Second))
			bad := r.place(sim.CallSpec{To: "sip:bad@pbx.example"})
			good := r.place(sim.CallSpec{To: "sip:good@pbx.example", HangupAfter: seconds(2)})
			r.run()
			if !good.Answered() {
				t.Error("the other call was hurt")
			}
			if when != "answered" && bad.Final() != 500 {
				t.Errorf("the call got %d", bad.Final())
			}
			if bad.Up() {
				t.Error("the call is still up")
			}
			if n := r.eng.Shards()[0].Stats().Panics; n != 1 {
				t.Errorf("%d panics counted", n)
			}
			if n := r.logs.FilterLevelExact(zapcore.ErrorLevel).Len(); n != 1 {
				t.Errorf("logged %d times", n)
			}
			r.logs.TakeAll()
		})
	}
}
