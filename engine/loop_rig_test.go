package engine_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

// proxy is a stateless proxy (RFC 3261 §16.11) that sends every request on to the engine: with the Request-URI that to gives
// for its user, if it gives one.
type proxy struct {
	addr netip.AddrPort
	out  sim.Sender
	to   map[string]string
}

// proxy attaches a proxy at an address.
func (r *rig) proxy(addr string, to map[string]string) *proxy {
	p := &proxy{addr: netip.MustParseAddrPort(addr), to: to}
	r.net.Attach(p.addr, func(out sim.Sender) sim.Node { p.out = out; return p })
	return p
}

func (p *proxy) Tick(clock.Time)                         {}
func (p *proxy) Next() (clock.Time, bool)                { return 0, false }
func (p *proxy) SendFailed(clock.Time, flow.Flow, error) {}

func (p *proxy) Receive(_ clock.Time, f flow.Flow, b []byte) {
	var m message.Message
	if err := m.Parse(b); err != nil {
		panic(err)
	}
	start, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if !m.IsRequest() { // the first line is our Via
		_, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		p.out.Send(flow.Flow{Remote: pbx}, slices.Concat(start, []byte("\r\n"), rest))
		return
	}
	uri := string(m.RequestURI())
	u, _ := message.ParseURI(m.RequestURI())
	if to := p.to[string(u.User)]; to != "" {
		uri = to
	}
	forwards, _ := m.Uint(message.MaxForwards)
	text := strings.Replace(string(rest), fmt.Sprintf("Max-Forwards: %d\r\n", forwards), fmt.Sprintf("Max-Forwards: %d\r\n", forwards-1), 1)
	via := fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bKproxy%x\r\n", p.addr, m.TopVia().Branch)
	p.out.Send(flow.Flow{Remote: pbx}, []byte(m.Method().String()+" "+uri+" SIP/2.0\r\n"+via+text))
}

// forward is a script that sends each user's calls to a place of its own.
func forward(places map[string]*plan.Node) *script {
	return &script{invite: func(c engine.Call) *plan.Node {
		u, _ := message.ParseURI(c.Request().RequestURI())
		return places[string(u.User)]
	}}
}

// self is a user at the engine's own address.
func self(user string) *plan.Node { return to("sip:" + user + "@" + pbx.String()) }

// forwarded counts the INVITEs that the engine sent, copies left out.
func (r *rig) forwarded() int {
	legs := map[string]bool{}
	for _, e := range r.rec.Events() {
		var m message.Message
		if e.Kind == trace.Sent && m.Parse(e.Bytes) == nil && m.IsRequest() && m.Method() == message.INVITE {
			legs[string(m.CallID())] = true
		}
	}
	return len(legs)
}

// noted reports whether the trace says so.
func (r *rig) noted(text string) bool {
	return slices.ContainsFunc(r.rec.Events(), func(e trace.Event) bool { return e.Kind == trace.Note && strings.Contains(e.Text, text) })
}

// engine attaches another engine in the place of the rig's own.
func (r *rig) engine(s engine.Scripts, change func(*engine.Config)) *engine.Engine {
	r.t.Helper()
	cfg := engine.Config{Clock: r.net.Clock(), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}}
	change(&cfg)
	e := engine.New(cfg, s, 1)
	addr := netip.AddrPortFrom(cfg.Locals[0].Addr, 5060)
	r.net.AttachEngine([]sim.Listener{{Addr: addr}}, 1, e.ShardOf, func(i int, out sim.Sender) sim.Node {
		e.Shards()[i].Connect(out)
		return e.Shards()[i]
	})
	r.t.Cleanup(func() {
		if left := e.Shards()[0].Leaks(); left != "" {
			r.t.Error("left over: " + left)
		}
	})
	return e
}
