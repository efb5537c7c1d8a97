package transport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"tandem/engine/flow"
)

// part ends a connection that nothing more is read from. A peer that has only ended its own side (RFC 9293 §3.6) still hears the answers that
// come soon to what it has asked. Later ones go another way (RFC 3261 §18.2.2), like requests at once: it may as well have ended all of it.
func (c *conn) part(err error) {
	if c.web() || !errors.Is(err, io.EOF) || !c.halve() {
		c.close(err)
		return
	}
	c.hub.unlist(c)
	lost := fmt.Errorf("%w: %w", flow.ErrLost, err)
	c.hub.report(c.flow().Key(), lost)
	c.hub.report(c.unnamed().Key(), lost)
	time.AfterFunc(c.hub.bye, func() { c.close(err) })
}

// halve reports whether answers are owed to the peer, which sends nothing more.
func (c *conn) halve() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.half = c.owed > 0 && c.last.IsZero()
	return c.half
}

// owe notes that a message is a request that is going to be answered.
func (c *conn) owe(b []byte) {
	line, _, _ := bytes.Cut(b, crlf)
	if !bytes.HasSuffix(line, version) || bytes.HasPrefix(line, ack) {
		return
	}
	c.mu.Lock()
	c.owed++
	c.mu.Unlock()
}

// settle notes that a final response was queued; the last that is owed ends a connection that is half closed. c.mu is held.
func (c *conn) settle(b []byte) {
	if c.owed == 0 || !isResponse(b) || b[len(version)+1] == '1' {
		return
	}
	if c.owed--; c.half && c.owed == 0 {
		c.last = time.Now().Add(c.hub.bye)
	}
}

// takes reports whether bytes may be queued; c.mu is held.
func (c *conn) takes(b []byte) bool {
	return !c.gone.Load() && c.last.IsZero() && (!c.half || isResponse(b))
}

var (
	version = []byte("SIP/2.0")
	ack     = []byte("ACK ")
)

// isResponse reports whether a message is a response, and no request or keep-alive.
func isResponse(b []byte) bool { return len(b) > len(version)+1 && bytes.HasPrefix(b, version) }
