package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// A response belongs to a transaction by its top Via branch and CSeq method: what does not fit changes nothing.
func TestRFC_018_ResponseMatching(t *testing.T) {
	for name, change := range map[string][]string{
		"other branch":   {"180 Ringing", "486 Busy Here", "branch=", "branch=z9hG4bKother"},
		"other method":   {"180 Ringing", "486 Busy Here", " INVITE\r\n", " BYE\r\n"},
		"other sent-by":  {"180 Ringing", "486 Busy Here", "UDP 192.0.2.1:5060", "UDP 192.0.2.77:5060"},
		"sent-by, a 2xx": {"180 Ringing", "200 OK", "UDP 192.0.2.1:5060", "UDP 192.0.2.77:5060"},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Ring(), sim.Answer().In(3*time.Second))
			c := r.place(sim.CallSpec{HangupAfter: seconds(1)})
			r.until(at(time.Second))
			r.write(a, at(time.Second), altered(a.Sent("180")[0], change...))
			r.until(at(2 * time.Second))
			if c.Final() != 0 || len(a.Received("ACK")) != 0 {
				t.Errorf("caller got %d, callee %d ACK", c.Final(), len(a.Received("ACK")))
			}
			r.run()
			if !c.Answered() {
				t.Errorf("caller got %d", c.Final())
			}
		})
	}
}

// The Vias of a response are the caller's own: ours is gone, and a response that has no other does not go on.
func TestRFC_019_OwnViaRemoved(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Send(486).In(time.Second))
	vias := []string{"SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKtop", "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8", "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239"}
	r.write(r.caller, 0, written{via: strings.Join(vias, "\r\nVia: ")}.String())
	r.write(a, at(500*time.Millisecond), "SIP/2.0 200 OK\r\nVia: "+vias[1]+"\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:z@y>;tag=2\r\nCall-ID: none\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
	r.run()
	vias[0] = "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKtop;received=192.0.2.100"
	for _, code := range []string{"100", "180", "486"} {
		want(t, r.caller.Received(code)[0], "Via", vias...)
	}
	count(t, r.caller, "200", 0)
	count(t, a, "ACK", 1)
}

// 100 within 200 ms, unless something better goes out at once.
func TestRFC_038_Trying(t *testing.T) {
	r, _ := desk(t, sim.Step{Act: sim.Mute})
	r.call(sim.CallSpec{})
	if got := r.caller.Received("100"); len(got) != 1 || got[0].At > at(200*time.Millisecond) {
		t.Errorf("100: %v", got)
	}
	rejected := newRig(t, always(&plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 603}}), 1)
	rejected.call(sim.CallSpec{})
	count(t, rejected.caller, "100", 0)
}

// A final response other than 2xx is repeated over UDP, T1 doubling to T2, until its ACK, for 64*T1.
func TestRFC_039_FinalRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		ackAt time.Duration
		want  []float64
	}{
		"no ACK":  {0, []float64{0, .5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5}},
		"its ACK": {2 * time.Second, []float64{0, .5, 1.5}},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := desk(t, sim.Send(486))
			r.write(r.caller, 0, written{}.String())
			if c.ackAt > 0 {
				r.until(at(c.ackAt))
				to := header(t, r.caller.Received("486")[0], "To")[0]
				r.write(r.caller, at(c.ackAt), written{method: "ACK", to: to}.String())
			}
			r.run()
			if got := after(copies(r.caller, "SIP/2.0 486")); !slices.Equal(got, c.want) {
				t.Errorf("486 after %v, want %v", got, c.want)
			}
		})
	}
}

// A repeated request goes to its transaction: it is not delivered twice.
func TestRFC_040_RepeatedRequest(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(time.Second))
	c := r.place(sim.CallSpec{HangupAfter: seconds(1)})
	r.until(at(10 * time.Millisecond))
	copied := string(r.caller.Sent("INVITE")[0].Raw)
	for i := range 5000 {
		r.write(r.caller, at(time.Duration(i)*400*time.Microsecond), copied)
	}
	r.run()
	if !c.Answered() || len(copies(a, "INVITE")) != 1 || r.script.acquired != 1 {
		t.Errorf("answered %v, %d INVITE, %d calls", c.Answered(), len(copies(a, "INVITE")), r.script.acquired)
	}
}

