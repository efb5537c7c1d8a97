package transport

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// maxUpgrade is how many bytes the HTTP request may have that asks for a WebSocket.
const maxUpgrade = 16 << 10

// subprotocol is what a WebSocket for SIP has to speak (RFC 7118 §4.1).
const subprotocol = "sip"

// upgrade answers the HTTP request that asks for a WebSocket (RFC 6455 §4.2, RFC 7118 §4.1).
func (c *conn) upgrade() error {
	origin, spoken := "", false
	u := ws.Upgrader{
		ReadBufferSize: 4 << 10, WriteBufferSize: 512,
		Protocol: func(p []byte) bool {
			spoken = spoken || strings.EqualFold(string(p), subprotocol)
			return strings.EqualFold(string(p), subprotocol)
		},
		OnHeader: func(k, v []byte) error {
			if strings.EqualFold(string(k), "Origin") {
				origin = string(v)
			}
			return nil
		},
		OnBeforeUpgrade: func() (ws.HandshakeHeader, error) {
			switch {
			case !spoken:
				return nil, ws.RejectConnectionError(ws.RejectionStatus(400), ws.RejectionReason("the subprotocol sip is needed"))
			case !c.listener.listen.admits(origin):
				return nil, ws.RejectConnectionError(ws.RejectionStatus(403), ws.RejectionReason("this origin is not allowed"))
			}
			return nil, nil
		},
	}
	_, err := u.Upgrade(struct {
		io.Reader
		io.Writer
	}{io.LimitReader(c.raw, maxUpgrade), c.raw})
	return err
}

// admits reports whether a page of that origin may open a WebSocket (RFC 6455 §10.2). What sends no Origin is no browser.
func (l *Listen) admits(origin string) bool {
	return origin == "" || l.Web == nil || len(l.Web.Origins) == 0 || slices.ContainsFunc(l.Web.Origins, func(o string) bool {
		return strings.EqualFold(o, origin)
	})
}

// appendFrame appends a message as a frame of a server: a message has one to itself (RFC 7118 §5). Text must be UTF-8.
func appendFrame(dst, b []byte) []byte {
	f := ws.NewTextFrame(b)
	if !utf8.Valid(b) {
		f = ws.NewBinaryFrame(b)
	}
	return appendWhole(dst, f)
}

func appendWhole(dst []byte, f ws.Frame) []byte {
	buf := bytes.NewBuffer(dst)
	_ = ws.WriteFrame(buf, f) // a buffer takes everything
	return buf.Bytes()
}

// pushFrame queues a frame as it is.
func (c *conn) pushFrame(f ws.Frame) {
	_ = c.enqueue(flow.Flow{}, appendWhole(nil, f), false) // without a connection nobody waits for it
}

// webFramer cuts what a WebSocket client sends into messages (RFC 6455 §5.4, RFC 7118 §5): text or binary, fragmented or not.
type webFramer struct {
	rest
	msg   []byte // the fragments of the message at hand
	state ws.State
	dead  bool
}

func (r *webFramer) begun() bool { return len(r.held) > 0 || r.state.Fragmented() }
func (*webFramer) left() []byte  { return nil }

func (r *webFramer) next() (frame, []byte) {
	for !r.dead {
		h, payload, ok := r.cut()
		switch {
		case r.dead:
			return frameBroken, nil
		case !ok:
			return frameNone, nil
		case h.OpCode == ws.OpPing:
			return frameEcho, payload
		case h.OpCode == ws.OpClose:
			r.dead = true
			return frameClose, payload[:min(2, len(payload))] // its status code
		case h.OpCode == ws.OpPong:
		default:
			if kind, b := r.join(h, payload); kind != frameNone {
				return kind, b
			}
		}
	}
	return frameNone, nil
}

// cut takes the next frame, if it has come whole. One that must not be makes the framer dead.
func (r *webFramer) cut() (h ws.Header, payload []byte, ok bool) {
	in := bytes.NewReader(r.buf)
	h, err := ws.ReadHeader(in)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return h, nil, false
	}
	if err != nil || ws.CheckHeader(h, r.state|ws.StateServerSide) != nil || h.Length > int64(message.MaxSize-len(r.msg)) {
		r.dead = true
		return h, nil, false
	}
	start := len(r.buf) - in.Len()
	end := start + int(h.Length)
	if end > len(r.buf) {
		return h, nil, false
	}
	payload, r.buf = r.buf[start:end:end], r.buf[end:]
	ws.Cipher(payload, h.Mask, 0)
	return h, payload, true
}

// join puts the fragments of a message together. A message of line ends is a keep-alive (RFC 5626 §4.4.1).
func (r *webFramer) join(h ws.Header, payload []byte) (frame, []byte) {
	if !h.Fin {
		r.msg, r.state = append(r.msg, payload...), r.state.Set(ws.StateFragmented)
		return frameNone, nil
	}
	if r.state.Fragmented() {
		payload = append(r.msg, payload...)
		r.msg, r.state = nil, r.state.Clear(ws.StateFragmented)
	}
	r.full = true
	if len(bytes.Trim(payload, "\r\n")) > 0 {
		return frameFull, payload
	}
	if len(payload) >= 4 {
		return framePing, payload
	}
	return frameNone, nil
}
