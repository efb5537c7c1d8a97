package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"tandem/engine/flow"
)

const (
	// bye is how long a connection stays after what cannot be read, or after the last that is, for the answer to leave.
	bye = 2 * time.Second
	// graceful is how long a connection that has lived its time may go on with what it is used for (RFC 3261 §18: for as long as
	// a transaction may last), and pause how long it has to rest to end before.
	graceful, pause = 32 * time.Second, 5 * time.Second
)

var (
	errGone  = errors.New("the connection is gone")
	errPeer  = errors.New("the peer sent what is no message")
	errSlow  = errors.New("the peer was too slow")
	errAged  = errors.New("the connection was idle, or old")
	errEnded = errors.New("the connection was ended")
	crlf     = []byte("\r\n")
	dialWait = 5 * time.Second // of a connect; the handshake has patience beside
)

// conn is one connection. Its reader is the goroutine of serve or dial; others push to it.
type conn struct {
	hub      *streams
	listener *streamListener
	id       uint32
	remote   netip.AddrPort
	name     string // that the peer's certificate is for, if we connected by TLS
	inbound  bool
	born     time.Time
	heard    atomic.Int64 // when something was last exchanged, as nanoseconds since 1970
	gone     atomic.Bool

	mu      sync.Mutex
	raw     net.Conn // nil while it is being made
	open    bool     // may be written to
	queue   queue    // what waits for the writer
	spare   queue    // what the writer has
	writing bool
	last    time.Time // when what is queued must have left; zero = no end yet
	owed    int       // requests of the peer's that are not answered yet
	half    bool      // the peer sends nothing more: there is nothing left but to answer
}

// flow is what messages of the connection come on.
func (c *conn) flow() flow.Flow {
	return flow.Flow{Remote: c.remote, Name: c.name, Conn: c.id, Listener: c.listener.index, Transport: c.listener.listen.Transport}
}

// push queues a message. It does not wait. An error other than errGone is the message's own.
func (c *conn) push(f flow.Flow, b []byte) error {
	return c.enqueue(f, b, c.web())
}

// enqueue queues bytes, in a frame if framed.
func (c *conn) enqueue(f flow.Flow, b []byte, framed bool) error {
	c.mu.Lock()
	if !c.takes(b) {
		c.mu.Unlock()
		return errGone
	}
	if len(c.queue.buf)+len(b) > c.hub.limits.Queue {
		c.mu.Unlock()
		c.hub.overrun.Add(1)
		c.close(ErrOverrun)
		return ErrOverrun
	}
	c.put(f, b, framed)
	c.settle(b)
	c.mu.Unlock()
	return nil
}

// join queues a message for who has just found no connection; it closes none, since it is called under the lock of the tables.
func (c *conn) join(f flow.Flow, b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.takes(b) || len(c.queue.buf)+len(b) > c.hub.limits.Queue {
		return false
	}
	c.put(f, b, c.web())
	c.settle(b)
	return true
}

// put queues bytes and starts the writer if it does not run; c.mu is held. What nobody waits for is not listed: who sends pings and
// reads nothing would fill the memory with what is noted of them.
func (c *conn) put(f flow.Flow, b []byte, framed bool) {
	q := &c.queue
	off := len(q.buf)
	if framed {
		q.buf = appendFrame(q.buf, b)
	} else {
		q.buf = append(q.buf, b...)
	}
	if f != (flow.Flow{}) {
		q.items = append(q.items, item{flow: f, off: off, end: len(q.buf)})
	}
	if c.open && !c.writing {
		c.writing = true
		c.hub.done.Go(c.write)
	}
}

func (c *conn) web() bool {
	return c.listener.listen.Transport == flow.WS || c.listener.listen.Transport == flow.WSS
}

// write writes what is queued until there is nothing more.
func (c *conn) write() {
	for {
		c.mu.Lock()
		if len(c.queue.buf) == 0 || c.gone.Load() {
			c.writing = false
			c.spare = queue{}
			last := c.last
			c.mu.Unlock()
			if !last.IsZero() {
				c.close(errEnded)
			}
			return
		}
		c.queue, c.spare = c.spare, c.queue
		until := c.last
		c.mu.Unlock()
		if until.IsZero() {
			until = time.Now().Add(c.hub.limits.Patience)
		}
		_ = c.raw.SetWriteDeadline(until) // fails only when closed, and so does Write
		if _, err := c.raw.Write(c.spare.buf); err != nil {
			c.close(err)
			continue
		}
		c.heard.Store(time.Now().UnixNano())
		c.mu.Lock()
		c.spare.reset()
		c.mu.Unlock()
	}
}

