package transport

import (
	"io"
	"net"
	"sync"
)

// source is where the bytes of a stream come from.
type source interface {
	// read waits for bytes and hands them to take, which must not keep them.
	read(take func(b []byte)) error
}

// readBytes is how much is read at once from a socket. The buffers are shared: a connection on which nothing comes has none.
const readBytes = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new([readBytes]byte) }}

// heldSource reads into a buffer of its own: what a TLS record may hold.
type heldSource struct {
	r   io.Reader
	buf [4 << 10]byte
}

func (s *heldSource) read(take func(b []byte)) error {
	n, err := s.r.Read(s.buf[:])
	if n > 0 {
		take(s.buf[:n])
		return nil
	}
	return err
}

func newSource(raw net.Conn) source {
	if tcp, ok := raw.(*net.TCPConn); ok {
		if s := newSharedSource(tcp); s != nil {
			return s
		}
	}
	return &heldSource{r: raw}
}
