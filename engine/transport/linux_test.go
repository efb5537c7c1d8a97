//go:build linux && !tandem_portable

package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// A backlog within a turn's limit is handled by a single turn.
func TestBatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		listens []string
		backlog int
	}{
		{"one listener", []string{"udp:127.0.0.61:0"}, maxBatches*recvBatch - 1},
		{"four listeners", []string{"udp:127.0.0.61:0", "udp:127.0.0.63:0", "udp:127.0.0.64:0", "udp:127.0.0.65:0"}, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps, bound := open(t, 1, c.listens...)
			p, cl := ps[0], dial(t, "127.0.0.62:0")
			for i := range c.backlog {
				write(t, cl, bound[i%len(bound)], fmt.Append(nil, i))
			}
			n, done := 0, make(chan struct{})
			p.receive = func(_ clock.Time, f flow.Flow, b []byte) {
				if p.ticks != 0 {
					t.Errorf("got %q after %d turns, want all in the first", b, p.ticks)
				}
				p.Send(f, b)
				if n++; n == c.backlog {
					close(done)
				}
			}
			run(t, p)
			wait(t, done, "the backlog")
			seen := map[string]bool{}
			for i := range c.backlog {
				got, _ := read1(t, cl)
				if len(bound) == 1 && got != fmt.Sprint(i) {
					t.Fatalf("got %q, want %d", got, i)
				}
				seen[got] = true
			}
			if len(seen) != c.backlog {
				t.Errorf("%d different ones came back, want %d", len(seen), c.backlog)
			}
		})
	}
}

type report struct {
	shard int
	f     flow.Flow
	err   error
}

// ICMP port unreachable becomes ECONNREFUSED for that peer, on every shard, and no other datagram
// suffers, whichever call the kernel hands the pending error to.
func TestConnectionRefused(t *testing.T) {
	for _, c := range []struct {
		name, host string
		shards     int
		before     []string // listeners before the one in use
	}{
		{"ipv4", "127.0.0.61", 1, nil},
		{"ipv4, two shards", "127.0.0.61", 2, nil},
		{"ipv4, second listener", "127.0.0.61", 1, []string{"udp:127.0.0.63:0"}},
		{"ipv6", "::1", 1, nil},
		{"ipv6, second listener, two shards", "::1", 2, []string{"udp:127.0.0.63:0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			listen := "udp:" + netip.AddrPortFrom(netip.MustParseAddr(c.host), 0).String()
			if c.host == "::1" {
				needIPv6(t)
			}
			ps, _ := open(t, c.shards, append(c.before, listen)...)
			reports := make(chan report, 64)
			for i, p := range ps {
				p.failed = func(f flow.Flow, err error) { reports <- report{i, f, err} }
			}
			run(t, ps...)
			cl := dial(t, netip.AddrPortFrom(netip.MustParseAddr(c.host), 0).String())
			lis := uint8(len(c.before))
			open := flow.Flow{Remote: addrOf(cl), Listener: lis}
			dead := []flow.Flow{
				{Remote: closedPort(t, c.host), Listener: lis},
				{Remote: closedPort(t, c.host), Listener: lis},
			}
			for name, order := range map[string][]flow.Flow{
				"first":      {dead[0], open, open},
				"last":       {open, open, dead[0]},
				"alone":      {dead[0]},
				"two":        {dead[0], dead[1]},
				"two apart":  {dead[0], open, dead[1], open},
				"interlaced": {open, dead[0], open, dead[1], open},
			} {
				ps[0].Post(func(clock.Time) {
					for _, f := range order {
						ps[0].Send(f, []byte(name))
					}
				})
				want := map[report]int{}
				for _, f := range order {
					if f == open {
						if got, _ := read1(t, cl); got != name {
							t.Errorf("%s: got %q", name, got)
						}
						continue
					}
					for i := range ps {
						want[report{i, f, syscall.ECONNREFUSED}]++
					}
				}
				for len(want) > 0 {
					r := wait(t, reports, name+": the failure")
					if want[r] == 0 {
						t.Fatalf("%s: unexpected %+v", name, r)
					}
					if want[r]--; want[r] == 0 {
						delete(want, r)
					}
				}
			}
			sum := Stats{}
			for _, p := range ps {
				s := stats(t, p)
				sum.ICMPErrors += s.ICMPErrors
				sum.SendErrors += s.SendErrors
			}
			if sum.ICMPErrors != 9 || sum.SendErrors != 0 {
				t.Errorf("%d ICMP errors and %d send errors, want 9 and 0", sum.ICMPErrors, sum.SendErrors)
			}
		})
	}
}

