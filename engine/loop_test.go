package engine_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

func TestRFC_004_Loop(t *testing.T) {
	for name, c := range map[string]struct {
		script *script
		proxy  map[string]string
		most   int
	}{
		"to itself":       {always(self("100")), nil, 2},
		"through a proxy": {always(to("sip:100@192.0.2.50")), map[string]string{"100": "sip:100@pbx.example"}, 2},
		"two users through a proxy": {forward(map[string]*plan.Node{
			"100": to("sip:200@192.0.2.50"), "200": to("sip:100@192.0.2.50"),
		}), nil, 3},
		"three users at itself": {forward(map[string]*plan.Node{"100": self("200"), "200": self("300"), "300": self("100")}), nil, 4},
	} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d shards", name, shards), func(t *testing.T) {
				r := newRig(t, c.script, shards)
				r.proxy("192.0.2.50:5060", c.proxy)
				call := r.call(sim.CallSpec{To: "sip:100@192.0.2.1:5060"})
				if call.Final() != 482 || r.forwarded() > c.most {
					t.Errorf("caller got %d after %d INVITEs, want 482 after %d at most", call.Final(), r.forwarded(), c.most)
				}
				if !r.noted("loop: ") || r.logs.FilterMessageSnippet("loop: ").Len() == 0 {
					t.Error("neither trace nor log tell of the loop")
				}
			})
		}
	}
}

// RFC 5393 §3: "in the variation involving one server, the number of stimulated messages would be reduced to 10".
func TestRFC_072_LoopDetectedBeforeForking(t *testing.T) {
	for name, c := range map[string]struct {
		fork *plan.Node
		most int
	}{
		"itself twice":           {parallel(self("100"), self("100")), 4},
		"with varied parameters": {parallel(to("sip:100@192.0.2.1;unknown-param=whack"), to("sip:100@192.0.2.1;unknown-param=thud")), 10},
		"one after the other":    {serial(to("sip:100@192.0.2.1;unknown-param=whack"), to("sip:100@192.0.2.1;unknown-param=thud")), 10},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(c.fork), 1)
			call := r.call(sim.CallSpec{To: "sip:100@192.0.2.1:5060"})
			if call.Final() != 482 || r.forwarded() > c.most {
				t.Errorf("caller got %d after %d INVITEs, want 482 after %d at most", call.Final(), r.forwarded(), c.most)
			}
		})
	}
}

// generations is a script that is loaded anew for every call.
type generations struct {
	*script
	now uint64
}

func (g *generations) Acquire(shard int, id []byte) engine.Script {
	g.script.Acquire(shard, id)
	return g
}
func (g *generations) Generation() uint64 { return g.now }

