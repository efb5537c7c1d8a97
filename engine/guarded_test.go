package engine_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// guarded has the engine listen to whom a guard says.
func guarded(c guard.Config) func(*engine.Config) {
	if c.Ban == 0 {
		c.Ban = time.Minute
	}
	return func(cfg *engine.Config) { cfg.Guard = &c }
}

// spoofed counts the octets between the engine and one address.
func (r *rig) spoofed(victim netip.AddrPort) (in, out *int) {
	in, out = new(int), new(int)
	r.net.Watch(func(d sim.Datagram) {
		switch victim {
		case d.From:
			*in += len(d.Bytes)
		case d.To:
			*out += len(d.Bytes)
		}
	})
	return in, out
}

var victim = netip.MustParseAddrPort("192.0.2.100:5060") // what the caller of a rig has

// A short request has no long answer, unless its source is known to hear it.
func TestRFC_115_ShortRequest(t *testing.T) {
	for _, method := range []string{"OPTIONS", "INVITE", "BYE", "CANCEL", "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "INFO", "FOO"} {
		for _, known := range []bool{false, true} {
			c := guard.Config{}
			if known {
				c.Access = [][]guard.Entry{{{Network: netip.PrefixFrom(victim.Addr(), 32), Allow: true}}}
			}
			r := newRig(t, always(nil), 1, guarded(c))
			r.odd = true
			in, out := r.spoofed(victim)
			r.write(r.caller, at(0), strings.Join([]string{
				method + " sip:h SIP/2.0", "v:SIP/2.0/UDP 192.0.2.100;branch=z9hG4bK1", "f:<sip:a@h>;tag=1", "t:<sip:b@h>", "m:<sip:a@h>", "i:c", "CSeq:1 " + method, "l:0", "", "",
			}, "\r\n"))
			r.run()
			if got := float64(*out) / float64(*in); *out == 0 || got > 1.5 != known {
				t.Errorf("%s, known %v: %d octets for %d: %.2f times as many", method, known, *out, *in, got)
			}
		}
	}
}

