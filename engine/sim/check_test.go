package sim

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// trio is a rig with a third phone, and calls from alice to both made one call by their session descriptions.
func trio(t *testing.T, first, second Behaviour, s CallSpec) (r *rig, carol *Phone, calls [2]*Call) {
	r = newRig(t)
	carol = r.net.AttachPhone(PhoneConfig{Name: "carol", Addr: netip.MustParseAddrPort("192.0.2.12:5060")})
	s.Body = &Body{sdpType, []byte("v=0\r\no=alice 4711 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n")}
	r.bob.Behave(first)
	carol.Behave(second)
	calls[0] = r.call(s)
	s.To, s.Dest = "sip:carol@192.0.2.12", flow.Flow{Remote: carol.Addr()}
	calls[1] = r.alice.Call(0, s)
	for _, c := range calls {
		c.media = "4711"
	}
	return r, carol, calls
}

func TestCheckWinners(t *testing.T) {
	t.Run("two for ever", func(t *testing.T) {
		r, _, _ := trio(t, After(time.Second), After(2*time.Second), CallSpec{})
		r.run()
		r.check("carol: two winners: in the same call as bob for")
	})
	t.Run("two for a while", func(t *testing.T) {
		r, _, _ := trio(t, After(time.Second), After(2*time.Second), CallSpec{HangupAfter: new(5 * time.Second)})
		r.run()
		r.check("carol: two winners: in the same call as bob for 4.002s")
	})
	t.Run("the one too many is released at once", func(t *testing.T) {
		r, _, calls := trio(t, After(time.Second), After(2*time.Second), CallSpec{})
		r.runTo(2002 * time.Millisecond)
		calls[1].Bye(r.net.Now())
		r.run()
		calls[0].Bye(r.net.Now())
		r.run()
		r.check()
	})
	t.Run("one after the other", func(t *testing.T) {
		r, _, calls := trio(t, Behaviour{Answer(), Bye().In(time.Second)}, After(time.Second), CallSpec{})
		r.run()
		calls[1].Bye(r.net.Now())
		r.run()
		r.check()
	})
	t.Run("a callee without its caller", func(t *testing.T) {
		r := newRig(t)
		call := r.up(CallSpec{})
		call.dialogs[0].end(r.net.Now())
		r.run()
		r.check("bob: still in a call that alice is not in")
	})
	t.Run("where datagrams are lost, copies get time", func(t *testing.T) {
		r, _, _ := trio(t, After(time.Second), After(2*time.Second), CallSpec{HangupAfter: new(5 * time.Second)})
		r.net.Lose(func(Datagram) bool { return false })
		r.net.ImpairAddr(bobAddr, Faults{Loss: 0.001})
		r.run()
		r.check()
	})
}

