// Package demo shows the engine at work: a forked call through a script on real sockets, its ladder, a new version of the
// script, and a call that goes the new way.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/server"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/sim"
	"tandem/engine/trace"
	"tandem/engine/transport"
)

// patience bounds every wait; the whole demo takes about three seconds.
const patience = 15 * time.Second

const first = `local plan = require "plan"
local route = {}

function route.invite(call)
  return plan.parallel {
    plan.to "sip:desk@%[1]s",
    plan.to "sip:mobile@%[2]s",
    plan.to("sip:home@%[3]s", { delay = 0.3 }),
    ring = 20,
  }
end

return route
`

const second = `local plan = require "plan"
local route = {}

function route.invite(call)
  return plan.serial {
    plan.to("sip:desk@%[1]s", { ring = 0.5 }),
    plan.to "sip:home@%[3]s",
  }
end

return route
`

// demo is what a run holds.
type demo struct {
	out    io.Writer
	dir    string
	server *server.Server
	record *recorder
	clock  *clock.Wall
	phones map[string]*phone
	close  []func() error
}

// phone is a simulated phone on a socket.
type phone struct {
	*sim.Phone
	socket *transport.Shard
	addr   netip.AddrPort
}

// Run runs the demo and tells out about it. It needs nothing but free ports on loopback.
func Run(ctx context.Context, out io.Writer) (err error) {
	d := &demo{out: out, clock: clock.NewWall(), phones: map[string]*phone{}}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for i := len(d.close) - 1; i >= 0; i-- {
			err = errors.Join(err, d.close[i]())
		}
	}()
	if err := d.start(ctx); err != nil {
		return err
	}
	if err := d.firstCall(ctx); err != nil {
		return fmt.Errorf("first call: %w", err)
	}
	if err := d.reload(ctx); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	if err := d.secondCall(ctx); err != nil {
		return fmt.Errorf("second call: %w", err)
	}
	return nil
}

// start starts the phones and the engine.
func (d *demo) start(ctx context.Context) error {
	for _, name := range []string{"caller", "desk", "mobile", "home"} {
		if err := d.addPhone(ctx, name); err != nil {
			return err
		}
	}
	var err error
	if d.dir, err = os.MkdirTemp("", "tandem-demo-"); err != nil {
		return err
	}
	d.close = append(d.close, func() error { return os.RemoveAll(d.dir) })
	if err := d.save(first); err != nil {
		return err
	}
	d.record = newRecorder()
	c := config.Default()
	c.Scripts, c.Admin = d.dir, ""
	c.Listeners = []config.Listener{{Address: "udp:127.0.0.1:0"}}
	if d.server, err = server.Start(ctx, server.Options{Config: c, Log: zap.NewNop(), Shards: 1, Trace: d.record, Product: "Tandem"}); err != nil {
		return err
	}
	d.close = append(d.close, d.server.Close)
	return nil
}

func (d *demo) addPhone(ctx context.Context, name string) error {
	sockets, addrs, err := transport.Open(transport.Config{Listens: []transport.Listen{{Addr: netip.MustParseAddrPort("127.0.0.1:0")}}, Shards: 1})
	if err != nil {
		return err
	}
	p := &phone{socket: sockets[0], addr: addrs[0]}
	p.Phone = sim.NewPhone(sim.PhoneConfig{Name: name, URI: "sip:" + name + "@" + p.addr.String(), Addr: p.addr}, p.socket)
	d.phones[name] = p
	go p.socket.Run(ctx, d.clock, p.Phone) //nolint:errcheck // a phone that is gone fails the calls, and those are waited for
	d.close = append(d.close, p.socket.Close)
	return nil
}

// save writes a version of the script as an editor does: beside the old one, then in its place.
func (d *demo) save(script string) error {
	text := fmt.Sprintf(script, d.phones["desk"].addr, d.phones["mobile"].addr, d.phones["home"].addr)
	path := filepath.Join(d.dir, "main.lua")
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		return err
	}
	d.say("main.lua\n\n%s\n", indent(text))
	return os.Rename(path+"~", path)
}

