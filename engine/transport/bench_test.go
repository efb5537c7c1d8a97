package transport

import (
	"net"
	"net/netip"
	"testing"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

const benchSize = 750 // bytes, an ordinary SIP message

// TestRelayAllocatesNothing holds the whole way of a datagram: sleep, receive, send, flush.
func TestRelayAllocatesNothing(t *testing.T) {
	ps, bound := open(t, 1)
	ps[0].receive = ps[0].echo
	run(t, ps...)
	cl, b := dial(t, "127.0.0.62:0"), make([]byte, benchSize)
	turn := func() {
		if _, err := cl.WriteToUDPAddrPort(b, bound[0]); err != nil {
			t.Fatal(err)
		}
		if _, _, err := cl.ReadFromUDPAddrPort(b); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(500, turn); n != 0 {
		t.Errorf("%v allocations for each datagram", n)
	}
}

// TestWakeAllocatesNothing holds Post, the wake-up and the timer's deadline.
func TestWakeAllocatesNothing(t *testing.T) {
	ps, _ := open(t, 1)
	ran := make(chan struct{}, 1)
	var timer clock.Timer
	timer.Owner = beatFunc(func(clock.Time) { ran <- struct{}{} })
	fn := func(now clock.Time) { ps[0].heap.Arm(&timer, now+1000) }
	run(t, ps...)
	if n := testing.AllocsPerRun(500, func() { ps[0].Post(fn); <-ran }); n != 0 {
		t.Errorf("%v allocations for each wake-up", n)
	}
}

// BenchmarkRelay relays datagrams between a peer and itself: a window of 1 is ping-pong, where a
// turn has one datagram and a sleep; 64 keeps the shard busy. net is the same with the calls of
// package net, for comparison. Times include the peer.
func BenchmarkRelay(b *testing.B) {
	for _, w := range []struct {
		name string
		size int
	}{{"pingpong", 1}, {"window64", 64}} {
		b.Run(w.name+"/shard", func(b *testing.B) {
			ps, bound := open(b, 1)
			ps[0].receive = func(_ clock.Time, f flow.Flow, d []byte) { ps[0].Send(f, d) }
			run(b, ps...)
			relay(b, bound[0], w.size)
			if n := ps[0].Stats().Turns; n > 0 {
				b.ReportMetric(float64(ps[0].Stats().In)/float64(n), "datagrams/turn")
			}
		})
		b.Run(w.name+"/net", func(b *testing.B) {
			c := dial(b, "127.0.0.61:0")
			go func() {
				d := make([]byte, 2048)
				for {
					n, from, err := c.ReadFromUDPAddrPort(d)
					if err != nil {
						return
					}
					if _, err := c.WriteToUDPAddrPort(d[:n], from); err != nil {
						return
					}
				}
			}()
			relay(b, addrOf(c), w.size)
		})
	}
}

func relay(b *testing.B, to netip.AddrPort, window int) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 62)})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadBuffer(4 << 20)
	d := make([]byte, benchSize)
	b.ReportAllocs()
	b.ResetTimer()
	sent := 0
	for got := 0; got < b.N; got++ {
		for sent < b.N && sent-got < window {
			if _, err := c.WriteToUDPAddrPort(d, to); err != nil {
				b.Fatal(err)
			}
			sent++
		}
		if _, _, err := c.ReadFromUDPAddrPort(d); err != nil {
			b.Fatal(err)
		}
	}
}
