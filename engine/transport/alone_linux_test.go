//go:build linux && !tandem_portable

package transport

import (
	"fmt"
	"testing"
	"time"

	"tandem/engine/clock"
)

// While handshakes compute a shard hears all its sockets, and who wakes it; afterwards it sleeps as before.
func TestSleepAlone(t *testing.T) {
	for _, listens := range [][]string{{"udp:127.0.0.61:0"}, {"udp:127.0.0.61:0", "udp:127.0.0.62:0", "tcp:127.0.0.61:0"}} {
		t.Run(fmt.Sprint(len(listens), " listeners"), func(t *testing.T) {
			ps, bound := open(t, 1, listens...)
			p, cl := ps[0], dial(t, "127.0.0.64:0")
			p.receive = p.echo
			run(t, p)
			for round := range 6 {
				stormNow := round%2 == 0
				p.streams.gate.entered.Store(0)
				if stormNow {
					stormy(p)
				}
				for i, l := range p.streams.listeners {
					if l != nil {
						continue
					}
					want := fmt.Sprint(round, i)
					write(t, cl, bound[i], []byte(want))
					if got, _ := read1(t, cl); got != want {
						t.Fatalf("got %q, want %q", got, want)
					}
				}
				for end := time.Now().Add(patience); p.port.solo.Load() != stormNow; {
					stats(t, p) // which wakes it, so that it goes to sleep anew
					if time.Now().After(end) {
						t.Fatalf("round %d: alone is not %v", round, stormNow)
					}
				}
			}
		})
	}
}

// What is left in sockets that are not read any more does not keep a shard awake.
func TestDeafSleepsWithOthers(t *testing.T) {
	ps, bound := open(t, 1)
	p := ps[0]
	stormy(p)
	run(t, p)
	deaf := make(chan struct{})
	p.Post(func(clock.Time) { p.Deafen(); close(deaf) })
	wait(t, deaf, "the shard")
	write(t, dial(t, "127.0.0.64:0"), bound[0], []byte("left"))
	for end := time.Now().Add(patience); p.port.solo.Load(); {
		stats(t, p)
		if time.Now().After(end) {
			t.Fatal("it sleeps alone, and its sockets would wake it for ever")
		}
	}
}

// What came before a sleep alone is handled without one: a wake-up that the look before the sleep takes back must not be lost.
func TestSleepAloneIsShort(t *testing.T) {
	for _, listens := range [][]string{{"udp:127.0.0.61:0"}, {"udp:127.0.0.61:0", "udp:127.0.0.62:0"}} {
		t.Run(fmt.Sprint(len(listens), " listeners"), func(t *testing.T) {
			ps, bound := open(t, 1, listens...)
			p := ps[0].port
			recv := func(what string, want int) {
				t.Helper()
				got := make(chan int, 1)
				go func() {
					n, _, _ := p.recv(true)
					got <- n
				}()
				if n := wait(t, got, what); n != want {
					t.Errorf("%s: %d datagrams, want %d", what, n, want)
				}
			}
			p.alone(true)
			p.rest(0)
			recv("nothing to wait for", 0)
			p.rest(-1)
			p.wake()
			recv("woken", 0)
			write(t, dial(t, "127.0.0.64:0"), bound[0], []byte("hello"))
			recv("with a datagram", 1)
			p.rest(time.Microsecond)
			recv("until a timer", 0)
		})
	}
}

func TestMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int{-1: -1, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 1 << 62: 1<<31 - 1} {
		if got := milliseconds(d); got != want {
			t.Errorf("%v: %d, want %d", d, got, want)
		}
	}
}
