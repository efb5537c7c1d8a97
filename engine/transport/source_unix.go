//go:build unix

package transport

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// sharedSource waits for a socket to become readable before it takes a buffer.
type sharedSource struct {
	raw syscall.RawConn
	try func(fd uintptr) bool

	buf *[readBytes]byte
	n   int
	err error
}

func newSharedSource(c *net.TCPConn) source {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	s := &sharedSource{raw: raw}
	s.try = func(fd uintptr) bool {
		s.buf = readBuffers.Get().(*[readBytes]byte)
		for again := true; again; again = errors.Is(s.err, syscall.EINTR) {
			s.n, s.err = syscall.Read(int(fd), s.buf[:])
		}
		if errors.Is(s.err, syscall.EAGAIN) {
			s.release()
			return false
		}
		return true
	}
	return s
}

func (s *sharedSource) release() {
	readBuffers.Put(s.buf)
	s.buf = nil
}

func (s *sharedSource) read(take func(b []byte)) error {
	if err := s.raw.Read(s.try); err != nil {
		return err
	}
	defer s.release()
	switch {
	case s.err != nil:
		return os.NewSyscallError("read", s.err)
	case s.n == 0:
		return io.EOF
	}
	take(s.buf[:s.n])
	return nil
}
