package sim

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// sdpLines returns the m= and direction lines of a message's body.
func sdpLines(m *message.Message) string {
	var out []string
	for _, l := range strings.Split(string(m.Body()), "\r\n") {
		if strings.HasPrefix(l, "m=") || strings.HasPrefix(l, "o=") || strings.HasSuffix(l, "only") || l == "a=inactive" {
			out = append(out, l)
		}
	}
	return strings.Join(out, " ")
}

func first(t *testing.T, list []*Logged) *message.Message {
	t.Helper()
	if len(list) == 0 {
		t.Fatal("no such message")
	}
	m, err := list[0].Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// up brings a call up and returns it.
func (r *rig) up(s CallSpec, more ...Step) *Call {
	r.bob.Behave(append(Behaviour{Answer()}, more...))
	c := r.call(s)
	r.runTo(100 * time.Millisecond)
	if !c.Up() {
		r.t.Fatalf("not up\n%s", r.ladder())
	}
	return c
}

func TestInDialogRequests(t *testing.T) {
	for _, c := range []struct {
		name, method string
		headers      []Header
		body         *Body
		replies      []Reply
		code         int
		rows         string
	}{
		{"INFO", "INFO", []Header{{"Info-Package", "x"}}, &Body{"text/plain", []byte("hello")}, nil, 200, "1>INFO 1.002<200/INFO"},
		{"re-INVITE", "INVITE", nil, nil, nil, 200, "1>INVITE 1.002<200 1.002>ACK"},
		{"re-INVITE refused", "INVITE", nil, nil, []Reply{{Code: 491}}, 491, "1>INVITE 1.002<491 1.002>ACK"},
		{"re-INVITE, slow", "INVITE", nil, nil, []Reply{{Code: 200, After: 300 * time.Millisecond}}, 200, "1>INVITE 1.302<200 1.302>ACK"},
		{"re-INVITE without an offer", "INVITE", nil, NoBody, nil, 200, "1>INVITE 1.002<200 1.002>ACK"},
		{"UPDATE", "UPDATE", nil, nil, nil, 200, "1>UPDATE 1.002<200/UPDATE"},
		{"UPDATE without SDP", "UPDATE", nil, NoBody, nil, 200, "1>UPDATE 1.002<200/UPDATE"},
		{"REFER", "REFER", []Header{{"Refer-To", "<sip:carol@192.0.2.12>"}}, nil, nil, 202, "1>REFER 1.002<202/REFER"},
		{"unknown", "FOO", nil, nil, nil, 501, "1>FOO 1.002<501/FOO"},
		{"never answered", "INFO", nil, nil, []Reply{{}}, 0, "1>INFO 1.5>INFO 2.5>INFO 4.5>INFO 8.5>INFO 12.5>INFO 16.5>INFO 20.5>INFO 24.5>INFO 28.5>INFO 32.5>INFO"},
		{"PRACK for nothing", "PRACK", []Header{{"RAck", "1 1 INVITE"}}, nil, nil, 481, "1>PRACK 1.002<481/PRACK"},
		{"PRACK that cannot be read", "PRACK", []Header{{"RAck", "one"}}, nil, nil, 481, "1>PRACK 1.002<481/PRACK"},
		{"OPTIONS in the dialog", "OPTIONS", nil, nil, nil, 200, "1>OPTIONS 1.002<200/OPTIONS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			call := r.up(CallSpec{})
			r.bob.Reply(c.method, c.replies...)
			x := call.Request(sec(1), c.method, c.headers, c.body)
			r.run()
			r.eq("code", x.Code(), c.code)
			r.eq("has a message", x.Message() != nil, c.code != 0)
			r.eq("method", x.Method(), c.method)
			_, rows, _ := strings.Cut(r.rows(), "ACK ")
			r.eq("messages", rows, c.rows)
			r.eq("still up", call.Up(), c.code != 481)
			switch c.code {
			case 481:
				r.check("still in a call that alice is not in")
			case 0:
				r.eq("why", x.Why(), "timeout")
				r.check("alice: " + c.method + " got no answer timeout")
			default:
				r.check()
			}
		})
	}
}

func TestReplyList(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{})
	r.bob.Reply("INFO", Reply{Code: 500}, Reply{Code: 415, Phrase: "No", Headers: []Header{{"Accept", "text/plain"}}})
	var got []int
	var last *Exchange
	for i := range 3 {
		last = call.Request(sec(float64(1+i)), "INFO", nil, nil)
		r.run()
		got = append(got, last.Code())
	}
	r.eq("codes", got, []int{500, 415, 415})
	r.eq("header", header(last.Message(), "Accept"), "text/plain")
}