// A branch without the cookie means nothing: copies match by Request-URI, tags, Call-ID, CSeq and top Via.
func TestRFC_041_RequestOfRFC2543(t *testing.T) {
	old := written{via: "SIP/2.0/UDP 192.0.2.100:5060", more: "X: 1\r\n"}
	r, a := desk(t, sim.Ring(), sim.Send(486).In(2*time.Second))
	for i := range 3 {
		r.write(r.caller, at(time.Duration(i)*500*time.Millisecond), old.String())
	}
	r.until(at(1500 * time.Millisecond))
	other := old
	other.uri = "sip:101@pbx.example" // the same but for the Request-URI: another transaction, and a merged request
	r.write(r.caller, at(1500*time.Millisecond), other.String())
	r.until(at(2200 * time.Millisecond))
	count(t, a, "INVITE", 1)
	count(t, r.caller, "482", 1)
	ack := old
	ack.method, ack.to = "ACK", header(t, r.caller.Received("486")[0], "To")[0]
	r.write(r.caller, r.net.Now(), ack.String())
	r.run()
	if n := len(copies(r.caller, "SIP/2.0 486")); n != 1 {
		t.Errorf("486 sent %d times although it was acknowledged", n)
	}
}

// An INVITE of RFC 2543 without Contact, tag and branch is a call like others: its From is where the caller is (RFC 4475 §3.4.1).
func TestRFC_041_CallOfRFC2543(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer(), sim.Bye().In(3*time.Second))
	plain := func(method, to string) string {
		return method + " sip:100@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.100\r\nFrom: <sip:alice@192.0.2.100>\r\nTo: " + to +
			"\r\nCall-ID: old@192.0.2.100\r\nCSeq: 56 " + method + "\r\n\r\n"
	}
	r.write(r.caller, at(0), plain("INVITE", "<sip:100@pbx.example>"))
	r.until(at(time.Second))
	r.write(r.caller, at(time.Second), plain("ACK", header(t, r.caller.Received("200")[0], "To")[0]))
	r.run()
	count(t, a, "ACK", 1)
	count(t, a, "200 BYE", 1)
	byes := r.caller.Received("BYE")
	if len(byes) != 1 {
		t.Fatalf("the caller got %d BYE", len(byes))
	}
	bye, err := byes[0].Message()
	if err != nil || string(bye.RequestURI()) != "sip:alice@192.0.2.100" {
		t.Errorf("BYE to %s (%v)", bye.RequestURI(), err)
	}
	want(t, byes[0], "To", "<sip:alice@192.0.2.100>")
}

// An INVITE has a Contact that something can be sent to (RFC 3261 §8.1.1.8).
func TestUnusableContact(t *testing.T) {
	for _, contact := range []string{"", "Contact: \r\n", "Contact: *\r\n", "Contact: ,\r\n"} {
		r, a := desk(t, sim.Answer())
		b := strings.Replace(written{}.String(), "Contact: <sip:alice@192.0.2.100>\r\n", contact, 1)
		r.write(r.caller, at(0), b)
		r.run()
		count(t, a, "INVITE", 0)
		if n := len(r.caller.Received("400")); n != 1 {
			t.Errorf("%q: %d refusals", contact, n)
		}
	}
}

// A request that cannot be sent ends with its transaction: nothing waits for ever, nothing is left.
func TestRFC_042_TransportFailure(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(time.Second))
	r.odd = true
	c := r.place(sim.CallSpec{HangupAfter: seconds(10)})
	r.until(at(3 * time.Second))
	info := c.Request(at(4*time.Second), "INFO", nil, nil)
	again := c.Request(at(5*time.Second), "INVITE", nil, nil)
	r.net.SetReach(a.Addr(), sim.Refusing)
	r.run() // the rig looks for what is left
	if info.Code() != 503 || again.Code() != 503 {
		t.Errorf("INFO got %d, re-INVITE %d", info.Code(), again.Code())
	}
	count(t, r.caller, "200 BYE", 1)
}

