package transport

import (
	"bytes"

	"tandem/engine/message"
)

// maxHeader is how many bytes of a stream may come before the end of a header.
const maxHeader = 32 << 10

// frame is what a framer has found.
type frame uint8

const (
	frameNone   frame = iota // more bytes are needed
	frameFull                // a message
	framePing                // a keep-alive, to be answered with a CRLF (RFC 5626 §4.4.1)
	frameBroken              // a message whose end cannot be known; nothing after it can be used
	frameEcho                // of a WebSocket: a ping, to be answered with what it holds (RFC 6455 §5.5.2)
	frameClose               // of a WebSocket: the peer ends it (RFC 6455 §5.5.1)
)

// cutter cuts what comes on a connection into messages. It does no I/O: bytes go in through feed, frames come out of next, keep
// ends a round.
type cutter interface {
	// feed begins a round with what came. b is used, and may be written to, until keep.
	feed(b []byte)
	// next returns the next frame, which is valid until keep.
	next() (frame, []byte)
	// keep ends a round: what was not taken is kept.
	keep()
	// begun reports whether a part of a message is held, taken whether the last round had a whole one.
	begun() bool
	taken() bool
	// left returns the part that is held, perhaps enough for an answer; nothing where none is possible.
	left() []byte
}

// rest is the bytes of a round. Between rounds it holds those that were not taken, and no buffer if there are none.
type rest struct {
	buf  []byte // of this round
	held []byte // buf is this, or bytes of the caller's
	full bool   // a message was taken in the last round
}

func (r *rest) feed(b []byte) {
	r.full = false
	if len(r.held) == 0 {
		r.buf = b
		return
	}
	r.held = append(r.held, b...)
	r.buf = r.held
}

func (r *rest) keep() {
	switch {
	case len(r.buf) == 0:
		r.held = nil
	case len(r.held) == 0:
		r.held = bytes.Clone(r.buf)
	case len(r.buf) < len(r.held):
		r.held = r.held[:copy(r.held, r.buf)]
	}
	r.buf = nil
}

func (r *rest) taken() bool { return r.full }

// framer cuts a stream into messages by Content-Length (RFC 3261 §18.3).
type framer struct {
	rest
	scan int // where the search for the header's end goes on
	end  int // of the message, once its header is complete
	dead bool
}

func (r *framer) begun() bool  { return len(r.left()) > 0 }
func (r *framer) left() []byte { return bytes.TrimLeft(r.held, "\r\n") }

// next returns the next frame; of a broken message as much as can be read, perhaps enough for an answer.
func (r *framer) next() (frame, []byte) {
	if r.dead {
		return frameNone, nil
	}
	if r.end == 0 {
		if ping, wait := r.skipLineEnds(); ping {
			return framePing, nil
		} else if wait {
			return frameNone, nil
		}
		if kind := r.findEnd(); kind != frameFull {
			r.dead = kind == frameBroken
			return kind, r.buf
		}
	}
	if len(r.buf) < r.end {
		return frameNone, nil
	}
	m := r.buf[:r.end:r.end]
	r.buf, r.end, r.scan, r.full = r.buf[r.end:], 0, 0, true
	return frameFull, m
}

// skipLineEnds drops line ends before a start line (RFC 3261 §7.5); two in a row are a ping. One alone, at the end of what
// came, may become half of a ping: wait.
func (r *framer) skipLineEnds() (ping, wait bool) {
	if r.scan > 0 {
		return false, false
	}
	for bytes.HasPrefix(r.buf, []byte("\r\n")) {
		switch {
		case bytes.HasPrefix(r.buf[2:], []byte("\r\n")):
			r.buf = r.buf[4:]
			return true, false
		case len(r.buf) == 2 || len(r.buf) == 3 && r.buf[2] == '\r':
			return false, true
		}
		r.buf = r.buf[2:]
	}
	return false, len(r.buf) == 0 || len(r.buf) == 1 && r.buf[0] == '\r'
}

// findEnd looks for the end of the header and of the message after it.
func (r *framer) findEnd() frame {
	for {
		n := bytes.IndexByte(r.buf[r.scan:], '\n')
		if n < 0 {
			r.scan = len(r.buf)
			return r.tooLong(r.scan)
		}
		at := r.scan + n + 1
		switch rest := r.buf[at:]; {
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			r.scan = at - 1
			return r.tooLong(r.scan)
		case rest[0] == '\n':
			return r.headed(at + 1)
		case rest[0] == '\r' && rest[1] == '\n':
			return r.headed(at + 2)
		}
		r.scan = at
	}
}

func (r *framer) tooLong(n int) frame {
	if n > maxHeader {
		return frameBroken
	}
	return frameNone
}

// headed takes a complete header. A message in a stream has a Content-Length (RFC 3261 §18.3, §20.14).
func (r *framer) headed(end int) frame {
	n, ok := message.PeekLength(r.buf[:end])
	if !ok || end > maxHeader || end+n > message.MaxSize {
		return frameBroken
	}
	r.end = end + n
	return frameFull
}