// finish closes the connection as soon as what is queued has left, or at until.
func (c *conn) finish(until time.Time) {
	c.mu.Lock()
	idle := !c.writing && len(c.queue.buf) == 0
	c.last = until
	if c.raw != nil {
		_ = c.raw.SetReadDeadline(until)
	}
	c.mu.Unlock()
	if idle {
		c.close(errEnded)
	}
}

// close ends the connection, once, and tells the shards what did not arrive.
func (c *conn) close(err error) {
	if c.gone.Swap(true) {
		return
	}
	c.hub.forget(c)
	c.mu.Lock()
	raw := c.raw
	told := c.unsent()
	if c.open {
		err = fmt.Errorf("%w: %w", flow.ErrLost, err)
	}
	if used := c.open && c.heard.Load() != c.born.UnixNano(); used && !c.half {
		told = append(told, c.flow().Key(), c.unnamed().Key())
	}
	c.queue = queue{}
	c.mu.Unlock()
	if raw != nil {
		_ = raw.Close() // whatever it says, it is gone
	}
	if log := c.hub.log.Check(zap.DebugLevel, "connection closed"); log != nil {
		log.Write(zap.Stringer("flow", c.flow()), zap.Uint32("conn", c.id), zap.Error(err))
	}
	for i, k := range told {
		if !slices.Contains(told[:i], k) {
			c.hub.report(k, err)
		}
	}
}

