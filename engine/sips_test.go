package engine_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/sim"
)

// withTLS gives the engine a TLS listener beside the UDP one.
func withTLS(c *engine.Config) {
	local := c.Locals[0]
	local.Transport = flow.TLS
	c.Locals = append(c.Locals, local)
}

// What goes to a sips URI goes by TLS and names a sips Contact, in requests and in what answers them (RFC 3261 §8.1.1.8, §12.1.1).
func TestRFC_071_Contacts(t *testing.T) {
	for name, c := range map[string]struct{ uri, target, here, there string }{
		"both":   {"sips:100@pbx.example", "sips:a@192.0.2.11:5060", "<sips:192.0.2.1:5060>", "<sips:alice@192.0.2.1:5060>"},
		"callee": {"sip:100@pbx.example", "sips:a@192.0.2.11:5060", "<sip:192.0.2.1:5060;transport=tls>", "<sips:alice@192.0.2.1:5060>"},
		"caller": {"sips:100@pbx.example", "sip:a@192.0.2.11", "<sips:192.0.2.1:5060>", "<sip:alice@192.0.2.1:5060>"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to(c.target)), 1, withTLS)
			r.odd = true // the caller is written by hand and acknowledges nothing
			a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
			w := written{uri: c.uri, via: "SIP/2.0/TLS 192.0.2.100:5060;branch=z9hG4bKsips"}
			r.caller.SendRaw(0, flow.Flow{Remote: pbx, Transport: flow.TLS}, []byte(w.String()))
			r.until(at(time.Second))
			invite := a.Received("INVITE")
			if len(invite) != 1 {
				t.Fatalf("%d INVITEs", len(invite))
			}
			want(t, invite[0], "Contact", c.there)
			if via := string(parsed(t, invite[0]).TopVia().Transport); (via == "TLS") != strings.HasPrefix(c.target, "sips:") {
				t.Errorf("the INVITE went by %s", via)
			}
			for _, l := range r.caller.Received("200 INVITE")[:1] {
				got := header(t, l, "Contact")
				if len(got) != 1 || strings.Replace(got[0], "a@", "", 1) != c.here {
					t.Errorf("Contact %q, want %s", got, c.here)
				}
			}
			r.run()
		})
	}
}

// A sips target that TLS does not reach is not called in any other way.
func TestRFC_071_NoDowngrade(t *testing.T) {
	r := newRig(t, always(to("sips:a@192.0.2.11:5060")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer()})
	r.call(sim.CallSpec{})
	if len(a.Log()) != 0 || len(r.caller.Received("503 INVITE"))+len(r.caller.Received("500 INVITE"))+len(r.caller.Received("480 INVITE")) != 1 {
		t.Errorf("%d messages reached it:\n%v", len(a.Log()), r.caller.Log())
	}
}

// A message of a stream without a Content-Length has no end: 400. In a datagram, and in a frame of a WebSocket, it has (RFC 3261 §20.14,
// RFC 7118 §5).
func TestRFC_065_NoContentLength(t *testing.T) {
	for transport, status := range map[flow.Transport]string{flow.UDP: "200", flow.TCP: "400", flow.TLS: "400", flow.WS: "200"} {
		t.Run(transport.String(), func(t *testing.T) {
			r := newRig(t, unrouted(t), 1, func(c *engine.Config) { c.Locals[0].Transport = transport })
			w := written{method: "OPTIONS", uri: "sip:pbx.example", via: "SIP/2.0/" + transport.String() + " 192.0.2.100:5060;branch=z9hG4bKno"}
			r.caller.SendRaw(0, flow.Flow{Remote: pbx, Transport: transport}, []byte(strings.Replace(w.String(), "Content-Length: 0\r\n", "", 1)))
			r.run()
			count(t, r.caller, status+" OPTIONS", 1)
		})
	}
}

// ways notes the flows that an engine sends by.
type ways struct{ list []flow.Flow }

func (w *ways) Send(f flow.Flow, _ []byte) { w.list = append(w.list, f) }

// A response names the connection of its request, and where a new one is to go if that is gone: the source's address, the port of the Via.
func TestRFC_063_SameConnection(t *testing.T) {
	for transport, port := range map[flow.Transport]uint16{flow.TCP: 5060, flow.TLS: 5061} {
		local := engine.Local{SentBy: pbx.String(), Addr: pbx.Addr(), Transport: transport}
		sh := engine.New(engine.Config{Clock: clock.NewVirtual(start), Locals: []engine.Local{local}}, unrouted(t), 1).Shards()[0]
		var out ways
		sh.Connect(&out)
		from := flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.100:40000"), Conn: 7, Transport: transport}
		w := written{method: "OPTIONS", uri: "sip:pbx.example", via: "SIP/2.0/" + transport.String() + " 10.0.0.1;branch=z9hG4bKconn"}
		sh.Receive(0, from, []byte(w.String()))
		back := from
		back.Remote = netip.AddrPortFrom(from.Remote.Addr(), port)
		if len(out.list) != 1 || out.list[0] != back {
			t.Errorf("%s: by %+v, want %+v", transport, out.list, back)
		}
	}
}