func TestRequestWithoutDialog(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Status(486, nil))
	call := r.call(CallSpec{})
	r.run()
	x := call.Request(sec(1), "INFO", nil, nil)
	call.Bye(sec(2))
	call.Cancel(sec(3))
	r.run()
	r.eq("why", x.Why(), "no dialog")
	r.eq("messages", r.rows(), "0>INVITE 0.002<486 0.002>ACK")
}

// The callee asks too: from the early dialog, by UPDATE, and a re-INVITE that puts the caller on hold.
func TestCalleeRequests(t *testing.T) {
	r := newRig(t)
	hold := &Body{sdpType, []byte("v=0\r\no=bob 1 2 IN IP4 192.0.2.11\r\ns=-\r\nc=IN IP4 192.0.2.11\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 9\r\na=sendonly\r\n")}
	r.bob.Behave(Behaviour{
		Progress(), Ask("UPDATE").In(time.Second), Answer().In(time.Second), Ask("INVITE").With(hold).In(time.Second), Ask("INFO", Header{"X-A", "b"}).In(time.Second),
	})
	call := r.call(CallSpec{})
	r.run()
	r.eq("messages", r.rows(), "0>INVITE 0.002<183 1.002<UPDATE 1.002>200/UPDATE 2.002<200 2.002>ACK "+
		"3.002<INVITE 3.002>200 3.004<ACK 4.002<INFO 4.002>200/INFO")
	answers := r.alice.Sent("200 INVITE")
	m := first(t, answers)
	r.eq("answer to hold", strings.Contains(sdpLines(m), "RTP/AVP 0 a=recvonly"), true)
	r.eq("from the caller", call.Up(), true)
	r.check()
}

func TestOfferAnswer(t *testing.T) {
	for _, c := range []struct {
		name           string
		offer          string
		media          string
		wantInTheReply string
	}{
		{"common codecs in the offer's order", "RTP/AVP 9 0 8", "", "RTP/AVP 0 8"},
		{"none in common: the phone's own", "RTP/AVP 9", "", "RTP/AVP 8 0 101"},
		{"sendonly", "RTP/AVP 8", "a=sendonly\r\n", "RTP/AVP 8 a=recvonly"},
		{"recvonly", "RTP/AVP 8", "a=recvonly\r\n", "RTP/AVP 8 a=sendonly"},
		{"inactive", "RTP/AVP 8", "a=inactive\r\n", "RTP/AVP 8 a=inactive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			offer := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 " + c.offer + "\r\n" + c.media
			r.up(CallSpec{Body: &Body{sdpType, []byte(offer)}})
			m := first(t, r.bob.Sent("200"))
			r.eq("answer", strings.SplitN(sdpLines(m), "m=audio 20120 ", 2)[1], c.wantInTheReply)
		})
	}
}

// Without an offer in the INVITE the 2xx carries one and the ACK the answer (RFC 3261 §13.2.1).
func TestLateOffer(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{Body: NoBody})
	r.run()
	r.eq("body of the INVITE", len(first(t, r.bob.Received("INVITE")).Body()), 0)
	r.eq("offer", strings.HasPrefix(sdpLines(first(t, call.Received("200"))), "o=bob "), true)
	r.eq("answer", strings.HasPrefix(sdpLines(first(t, r.bob.Received("ACK"))), "o=alice "), true)
	r.check()
}

