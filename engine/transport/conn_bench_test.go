package transport

import (
	"io"
	"net"
	"strings"
	"testing"

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