func TestCheckCaller(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Behaviour{Answer()})
	c := r.call(CallSpec{NoAck: true})
	r.runTo(10 * time.Millisecond)
	answer := first(t, r.alice.Received("200 INVITE"))
	r.bob.SendRaw(r.net.Now(), flow.Flow{Remote: aliceAddr}, fmt.Appendf(nil, "BYE sip:alice@192.0.2.1:5060 SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKearly\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		answer.Get(message.To), answer.Get(message.From), c.CallID()))
	r.runTo(20 * time.Millisecond)
	r.check("alice: BYE at 11ms, before the ACK", "bob: 2xx with tag", "bob: still in a call")
}

func TestCheckCallee(t *testing.T) {
	t.Run("rings for ever", func(t *testing.T) {
		r := newRig(t)
		r.bob.Behave(Never())
		r.call(CallSpec{})
		r.run()
		r.check("alice: no final response (Call-ID", "bob: INVITE neither answered nor refused nor cancelled")
	})
	t.Run("a refusal without ACK", func(t *testing.T) {
		r := newRig(t)
		r.net.Lose(func(d Datagram) bool { return bytes.HasPrefix(d.Bytes, []byte("ACK")) })
		r.bob.Behave(Status(486, nil))
		r.call(CallSpec{})
		r.run()
		r.check("bob: 486 got no ACK")
	})
	t.Run("CANCEL without a provisional", func(t *testing.T) {
		r := newRig(t)
		r.bob.Behave(Behaviour{Ring().In(100 * time.Millisecond)})
		r.call(CallSpec{})
		r.runTo(50 * time.Millisecond)
		r.alice.SendRaw(0, toBob, first(t, r.alice.Sent("INVITE")).AppendCancel(nil))
		r.run()
		r.check("bob: CANCEL at 51ms, before a provisional response")
	})
	t.Run("CANCEL before the provisional can have come", func(t *testing.T) {
		r := newRig(t)
		r.bob.Behave(Never())
		r.call(CallSpec{})
		r.runTo(time.Millisecond)
		r.alice.SendRaw(0, toBob, first(t, r.alice.Sent("INVITE")).AppendCancel(nil))
		r.run()
		r.check("bob: CANCEL at 2ms, before a provisional response")
	})
	t.Run("a phone that was unplugged", func(t *testing.T) {
		r := newRig(t)
		r.bob.Behave(Never())
		call := r.call(CallSpec{})
		r.runTo(time.Second)
		r.net.SetReach(bobAddr, Blackhole)
		call.Cancel(r.net.Now())
		r.run()
		r.check("alice: no final response: timeout")
	})
}

// leaky is a node that holds something.
type leaky struct {
	echo
	leaks string
}

func (l *leaky) Leaks() string { return l.leaks }

func TestCheckLeaks(t *testing.T) {
	n := NewNetwork(start, 1)
	for i, leaks := range []string{"", "2 clients, 1 timer"} {
		addr := netip.AddrPortFrom(aliceAddr.Addr(), uint16(5060+i))
		n.Attach(addr, func(Sender) Node { return &leaky{leaks: leaks} })
	}
	same(t, n.Check(), "node 1 still holds 2 clients, 1 timer")
}

func TestCheckForm(t *testing.T) {
	good := "INVITE sip:bob@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\n" +
		"To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 2\r\n\r\nhi"
	ok := "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n" +
		"To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
	for _, c := range []struct{ name, raw, was, is, want string }{
		{"a good request", good, "", "", ""},
		{"a good response", ok, "", "", ""},
		{"a keep-alive", "\r\n\r\n", "", "", ""},
		{"a 100 needs no tag", ok, "200 OK", "100 Trying", ""},
		{"a bare line feed", good, "70\r\n", "70\n", "a line that does not end in CRLF"},
		{"a bare carriage return", good, "<sip:b@h>", "<sip:b@h>\r", "control character"},
		{"a folded line with a bare line feed", good, "70\r\n", "70\n \r\n", "a line that does not end in CRLF"},
		{"no header line", good, "Max-Forwards: 70", "Max-Forwards: 70\r\nEvil", "header line"},
		{"more than the body", good, "hi", "hi there", "octets after the body"},
		{"less than the body", good, "\nhi", "\nh", "Content-Length"},
		{"no Content-Length", good, "Content-Length: 2", "X: y", "no Content-Length"},
		{"no Max-Forwards", good, "Max-Forwards", "X-Forwards", "no Max-Forwards"},
		{"no Contact", good, "Contact", "X-Contact", "no Contact"},
		{"no Contact in a 2xx", ok, "Contact", "X-Contact", "no Contact"},
		{"no To tag", ok, ";tag=2", "", "no To tag"},
		{"two From", good, "Call-ID", "From: <sip:x@h>;tag=2\r\nCall-ID", "two From"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := c.raw
			if c.was != "" {
				raw = strings.Replace(raw, c.was, c.is, 1)
				if raw == c.raw {
					t.Fatal("nothing was changed")
				}
			}
			var m message.Message
			err := (&Logged{Raw: []byte(raw)}).parse(&m)
			if err == nil {
				err = m.Validate()
			}
			got := malformed([]byte(raw), &m, err)
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A 2xx after a refusal is one final response too many; it is acknowledged where it can be (RFC 3261 §13.2.2.4).
func TestStrayAnswer(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Status(486, nil))
	call := r.call(CallSpec{})
	if err := r.net.Run(clock.Time(time.Second)); err != nil {
		t.Fatal(err)
	}
	ok := strings.Replace(string(r.bob.Sent("486")[0].Raw), "486 Busy Here", "200 OK", 1)
	ok = strings.Replace(ok, "Content-Length", "Contact: <sip:bob@192.0.2.11>\r\nContent-Length", 1)
	r.bob.SendRaw(r.net.Now(), flow.Flow{Remote: aliceAddr}, []byte(ok))
	r.bob.SendRaw(r.net.Now(), flow.Flow{Remote: aliceAddr}, []byte(strings.Replace(ok, call.CallID(), "unknown", 1)))
	r.run()
	r.eq("final", call.Final(), 486)
	r.eq("answered", call.Answered(), true)
	r.check("alice: 2 final responses: [{486 ", "bob: an ACK with CSeq 1 that no 2xx waits for") // bob does not know of what he sent raw
}

// random is a behaviour that a phone may well have, with one final response at most.
func random(t *rapid.T) Behaviour {
	wait := func(s Step) Step {
		return s.In(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
	}
	var b Behaviour
	if rapid.Bool().Draw(t, "deaf") {
		b = append(b, Step{Act: IgnoreCancel})
	}
	for range rapid.IntRange(0, 3).Draw(t, "provisionals") {
		s := rapid.SampledFrom([]Step{Ring(), Progress(), Send(100), Ring().As("b"), Progress().Reliably(), Send(199)}).Draw(t, "provisional")
		b = append(b, wait(s))
	}
	code := rapid.SampledFrom([]int{200, 200, 200, 202, 302, 404, 486, 503, 603}).Draw(t, "final")
	b = append(b, wait(Send(code)))
	if code >= 300 {
		return b
	}
	for range rapid.IntRange(0, 2).Draw(t, "requests") {
		b = append(b, wait(Ask(rapid.SampledFrom([]string{"INFO", "INVITE", "UPDATE", "OPTIONS"}).Draw(t, "request"))))
	}
	return append(b, wait(Bye()).In(3*time.Second))
}

// scenario is some calls under some faults.
type scenario struct {
	seed   uint64
	faults Faults
	bob    []Behaviour
	calls  []CallSpec
	at     []clock.Time
}

func drawScenario(t *rapid.T) (s scenario) {
	s.seed = rapid.Uint64().Draw(t, "seed")
	s.faults = Faults{
		Loss: rapid.Float64Range(0, 0.15).Draw(t, "loss"), Duplicate: rapid.Float64Range(0, 0.3).Draw(t, "duplicate"),
		Delay:  time.Duration(rapid.IntRange(0, 50).Draw(t, "delay")) * time.Millisecond,
		Jitter: time.Duration(rapid.IntRange(0, 100).Draw(t, "jitter")) * time.Millisecond,
	}
	for range rapid.IntRange(1, 4).Draw(t, "calls") {
		s.bob = append(s.bob, random(t))
		c := CallSpec{To: "sip:bob@192.0.2.11", Dest: toBob}
		if rapid.Bool().Draw(t, "100rel") {
			c.Headers = []Header{{"Supported", "100rel"}}
		}
		if rapid.Bool().Draw(t, "late offer") {
			c.Body = NoBody
		}
		if rapid.Bool().Draw(t, "cancels") {
			c.CancelAfter = new(time.Duration(rapid.IntRange(0, 8000).Draw(t, "cancel")) * time.Millisecond)
		}
		c.HangupAfter = new(time.Duration(rapid.IntRange(0, 8000).Draw(t, "hangup")) * time.Millisecond)
		s.calls = append(s.calls, c)
		s.at = append(s.at, clock.Time(rapid.IntRange(0, 5000).Draw(t, "at"))*1e6)
	}
	return s
}

// play runs a scenario and returns the network and a hash of all that was on it.
func (s *scenario) play(t interface{ Fatal(...any) }) (*Network, uint64) {
	n := NewNetwork(start, s.seed)
	n.Impair(s.faults)
	h := fnv.New64a()
	n.Watch(func(d Datagram) { fmt.Fprintln(h, d.At, d.From, d.To, d.Lost, string(d.Bytes)) })
	alice := n.AttachPhone(PhoneConfig{URI: "sip:alice@192.0.2.1", Addr: aliceAddr, Seed: s.seed})
	bob := n.AttachPhone(PhoneConfig{URI: "sip:bob@192.0.2.11", Addr: bobAddr, Seed: s.seed})
	bob.Behave(s.bob...)
	for i := range s.calls {
		alice.Call(s.at[i], s.calls[i])
	}
	if err := n.RunToQuiescence(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	return n, h.Sum64()
}

// Whatever the phones do and the network loses, doubles or reorders, the rules hold, and a seed gives one trace.
func TestRandomCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScenario(t)
		n, hash := s.play(t)
		if found := n.Check(); len(found) > 0 {
			t.Fatalf("%s", strings.Join(found, "\n"))
		}
		for _, p := range n.Phones() {
			if clients, servers := p.layer.Len(); clients+servers > 0 || p.heap.Len() > 0 {
				t.Fatalf("%s has %d clients, %d servers, %d timers left", p.Name(), clients, servers, p.heap.Len())
			}
		}
		if _, again := s.play(t); again != hash {
			t.Fatal("two runs of one seed differ")
		}
	})
}

func TestForget(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Silent(), Status(486, nil), Behaviour{Answer()})
	r.call(CallSpec{})
	r.run()
	r.call(CallSpec{})
	r.run()
	call := r.call(CallSpec{})
	r.run()
	r.alice.Forget()
	r.bob.Forget()
	r.eq("calls kept", []int{len(r.alice.Calls()), len(r.bob.Incoming()), len(r.alice.Log()), len(r.bob.ignored)}, []int{1, 1, 0, 0})
	call.Bye(r.net.Now())
	r.run()
	r.eq("up", call.Up() || r.bob.Incoming()[0].Up(), false)
	r.check()
}

func TestNames(t *testing.T) {
	r := newRig(t)
	r.net.Attach(netip.MustParseAddrPort("192.0.2.9:5060"), func(Sender) Node { return &echo{did: new([]string)} })
	r.eq("names", r.net.Names(), map[netip.AddrPort]string{aliceAddr: "alice", bobAddr: "bob"})
	r.eq("sent", len(r.up(CallSpec{}).Sent("")), 2)
}

// The log is a ladder too, with the phone in the engine's place.
func TestEvents(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Status(486, nil))
	r.call(CallSpec{})
	r.run()
	r.eq("ladder", r.ladder(), ""+
		"          alice       bob\n"+
		"   +0.000   │─ INVITE ▶│\n"+
		"   +0.002   │◀── 486 ──│\n"+
		"            │── ACK ──▶│\n")
}

// From elements of RFC 2543 and other odd ones a phone takes what it can get.
func TestOddPeers(t *testing.T) {
	old := "INVITE sip:bob@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\nMax-Forwards: 70\r\nFrom: sip:a@h\r\nTo: \"B\" <sip:b@h>\r\n" +
		"Call-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	r := newRig(t)
	r.bob.Behave(Behaviour{Answer(), Bye().In(40 * time.Second)})
	r.alice.SendRaw(0, toBob, []byte(old))
	r.runTo(100 * time.Millisecond)
	ack := strings.NewReplacer("INVITE", "ACK", "<sip:b@h>", string(first(t, r.bob.Sent("200")).Get(message.To))[len(`"B" `):]).Replace(old)
	r.alice.SendRaw(0, toBob, []byte(ack))
	r.run()
	bye := first(t, r.bob.Sent("BYE"))
	r.eq("to", header(bye, "To"), "<sip:a@h>")
	r.eq("from", strings.HasPrefix(header(bye, "From"), `"B" <sip:b@h>;tag=`), true)
	r.check()
}