// While errors pour in, nothing that a peer sends is lost.
func TestReceiveAmongErrors(t *testing.T) {
	const rounds = 200
	ps, bound := open(t, 1)
	p := ps[0]
	dead := flow.Flow{Remote: closedPort(t, "127.0.0.62")}
	p.receive = func(_ clock.Time, f flow.Flow, b []byte) {
		p.Send(dead, b)
		p.Send(f, b)
		p.Send(dead, b)
	}
	failed := make(chan struct{}, 2*rounds)
	p.failed = func(f flow.Flow, err error) {
		if f != dead || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%v failed with %v", f, err)
		}
		failed <- struct{}{}
	}
	run(t, p)
	cl := dial(t, "127.0.0.62:0")
	for i := range rounds {
		write(t, cl, bound[0], fmt.Append(nil, i))
	}
	for i := range rounds {
		if got, _ := read1(t, cl); got != fmt.Sprint(i) {
			t.Fatalf("got %q, want %d", got, i)
		}
	}
	wait(t, failed, "a failure")
}

func TestICMPFails(t *testing.T) {
	for _, c := range []struct {
		name              string
		origin, typ, code uint8
		want              bool
	}{
		{"network unreachable", unix.SO_EE_ORIGIN_ICMP, 3, 0, true},
		{"host unreachable", unix.SO_EE_ORIGIN_ICMP, 3, 1, true},
		{"protocol unreachable", unix.SO_EE_ORIGIN_ICMP, 3, 2, true},
		{"port unreachable", unix.SO_EE_ORIGIN_ICMP, 3, 3, true},
		{"fragmentation needed", unix.SO_EE_ORIGIN_ICMP, 3, 4, false},
		{"prohibited", unix.SO_EE_ORIGIN_ICMP, 3, 13, true},
		{"source quench", unix.SO_EE_ORIGIN_ICMP, 4, 0, false},
		{"time exceeded", unix.SO_EE_ORIGIN_ICMP, 11, 0, false},
		{"parameter problem", unix.SO_EE_ORIGIN_ICMP, 12, 0, true},
		{"v6 no route", unix.SO_EE_ORIGIN_ICMP6, 1, 0, true},
		{"v6 port unreachable", unix.SO_EE_ORIGIN_ICMP6, 1, 4, true},
		{"v6 packet too big", unix.SO_EE_ORIGIN_ICMP6, 2, 0, false},
		{"v6 time exceeded", unix.SO_EE_ORIGIN_ICMP6, 3, 0, false},
		{"v6 parameter problem", unix.SO_EE_ORIGIN_ICMP6, 4, 0, true},
		{"local", unix.SO_EE_ORIGIN_LOCAL, 3, 3, false},
		{"timestamp", unix.SO_EE_ORIGIN_TIMESTAMPING, 3, 3, false},
	} {
		if got := icmpFails(c.origin, c.typ, c.code); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What the kernel may answer to sendmmsg, and what becomes of five datagrams.
func TestSendOutcomes(t *testing.T) {
	type answer struct {
		n     int // sends that many and succeeds
		errno syscall.Errno
	}
	const all = 1000 // of what is left
	for _, c := range []struct {
		name             string
		answers          []answer // and then all succeeds; with forever the last repeats
		forever          bool
		arrive           string
		refused, dropped int
		failed           syscall.Errno
		callsMax         int
	}{
		{name: "at once", answers: []answer{{n: all}}, arrive: "01234", callsMax: 1},
		{name: "in parts", answers: []answer{{n: 2}, {n: 1}, {n: all}}, arrive: "01234", callsMax: 3},
		{name: "interrupted", answers: []answer{{errno: unix.EINTR}, {n: all}}, arrive: "01234", callsMax: 2},
		{name: "full for a while", answers: []answer{{n: 3}, {errno: unix.EAGAIN}, {errno: unix.EAGAIN}}, arrive: "01234", callsMax: 4},
		{name: "full for good", answers: []answer{{n: 1}, {errno: unix.EAGAIN}}, forever: true, arrive: "0", dropped: 4, callsMax: 1 << 30},
		{name: "device full", answers: []answer{{n: 1}, {errno: unix.ENOBUFS}, {n: 1}, {errno: unix.ENOMEM}}, arrive: "024", dropped: 2, callsMax: 5},
		{name: "another's pending error", answers: []answer{{errno: unix.ECONNREFUSED}, {n: 2}, {errno: unix.EHOSTUNREACH}}, arrive: "01234", callsMax: 4},
		{
			name:    "one refused",
			answers: []answer{{n: 2}, {errno: unix.EPERM}, {errno: unix.EPERM}, {errno: unix.EPERM}, {errno: unix.EPERM}},
			arrive:  "0134", refused: 1, failed: unix.EPERM, callsMax: 6,
		},
		{name: "all refused", answers: []answer{{errno: unix.ENETUNREACH}}, forever: true, refused: 5, failed: unix.ENETUNREACH, callsMax: 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps, _ := open(t, 1)
			p, cl := ps[0].port, dial(t, "127.0.0.62:0")
			calls := 0
			p.sendmsg = func(fd int, msgs []unix.Mmsghdr) (int, syscall.Errno) {
				a := answer{n: all}
				if calls < len(c.answers) {
					a = c.answers[calls]
				} else if c.forever {
					a = c.answers[len(c.answers)-1]
				}
				calls++
				if a.errno != 0 {
					return -1, a.errno
				}
				return sendmmsg(fd, msgs[:min(a.n, len(msgs))])
			}
			var q queue
			for i := range 5 {
				q.push(flow.Flow{Remote: addrOf(cl)}, fmt.Append(nil, i))
			}
			sent, refused, dropped := p.send(0, &q)
			if sent != len(c.arrive) || refused != c.refused || dropped != c.dropped {
				t.Errorf("%d sent, %d refused, %d dropped; want %d, %d, %d",
					sent, refused, dropped, len(c.arrive), c.refused, c.dropped)
			}
			if calls > c.callsMax {
				t.Errorf("%d calls, at most %d are needed", calls, c.callsMax)
			}
			for _, want := range c.arrive {
				if got, _ := read1(t, cl); got != string(want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if len(p.failed) != c.refused {
				t.Fatalf("%d failures noted, want %d", len(p.failed), c.refused)
			}
			for _, x := range p.failed {
				if !errors.Is(x.err, c.failed) || x.icmp || x.flow.Remote != addrOf(cl) {
					t.Errorf("failure %+v, want %v", x, c.failed)
				}
			}
		})
	}
}

// A listener at every address answers from the one that the peer has sent to (RFC 3581 §4).
func TestRFC_088_EveryAddress(t *testing.T) {
	for _, c := range []struct{ name, listen, local, to string }{
		{"ipv4", "udp:0.0.0.0:0", "127.0.0.1:0", "127.0.0.77"},
		{"ipv4, the usual one", "udp:0.0.0.0:0", "127.0.0.1:0", "127.0.0.1"},
		{"ipv6", "udp:[::]:0", "[::1]:0", "::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.listen, "[") {
				needIPv6(t)
			}
			ps, bound := open(t, 1, c.listen, "udp:127.0.0.61:0")
			flows := make(chan flow.Flow, 3)
			ps[0].receive = func(_ clock.Time, f flow.Flow, b []byte) {
				flows <- f
				ps[0].Send(f, b)
				f.Local = 0 // where the system chooses it is from the address nearest to the peer
				ps[0].Send(f, b)
			}
			run(t, ps...)
			cl := dial(t, c.local)
			to := netip.AddrPortFrom(netip.MustParseAddr(c.to), bound[0].Port())
			write(t, cl, to, []byte("one"))
			for _, want := range []netip.AddrPort{to, netip.AddrPortFrom(addrOf(cl).Addr(), to.Port())} {
				if got, from := read1(t, cl); got != "one" || from != want {
					t.Errorf("%q from %v, want %v", got, from, want)
				}
			}
			if f := <-flows; ps[0].port.ours.at(f.Local) != to.Addr() {
				t.Errorf("flow %+v", f)
			}
			if c.local[0] == '[' {
				return
			}
			one := bound[1] // a listener at one address says nothing of it
			write(t, cl, one, []byte("two"))
			if got, from := read1(t, cl); got != "two" || from != one {
				t.Errorf("%q from %v", got, from)
			}
			if f := <-flows; f.Local != 0 {
				t.Errorf("flow %+v", f)
			}
		})
	}
}

func TestSendWithoutRoute(t *testing.T) {
	needIPv6(t)
	ps, _ := open(t, 1, "udp:127.0.0.61:0", "udp:[::1]:0")
	failed := make(chan report, 1)
	ps[0].failed = func(f flow.Flow, err error) { failed <- report{0, f, err} }
	run(t, ps...)
	for _, c := range []struct {
		name   string
		remote netip.AddrPort
		lis    uint8
		want   error
	}{
		{"IPv6 peer from an IPv4 listener", netip.MustParseAddrPort("[::1]:9"), 0, syscall.EAFNOSUPPORT},
		{"IPv4 peer from an IPv6 listener", netip.MustParseAddrPort("127.0.0.1:9"), 1, syscall.ENETUNREACH},
		{"broadcast", netip.MustParseAddrPort("255.255.255.255:9"), 0, syscall.EACCES},
		{"port 0", netip.MustParseAddrPort("127.0.0.1:0"), 0, syscall.EINVAL},
		{"no address", netip.AddrPort{}, 0, syscall.EDESTADDRREQ},
		{"zone that is not there", netip.MustParseAddrPort("[fe80::1%nosuchzone]:9"), 1, syscall.EDESTADDRREQ},
	} {
		f := flow.Flow{Remote: c.remote, Listener: c.lis}
		ps[0].Post(func(clock.Time) { ps[0].Send(f, []byte("x")) })
		if got := wait(t, failed, c.name); got.f != f || !errors.Is(got.err, c.want) {
			t.Errorf("%s: %v failed with %v, want %v", c.name, got.f, got.err, c.want)
		}
	}
}

// Another program that shares its port is detected too, and one that comes later and does not
// share is kept out.
func TestPortInUseBySharer(t *testing.T) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}); e != nil {
			return e
		}
		return err
	}}
	other, err := lc.ListenPacket(context.Background(), "udp4", "127.0.0.61:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, shards := range []int{1, 2} {
		checkInUse(t, other.LocalAddr().String(), shards)
	}
	_, bound := open(t, 2)
	if c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(bound[0])); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("bound over two shards: %v, %v", c, err)
	}
}

