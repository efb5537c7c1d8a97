package tests

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/engine/transport"
)

// simPhone is a simulated phone on a socket.
type simPhone struct {
	*sim.Phone
	t      *testing.T
	socket *transport.Shard
	addr   netip.AddrPort
}

// newSimPhone starts a phone that answers what rings.
func newSimPhone(t *testing.T, name string) *simPhone { return newSimPhoneAt(t, name, host) }

func newSimPhoneAt(t *testing.T, name, host string) *simPhone {
	t.Helper()
	sockets, addrs, err := transport.Open(transport.Config{Listens: []transport.Listen{{Addr: netip.MustParseAddrPort(host + ":0")}}, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := &simPhone{t: t, socket: sockets[0], addr: addrs[0]}
	p.Phone = sim.NewPhone(sim.PhoneConfig{Name: name, URI: "sip:" + name + "@" + p.addr.String(), Addr: p.addr}, p.socket)
	p.Behave(sim.After(0))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.socket.Run(ctx, clock.NewWall(), p.Phone) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.socket.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
	return p
}

// do runs fn on the phone's goroutine.
func (p *simPhone) do(fn func(now clock.Time)) {
	p.t.Helper()
	done := make(chan struct{})
	p.socket.Post(func(now clock.Time) {
		defer close(done)
		fn(now)
	})
	select {
	case <-done:
	case <-time.After(patience):
		p.t.Fatalf("%s hangs", p.Name())
	}
}

// until waits until ok, which runs on the phone's goroutine, holds.
func (p *simPhone) until(what string, ok func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		held := false
		p.do(func(clock.Time) { held = ok() })
		if held {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	p.t.Fatalf("%s: not %s", p.Name(), what)
}

// gets waits for the nth message of a kind and returns it.
func (p *simPhone) gets(what string, n int) (m *message.Message) {
	p.t.Helper()
	p.until(fmt.Sprintf("%d %s received", n, what), func() bool {
		got := p.Received(what)
		if len(got) < n {
			return false
		}
		parsed, err := got[n-1].Message()
		if err != nil {
			p.t.Error(err)
		}
		m = parsed
		return true
	})
	return m
}

// dials places a call and waits for the answer.
func (p *simPhone) dials(e *tandem, user string, headers ...sim.Header) (c *sim.Call) {
	p.t.Helper()
	p.do(func(now clock.Time) {
		c = p.Call(now, sim.CallSpec{To: "sip:" + user + "@" + e.addr, Dest: flow.Flow{Remote: netip.MustParseAddrPort(e.addr)}, Headers: headers})
	})
	p.until("answered by "+user, c.Answered)
	return c
}

// asks sends a request in a dialog and waits for its answer.
func (p *simPhone) asks(code int, method string, send func(now clock.Time) *sim.Exchange) {
	p.t.Helper()
	var x *sim.Exchange
	p.do(func(now clock.Time) { x = send(now) })
	p.until(fmt.Sprintf("answered %d to %s", code, method), func() bool { return x.Code() == code })
}

// Attended transfer (RFC 5589 §7): alice talks to bob, asks carol, and sends bob to carol in place of herself. The Replaces that
// she writes names her dialog with the engine; carol has to get it in her own terms, by way of bob.
func TestAttendedTransfer(t *testing.T) {
	alice, bob, carol := newSimPhone(t, "alice"), newSimPhone(t, "bob"), newSimPhone(t, "carol")
	e := runTandem(t, host, fmt.Sprintf(`
local plan = require "plan"
local at = { bob = "%s", carol = "%s" }
return { invite = function(call) return plan.to("sip:" .. call.ruri.user .. "@" .. at[call.ruri.user]) end }`, bob.addr, carol.addr))
	toBob := alice.dials(e, "bob")
	alice.dials(e, "carol")

	consult := alice.gets("200 INVITE", 2)
	alice.asks(202, "REFER", func(now clock.Time) *sim.Exchange {
		target := fmt.Sprintf("<sip:carol@%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", e.addr,
			strings.ReplaceAll(string(consult.CallID()), "@", "%40"), consult.ToTag(), consult.FromTag())
		return toBob.Request(now, "REFER", []sim.Header{{Name: "Refer-To", Value: target}}, nil)
	})

	referTo := string(bob.gets("REFER", 1).AppendValues(nil, "Refer-To")[0])
	_, escaped, ok := strings.Cut(strings.Trim(referTo, "<>"), "?Replaces=")
	if !ok {
		t.Fatalf("bob is referred to %s", referTo)
	}
	replaces := string(message.AppendUnescaped(nil, []byte(escaped)))
	transferred := bob.dials(e, "carol", sim.Header{Name: "Replaces", Value: replaces}, sim.Header{Name: "Require", Value: "replaces"})

	// carol knows the dialog by that name: it is hers with alice (RFC 3891 §3). She ends it.
	own := carol.gets("ACK", 1)
	want := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", own.CallID(), own.ToTag(), own.FromTag())
	if got := string(carol.gets("INVITE", 2).Get(message.Replaces)); got != want {
		t.Errorf("carol is to replace %s, want %s", got, want)
	}
	carol.asks(200, "BYE", func(now clock.Time) *sim.Exchange { return carol.Incoming()[0].Request(now, "BYE", nil, nil) })
	alice.gets("BYE", 1)

	bob.asks(200, "NOTIFY", func(now clock.Time) *sim.Exchange {
		return bob.Incoming()[0].Request(now, "NOTIFY",
			[]sim.Header{{Name: "Event", Value: "refer"}, {Name: "Subscription-State", Value: "terminated;reason=noresource"}},
			&sim.Body{Type: "message/sipfrag", Content: []byte("SIP/2.0 200 OK\r\n")})
	})
	if got := string(alice.gets("NOTIFY", 1).Body()); got != "SIP/2.0 200 OK\r\n" {
		t.Errorf("alice is told %q", got)
	}
	alice.asks(200, "BYE", func(now clock.Time) *sim.Exchange { return toBob.Request(now, "BYE", nil, nil) })
	bob.gets("BYE", 1)

	bob.asks(200, "BYE", func(now clock.Time) *sim.Exchange { return transferred.Request(now, "BYE", nil, nil) })
	carol.gets("BYE", 1)
	idle(t, e)
}