// A request that comes back is refused if nothing has changed that decides its way, and only then.
func TestRFC_073_WhatAMarkDependsOn(t *testing.T) {
	fields := "Route: <sip:192.0.2.1;lr>\r\nDiversion: <sip:7@a.example>;reason=no-answer\r\nHistory-Info: <sip:7@a.example>;index=1\r\n" +
		"P-Asserted-Identity: <sip:alice@a.example>\r\nSubject: one\r\n"
	first := written{more: fields}
	without := func(name string) written {
		return written{more: strings.Replace(fields, name+":", "X-Old:", 1)}
	}
	const proxied = "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKagain"
	for name, c := range map[string]struct {
		again written
		via   string // with %s for the branch of the engine's own
		want  int
	}{
		"unchanged":                       {again: first, want: 482},
		"another CSeq":                    {again: written{more: fields, cseq: "7 INVITE"}, want: 482},
		"other tags and names":            {again: written{more: fields, from: `"A" <sip:alice@192.0.2.100>;tag=b;x=y`, to: "sip:100@pbx.example"}, want: 482},
		"other fields":                    {again: written{more: strings.Replace(fields, "Subject: one", "Subject: two", 1)}, want: 482},
		"field names in small letters":    {again: written{more: strings.Replace(fields, "P-Asserted-Identity", "p-asserted-identity", 1)}, want: 482},
		"body":                            {again: written{more: fields, body: "v=0\r\n"}, want: 482},
		"written otherwise":               {again: first, via: "sip / 2.0 / udp 192.0.2.1 : 5060 ; rport ; received=192.0.2.1 ; BRANCH=%s", want: 482},
		"in a field of its own":           {again: first, via: "SIP/2.0/UDP 192.0.2.60;branch=z9hG4bKx\r\nv: SIP/2.0/UDP 192.0.2.1:5060;branch=%s", want: 482},
		"Request-URI":                     {again: written{more: fields, uri: "sip:200@pbx.example"}, want: 486},
		"From":                            {again: written{more: fields, from: "<sip:bob@192.0.2.100>;tag=alice"}, want: 486},
		"To":                              {again: written{more: fields, to: "<sip:200@pbx.example>"}, want: 486},
		"Route":                           {again: without("Route"), want: 486},
		"Diversion":                       {again: without("Diversion"), want: 486},
		"History-Info":                    {again: without("History-Info"), want: 486},
		"P-Asserted-Identity":             {again: without("P-Asserted-Identity"), want: 486},
		"a field under another name":      {again: written{more: strings.Replace(fields, "Diversion", "History-Info", 1)}, want: 486},
		"another element's Via":           {again: first, via: "SIP/2.0/UDP 192.0.2.2:5060;branch=%s", want: 486},
		"another port's Via":              {again: first, via: "SIP/2.0/UDP 192.0.2.1:5070;branch=%s", want: 486},
		"marks of other characters":       {again: first, via: "SIP/2.0/UDP 192.0.2.1:5060;branch=%s00000000", want: 486},
		"half a mark":                     {again: first, via: "SIP/2.0/UDP 192.0.2.1:5060;branch=%sabcd", want: 486},
		"a branch that is none (RFC2543)": {again: first, via: "SIP/2.0/UDP 192.0.2.1:5060;branch=1%s", want: 486},
		"no branch":                       {again: first, via: "SIP/2.0/UDP 192.0.2.1:5060;x=%s", want: 486},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Send(486))
			r.write(r.caller, at(0), first.String())
			r.until(at(time.Second))
			own := string(parsed(t, a.Received("INVITE")[0]).TopVia().Branch)
			if c.via == "" {
				c.via = "SIP/2.0/UDP 192.0.2.1:5060;branch=%s;rport"
			}
			c.again.via, c.again.callID = proxied+", "+fmt.Sprintf(c.via, own), "again@192.0.2.100"
			r.write(r.caller, at(time.Second), c.again.String())
			r.run()
			count(t, r.caller, fmt.Sprint(c.want), 1+map[int]int{486: 1}[c.want])
			if want := 1 + map[int]int{486: 1}[c.want]; len(a.Received("INVITE")) != want {
				t.Errorf("%d INVITEs arrived, want %d", len(a.Received("INVITE")), want)
			}
		})
	}
}

// RFC 5393 §4.2.1: the branch of CANCEL and ACK is that of the INVITE, marks included.
func TestRFC_073_MarksStayInTheTransaction(t *testing.T) {
	r := newRig(t, always(serial(to("sip:a@192.0.2.11"), ring(time.Second, to("sip:b@192.0.2.12")))), 1)
	a, b := r.phone("sip:a@192.0.2.11", sim.Status(486, nil)), r.phone("sip:b@192.0.2.12", sim.Never())
	r.call(sim.CallSpec{})
	for _, of := range []struct {
		phone *sim.Phone
		what  string
	}{{a, "ACK"}, {b, "CANCEL"}, {b, "ACK"}} {
		invite, got := first(t, of.phone, "INVITE").TopVia(), first(t, of.phone, of.what).TopVia()
		if !bytes.Equal(invite.Branch, got.Branch) || len(got.Branch) == 0 {
			t.Errorf("%s with branch %s, INVITE with %s", of.what, got.Branch, invite.Branch)
		}
	}
	one, other := first(t, a, "INVITE").TopVia().Branch, first(t, b, "INVITE").TopVia().Branch
	if _, mark, ok := bytes.Cut(one, []byte("-")); bytes.Equal(one, other) || !ok || !bytes.HasSuffix(other, mark) || len(mark) != 8 {
		t.Errorf("branches %s and %s: want two with the same mark", one, other)
	}
}

// A spiral is no loop: through a switch that sends the call back to another user, or back unchanged from elsewhere.
func TestRFC_073_SpiralIsAccepted(t *testing.T) {
	s := forward(map[string]*plan.Node{"100": to("sip:out@192.0.2.50"), "200": to("sip:a@192.0.2.11")})
	r := newRig(t, s, 1)
	r.proxy("192.0.2.50:5060", map[string]string{"out": "sip:200@pbx.example"})
	r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	if c := r.call(sim.CallSpec{HangupAfter: seconds(1)}); c.AnsweredBy() != "a" {
		t.Errorf("caller got %d from %q", c.Final(), c.AnsweredBy())
	}
	hairpin := &script{invite: func(c engine.Call) *plan.Node { // only the source tells the two passes apart
		if c.Source().Remote.Addr() == netip.MustParseAddr("192.0.2.50") {
			return to("sip:a@192.0.2.11")
		}
		return to("sip:100@192.0.2.50")
	}}
	r = newRig(t, hairpin, 1)
	r.proxy("192.0.2.50:5060", nil)
	r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	if c := r.call(sim.CallSpec{To: "sip:100@192.0.2.50", HangupAfter: seconds(1)}); c.AnsweredBy() != "a" {
		t.Errorf("caller got %d from %q", c.Final(), c.AnsweredBy())
	}
}