// The same request by another path is refused, as long as the first is under way.
func TestRFC_044_MergedRequest(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(3*time.Second))
	c := r.place(sim.CallSpec{HangupAfter: seconds(1)})
	r.until(at(time.Second))
	invite := r.caller.Sent("INVITE")[0]
	r.write(r.caller, at(time.Second), altered(invite, "branch=z9hG4bK", "branch=z9hG4bKpath2"))
	r.run()
	count(t, a, "INVITE", 1)
	if len(r.caller.Received("482")) != 1 || !c.Answered() {
		t.Errorf("%d 482, answered %v", len(r.caller.Received("482")), c.Answered())
	}
}

func TestRFC_044_MergedWithWhatWasAnswered(t *testing.T) {
	refuse := &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 486}}
	for name, c := range map[string]struct {
		method, other string // of the second one
		after         time.Duration
		codes         []int
	}{
		"refused INVITE":     {"INVITE", "", time.Second, []int{486, 482}},
		"MESSAGE":            {"MESSAGE", "", time.Second, []int{486, 482}},
		"MESSAGE, forgotten": {"MESSAGE", "", 33 * time.Second, []int{486, 486}},
		"another number":     {"MESSAGE", "CSeq: 2 MESSAGE", time.Second, []int{486, 486}},
		"another From tag":   {"MESSAGE", "From: <sip:alice@192.0.2.100>;tag=bob", time.Second, []int{486, 486}},
		"another Call-ID":    {"MESSAGE", "Call-ID: written@192.0.2.101", time.Second, []int{486, 486}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, &script{invite: func(engine.Call) *plan.Node { return refuse }, request: func(engine.Call) *plan.Node { return refuse }}, 1)
			r.odd = true // nobody sends an ACK
			w := written{method: c.method}
			r.write(r.caller, 0, w.String())
			second := strings.Replace(w.String(), "branch=z9hG4bK", "branch=z9hG4bKpath2", 1)
			if field, _, ok := strings.Cut(c.other, ":"); ok {
				at := strings.Index(second, field+":")
				second = second[:at] + c.other + second[at+strings.Index(second[at:], "\r\n"):]
			}
			r.write(r.caller, at(c.after), second)
			r.run()
			if got := answers(t, r.caller, c.method); !slices.Equal(got, c.codes) {
				t.Errorf("answered %v, want %v", got, c.codes)
			}
		})
	}
}

// A response copies Vias in order, From, Call-ID and CSeq, and adds one To tag to all but 100.
func TestRFC_047_ResponseCopies(t *testing.T) {
	r, _ := desk(t, sim.Ring(), sim.Answer().In(time.Second))
	via := "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bKy , SIP/2.0/TCP b.example:5070;branch=z9hG4bKz"
	from := "\"A. Lice\"  <sip:alice@192.0.2.100>;x=y;tag=alice"
	r.odd = true // no ACK
	r.write(r.caller, 0, written{via: via, from: from, cseq: "4711 INVITE"}.String())
	r.run()
	ok := copies(r.caller, "SIP/2.0 200")
	if len(ok) < 3 {
		t.Fatalf("%d copies of the 200", len(ok))
	}
	tag := string(parsed(t, ok[0]).ToTag())
	for _, l := range append(copies(r.caller, "SIP/2.0 1"), ok[:3]...) {
		want(t, l, "From", from)
		want(t, l, "Call-ID", "written@192.0.2.100")
		want(t, l, "CSeq", "4711 INVITE")
		m := parsed(t, l)
		if got := header(t, l, "Via"); len(got) != 2 && len(got) != 3 || !strings.Contains(strings.Join(got, ","), "z9hG4bKy , SIP/2.0/TCP b.example:5070;branch=z9hG4bKz") {
			t.Errorf("Via %q", got)
		}
		if want := map[bool]string{true: "", false: tag}[m.Status() == 100]; string(m.ToTag()) != want {
			t.Errorf("%d: To tag %q, want %q", m.Status(), m.ToTag(), want)
		}
	}
}