func TestKernelDropsAreCounted(t *testing.T) {
	ps, bound := open(t, 1)
	cl, big := dial(t, "127.0.0.62:0"), make([]byte, 65000)
	for range 400 { // 26 MB for a buffer of at most 8
		write(t, cl, bound[0], big)
	}
	n := ps[0].Stats().KernelDrops
	if n == 0 || n >= 400 {
		t.Errorf("%d of 400 dropped", n)
	}
	if err := ps[0].Close(); err != nil {
		t.Fatal(err)
	}
	if after := ps[0].Stats().KernelDrops; after != n {
		t.Errorf("%d dropped, %d after Close", n, after)
	}
}

func TestSocketAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var z zones
		var sa unix.RawSockaddrInet6
		port := rapid.Uint16().Draw(t, "port")
		var a netip.Addr
		switch rapid.SampledFrom([]string{"4", "4in6", "6", "6 with a zone"}).Draw(t, "kind") {
		case "4":
			a = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "a")))
		case "4in6":
			b := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "a")))
			a = netip.AddrFrom16(b.As16())
		case "6":
			a = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "a")))
		default:
			a = netip.MustParseAddr("fe80::1%lo")
		}
		ap := netip.AddrPortFrom(a, port)
		z.put(&sa, ap)
		if got, want := z.addrPort(&sa), netip.AddrPortFrom(a.Unmap(), port); got != want {
			t.Errorf("%v became %v", want, got)
		}
	})
}

// There may be more addresses than numbers.
func TestLocals(t *testing.T) {
	l := &locals{}
	for i := range 300 {
		a := netip.AddrFrom4([4]byte{192, 0, byte(i / 256), byte(i)})
		want := uint8(0)
		if i < 255 {
			want = uint8(i + 1)
		}
		for range 2 {
			if n := l.number(a); n != want || n > 0 && l.at(n) != a {
				t.Fatalf("%d: number %d, which is %v", i, n, l.at(n))
			}
		}
	}
	if n := l.number(netip.Addr{}); n != 0 || l.at(0).IsValid() {
		t.Errorf("none has number %d", n)
	}
}