func TestReliableProvisional(t *testing.T) {
	supported := []Header{{"Supported", "100rel"}}
	for _, c := range []struct {
		name   string
		spec   CallSpec
		bob    Behaviour
		rows   string
		faults []string
	}{
		{
			"asked for and supported",
			CallSpec{Headers: supported},
			Behaviour{Progress().Reliably(), Ring().Reliably().In(time.Second), Answer().In(time.Second)},
			"0>INVITE 0.002<183 0.002>PRACK 0.004<200/PRACK 1.002<180 1.002>PRACK 1.004<200/PRACK 2.002<200 2.002>ACK", nil,
		},
		{"asked for, not supported", CallSpec{}, Behaviour{Progress().Reliably(), Answer().In(time.Second)}, "0>INVITE 0.002<183 1.002<200 1.002>ACK", nil},
		{
			"required",
			CallSpec{Headers: []Header{{"Require", "100rel"}}},
			Behaviour{Ring(), Answer().In(time.Second)},
			"0>INVITE 0.002<180 0.002>PRACK 0.004<200/PRACK 1.002<200 1.002>ACK", nil,
		},
		{
			"late offer: the PRACK answers",
			CallSpec{Headers: supported, Body: NoBody},
			Behaviour{Progress().Reliably(), Answer().With(NoBody).In(time.Second)},
			"0>INVITE 0.002<183 0.002>PRACK 0.004<200/PRACK 1.002<200 1.002>ACK", nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.bob.Behave(c.bob)
			r.call(c.spec)
			r.run()
			r.eq("messages", r.rows(), c.rows)
			r.check(c.faults...)
		})
	}
}

// A reliable provisional is repeated until its PRACK comes, and a copy of it gets no second PRACK.
func TestReliableRetransmission(t *testing.T) {
	r := newRig(t)
	lost := 0
	r.net.Lose(func(d Datagram) bool {
		if d.From == bobAddr && strings.HasPrefix(string(d.Bytes), "SIP/2.0 183") && lost < 2 {
			lost++
			return true
		}
		return false
	})
	r.bob.Behave(Behaviour{Progress().Reliably(), Answer().In(5 * time.Second)})
	r.call(CallSpec{Headers: []Header{{"Supported", "100rel"}}})
	r.run()
	r.eq("messages", r.rows(), "0>INVITE 0.5>INVITE 0.502<183 0.502>PRACK 0.504<200/PRACK 5.002<200 5.002>ACK")
	r.check()
}

func TestReliableWithoutPrack(t *testing.T) {
	r := newRig(t)
	r.net.Lose(func(d Datagram) bool { return strings.HasPrefix(string(d.Bytes), "PRACK") })
	r.bob.Behave(Behaviour{Progress().Reliably(), Send(500).In(40 * time.Second)})
	r.call(CallSpec{Headers: []Header{{"Supported", "100rel"}}})
	r.run()
	r.check("alice: PRACK got no answer timeout", "bob: no PRACK to 183")
}

// Requests in a dialog follow its route set (RFC 3261 §12.2.1.1), each side's in its own order.
func TestRouteSet(t *testing.T) {
	r := newRig(t)
	proxy := netip.MustParseAddrPort("192.0.2.50:5062")
	did := new([]string)
	r.net.Attach(proxy, func(out Sender) Node { return &echo{name: "proxy", out: out, did: did} })
	rr := []Header{{"Record-Route", "<sip:192.0.2.50:5062;lr>, <sip:192.0.2.51;lr>"}}
	r.bob.Behave(Behaviour{Ring(), Ask("INFO"), Answer().In(time.Second)})
	r.call(CallSpec{Headers: rr, HangupAfter: new(2 * time.Second)})
	r.runTo(1500 * time.Millisecond)
	r.eq("at the caller's proxy", strings.Contains(strings.Join(*did, "\n"), "INFO sip:alice@192.0.2.1:5060 SIP/2.0"), true)
	r.eq("route set of the callee", header(first(t, r.bob.Sent("INFO")), "Route"), "<sip:192.0.2.50:5062;lr>, <sip:192.0.2.51;lr>")
	r.eq("route set of the caller", header(first(t, r.alice.Sent("ACK")), "Route"), "<sip:192.0.2.51;lr>, <sip:192.0.2.50:5062;lr>")
	var to []netip.AddrPort
	for _, l := range r.alice.Sent("ACK") {
		to = append(to, l.Peer)
	}
	r.eq("next hop of the caller", to, "[192.0.2.51:5060]")
}

// A target refresh moves the remote target (RFC 3261 §12.2.1.2, §12.2.2).
func TestTargetRefresh(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{})
	r.bob.Reply("INVITE", Reply{Code: 200, Headers: []Header{{"Contact", "<sip:desk@192.0.2.11>"}}})
	call.Request(sec(1), "INVITE", []Header{{"Contact", "<sip:mobile@192.0.2.1>"}}, nil)
	r.run()
	r.bob.Incoming()[0].Request(sec(2), "INFO", nil, nil)
	call.Request(sec(3), "INFO", nil, nil)
	r.run()
	r.eq("caller's target", string(first(t, r.bob.Sent("INFO")).RequestURI()), "sip:mobile@192.0.2.1")
	r.eq("callee's target", string(first(t, r.alice.Sent("INFO")).RequestURI()), "sip:desk@192.0.2.11")
	r.check()
}

