package transport

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// BenchmarkStream echoes messages on one connection: pingpong one at a time, window64 with 64 under way. Times include the peer.
func BenchmarkStream(b *testing.B) {
	text := framed(strings.Repeat("v", benchSize-60))
	for _, w := range []struct {
		name string
		size int
	}{{"pingpong", 1}, {"window64", 64}} {
		b.Run(w.name, func(b *testing.B) {
			c := tcpConfig(b)
			c.Shards = 1
			ps, bound := openConfig(b, c)
			ps[0].receive = func(_ clock.Time, f flow.Flow, d []byte) { ps[0].Send(f, d) }
			run(b, ps...)
			conn, err := net.Dial("tcp", bound[1].String())
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			batch, in := []byte(strings.Repeat(text, w.size)), make([]byte, len(text)*w.size)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += w.size {
				if _, err := conn.Write(batch); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(conn, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHandshakeStorm compares how long a UDP round trip takes, at the 95th percentile, with and without TLS handshakes that
// come as fast as another process can make them.
func BenchmarkHandshakeStorm(b *testing.B) {
	a := newAuthority(b)
	c := Config{Listens: listens(b, "udp:127.0.0.61:0", "tls:127.0.0.61:0"), Shards: 1}
	c.Listens[1].Security = &Security{Pairs: []Pair{a.issue(b, "pbx.example")}}
	c.Limits.ConnsPerSource = 20_000
	ps, bound := openConfig(b, c)
	ps[0].receive = func(_ clock.Time, f flow.Flow, d []byte) { ps[0].Send(f, d) }
	run(b, ps...)
	for b.Loop() {
		calm := roundTrips(b, bound[0])
		storm := exec.Command(os.Args[0])
		storm.Env = append(os.Environ(), stormAt+"="+bound[1].String(), "GOMAXPROCS=1")
		if err := storm.Start(); err != nil {
			b.Fatal(err)
		}
		before := ps[0].Connections().Accepted
		rough := roundTrips(b, bound[0])
		total := ps[0].Connections().Accepted - before
		_ = storm.Process.Kill()
		_ = storm.Wait()
		b.ReportMetric(float64(rough)/float64(calm), "p95-ratio")
		b.ReportMetric(float64(calm.Microseconds()), "calm-p95-µs")
		b.ReportMetric(float64(rough.Microseconds()), "storm-p95-µs")
		b.ReportMetric(float64(total), "handshakes")
	}
}

// stormAt is the variable that makes the test's program a storm of handshakes with the address in it: the clients have a process, and a
// scheduler, of their own.
const stormAt = "TANDEM_TEST_STORM"

func init() {
	to := os.Getenv(stormAt)
	if to == "" {
		return
	}
	for {
		conn, err := tls.Dial("tcp", to, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			os.Exit(1)
		}
		conn.Close()
	}
}

// roundTrips returns the 95th percentile of 2000 round trips, 1000 a second.
func roundTrips(b *testing.B, to netip.AddrPort) time.Duration {
	c, d := dial(b, "127.0.0.62:0"), make([]byte, benchSize)
	var took []time.Duration
	for tick := time.NewTicker(time.Millisecond); len(took) < 2000; <-tick.C {
		start := time.Now()
		if _, err := c.WriteToUDPAddrPort(d, to); err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.ReadFromUDPAddrPort(d); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)*95/100]
}