// What is answered without a transaction has no provisional and no repeats, the same tag for each copy, and its ACK is ignored.
func TestRFC_048_Stateless(t *testing.T) {
	r := newRig(t, unrouted(t), 1)
	bad := strings.Replace(written{}.String(), "Content-Length: 0", "Content-Length: 10", 1)
	for i := range 3 {
		r.write(r.caller, at(time.Duration(i)*time.Second), bad)
	}
	r.until(at(2100 * time.Millisecond))
	got := copies(r.caller, "SIP/2.0 ")
	if len(got) != 3 {
		t.Fatalf("%d responses to 3 copies", len(got))
	}
	for _, l := range got {
		if string(l.Raw) != string(got[0].Raw) || !strings.HasPrefix(string(l.Raw), "SIP/2.0 400 ") {
			t.Errorf("got\n%s", l.Raw)
		}
	}
	r.write(r.caller, r.net.Now(), written{method: "ACK", to: header(t, got[0], "To")[0]}.String())
	r.run()
	if n := len(copies(r.caller, "")); n != 3 {
		t.Errorf("%d answers after the ACK", n-3)
	}
	if left := r.eng.Shards()[0].Leaks(); left != "" {
		t.Error(left)
	}
}

// A 2xx does not end the transactions: a repeated INVITE is absorbed, a repeated 2xx belongs to its INVITE, for 64*T1.
func TestRFC_080_Accepted(t *testing.T) {
	r, a := desk(t, sim.Answer())
	c := r.place(sim.CallSpec{HangupAfter: seconds(60)})
	r.until(at(time.Second))
	for _, s := range []time.Duration{1, 10, 31} {
		r.write(r.caller, at(s*time.Second), string(r.caller.Sent("INVITE")[0].Raw))
		r.write(a, at(s*time.Second), string(a.Sent("200")[0].Raw))
	}
	r.run()
	if !c.Answered() || len(copies(a, "INVITE")) != 1 || len(copies(r.caller, "SIP/2.0 200 OK")) != 2 { // INVITE and BYE
		t.Errorf("%d INVITE, %d 200", len(copies(a, "INVITE")), len(copies(r.caller, "SIP/2.0 200 OK")))
	}
	if n := len(copies(a, "ACK")); n != 4 {
		t.Errorf("%d ACK; want one for each copy of the 200", n)
	}
}

// A response that belongs to no transaction is never forwarded.
func TestRFC_081_Strays(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(5*time.Second))
	c := r.place(sim.CallSpec{HangupAfter: seconds(1)})
	r.until(at(time.Second))
	before := len(r.caller.Log())
	for i := range 40 {
		r.write(a, at(time.Second), fmt.Sprintf("SIP/2.0 %d X\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKs%d\r\nVia: SIP/2.0/UDP 192.0.2.100;branch=z9hG4bKc\r\n"+
			"From: <sip:alice@192.0.2.100>;tag=1\r\nTo: <sip:a@192.0.2.11>;tag=2\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			[]int{180, 200, 404, 603}[i%4], i, c.CallID(), []string{"INVITE", "BYE", "OPTIONS"}[i%3]))
	}
	r.until(at(2 * time.Second))
	if n := len(r.caller.Log()) - before; n != 0 {
		t.Errorf("caller got %d of them", n)
	}
	r.run()
	if !c.Answered() {
		t.Errorf("caller got %d", c.Final())
	}
}

// An error in sending a response leaves the transaction of the INVITE: a copy is absorbed.
func TestRFC_082_ResponseUndeliverable(t *testing.T) {
	for name, answer := range map[string]sim.Step{"2xx": sim.Answer(), "486": sim.Send(486)} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Ring(), answer.In(time.Second))
			r.odd = true
			r.place(sim.CallSpec{HangupAfter: seconds(1)})
			r.until(at(990 * time.Millisecond))
			r.net.SetReach(r.caller.Addr(), sim.Refusing)
			r.until(at(1100 * time.Millisecond))
			r.net.SetReach(r.caller.Addr(), sim.Up)
			r.write(r.caller, r.net.Now(), string(r.caller.Sent("INVITE")[0].Raw))
			r.run()
			if len(copies(a, "INVITE")) != 1 || r.script.acquired != 1 {
				t.Errorf("%d INVITE, %d calls", len(copies(a, "INVITE")), r.script.acquired)
			}
		})
	}
}