// A re-INVITE may be cancelled: the dialog stays (RFC 3261 §14.1).
func TestReInviteCancelled(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{})
	r.bob.Reply("INVITE", Reply{Code: 200, After: 5 * time.Second})
	x := call.Request(sec(1), "INVITE", nil, nil)
	r.runTo(1100 * time.Millisecond)
	cancel := first(t, r.alice.Sent("INVITE")[1:]).AppendCancel(nil)
	r.alice.SendRaw(sec(2), toBob, cancel)
	r.run()
	r.eq("re-INVITE", x.Code(), 487)
	r.eq("up", call.Up(), true)
}

func TestOutOfDialog(t *testing.T) {
	for _, c := range []struct {
		method string
		code   int
	}{
		{"OPTIONS", 200}, {"MESSAGE", 200}, {"REGISTER", 200}, {"NOTIFY", 200}, {"REFER", 202}, {"BYE", 481}, {"INFO", 481}, {"UPDATE", 481}, {"FOO", 501},
	} {
		t.Run(c.method, func(t *testing.T) {
			r := newRig(t)
			x := r.alice.Request(0, RequestSpec{Method: c.method, To: "sip:bob@192.0.2.11", Dest: toBob, Headers: []Header{{"Expires", "60"}}})
			r.run()
			r.eq("code", x.Code(), c.code)
			got := first(t, r.bob.Received(c.method))
			r.eq("expires", header(got, "Expires"), "60")
			r.eq("URI", string(got.RequestURI()), "sip:bob@192.0.2.11")
			r.check()
		})
	}
}

// A request names who sends it and whom it is for, with what the phone knows in place of what is not said.
func TestAddresses(t *testing.T) {
	r := newRig(t)
	anon := r.net.AttachPhone(PhoneConfig{Addr: netip.MustParseAddrPort("192.0.2.30:5080")})
	if c := anon.contact(flow.Flow{}); c != "<sip:phone@192.0.2.30:5080>" {
		t.Errorf("contact of a phone without a name: %s", c)
	}
	named := r.net.AttachPhone(PhoneConfig{Name: " vm  box", Addr: netip.MustParseAddrPort("[2001:db8::1]:5060")})
	for _, c := range []struct {
		name           string
		p              *Phone
		s              RequestSpec
		uri, from, con string
	}{
		{"own URI", r.alice, RequestSpec{}, "sip:alice@192.0.2.1", "<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.1:5060>"},
		{
			"display name and another Request-URI", r.alice,
			RequestSpec{From: `"A. Liddell" <sip:al@example.net>`, RequestURI: "sip:reg@h"},
			"sip:reg@h", `"A. Liddell" <sip:al@example.net>`, "<sip:alice@192.0.2.1:5060>",
		},
		{"no URI", anon, RequestSpec{}, "sip:phone@192.0.2.30:5080", "", ""},
		{"a name", named, RequestSpec{To: "sip:x@h"}, "sip:x@h", "<sip:vm_box@[2001:db8::1]:5060>", "<sip:vm_box@[2001:db8::1]:5060>"},
		{
			"over TLS", r.alice,
			RequestSpec{Dest: flow.Flow{Remote: bobAddr, Transport: flow.TLS}},
			"sip:alice@192.0.2.1", "<sip:alice@192.0.2.1>",
			"<sip:alice@192.0.2.1:5060;transport=tls>",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.s.Method = "OPTIONS"
			if c.s.Dest == (flow.Flow{}) {
				c.s.Dest = toBob
			}
			had := len(c.p.Sent("OPTIONS"))
			c.p.Request(r.net.Now(), c.s)
			r.run()
			m := first(t, c.p.Sent("OPTIONS")[had:])
			r.eq("uri", string(m.RequestURI()), c.uri)
			if c.from != "" {
				r.eq("from", untagged(m.Get(message.From)), c.from)
				r.eq("contact", string(m.Get(message.Contact)), c.con)
			}
		})
	}
}

