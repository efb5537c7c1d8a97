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
	"tandem/engine/message"
	"tandem/engine/plan"
	codec "tandem/engine/sdp"
	"tandem/engine/sim"
)

func helping(reserve int, more ...func(c *engine.Config)) func(c *engine.Config) {
	return func(c *engine.Config) {
		c.Emergency, c.Reserve = []string{"112", "110"}, reserve
		for _, f := range more {
			f(c)
		}
	}
}

// guardOf returns a guard with a list for all sources.
func guardOf(c guard.Config, list ...guard.Entry) func(*engine.Config) {
	if list != nil {
		c.Access = [][]guard.Entry{list}
	}
	return guarded(c)
}

// callers denies all hosts but the target.
var callers = guard.Entry{Network: netip.MustParsePrefix("192.0.2.64/26")}

// A call for help passes what others do not, in every form of its number; others are turned away as ever.
func TestEmergencyPasses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*engine.Config)
		before func(r *rig)
		refuse int // what others get, 0 = nothing
	}{
		"the bound on calls":        {func(c *engine.Config) { c.MaxCalls = 1 }, func(r *rig) { r.place(sim.CallSpec{HangupAfter: seconds(300)}) }, 503},
		"the bound on transactions": {func(c *engine.Config) { c.MaxTransactions = 1 }, func(r *rig) { r.place(sim.CallSpec{HangupAfter: seconds(300)}) }, 503},
		"the bound on memory":       {func(c *engine.Config) { c.MaxBytes = 1 << 10 }, func(r *rig) { r.place(sim.CallSpec{HangupAfter: seconds(300)}) }, 503},
		"an engine that stops":      {func(*engine.Config) {}, func(r *rig) { r.eng.Shards()[0].Drain(func() {}) }, 503},
		"a list":                    {guardOf(guard.Config{}, callers), func(*rig) {}, 0},
		"a ban": {guardOf(guard.Config{Scanners: []string{"nosy"}}), func(r *rig) {
			r.write(r.caller, 0, written{method: "OPTIONS", more: "User-Agent: Nosy\r\n"}.String())
		}, 0},
		"a rate": {guardOf(guard.Config{Rate: 1, Burst: 1}), func(r *rig) {
			r.write(r.caller, 0, written{method: "OPTIONS", uri: "sip:pbx.example"}.String())
		}, 0},
	} {
		for form, uri := range map[string]string{
			"sip": "sip:112@pbx.example", "sips": "sip:110;phone-context=%2B49@pbx.example", "tel": "tel:1-1-2", "service": "urn:service:sos", "sub-service": "URN:service:sos.fire",
		} {
			t.Run(name+"/"+form, func(t *testing.T) {
				r := newRig(t, always(to("sip:a@192.0.2.11")), 1, helping(0, c.change))
				r.odd = true
				a := r.phone("sip:a@192.0.2.11", sim.After(time.Second), sim.After(time.Second), sim.After(time.Second))
				c.before(r)
				r.until(at(100 * time.Millisecond))
				other := r.place(sim.CallSpec{})
				r.until(at(200 * time.Millisecond))
				if other.Final() != c.refuse {
					t.Errorf("another call got %d", other.Final())
				}
				help := r.place(sim.CallSpec{RequestURI: uri, HangupAfter: seconds(5)})
				r.until(at(20 * time.Second))
				if help.Final() != 200 || len(a.Received("BYE")) == 0 {
					t.Errorf("got %d, the callee %d BYE", help.Final(), len(a.Received("BYE")))
				}
				r.run()
				if st := r.eng.Shards()[0].Stats(); strings.Contains(name, "list") && st.Denied == 0 {
					t.Error("nothing was denied")
				}
			})
		}
	}
}

// Of a source that is not heard everything that belongs to its call for help is heard, nothing else.
func TestEmergencyOfADeniedSource(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	r := newRig(t, s, 1, helping(0, guardOf(guard.Config{}, callers)))
	r.odd = true
	a := r.phone("sip:a@192.0.2.11", sim.Never())
	call := r.place(sim.CallSpec{RequestURI: "sip:112@pbx.example"})
	r.until(at(time.Second))
	for i, w := range []written{
		{method: "OPTIONS", uri: "sip:pbx.example"},
		{},
		{method: "BYE", to: "<sip:x@y>;tag=1"},
		{method: "OPTIONS", uri: "sip:112@pbx.example"},
		{uri: "sip:1120@pbx.example"},
		{uri: "urn:service:sosx"},
		{uri: "urn:service:counseling"},
	} {
		w.callID, w.via = fmt.Sprint("other", i), fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKother%d", i)
		r.write(r.caller, r.net.Now(), w.String())
	}
	r.write(r.caller, r.net.Now(), "INVITE sip:112@pbx.example SIP/2.0\r\nVia: nonsense\r\n\r\n")
	r.until(at(3 * time.Second))
	if got := len(a.Received("INVITE")); got != 1 || s.acquired != 1 {
		t.Errorf("%d INVITEs, the script was asked %d times", got, s.acquired)
	}
	call.Cancel(r.net.Now())
	r.until(at(60 * time.Second))
	count(t, r.caller, "487 INVITE", 1)
	if n := len(copies(r.caller, "SIP/2.0 487")); n != 1 {
		t.Errorf("%d copies of the 487: its ACK was not heard", n)
	}
	r.run()
	if st := r.eng.Shards()[0].Stats(); st.Denied != 8 || st.Transactions != 0 {
		t.Errorf("%d denied, %d transactions left", st.Denied, st.Transactions)
	}
}