// say tells what happens. An output that is gone does not change what does.
func (d *demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format, args...) }

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ") + "\n"
}

// behave tells phones what to do with calls, and returns when they know.
func (d *demo) behave(ctx context.Context, behaviours map[string]sim.Behaviour) error {
	for name, b := range behaviours {
		p := d.phones[name]
		if err := p.do(ctx, func(clock.Time) { p.Behave(b) }); err != nil {
			return err
		}
	}
	return nil
}

// do runs a function on the phone's goroutine and waits for it; the phone stops when ctx is done.
func (p *phone) do(ctx context.Context, fn func(clock.Time)) error {
	done := make(chan struct{})
	p.socket.Post(func(now clock.Time) {
		fn(now)
		close(done)
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *demo) firstCall(ctx context.Context) error {
	err := d.behave(ctx, map[string]sim.Behaviour{"desk": sim.Never(), "mobile": sim.After(700 * time.Millisecond), "home": sim.Never()})
	if err != nil {
		return err
	}
	d.say("A call. The desk phone and the mobile ring, home 0.3 s later; the mobile answers.\n")
	if err := d.call(ctx, "mobile"); err != nil {
		return err
	}
	cancels := 0
	for _, name := range []string{"desk", "home"} {
		for _, reason := range d.record.cancelReasons(d.phones[name].addr) {
			d.say("%s was cancelled. Reason: %s\n", name, reason)
			cancels++
		}
	}
	if cancels != 2 {
		return fmt.Errorf("%d phones were told that the call was completed elsewhere, want 2", cancels)
	}
	return nil
}

// reload changes the script and waits until it is live.
func (d *demo) reload(ctx context.Context) error {
	d.say("\nThe script is changed and saved, while the engine runs.\n\n")
	if err := d.save(second); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-tick.C:
			if st := d.server.Host().Status(); st.Generation == 2 {
				tick.Stop()
				d.say("Generation 2 is live, sha256 %s.\n\n", st.Hash)
				return nil
			}
		case <-ctx.Done():
			tick.Stop()
			return fmt.Errorf("the new version does not go live: %+v", d.server.Host().Status().Refused)
		}
	}
}

func (d *demo) secondCall(ctx context.Context) error {
	if err := d.behave(ctx, map[string]sim.Behaviour{"home": sim.After(300 * time.Millisecond)}); err != nil {
		return err
	}
	d.say("The same call again goes the new way: half a second at the desk, then home.\n")
	return d.call(ctx, "home")
}

// call places a call, waits until it is over and prints its ladder. It must be answered by the phone named.
func (d *demo) call(ctx context.Context, by string) error {
	caller := d.phones["caller"]
	hangup := 300 * time.Millisecond
	d.record.reset()
	var call *sim.Call
	err := caller.do(ctx, func(now clock.Time) {
		call = caller.Call(now, sim.CallSpec{
			From: `"Alice" <sip:alice@example.net>`, To: "sip:100@example.com",
			Dest: flow.Flow{Remote: d.server.Addrs()[0].Addr}, HangupAfter: &hangup,
		})
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-d.record.over:
	case <-ctx.Done():
	}
	names := map[netip.AddrPort]string{}
	for name, p := range d.phones {
		names[p.addr] = name
	}
	d.say("\n%s\n", indent(trace.Ladder(d.record.events(), trace.Options{Names: names})))
	if ctx.Err() != nil {
		return errors.New("the call does not end")
	}
	var who string
	if err := caller.do(ctx, func(clock.Time) { who = call.AnsweredBy() }); err != nil {
		return err
	}
	if who != by {
		return fmt.Errorf("answered by %q, want %s", who, by)
	}
	return nil
}
