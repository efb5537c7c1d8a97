package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

func TestEcho(t *testing.T) {
	for _, c := range []struct{ name, listen, local string }{
		{"ipv4", "udp:127.0.0.61:0", "127.0.0.62:0"},
		{"ipv4 on every address", "udp:0.0.0.0:0", "127.0.0.1:0"},
		{"ipv6", "udp:[::1]:0", "[::1]:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.listen, "[") {
				needIPv6(t)
			}
			ps, bound := open(t, 1, c.listen)
			flows := make(chan flow.Flow, 1)
			ps[0].receive = func(now clock.Time, f flow.Flow, b []byte) {
				flows <- f
				ps[0].Send(f, b)
			}
			run(t, ps...)
			cl := dial(t, c.local)
			to := bound[0]
			if to.Addr().IsUnspecified() {
				to = netip.AddrPortFrom(addrOf(cl).Addr(), to.Port())
			}
			for _, text := range []string{"OPTIONS sip:a", "", "x"} {
				write(t, cl, to, []byte(text))
				got, from := read1(t, cl)
				if got != text || from != to {
					t.Fatalf("sent %q to %v, got %q from %v", text, to, got, from)
				}
				f := <-flows
				f.Local = 0 // TestRFC_088_EveryAddress looks at it
				if f != (flow.Flow{Remote: addrOf(cl)}) {
					t.Errorf("flow %+v, want remote %v", f, addrOf(cl))
				}
			}
			s := stats(t, ps[0])
			if s.In != 3 || s.Out != 3 || s.SendErrors != 0 || s.Turns == 0 {
				t.Errorf("stats %+v, want 3 in and 3 out", s)
			}
		})
	}
}