// Who marks everything as a call for help does not get past the reserve, and one source, or those that may be made up, not past their part of it.
func TestEmergencyReserve(t *testing.T) {
	known := guard.Entry{Network: netip.MustParsePrefix("192.0.2.0/24"), Allow: true}
	for name, c := range map[string]struct {
		reserve int
		change  func(*engine.Config)
		sources int
		want    int
	}{
		"the reserve":               {5, func(c *engine.Config) { c.MaxCalls, c.Guard = 1, nil }, 20, 5},
		"one source":                {100, guardOf(guard.Config{}, callers), 1, 8},
		"made-up sources":           {40, guardOf(guard.Config{}, callers), 20, 10},
		"a source that is allowed":  {30, func(c *engine.Config) { c.MaxCalls = 1; guardOf(guard.Config{}, known)(c) }, 1, 30},
		"without a configuration":   {0, func(c *engine.Config) { c.Emergency = nil; guardOf(guard.Config{}, callers)(c) }, 1, 0},
		"the least of a reserve":    {1, guardOf(guard.Config{}, callers), 20, 1},
		"what all of them may have": {0, func(c *engine.Config) { c.MaxCalls = 1; guardOf(guard.Config{}, known)(c) }, 60, engine.DefaultReserve},
	} {
		t.Run(name, func(t *testing.T) {
			s := always(to("sip:a@192.0.2.11"))
			r := newRig(t, s, 1, helping(c.reserve, c.change))
			r.odd = true
			r.phone("sip:a@192.0.2.11", slicesOf(sim.Never(), 200)...)
			var sources []*sim.Phone
			for i := range c.sources {
				sources = append(sources, r.phone(fmt.Sprintf("sip:x%d@192.0.2.%d", i, 64+i)))
			}
			full := 0
			if strings.Contains(name, "reserve") && c.reserve == 5 || strings.Contains(name, "allowed") || strings.Contains(name, "all of") {
				r.write(r.caller, 0, written{callID: "first"}.String()) // it fills the bound
				full = 1
			}
			for i := range 150 {
				p := sources[i%c.sources]
				addr := fmt.Sprintf("192.0.2.%d", 64+i%c.sources)
				w := written{uri: "sip:112@pbx.example", callID: fmt.Sprint("help", i), via: fmt.Sprintf("SIP/2.0/UDP %s:5060;branch=z9hG4bKhelp%d", addr, i)}
				r.write(p, at(time.Second), w.String())
			}
			r.run()
			if got := s.acquired - full; got != c.want {
				t.Errorf("%d calls pass, want %d", got, c.want)
			}
		})
	}
}

func slicesOf(b sim.Behaviour, n int) (list []sim.Behaviour) {
	for range n {
		list = append(list, b)
	}
	return list
}