// Requests with the address of somebody else have the engine send him hardly more than they hold: each copy of a refused one is answered
// once, and nothing is repeated.
func TestRFC_115_Amplification(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		guard  bool
		most   float64
	}{
		"404":            {"INVITE", true, 1.5},
		"404 unguarded":  {"INVITE", false, 100},
		"405":            {"FOO", true, 1.5},
		"481":            {"BYE", true, 1.5},
		"200 to OPTIONS": {"OPTIONS", true, 1.5},
	} {
		t.Run(name, func(t *testing.T) {
			s := always(nil)
			var change []func(*engine.Config)
			if c.guard {
				change = append(change, guarded(guard.Config{}))
			}
			r := newRig(t, s, 1, change...)
			r.odd = true
			in, out := r.spoofed(victim)
			for i := range 64 {
				w := written{method: c.method, uri: "sip:pbx.example", callID: fmt.Sprint("c", i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKa%d", i)}
				r.write(r.caller, r.net.Now(), w.String())
				r.until(r.net.Now().Add(time.Second))
			}
			r.run()
			got := float64(*out) / float64(*in)
			if got > c.most || !c.guard && got < 3 {
				t.Errorf("%d octets for %d: %.2f times as many", *out, *in, got)
			}
			if n := r.eng.Shards()[0].Stats().Untrusted; c.guard && c.method == "INVITE" && n != 64 {
				t.Errorf("%d refusals forgotten", n)
			}
		})
	}
}

// The stateless refusal is the same for every copy; its ACK shows that the source is what it says, and what it is told then is repeated.
func TestRFC_115_TrustByAck(t *testing.T) {
	r := newRig(t, always(nil), 1, guarded(guard.Config{}))
	r.odd = true
	w := written{callID: "a"}
	for range 2 {
		r.write(r.caller, r.net.Now(), w.String())
		r.until(r.net.Now().Add(10 * time.Second))
	}
	got := copies(r.caller, "SIP/2.0 404")
	if len(got) != 2 || string(got[0].Raw) != string(got[1].Raw) {
		t.Fatalf("%d refusals of 2 copies", len(got))
	}
	other := func(callID string) int {
		before := len(copies(r.caller, "SIP/2.0 404"))
		r.write(r.caller, r.net.Now(), written{callID: callID, via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK" + callID}.String())
		r.until(r.net.Now().Add(40 * time.Second))
		return len(copies(r.caller, "SIP/2.0 404")) - before
	}
	ack := written{method: "ACK", callID: "a", to: "<sip:100@pbx.example>;tag=guessed"}
	r.write(r.caller, r.net.Now(), ack.String())
	if n := other("b"); n != 1 {
		t.Errorf("after a made-up ACK %d copies", n)
	}
	ack.to = header(t, got[0], "To")[0]
	r.write(r.caller, r.net.Now(), ack.String())
	if n := other("c"); n < 5 {
		t.Errorf("after the ACK %d copies: it is not kept", n)
	}
	r.run()
}

// Who has placed a call is trusted.
func TestRFC_115_TrustByCall(t *testing.T) {
	s := &script{}
	r := newRig(t, s, 1, guarded(guard.Config{}))
	s.invite = func(engine.Call) *plan.Node {
		if s.acquired == 1 {
			return to("sip:a@192.0.2.11")
		}
		return nil
	}
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
	r.call(sim.CallSpec{HangupAfter: seconds(1)})
	r.call(sim.CallSpec{})
	if n := r.eng.Shards()[0].Stats().Untrusted; n != 0 {
		t.Errorf("%d refusals forgotten", n)
	}
}

// A response goes nowhere that nobody here has asked for, whatever its Vias say (RFC 3261 §18.1.2, RFC 4475 §3.3.10).
func TestRFC_115_NoRelay(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(5*time.Second))
	r.place(sim.CallSpec{HangupAfter: seconds(1)})
	r.until(at(time.Second))
	third := r.phone("sip:third@192.0.2.66")
	via := header(t, a.Received("INVITE")[0], "Via")[0]
	branch := via[strings.Index(via, "branch=")+len("branch="):]
	before := len(r.rec.Events())
	for _, status := range []string{"180 Ringing", "200 OK", "302 Moved", "486 Busy"} {
		for _, top := range []string{"z9hG4bKmadeup", branch + "x"} {
			r.write(r.caller, r.net.Now(), "SIP/2.0 "+status+"\r\nVia: SIP/2.0/UDP "+pbx.String()+";branch="+top+
				"\r\nVia: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bKx\r\nFrom: <sip:a@b.example>;tag=1\r\nTo: <sip:c@d.example>;tag=2\r\n"+
				"Call-ID: relay\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
		}
	}
	r.until(at(2 * time.Second))
	if n := len(r.rec.Events()) - before; n != 8 || len(third.Log()) != 0 {
		t.Errorf("%d events for 8 responses, and %d messages to the other", n, len(third.Log()))
	}
	r.run()
}

// A scanner hears nothing, neither now nor while it is banned, and a friend is never taken for one.
func TestScanner(t *testing.T) {
	for _, shards := range []int{1, 3} {
		r := newRig(t, always(nil), shards, guarded(guard.Config{Scanners: []string{"friendly-scanner"}}))
		r.odd = true
		w := written{method: "OPTIONS", more: "User-Agent: Friendly-Scanner\r\n"}
		r.write(r.caller, 0, w.String())
		r.until(at(time.Second))
		for i := range 6 { // any shard
			r.write(r.caller, r.net.Now(), written{method: "OPTIONS", callID: fmt.Sprint(i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK%d", i)}.String())
		}
		r.until(at(30 * time.Second))
		if n := len(r.caller.Received("200")); n != 0 {
			t.Errorf("%d shards: %d answers", shards, n)
		}
		var bans, dropped uint64
		for _, sh := range r.eng.Shards() {
			st := sh.Stats()
			bans, dropped = bans+st.Bans, dropped+st.Banned
			if len(st.Sources) != 1 || st.Sources[0].Why != guard.Scanner {
				t.Errorf("%d shards: banned %v", shards, st.Sources)
			}
		}
		if bans != 1 || dropped != 6 {
			t.Errorf("%d shards: %d bans, %d messages dropped", shards, bans, dropped)
		}
		if n := r.logs.FilterMessage("source banned").Len(); n != 1 {
			t.Errorf("logged %d times", n)
		}
		r.until(at(2 * time.Minute))
		r.write(r.caller, r.net.Now(), written{method: "OPTIONS", uri: "sip:pbx.example", callID: "later"}.String())
		r.run()
		count(t, r.caller, "200 OPTIONS", 1)
	}
}

func TestRate(t *testing.T) {
	network := netip.MustParsePrefix("192.0.2.0/24")
	for name, c := range map[string]struct {
		access   []guard.Entry
		answered int
		denied   uint64
	}{
		"unlisted": {nil, 5, 0},
		"allowed":  {[]guard.Entry{{Network: network, Allow: true}}, 20, 0},
		"denied":   {[]guard.Entry{{Network: network}}, 0, 20},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, unrouted(t), 1, guarded(guard.Config{Rate: 1, Burst: 5, Access: [][]guard.Entry{c.access}}))
			for i := range 20 {
				r.write(r.caller, 0, written{method: "OPTIONS", uri: "sip:pbx.example", callID: fmt.Sprint(i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK%d", i)}.String())
			}
			r.run()
			st := r.eng.Shards()[0].Stats()
			if got := len(copies(r.caller, "SIP/2.0 200")); got != c.answered || st.Denied != c.denied {
				t.Errorf("%d answered, %d denied", got, st.Denied)
			}
		})
	}
}

type nowhere struct{}

func (nowhere) Send(flow.Flow, []byte) {}

// What the guard costs a request of a source that it knows.
func BenchmarkGuard(b *testing.B) {
	request := []byte(written{method: "OPTIONS", uri: "sip:pbx.example", more: "User-Agent: phone\r\n"}.String())
	for name, c := range map[string]*guard.Config{
		"none": nil, "trust": {Scanners: []string{"friendly-scanner"}, Ban: time.Minute},
		"rate": {Scanners: []string{"friendly-scanner"}, Ban: time.Minute, Rate: 1_000_000_000, Burst: 1_000_000_000},
	} {
		b.Run(name, func(b *testing.B) {
			sh := engine.New(engine.Config{
				Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}, Rules: engine.Rules{Guard: c},
			}, always(nil), 1).Shards()[0]
			sh.Connect(nowhere{})
			f := flow.Flow{Remote: victim}
			sh.Receive(0, f, append([]byte(nil), request...))
			b.ReportAllocs()
			for b.Loop() {
				sh.Receive(1, f, request) // a copy: it is read, looked up and answered again
			}
		})
	}
}
