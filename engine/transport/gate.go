package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"time"
)

// lull is how long after the last handshake shards sleep by the Go poller again.
const lull = 100 * time.Millisecond

// gate lets few handshakes compute at a time: many of them want the processors just when shards do. One that waits for its
// peer is outside.
type gate struct {
	slots   chan struct{}
	entered atomic.Int64 // when one last did, as nanoseconds since 1970; 0 = none yet
	now     func() time.Time
}

func newGate() *gate {
	return &gate{slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), now: time.Now}
}

func (g *gate) enter() {
	g.slots <- struct{}{}
	g.entered.Store(g.now().UnixNano())
}

func (g *gate) leave() { <-g.slots }

// recent reports whether handshakes compute, or did a moment ago.
func (g *gate) recent() bool {
	at := g.entered.Load()
	return at != 0 && g.now().UnixNano()-at < int64(lull)
}

// handshake makes a TLS connection of raw, which has a deadline.
func (g *gate) handshake(ctx context.Context, raw net.Conn, over func(net.Conn) *tls.Conn) (*tls.Conn, error) {
	gated := &gatedConn{Conn: raw, gate: g}
	secure := over(gated)
	g.enter()
	err := secure.HandshakeContext(ctx)
	gated.open.Store(true)
	g.leave()
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secure, nil
}

// gatedConn leaves the gate while it waits for the peer.
type gatedConn struct {
	net.Conn
	gate *gate
	open atomic.Bool // the handshake is over
}

// Read reads from the peer.
func (c *gatedConn) Read(b []byte) (int, error) {
	if c.open.Load() {
		return c.Conn.Read(b)
	}
	c.gate.leave()
	defer c.gate.enter()
	return c.Conn.Read(b)
}
