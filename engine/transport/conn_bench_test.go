package transport

import (
	"bufio"
	"crypto/tls"
	"fmt"
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

// BenchmarkHandshakeStorm compares how long a UDP round trip takes, at the 95th percentile, in a calm, while another process makes TLS
// handshakes as fast as it can with the engine, and while it makes them with a third process: that has the same work done by the same
// processors, and what is above it is the engine's own doing. The clients of a storm have processors of their own in earnest: here
// they have the time that nobody else wants, where the system has a way to say so.
func BenchmarkHandshakeStorm(b *testing.B) {
	a := newAuthority(b)
	pair := a.issue(b, "pbx.example")
	c := Config{Listens: listens(b, "udp:127.0.0.61:0", "tls:127.0.0.61:0"), Shards: 1}
	c.Listens[1].Security = &Security{Pairs: []Pair{pair}}
	c.Limits.ConnsPerSource = 20_000
	ps, bound := openConfig(b, c)
	ps[0].receive = func(_ clock.Time, f flow.Flow, d []byte) { ps[0].Send(f, d) }
	run(b, ps...)
	third, out := stormProcess(b, stormServer+"="+pair.Certificate+":"+pair.Key)
	defer third()
	elsewhere, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	under := func(to string) time.Duration {
		stop, _ := stormProcess(b, stormAt+"="+to)
		defer stop()
		return roundTrips(b, bound[0])
	}
	const rounds = 7 // of which the middle counts, since others use the machine too
	for b.Loop() {
		var calm, other, rough [rounds]time.Duration
		made := uint64(0)
		for i := range rounds {
			calm[i], other[i] = roundTrips(b, bound[0]), under(strings.TrimSpace(elsewhere))
			before, start := ps[0].Connections().Accepted, time.Now()
			rough[i] = under(bound[1].String())
			made += uint64(float64(ps[0].Connections().Accepted-before) / time.Since(start).Seconds())
		}
		middle := func(took [rounds]time.Duration) float64 {
			slices.Sort(took[:])
			return float64(took[rounds/2].Microseconds())
		}
		b.ReportMetric(middle(rough)/middle(calm), "p95-ratio")
		b.ReportMetric(middle(rough)/middle(other), "p95-ratio-to-elsewhere")
		b.ReportMetric(middle(calm), "calm-p95-µs")
		b.ReportMetric(middle(other), "elsewhere-p95-µs")
		b.ReportMetric(middle(rough), "storm-p95-µs")
		b.ReportMetric(float64(made/rounds), "handshakes/s")
	}
}

// stormAt is the variable that makes the test's program a storm of handshakes with the address in it, stormServer the one that makes it
// a server for one with the files in it, and tripsTo one that measures round trips: they have a process, and a scheduler, of their own.
const stormAt, stormServer, tripsTo = "TANDEM_TEST_STORM", "TANDEM_TEST_STORM_SERVER", "TANDEM_TEST_TRIPS"

// stormProcess starts the test's program in one of these ways.
func stormProcess(b *testing.B, variable string) (stop func(), out io.Reader) {
	b.Helper()
	words := []string{os.Args[0]}
	if chrt, err := exec.LookPath("chrt"); err == nil && strings.HasPrefix(variable, stormAt+"=") {
		words = []string{chrt, "--idle", "0", os.Args[0]}
	}
	p := exec.Command(words[0], words[1:]...)
	p.Env = append(os.Environ(), variable, "GOMAXPROCS=1")
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		_ = p.Process.Kill() // nothing else ends it
		_ = p.Wait()
	}, out
}

func init() {
	if files := os.Getenv(stormServer); files != "" {
		cert, key, _ := strings.Cut(files, ":")
		serveStorm(cert, key)
		os.Exit(1)
	}
	if to := os.Getenv(tripsTo); to != "" {
		if err := measureTrips(to); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}
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

// serveStorm makes handshakes for ever and prints where.
func serveStorm(cert, key string) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return
	}
	l, err := tls.Listen("tcp", "127.0.0.63:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return
	}
	fmt.Println(l.Addr())
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = conn.(*tls.Conn).Handshake() // whatever it comes to
			_, _ = conn.Read(make([]byte, 1))
			conn.Close()
		}()
	}
}

// roundTrips has another process measure the 95th percentile of 500 round trips, 1000 a second, after 200 that do not count: what was
// before is over by then.
func roundTrips(b *testing.B, to netip.AddrPort) time.Duration {
	b.Helper()
	stop, out := stormProcess(b, tripsTo+"="+to.String())
	defer stop()
	text, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	p95, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil {
		b.Fatal(err)
	}
	return p95
}

func measureTrips(to string) error {
	c, err := net.Dial("udp", to)
	if err != nil {
		return err
	}
	d := make([]byte, benchSize)
	var took []time.Duration
	for tick := time.NewTicker(time.Millisecond); len(took) < 700; <-tick.C {
		start := time.Now()
		if _, err := c.Write(d); err != nil {
			return err
		}
		if _, err := c.Read(d); err != nil {
			return err
		}
		took = append(took, time.Since(start))
	}
	took = took[200:]
	slices.Sort(took)
	fmt.Println(took[len(took)*95/100])
	return nil
}
