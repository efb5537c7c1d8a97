package sim

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/trace"
)

var (
	aliceAddr = netip.MustParseAddrPort("192.0.2.1:5060")
	bobAddr   = netip.MustParseAddrPort("192.0.2.11:5060")
	start     = time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC)
)

// rig is a network with two phones that call each other without an engine.
type rig struct {
	t          *testing.T
	net        *Network
	alice, bob *Phone
}

func newRig(t *testing.T) *rig {
	n := NewNetwork(start, 1)
	return &rig{
		t: t, net: n,
		alice: n.AttachPhone(PhoneConfig{URI: "sip:alice@192.0.2.1", Addr: aliceAddr, Seed: 1}),
		bob:   n.AttachPhone(PhoneConfig{URI: "sip:bob@192.0.2.11", Addr: bobAddr, Seed: 1}),
	}
}

// call places a call from alice to bob at once.
func (r *rig) call(s CallSpec) *Call {
	s.To, s.Dest = "sip:bob@192.0.2.11", flow.Flow{Remote: bobAddr}
	return r.alice.Call(r.net.Now(), s)
}

func (r *rig) run() {
	r.t.Helper()
	if err := r.net.RunToQuiescence(24 * time.Hour); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) runTo(d time.Duration) {
	r.t.Helper()
	if err := r.net.Run(clock.Time(d)); err != nil {
		r.t.Fatal(err)
	}
}

// ladder is what alice saw.
func (r *rig) ladder() string {
	return trace.Ladder(r.alice.Events(), trace.Options{
		Self: "alice", Names: map[netip.AddrPort]string{bobAddr: "bob"}, Trying: true, Repeats: true,
	})
}

// rows is what alice saw in one line each: "+0.000 INVITE>".
func (r *rig) rows() string {
	var b strings.Builder
	for _, l := range r.alice.Log() {
		arrow := "<"
		if l.Sent {
			arrow = ">"
		}
		m, err := l.Message()
		what := string(m.MethodName())
		if err != nil {
			what = "?"
		} else if !m.IsRequest() {
			what = fmt.Sprint(m.Status())
			if m.Method() != message.INVITE {
				what += "/" + string(m.MethodName())
			}
		}
		fmt.Fprintf(&b, "%g%s%s ", time.Duration(l.At).Seconds(), arrow, what)
	}
	return strings.TrimSpace(b.String())
}

// eq compares what a test wants with what it got.
func (r *rig) eq(what string, got, want any) {
	r.t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		r.t.Errorf("%s\n got %s\nwant %s\n%s", what, g, w, r.ladder())
	}
}

// check wants Check to find exactly the given things, each named by a part of it.
func (r *rig) check(want ...string) {
	r.t.Helper()
	found := r.net.Check()
	for i, f := range found {
		if i >= len(want) || !strings.Contains(f, want[i]) {
			r.t.Errorf("Check found %q, want %q\n%s", found, want, r.ladder())
			return
		}
	}
	if len(found) != len(want) {
		r.t.Errorf("Check found %q, want %q\n%s", found, want, r.ladder())
	}
}

func header(m *message.Message, name string) string {
	var out []string
	for _, v := range m.AppendValues(nil, name) {
		out = append(out, string(v))
	}
	return strings.Join(out, ", ")
}