// A new generation of the script may route otherwise; another process has another key.
func TestRFC_073_GenerationsAndProcesses(t *testing.T) {
	for name, c := range map[string]struct {
		generation uint64
		seed       byte
		want       int
	}{
		"the same": {1, 0, 482}, "another generation": {2, 0, 486}, "another process": {1, 1, 486},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Send(486))
			r.write(r.caller, at(0), written{}.String())
			r.run()
			own := string(parsed(t, a.Received("INVITE")[0]).TopVia().Branch)

			g := &generations{script: always(to("sip:a@192.0.2.11")), now: c.generation}
			r = newRig(t, g.script, 1)
			r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
			r.engine(g, func(cfg *engine.Config) { cfg.Seed[7] = c.seed })
			r.write(r.caller, at(0), written{via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKagain, SIP/2.0/UDP 192.0.2.1:5060;branch=" + own}.String())
			r.run()
			count(t, r.caller, fmt.Sprint(c.want), 1)
		})
	}
}

// RFC 7332 §3: a back-to-back user agent takes our Via away, so that nothing but Max-Forwards ends a loop through it.
func TestRFC_112_TwoEngines(t *testing.T) {
	r := newRig(t, always(to("sip:100@192.0.2.2")), 1)
	other := always(to("sip:100@192.0.2.1"))
	peer := netip.MustParseAddrPort("192.0.2.2:5060")
	r.engine(other, func(cfg *engine.Config) {
		cfg.Locals = []engine.Local{{SentBy: peer.String(), Addr: peer.Addr()}}
	})
	c := r.call(sim.CallSpec{})
	if c.Final() != 483 || r.forwarded() != 35 {
		t.Errorf("caller got %d after %d INVITEs of one engine, want 483 after 35", c.Final(), r.forwarded())
	}
	if now := r.net.Now(); now > at(40*time.Second) {
		t.Errorf("over after %v", now)
	}
	if other.acquired != other.released {
		t.Errorf("script acquired %d times, released %d", other.acquired, other.released)
	}
}

// The passes of a request are bounded although it changes with every one and Max-Forwards would let it go on.
func TestRFC_112_DepthIsBounded(t *testing.T) {
	s := &script{invite: func(c engine.Call) *plan.Node {
		u, _ := message.ParseURI(c.Request().RequestURI())
		return self(string(u.User) + "x")
	}}
	for forwards, c := range map[string]struct{ most int }{"255": {70}, "70": {70}, "9": {9}} {
		r := newRig(t, s, 1)
		call := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Max-Forwards", Value: forwards}}})
		if call.Final() != 483 || r.forwarded() != c.most {
			t.Errorf("Max-Forwards %s: caller got %d after %d INVITEs, want 483 after %d", forwards, call.Final(), r.forwarded(), c.most)
		}
		if deep := r.noted("70 times"); deep != (forwards == "255") {
			t.Errorf("Max-Forwards %s: refused for its passes: %v", forwards, deep)
		}
	}
}

// Requests outside dialogs loop, too.
func TestRequestOutsideADialogLoops(t *testing.T) {
	r := newRig(t, requests(serial(to("sip:bob@192.0.2.1;x=1"), to("sip:bob@192.0.2.1;x=2"))), 1)
	x := r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello, To: "sip:bob@192.0.2.1"})
	sent := 0
	for _, e := range r.rec.Events() {
		if e.Kind == trace.Sent && bytes.HasPrefix(e.Bytes, []byte("MESSAGE ")) {
			sent++
			if !bytes.Contains(e.Bytes, []byte("\r\nMax-Breadth: 60\r\n")) {
				t.Errorf("without its Max-Breadth:\n%s", e.Bytes)
			}
		}
	}
	if x.Code() != 482 || sent != 10 {
		t.Errorf("got %d after %d requests, want 482 after 10", x.Code(), sent)
	}
}