// Datagrams sent from Receive, a posted function, SendFailed and Tick all leave, in order.
func TestSendFromEverywhere(t *testing.T) {
	ps, _ := open(t, 1)
	p, cl := ps[0], dial(t, "127.0.0.62:0")
	to := flow.Flow{Remote: addrOf(cl)}
	p.failed = func(flow.Flow, error) { p.Send(to, []byte("failed")) }
	once := false
	p.tick = func(clock.Time) {
		if !once {
			once = true
			p.Send(to, []byte("tick"))
		}
	}
	run(t, p)
	if got, _ := read1(t, cl); got != "tick" {
		t.Errorf("got %q, want what the first turn sends", got)
	}
	p.Post(func(clock.Time) {
		p.Send(to, []byte("posted"))
		p.Send(flow.Flow{Remote: to.Remote, Listener: 9}, []byte("nowhere"))
	})
	for _, want := range []string{"posted", "failed"} {
		if got, _ := read1(t, cl); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

type alarm struct {
	name string
	ch   chan string
}

func (a *alarm) Fire(clock.Time, uint8) { a.ch <- a.name }

func TestTimers(t *testing.T) {
	ps, bound := open(t, 1)
	p := ps[0]
	fired := make(chan string, 8)
	var timers []*clock.Timer
	arm := func(name string, at clock.Time) {
		tm := &clock.Timer{Owner: &alarm{name, fired}}
		timers = append(timers, tm)
		p.heap.Arm(tm, at)
	}
	const ms = clock.Time(time.Millisecond)
	arm("c", 5*ms)
	arm("a", ms)
	arm("b", 2*ms)
	arm("far", clock.Time(time.Hour))
	p.receive = func(now clock.Time, _ flow.Flow, _ []byte) { arm("received", now.Add(time.Millisecond)) }
	run(t, p)
	for _, want := range []string{"a", "b", "c"} {
		if got := wait(t, fired, "timer "+want); got != want {
			t.Errorf("fired %q, want %q", got, want)
		}
	}
	// The shard sleeps until an hour from now; a nearer deadline must be heeded, whether a peer's
	// datagram brings it or a wake-up.
	write(t, dial(t, "127.0.0.62:0"), bound[0], nil)
	if got := wait(t, fired, "a nearer timer"); got != "received" {
		t.Errorf("fired %q", got)
	}
	p.Post(func(now clock.Time) { arm("near", now.Add(time.Millisecond)) })
	if got := wait(t, fired, "a nearer timer"); got != "near" {
		t.Errorf("fired %q", got)
	}
	// One that is due at once, and one that is stopped.
	p.Post(func(now clock.Time) {
		arm("stopped", now.Add(time.Millisecond))
		p.heap.Stop(timers[len(timers)-1])
		arm("now", now)
		arm("after", now.Add(3*time.Millisecond))
	})
	for _, want := range []string{"now", "after"} {
		if got := wait(t, fired, "timer "+want); got != want {
			t.Errorf("fired %q, want %q", got, want)
		}
	}
}

// A shard with nothing to do sleeps, whatever woke it before.
func TestShardSleeps(t *testing.T) {
	const pings = 500
	ps, bound := open(t, 1)
	p, fired := ps[0], make(chan string, 1)
	p.receive = p.echo
	p.heap.Arm(&clock.Timer{Owner: &alarm{"near", fired}}, 1)
	p.heap.Arm(&clock.Timer{Owner: &alarm{"far", fired}}, clock.Time(time.Hour))
	run(t, p)
	wait(t, fired, "the timer")
	before, cl := stats(t, p).Turns, dial(t, "127.0.0.62:0")
	for range pings {
		write(t, cl, bound[0], nil)
		read1(t, cl)
	}
	if turns := stats(t, p).Turns - before; turns > 2*pings {
		t.Errorf("%d turns for %d datagrams one by one", turns, pings)
	}
}

func TestPostWakesSleeper(t *testing.T) {
	ps, _ := open(t, 1)
	run(t, ps...)
	ran := make(chan int, 1)
	for i := range 1000 {
		ps[0].Post(func(clock.Time) { ran <- i })
		if got := wait(t, ran, fmt.Sprintf("posted function %d", i)); got != i {
			t.Fatalf("ran %d, want %d", got, i)
		}
	}
	if s := ps[0].Stats(); s.Posted != 1000 || s.Waiting != 0 {
		t.Errorf("stats %+v", s)
	}
}

// Posters, peers and timers wake the shard all at once. Nothing may be lost or out of order.
func TestWakeUpsTogether(t *testing.T) {
	const posters, each, pings = 4, 1000, 300
	ps, bound := open(t, 1)
	p := ps[0]
	p.receive = p.echo
	var timer clock.Timer
	ticking := make(chan struct{}, 1)
	beat := beatFunc(func(now clock.Time) {
		p.heap.Arm(&timer, now.Add(50*time.Microsecond))
		select {
		case ticking <- struct{}{}:
		default:
		}
	})
	timer.Owner = beat
	p.heap.Arm(&timer, 1)
	run(t, p)

	last := [posters]int{}
	var wg, ran sync.WaitGroup
	ran.Add(posters * each)
	for k := range posters {
		wg.Go(func() {
			for i := range each {
				p.Post(func(clock.Time) {
					if last[k] != i {
						t.Errorf("poster %d: %d ran after %d", k, i, last[k])
					}
					last[k] = i + 1
					ran.Done()
				})
			}
		})
	}
	cl := dial(t, "127.0.0.62:0")
	for i := range pings {
		want := fmt.Sprint(i)
		write(t, cl, bound[0], []byte(want))
		if got, _ := read1(t, cl); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	wg.Wait()
	done := make(chan struct{})
	go func() { ran.Wait(); close(done) }()
	wait(t, done, "all posted functions")
	wait(t, ticking, "the timer")
}

type beatFunc func(clock.Time)

func (f beatFunc) Fire(now clock.Time, _ uint8) { f(now) }

// hook is a peer whose Next does something once, on the shard's way to sleep.
type hook struct {
	*peer
	once func()
}

func (h *hook) Next() (clock.Time, bool) {
	if h.once != nil {
		h.once()
		h.once = nil
	}
	return h.peer.Next()
}

// What comes when the shard has decided to sleep and is not asleep yet must keep it awake.
func TestNoWakeUpIsLostOnTheWayToSleep(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *peer, handled chan struct{})
	}{
		{"posted", func(p *peer, handled chan struct{}) {
			p.Post(func(clock.Time) { close(handled) })
		}},
		{"forwarded", func(p *peer, handled chan struct{}) {
			p.receive = func(clock.Time, flow.Flow, []byte) { close(handled) }
			p.Forward(flow.Flow{}, nil)
		}},
		{"halted", func(p *peer, handled chan struct{}) {
			p.halt()
			close(handled)
		}},
		{"timer armed in the past", func(p *peer, handled chan struct{}) {
			p.heap.Arm(&clock.Timer{Owner: beatFunc(func(clock.Time) { close(handled) })}, -1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps, _ := open(t, 1)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			handled, ended := make(chan struct{}), make(chan error, 1)
			h := &hook{peer: ps[0]}
			h.once = func() { c.do(ps[0], handled) }
			go func() { ended <- ps[0].Run(ctx, clock.NewWall(), h) }()
			wait(t, handled, c.name)
			if c.name != "halted" {
				cancel()
			}
			if err := wait(t, ended, "the end of Run"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPostFromPosted(t *testing.T) {
	ps, _ := open(t, 1)
	p := ps[0]
	done := make(chan int, 1)
	var again func(clock.Time)
	left := 100
	again = func(clock.Time) {
		if left--; left == 0 {
			done <- p.ticks
			return
		}
		p.Post(again)
	}
	run(t, p)
	p.Post(again)
	if ticks := wait(t, done, "the last"); ticks < 99 {
		t.Errorf("100 functions that post each other ran in %d turns: a turn does not end", ticks)
	}
}

func TestTwoShardsShareAPort(t *testing.T) {
	const clients, each = 64, 10
	ps, bound := open(t, 2)
	type got struct {
		shard int
		from  netip.AddrPort
		text  string
	}
	ch := make(chan got, clients*each)
	for i, p := range ps {
		p.receive = func(_ clock.Time, f flow.Flow, b []byte) { ch <- got{i, f.Remote, string(b)} }
	}
	run(t, ps...)
	for range clients {
		cl := dial(t, "127.0.0.62:0")
		for k := range each {
			write(t, cl, bound[0], fmt.Append(nil, k))
		}
	}
	owner, seen, per := map[netip.AddrPort]int{}, map[string]bool{}, [2]int{}
	for range clients * each {
		g := wait(t, ch, "a datagram")
		if o, ok := owner[g.from]; ok && o != g.shard {
			t.Errorf("%v reached both shards", g.from)
		}
		key := g.from.String() + " " + g.text
		if seen[key] {
			t.Errorf("%s came twice", key)
		}
		owner[g.from], seen[key] = g.shard, true
		per[g.shard]++
	}
	if per[0] == 0 || per[1] == 0 {
		t.Errorf("one shard got all: %v", per)
	}
	for i, p := range ps {
		if in := stats(t, p).In; in != uint64(per[i]) {
			t.Errorf("shard %d counts %d in, %d reached it", i, in, per[i])
		}
	}
}

func TestForward(t *testing.T) {
	ps, bound := open(t, 2)
	type got struct {
		shard int
		text  string
	}
	ch := make(chan got, 16)
	for i, p := range ps {
		p.receive = func(_ clock.Time, f flow.Flow, b []byte) {
			if i == 0 || string(b) == "handed over" { // whichever the kernel chose, shard 1 handles it
				ch <- got{i, string(b)}
				return
			}
			c := append([]byte("for "), b...)
			if !ps[0].Forward(f, c) {
				t.Error("no room")
			}
			clear(c) // the queue has its own copy
		}
	}
	run(t, ps...)
	f := flow.Flow{Remote: netip.MustParseAddrPort("127.0.0.62:9")}
	if !ps[1].Forward(f, []byte("handed over")) {
		t.Fatal("no room")
	}
	if g := wait(t, ch, "the forwarded datagram"); g != (got{1, "handed over"}) {
		t.Errorf("got %+v", g)
	}
	if n := ps[1].Stats().Forwarded; n != 1 {
		t.Errorf("counted %d forwarded", n)
	}
	direct, forwarded := 0, 0
	for range 64 {
		write(t, dial(t, "127.0.0.62:0"), bound[0], []byte("x"))
		switch g := wait(t, ch, "a datagram"); g {
		case got{0, "x"}:
			direct++
		case got{0, "for x"}:
			forwarded++
		default:
			t.Errorf("got %+v", g)
		}
	}
	if direct == 0 || forwarded == 0 {
		t.Errorf("%d direct, %d forwarded: one path was not taken", direct, forwarded)
	}
}

func TestForwardIsBounded(t *testing.T) {
	f := flow.Flow{Remote: netip.MustParseAddrPort("127.0.0.62:9")}
	for _, c := range []struct {
		name string
		size int
		room int
	}{
		{"by number", 10, 4096},
		{"by bytes", 64 << 10, 128},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps, _ := open(t, 1)
			p, b := ps[0], make([]byte, c.size)
			for i := range c.room {
				if !p.Forward(f, b) {
					t.Fatalf("no room for datagram %d of %d", i, c.room)
				}
			}
			if p.Forward(f, b) {
				t.Errorf("room for datagram %d", c.room+1)
			}
			if s := p.Stats(); s.QueueDrops != 1 || s.Waiting != c.room {
				t.Errorf("stats %+v, want 1 drop and %d waiting", s, c.room)
			}
			got := make(chan int, 1)
			n := 0
			p.receive = func(clock.Time, flow.Flow, []byte) {
				if n++; n == c.room {
					got <- n
				}
			}
			run(t, p)
			wait(t, got, "all that was queued")
			if !p.Forward(f, b) {
				t.Error("no room after it was emptied")
			}
		})
	}
}

func TestLargestDatagram(t *testing.T) {
	ps, bound := open(t, 1)
	p := ps[0]
	p.receive = p.echo
	type failure struct {
		f   flow.Flow
		err error
	}
	failed := make(chan failure, 4)
	p.failed = func(f flow.Flow, err error) { failed <- failure{f, err} }
	run(t, p)
	cl := dial(t, "127.0.0.62:0")
	big := make([]byte, 65507)
	for i := range big {
		big[i] = byte(i * 7)
	}
	// Between others, so that a neighbour's buffer would show.
	for _, b := range [][]byte{big[:100], big, big[1:], big[:2000]} {
		write(t, cl, bound[0], b)
	}
	for _, want := range [][]byte{big[:100], big, big[1:], big[:2000]} {
		if got, _ := read1(t, cl); got != string(want) {
			t.Fatalf("%d bytes came back as %d others", len(want), len(got))
		}
	}

	to := flow.Flow{Remote: addrOf(cl)}
	for _, c := range []struct {
		name string
		f    flow.Flow
		size int
		want error
	}{
		{"over IPv4's limit", to, 65508, syscall.EMSGSIZE},
		{"over UDP's limit", to, 65536, ErrTooLarge},
		{"unknown listener", flow.Flow{Remote: to.Remote, Listener: 1}, 1, ErrNoListener},
		{"other transport", flow.Flow{Remote: to.Remote, Transport: flow.TLS}, 1, ErrNoListener},
	} {
		p.Post(func(clock.Time) {
			p.Send(c.f, make([]byte, c.size))
			p.Send(to, []byte("next"))
		})
		got := wait(t, failed, "the failure of "+c.name)
		if got.f != c.f || !errors.Is(got.err, c.want) {
			t.Errorf("%s: %v failed with %v, want %v with %v", c.name, got.f, got.err, c.f, c.want)
		}
		if next, _ := read1(t, cl); next != "next" {
			t.Errorf("%s: then came %q", c.name, next)
		}
	}
	if s := stats(t, p); s.SendErrors != 4 || s.Out != 8 || s.ICMPErrors != 0 {
		t.Errorf("stats %+v, want 4 errors and 8 out", s)
	}
	select {
	case x := <-failed:
		t.Errorf("%v failed once more: %v", x.f, x.err)
	default:
	}
}

func TestListeners(t *testing.T) {
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			needIPv6(t)
			ps, bound := open(t, shards, "udp:127.0.0.61:0", "udp:127.0.0.63:0", "udp:[::1]:0")
			for _, p := range ps {
				p.receive = func(_ clock.Time, f flow.Flow, b []byte) {
					p.Send(f, fmt.Appendf(nil, "%d %s %s", f.Listener, f.Remote, b))
				}
			}
			run(t, ps...)
			for k := range 16 * len(bound) { // by turns, as they share the buffers
				i := k % len(bound)
				cl := dial(t, netip.AddrPortFrom(bound[i].Addr(), 0).String())
				write(t, cl, bound[i], []byte("hello"))
				got, from := read1(t, cl)
				if want := fmt.Sprintf("%d %s hello", i, addrOf(cl)); got != want || from != bound[i] {
					t.Errorf("got %q from %v, want %q from %v", got, from, want, bound[i])
				}
			}
		})
	}
}

// More datagrams than a turn takes, on several listeners, before the shard has started.
func TestBacklogOfSeveralListeners(t *testing.T) {
	const each = 400
	ps, bound := open(t, 1, "udp:127.0.0.61:0", "udp:127.0.0.63:0")
	cl := dial(t, "127.0.0.62:0")
	for i := range each {
		for _, to := range bound {
			write(t, cl, to, fmt.Append(nil, i))
		}
	}
	done := make(chan struct{})
	next := [2]int{}
	ps[0].receive = func(_ clock.Time, f flow.Flow, b []byte) {
		if want := fmt.Sprint(next[f.Listener]); string(b) != want {
			t.Errorf("listener %d: got %q, want %q", f.Listener, b, want)
		}
		if next[f.Listener]++; next == [2]int{each, each} {
			close(done)
		}
	}
	run(t, ps...)
	wait(t, done, "the backlog")
}

func TestCancelEndsRun(t *testing.T) {
	ps, _ := open(t, 2)
	cl := dial(t, "127.0.0.62:0")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	for _, p := range ps {
		go func() { ended <- p.Run(ctx, clock.NewWall(), p) }()
	}
	// A function that cancels, and one posted after it by the time that it runs: both run, and what
	// they send leaves.
	p := ps[0]
	p.Post(func(clock.Time) {
		cancel()
		p.Post(func(clock.Time) { p.Send(flow.Flow{Remote: addrOf(cl)}, []byte("bye")) })
	})
	for range ps {
		if err := wait(t, ended, "the end of Run"); err != nil {
			t.Errorf("run: %v", err)
		}
	}
	if got, _ := read1(t, cl); got != "bye" {
		t.Errorf("got %q", got)
	}
	if err := p.Run(context.Background(), clock.NewWall(), p); err == nil {
		t.Error("ran again")
	}
}

func TestClose(t *testing.T) {
	ps, bound := open(t, 1)
	p := ps[0]
	ended := make(chan error, 1)
	started := make(chan struct{})
	go func() { ended <- p.Run(context.Background(), clock.NewWall(), p) }()
	p.Post(func(clock.Time) { close(started) })
	wait(t, started, "the shard")
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := wait(t, ended, "the end of Run"); err != nil {
		t.Errorf("run: %v", err)
	}
	if err := p.Run(context.Background(), clock.NewWall(), p); err == nil {
		t.Error("ran after Close")
	}
	p.Post(func(clock.Time) { t.Error("ran after Close") })
	_ = p.Stats()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(bound[0]))
	if err != nil {
		t.Fatalf("the port is still taken: %v", err)
	}
	c.Close()
}