func TestFlowTo(t *testing.T) {
	back := flow.Flow{Remote: bobAddr, Listener: 2, Transport: flow.WS}
	for _, c := range []struct {
		uri  string
		want string
	}{
		{"sip:a@192.0.2.7", "udp:192.0.2.7:5060"},
		{"sip:a@192.0.2.7:99;transport=TCP", "tcp:192.0.2.7:99"},
		{"sip:a@192.0.2.7;transport=sctp", "udp:192.0.2.7:5060"},
		{"sip:a@host.example", "ws:192.0.2.11:5060"},
		{"not a uri", "ws:192.0.2.11:5060"},
	} {
		if got := flowTo(c.uri, back); got.String() != c.want || got.Listener != 2 {
			t.Errorf("%s: %s, want %s", c.uri, got, c.want)
		}
	}
}

// Over a stream nothing is sent twice but what the user agent itself repeats.
func TestOverTCP(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(After(time.Second))
	s := CallSpec{To: "sip:bob@192.0.2.11", Dest: flow.Flow{Remote: bobAddr, Transport: flow.TCP}, HangupAfter: new(time.Second)}
	r.alice.Call(0, s)
	r.run()
	r.eq("messages", r.rows(), "0>INVITE 0.002<180 1.002<200 1.002>ACK 2.002>BYE 2.004<200/BYE")
	r.eq("via", strings.HasPrefix(header(first(t, r.bob.Received("BYE")), "Via"), "SIP/2.0/TCP"), true)
	r.check()
}

// What is no message, or none for the phone, does not disturb it; Check shows it.
func TestGarbage(t *testing.T) {
	r := newRig(t)
	r.alice.SendRaw(0, toBob, []byte("hello"))
	r.alice.SendRaw(0, toBob, []byte("SIP/2.0 200 OK\r\n\r\n"))
	r.run()
	r.eq("answers", len(r.bob.Sent("")), 0)
	r.eq("heard", len(r.bob.Received("")), 2)
	r.eq("of them messages", len(r.bob.Received("200")), 1)
	r.check("bob: received at 1ms from 192.0.2.1:5060: bad SIP message: not SIP", "bad SIP message: Via")
}

// A CSeq that runs backwards is refused (RFC 3261 §12.2.2), and an ACK that fits nothing is noticed.
func TestCSeq(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{})
	info := call.Request(sec(1), "INFO", nil, nil)
	r.run()
	raw := string(r.alice.Sent("INFO")[0].Raw)
	raw = strings.Replace(raw, "branch=z9hG4bK", "branch=z9hG4bKx", 1)
	r.alice.SendRaw(sec(2), toBob, []byte(raw))
	r.alice.SendRaw(sec(3), toBob, []byte(strings.NewReplacer("INFO", "ACK").Replace(raw)))
	r.run()
	r.eq("codes", info.Code(), 200)
	r.eq("500s", len(r.bob.Sent("500 INFO")), 1)
	r.check("bob: an ACK with CSeq 2 that no 2xx waits for")
}

// A BYE in an early dialog ends the INVITE with 487 (RFC 3261 §15.1.2).
func TestByeWhileRinging(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Never())
	call := r.call(CallSpec{})
	r.runTo(time.Second)
	x := call.Request(sec(1), "BYE", nil, NoBody)
	r.run()
	r.eq("codes", []int{call.Final(), x.Code()}, []int{487, 200})
	r.check()
}

// A BYE that nobody answers ends its dialog all the same.
func TestByeUnanswered(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{})
	r.net.SetReach(bobAddr, Blackhole)
	call.Bye(sec(1))
	r.run()
	r.eq("up", call.Up(), false)
	r.check("alice: BYE got no answer timeout")
}

// Replaces and REFER make calls that end otherwise than others.
func TestTransferIsNotChecked(t *testing.T) {
	r := newRig(t)
	call := r.up(CallSpec{Headers: []Header{{"Replaces", "x;to-tag=1;from-tag=2"}}})
	r.run()
	call.dialogs[0].end(r.net.Now())
	r.check()
}

// Short timers make a phone give up sooner.
func TestTimers(t *testing.T) {
	n := NewNetwork(start, 1)
	p := n.AttachPhone(PhoneConfig{Name: "a", Addr: aliceAddr, Timers: transaction.Timers{T1: 10 * time.Millisecond}})
	n.SetReach(bobAddr, Blackhole)
	call := p.Call(0, CallSpec{To: "sip:bob@192.0.2.11", Dest: toBob})
	if err := n.Run(clock.Time(640 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if call.Why() != "timeout" {
		t.Errorf("%q after 64*T1", call.Why())
	}
}