// What answers a call for help goes to a source that may be made up no more often than to others.
func TestRFC_115_EmergencyAmplification(t *testing.T) {
	r := newRig(t, always(nil), 1, helping(0, guardOf(guard.Config{}, callers)))
	r.odd = true
	in, out := r.spoofed(victim)
	for i := range 64 {
		w := written{uri: "sip:112@pbx.example", callID: fmt.Sprint("c", i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKa%d", i)}
		r.write(r.caller, r.net.Now(), w.String())
		r.until(r.net.Now().Add(time.Second))
	}
	r.run()
	if got := float64(*out) / float64(*in); got > 1.5 || *out == 0 {
		t.Errorf("%d octets for %d: %.2f times as many", *out, *in, got)
	}
}

// The room comes back once the last message of a call may have come.
func TestEmergencyRoomComesBack(t *testing.T) {
	s := always(nil) // 404
	r := newRig(t, s, 1, helping(1, guardOf(guard.Config{}, callers)))
	r.odd = true
	for i, when := range []time.Duration{0, time.Second, 40 * time.Second} {
		w := written{uri: "sip:112@pbx.example", callID: fmt.Sprint(i), via: fmt.Sprintf("SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK%d", i)}
		r.write(r.caller, at(when), w.String())
	}
	r.run()
	if s.acquired != 2 {
		t.Errorf("%d calls pass", s.acquired)
	}
}

// A call for help that is tried again under its Call-ID is heard to its end, also when the time is over that the first one is remembered for; empty lines before its
// INVITE do no harm.
func TestEmergencyTriedAgain(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	r := newRig(t, s, 1, helping(1, guardOf(guard.Config{}, callers)))
	r.odd = true
	a := r.phone("sip:a@192.0.2.11", sim.Status(486, nil), sim.After(0))
	again := written{uri: "sip:112@pbx.example", cseq: "2 INVITE", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKagain"}
	r.write(r.caller, 0, "\r\n\r\n"+written{uri: again.uri}.String())
	r.write(r.caller, at(2*time.Second), again.String())
	r.until(at(3 * time.Second))
	answers := copies(r.caller, "SIP/2.0 200")
	if len(answers) == 0 {
		t.Fatalf("no answer; the script was asked %d times", s.acquired)
	}
	answer, _ := answers[0].Message()
	again.to = string(answer.Get(message.To))
	again.method, again.cseq, again.via = "ACK", "2 ACK", "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKack"
	r.write(r.caller, at(4*time.Second), again.String())
	again.method, again.cseq, again.via = "BYE", "3 BYE", "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKbye"
	r.write(r.caller, at(time.Minute), again.String())
	r.until(at(2 * time.Minute))
	count(t, a, "BYE", 1)
	r.run()
}

// An emergency call is not cut off by the longest duration of its target.
func TestEmergencyLasts(t *testing.T) {
	for uri, want := range map[string]int{"sip:112@pbx.example": 0, "sip:100@pbx.example": 1} {
		r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.MaxDuration = 10 * time.Second })), 1, helping(0))
		a := r.phone("sip:a@192.0.2.11", sim.After(0))
		r.place(sim.CallSpec{RequestURI: uri, HangupAfter: seconds(60)})
		r.until(at(30 * time.Second))
		count(t, a, "BYE", want)
		r.run()
	}
}

// Where the caller is passes as it came: the Geolocation fields (RFC 6442) and a body of several parts with a PIDF-LO.
func TestEmergencyLocation(t *testing.T) {
	const part = "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 192.0.2.100\r\ns=-\r\nc=IN IP4 192.0.2.100\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n\r\n" +
		"--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <loc@example.net>\r\n\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"/>\r\n--b1--\r\n"
	const fields = "Geolocation: <cid:loc@example.net>, <https://lis.example.net/1>\r\nGeolocation-Routing: yes\r\nGeolocation-Error: 100\r\n" +
		"Content-Type: multipart/mixed;boundary=b1\r\nMIME-Version: 1.0\r\n"
	r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Codecs = &codec.Codecs{Names: []string{"PCMU"}}; t.Privacy = "user;header;id" })), 1, helping(0))
	r.odd = true
	a := r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
	r.write(r.caller, 0, written{uri: "urn:service:sos", more: fields, body: part}.String())
	r.run()
	raw := string(a.Received("INVITE")[0].Raw)
	if !strings.Contains(raw, "\r\n"+fields) || !strings.HasSuffix(raw, "\r\n\r\n"+part) {
		t.Errorf("got\n%s", raw)
	}
}

// What belongs to a call for help of a denied source reaches its shard by way of any other, as long as the call lasts and a moment longer.
func TestEmergencyForwarded(t *testing.T) {
	forwarded := 0
	cfg := engine.Config{
		Clock: clock.NewVirtual(start), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}},
		Rules: engine.Rules{Emergency: []string{"112"}}, Forward: func(int, flow.Flow, []byte) { forwarded++ },
	}
	guardOf(guard.Config{}, callers)(&cfg)
	e := engine.New(cfg, always(nil), 3)
	for _, sh := range e.Shards() {
		sh.Connect(nowhere{})
	}
	f := flow.Flow{Remote: victim}
	invite := written{uri: "sip:112@pbx.example"}.String()
	owner := e.ShardOf([]byte(invite))
	other := e.Shards()[(owner+1)%3]
	ack := func(now clock.Time) int {
		forwarded = 0
		other.Receive(now, f, []byte(written{method: "ACK", uri: "sip:112@pbx.example", to: "<sip:112@pbx.example>;tag=x"}.String()))
		return forwarded
	}
	if n := ack(0); n != 0 {
		t.Errorf("%d forwarded before there is a call", n)
	}
	e.Shards()[owner].Receive(0, f, []byte(invite))
	if n := ack(clock.Time(time.Second)); n != 1 {
		t.Errorf("%d forwarded", n)
	}
	e.Shards()[owner].Receive(clock.Time(time.Minute), f, []byte(strings.ReplaceAll(invite, "z9hG4bKwritten", "z9hG4bKother")))
	if n := ack(clock.Time(time.Minute)); n != 1 {
		t.Errorf("%d forwarded in the second call", n)
	}
}
