package engine_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// The tests named TestRFC_… hold the rows of docs/rfc.md, one each: what a caller and a callee see on the wire. Every test of a
// call checks the rules of sim.Check beside its own, and that nothing is left over.

// written is a request as a test writes it, byte by byte. What is empty is the usual.
type written struct {
	method, uri, via, from, to, callID, cseq, more, body string
}

func (w written) String() string {
	or := func(s *string, usual string) {
		if *s == "" {
			*s = usual
		}
	}
	or(&w.method, "INVITE")
	or(&w.uri, "sip:100@pbx.example")
	or(&w.via, "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKwritten")
	or(&w.from, "<sip:alice@192.0.2.100>;tag=alice")
	or(&w.to, "<sip:100@pbx.example>")
	or(&w.callID, "written@192.0.2.100")
	or(&w.cseq, "1 "+w.method)
	return w.method + " " + w.uri + " SIP/2.0\r\nVia: " + w.via + "\r\nMax-Forwards: 70\r\nFrom: " + w.from + "\r\nTo: " + w.to +
		"\r\nCall-ID: " + w.callID + "\r\nCSeq: " + w.cseq + "\r\nContact: <sip:alice@192.0.2.100>\r\n" + w.more +
		"Content-Length: " + strconv.Itoa(len(w.body)) + "\r\n\r\n" + w.body
}

// write has a phone send bytes to the engine at an instant.
func (r *rig) write(p *sim.Phone, when clock.Time, b string) {
	p.SendRaw(when, flow.Flow{Remote: pbx}, []byte(b))
}

// until runs to an instant.
func (r *rig) until(when clock.Time) {
	r.t.Helper()
	if err := r.net.Run(when); err != nil {
		r.t.Fatal(err)
	}
}

// copies returns what a phone received whose start line begins so, every copy of it.
func copies(p *sim.Phone, start string) []*sim.Logged {
	var out []*sim.Logged
	for _, l := range p.Log() {
		if !l.Sent && bytes.HasPrefix(l.Raw, []byte(start)) {
			out = append(out, l)
		}
	}
	return out
}

// seconds after the first at which copies came.
func after(list []*sim.Logged) []float64 {
	var out []float64
	for _, l := range list {
		out = append(out, float64(l.At-list[0].At)/1e9)
	}
	return out
}

// first returns the first message that a phone received of a kind, parsed.
func first(t *testing.T, p *sim.Phone, what string) *message.Message {
	t.Helper()
	got := p.Received(what)
	if len(got) == 0 {
		t.Fatalf("%s got no %s", p.Name(), what)
	}
	return parsed(t, got[0])
}

func parsed(t *testing.T, l *sim.Logged) *message.Message {
	t.Helper()
	m, err := l.Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// want compares the values of a field.
func want(t *testing.T, l *sim.Logged, field string, values ...string) {
	t.Helper()
	if got := header(t, l, field); !slices.Equal(got, values) {
		t.Errorf("%s: %q, want %q", field, got, values)
	}
}

// count checks how many messages of a kind a phone received, copies left out.
func count(t *testing.T, p *sim.Phone, what string, n int) {
	t.Helper()
	if got := len(p.Received(what)); got != n {
		t.Errorf("%s got %d %s, want %d", p.Name(), got, what, n)
	}
}

// torture returns a message of RFC 4475.
func torture(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("message", "testdata", "rfc4475", name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// unrouted is a script that must not be asked.
func unrouted(t *testing.T) *script {
	s := always(nil)
	refuse := s.invite
	s.invite = func(c engine.Call) *plan.Node { t.Errorf("%s was routed", c.ID()); return refuse(c) }
	return s
}

// desk returns a rig in which every call goes to one phone.
func desk(t *testing.T, does ...sim.Step) (*rig, *sim.Phone) {
	t.Helper()
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	return r, r.phone("sip:a@192.0.2.11", sim.Behaviour(does))
}

// fork returns a rig in which every call rings a number of phones together.
func fork(t *testing.T, does ...sim.Behaviour) (*rig, []*sim.Phone) {
	t.Helper()
	n := &plan.Node{Kind: plan.KindParallel}
	r := newRig(t, always(n), 1)
	var phones []*sim.Phone
	for i, b := range does {
		uri := "sip:" + string(rune('a'+i)) + "@" + netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + i)}).String()
		n.Members = append(n.Members, to(uri))
		phones = append(phones, r.phone(uri, b))
	}
	return r, phones
}

// trusting names networks of the trust domain.
func trusting(networks ...string) func(c *engine.Config) {
	return func(c *engine.Config) {
		for _, n := range networks {
			c.Trusted = append(c.Trusted, netip.MustParsePrefix(n))
		}
	}
}

// altered returns a datagram with strings replaced in turn.
func altered(l *sim.Logged, oldNew ...string) string {
	return strings.NewReplacer(oldNew...).Replace(string(l.Raw))
}

// one is a resolver that knows one address, for every name.
type one struct{ addr netip.AddrPort }

func (o one) Resolve(_ int, _ *message.URI, done func(now clock.Time, hops []flow.Hop, err error)) {
	done(0, []flow.Hop{{Remote: o.addr}}, nil)
}