// unsent returns the flows of what waits to be written; c.mu is held.
func (c *conn) unsent() (keys []flow.Flow) {
	for _, q := range [...]*queue{&c.spare, &c.queue} {
		for i := range q.items {
			if k := q.items[i].flow.Key(); len(keys) == 0 || keys[len(keys)-1] != k {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// unnamed is the flow of those who use the connection without naming it.
func (c *conn) unnamed() flow.Flow {
	f := c.flow()
	f.Conn = 0
	return f
}

// serve runs a connection of a peer.
func (c *conn) serve() {
	if c.listener.listen.Transport != flow.TCP {
		_ = c.raw.SetDeadline(c.born.Add(c.hub.limits.Patience)) // fails only when closed
		if err := c.handshake(); err != nil {
			c.hub.failed.Add(1)
			c.close(err)
			return
		}
		_ = c.raw.SetDeadline(time.Time{})
	}
	c.ready(c.raw)
	c.part(c.read())
}

// ready lets what is queued be written.
func (c *conn) ready(raw net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw, c.open = raw, true
	if len(c.queue.buf) > 0 && !c.gone.Load() {
		c.writing = true
		c.hub.done.Go(c.write)
	}
}

// handshake makes a TLS connection or a WebSocket of an accepted one.
func (c *conn) handshake() error {
	if cert := c.listener.cert; cert != nil {
		secure, err := c.hub.gate.handshake(c.hub.ctx, c.raw, func(raw net.Conn) *tls.Conn { return tls.Server(raw, cert.config()) })
		if err != nil {
			return err
		}
		c.become(secure)
	}
	if c.web() {
		return c.upgrade()
	}
	return nil
}

// become puts what was made of the socket in its place.
func (c *conn) become(raw net.Conn) {
	c.mu.Lock()
	c.raw = raw
	c.mu.Unlock()
}

// dial makes the connection and runs it.
func (c *conn) dial() {
	raw, err := c.connect()
	if err != nil {
		c.hub.failed.Add(1)
		c.close(err)
		return
	}
	if c.ready(raw); c.gone.Load() {
		_ = raw.Close()
		return
	}
	c.part(c.read())
}

func (c *conn) connect() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(c.hub.ctx, dialWait)
	defer cancel()
	d := net.Dialer{}
	if a := c.listener.listen.Addr.Addr(); !a.IsUnspecified() { // the network that was chosen
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
	}
	raw, err := d.DialContext(ctx, "tcp", c.remote.String())
	if err != nil || c.listener.listen.Transport != flow.TLS {
		return raw, err
	}
	_ = raw.SetDeadline(time.Now().Add(c.hub.limits.Patience)) // fails only when closed
	secure, err := c.hub.gate.handshake(c.hub.ctx, raw, func(raw net.Conn) *tls.Conn {
		return tls.Client(raw, c.hub.dialTLS.config(c.name, c.remote.Addr(), c.listener.cert))
	})
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secure, secure.SetDeadline(time.Time{})
}

// read reads messages until the end.
func (c *conn) read() error {
	src := newSource(c.raw)
	var cut cutter = &framer{}
	if c.web() {
		cut = &webFramer{}
	}
	started := c.born // what is awaited: the first byte, then the end of a message that has begun
	waiting := c.inbound
	for {
		if err := c.await(waiting, started); err != nil {
			return err
		}
		var over error
		err := src.read(func(b []byte) {
			c.heard.Store(time.Now().UnixNano())
			cut.feed(b)
			over = c.take(cut)
			cut.keep()
		})
		if over != nil {
			c.linger(src)
			return over
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !c.overdue(waiting, started) {
			continue // something was written meanwhile
		}
		if err != nil {
			err = c.blame(err, waiting)
			if b := cut.left(); len(b) > 0 {
				c.breakOff(b, err, src)
			}
			return err
		}
		if begun := cut.begun(); begun != waiting || !begun || cut.taken() {
			waiting, started = begun, time.Now()
		}
	}
}

// take handles the frames of a round; an error means that there will be no more.
func (c *conn) take(cut cutter) error {
	for {
		switch kind, b := cut.next(); kind {
		case frameNone:
			return nil
		case framePing:
			_ = c.push(flow.Flow{}, crlf) // without a connection nobody waits for it
		case frameEcho:
			c.pushFrame(ws.NewPongFrame(b))
		case frameClose:
			c.pushFrame(ws.NewCloseFrame(b))
			c.finish(time.Now().Add(c.hub.bye))
			return io.EOF
		case frameFull:
			c.owe(b)
			c.hub.deliver(c, b)
		case frameBroken:
			c.hub.broken.Add(1)
			if c.web() {
				c.pushFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusProtocolError, "")))
				c.finish(time.Now().Add(c.hub.bye))
			} else {
				c.hub.deliver(c, b) // which is answered with 400, if it can be
			}
			return errPeer
		}
	}
}

// await sets the time until which the next bytes have to come.
func (c *conn) await(waiting bool, started time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.last.IsZero() {
		return c.raw.SetReadDeadline(c.last)
	}
	return c.raw.SetReadDeadline(c.deadline(waiting, started))
}

func (c *conn) deadline(waiting bool, started time.Time) time.Time {
	if waiting {
		return started.Add(c.hub.limits.Patience)
	}
	heard, end := time.Unix(0, c.heard.Load()), c.born.Add(c.hub.limits.Lifetime)
	at := heard.Add(c.hub.limits.Idle)
	if at.After(end) { // it ends in a pause
		if at = end; heard.Add(c.hub.pause).After(end) {
			at = heard.Add(c.hub.pause)
		}
		if hard := end.Add(graceful); at.After(hard) {
			at = hard
		}
	}
	return at
}

func (c *conn) overdue(waiting bool, started time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.last.IsZero() || !time.Now().Before(c.deadline(waiting, started))
}

// breakOff has a message answered whose rest does not come: it is as broken as one without an end (RFC 4475 §3.1.2.2).
func (c *conn) breakOff(b []byte, err error, src source) {
	switch {
	case errors.Is(err, errSlow):
		c.hub.deliver(c, b)
		c.linger(src)
	case errors.Is(err, io.EOF):
		c.owe(b)
		c.hub.deliver(c, b)
	}
}

// blame says why reading has ended.
func (c *conn) blame(err error, waiting bool) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if waiting {
		c.hub.broken.Add(1)
		return errSlow
	}
	return errAged
}

// linger gives the answer to what could not be read time to leave, and throws away what comes.
func (c *conn) linger(src source) {
	_ = c.raw.SetReadDeadline(time.Now().Add(c.hub.bye)) // fails only when closed
	for src.read(func([]byte) {}) == nil {
	}
}
