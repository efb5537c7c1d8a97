package transport

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come; nothing takes a hundredth of it.
const patience = 2 * time.Minute

// peer is a Handler of functions, with a timer heap like the engine's. Its fields are set before
// the shard runs.
type peer struct {
	*Shard
	heap    clock.Heap
	receive func(now clock.Time, f flow.Flow, b []byte)
	tick    func(now clock.Time)
	failed  func(f flow.Flow, err error)
	ticks   int
}

func (p *peer) Receive(now clock.Time, f flow.Flow, b []byte) {
	if p.receive != nil {
		p.receive(now, f, b)
	}
}

func (p *peer) Tick(now clock.Time) {
	p.heap.Run(now)
	p.ticks++
	if p.tick != nil {
		p.tick(now)
	}
}

func (p *peer) Next() (clock.Time, bool) { return p.heap.Next() }

func (p *peer) SendFailed(_ clock.Time, f flow.Flow, err error) {
	if p.failed != nil {
		p.failed(f, err)
	}
}

func (p *peer) echo(_ clock.Time, f flow.Flow, b []byte) { p.Send(f, b) }

// open binds shards that are closed with the test.
func open(t testing.TB, shards int, listens ...string) ([]*peer, []netip.AddrPort) {
	t.Helper()
	if len(listens) == 0 {
		listens = []string{"udp:127.0.0.61:0"}
	}
	var ls []Listen
	for _, s := range listens {
		l, err := ParseListen(s)
		if err != nil {
			t.Fatal(err)
		}
		ls = append(ls, l)
	}
	return openConfig(t, Config{Listens: ls, Shards: shards})
}

func openConfig(t testing.TB, c Config) ([]*peer, []netip.AddrPort) {
	t.Helper()
	all, bound, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	peers := make([]*peer, len(all))
	for i, s := range all {
		peers[i] = &peer{Shard: s}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return peers, bound
}

// run runs shards until the test ends.
func run(t testing.TB, peers ...*peer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	clk := clock.NewWall()
	for _, p := range peers {
		go func() { ended <- p.Run(ctx, clk, p) }()
	}
	t.Cleanup(func() {
		cancel()
		for range peers {
			if err := <-ended; err != nil {
				t.Errorf("run: %v", err)
			}
		}
	})
}

// stats reads the counters after the turn that the shard is in.
func stats(t testing.TB, p *peer) Stats {
	t.Helper()
	turned := make(chan struct{})
	p.Post(func(clock.Time) { close(turned) })
	wait(t, turned, "the next turn")
	return p.Stats()
}

// dial opens an ordinary socket that gives up after patience.
func dial(t testing.TB, local string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(local)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetReadBuffer(4 << 20)
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	ap := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func write(t testing.TB, c *net.UDPConn, to netip.AddrPort, b []byte) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(b, to); err != nil {
		t.Fatal(err)
	}
}

// read1 returns the next datagram and where it came from.
func read1(t testing.TB, c *net.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	buf := make([]byte, MaxDatagram+1)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

// wait returns what comes on ch.
func wait[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

// closedPort returns an address where nobody listens.
func closedPort(t testing.TB, host string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), 0)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return addrOf(c)
}

// needIPv6 skips the test where loopback has no IPv6.
func needIPv6(t testing.TB) {
	t.Helper()
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	c.Close()
}
