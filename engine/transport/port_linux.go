//go:build linux && !tandem_portable

package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/engine/flow"
)

const (
	// recvBatch is how many datagrams one call receives. Each has a buffer for the largest
	// datagram that there is, 2 MiB a shard: an address range, of which only the pages that
	// datagrams have reached are backed by memory (about 128 KiB if none is over a page).
	recvBatch = 32
	// sendBatch is how many datagrams one call sends. The scheduler waits as long as a call lasts.
	sendBatch = 32

	bufferBytes = 4 << 20 // of the socket, each way
)

// port is a shard's sockets and what it sleeps on.
//
// The sockets are in an epoll instance of their own, and that is what the Go poller watches: a
// shard can sleep on several sockets, and the poller is not woken whenever a datagram has left,
// as it would be by a socket that it watches itself (it asks for writability too).
//
// Receiving and sending are raw system calls on sockets that never block. A call that tells the
// scheduler wakes its monitor thread each time the process was idle before; at 15000 datagrams
// a second that cost half as much again as receiving and sending itself.
//
// The deadline is a timer in the epoll instance, not one of the Go poller: for that the poller
// wakes up to a millisecond early and sleeps again, and the monitor thread wakes with it each time.
type port struct {
	poll  *os.File // the epoll instance
	raw   syscall.RawConn
	timer int       // a timerfd in it
	ring  time.Time // when it rings or has rung; zero = never
	socks []*sock   // by listener; nil if it is not for UDP
	only  int       // the listener, if one is for UDP; else -1

	// Preallocated for RawConn.
	await func(fd uintptr) bool
	once  func(fd uintptr)

	events []unix.EpollEvent
	ready  []unix.EpollEvent // of events, the sockets known to be ready and not read yet

	in    [recvBatch]unix.Mmsghdr
	inIov [recvBatch]unix.Iovec
	inSA  [recvBatch]unix.RawSockaddrInet6
	inCtl [recvBatch]control
	buf   []byte
	used  int // headers that the last receive has written to

	out    [sendBatch]unix.Mmsghdr
	outIov [sendBatch]unix.Iovec
	outSA  [sendBatch]unix.RawSockaddrInet6
	outCtl [sendBatch]control

	every  bool // a socket is bound to every address
	n      int  // datagrams of the last receive
	cur    int  // listener that they came from
	again  bool // a receive failed in passing
	tries  int  // scans of the last sleep
	rung   bool // the deadline may have passed in the last sleep
	deaf   bool // the sockets are not read any more
	slept  bool // the last receive has given way to others
	fatal  error
	failed []failure

	ours    *locals // of all shards
	zones   zones
	errs    errorQueue
	sendmsg func(fd int, msgs []unix.Mmsghdr) (int, syscall.Errno) // sendmmsg, but in tests
}

// openPorts binds a socket per listener for each of n shards.
func openPorts(listens []Listen, n int, given [][]*os.File) ([]*port, []netip.AddrPort, error) {
	ports, ours := make([]*port, 0, n), &locals{}
	fail := func(err error) ([]*port, []netip.AddrPort, error) {
		for _, p := range ports {
			_ = p.close() // the first error is the one to tell
		}
		return nil, nil, err
	}
	for range n {
		p, err := newPort()
		if err != nil {
			return fail(fmt.Errorf("listen: poller: %w", err))
		}
		p.ours = ours
		ports = append(ports, p)
	}
	bound := make([]netip.AddrPort, len(listens))
	for i, l := range listens {
		addr := l.Addr
		if l.Transport != flow.UDP {
			for _, p := range ports {
				p.socks = append(p.socks, nil)
			}
			continue
		}
		for k, p := range ports {
			s, err := openSocket(addr, given[i], k, n)
			if err != nil {
				return fail(explainBind(Listen{Addr: addr, Transport: l.Transport}, err))
			}
			addr = s.local
			if s.mute {
				p.socks, p.only = append(p.socks, s), -1
				continue
			}
			if err := p.add(s); err != nil {
				return fail(fmt.Errorf("listen %s: poller: %w", l, err))
			}
		}
		bound[i] = addr
	}
	return ports, bound, nil
}

// openSocket returns the socket of the k-th of n shards at an address: bound, or one of those given.
func openSocket(addr netip.AddrPort, given []*os.File, k, n int) (*sock, error) {
	switch {
	case len(given) == 0:
		return bind(addr, k == 0, n > 1)
	case len(given) > n:
		return nil, fmt.Errorf("%d sockets were handed over for %d shards, and nobody would read the rest; hand over at most one for each", len(given), n)
	}
	return adopt(given[k%len(given)], addr, k >= len(given))
}

func newPort() (*port, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // makes os.File pollable
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	timer, err := addTimer(fd)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	p := &port{
		poll: os.NewFile(uintptr(fd), "shard"), timer: timer, buf: make([]byte, recvBatch*bufSize),
		sendmsg: sendmmsg, only: -1, events: make([]unix.EpollEvent, 1),
	}
	if p.raw, err = p.poll.SyscallConn(); err == nil {
		err = p.poll.SetReadDeadline(time.Time{}) // fails if it is not pollable
	}
	if err != nil {
		_ = p.close()
		return nil, err
	}
	p.await = func(fd uintptr) bool {
		p.tries++
		p.scan(int(fd))
		// What wakes and is no datagram is the timer. The poller forgets what it was told of before a read begins: a timer that has
		// rung by then is seen by the clock.
		p.rung = p.n == 0 && (p.tries > 1 || p.rings())
		return p.rung || p.n > 0 || len(p.failed) > 0 || p.again || p.fatal != nil
	}
	p.once = func(fd uintptr) { p.scan(int(fd)) }
	p.wire()
	return p, nil
}

// bufSize holds any datagram.
const bufSize = MaxDatagram + 1

func (p *port) wire() {
	for i := range p.in {
		p.inIov[i].Base = &p.buf[i*bufSize]
		p.inIov[i].SetLen(bufSize)
		h := &p.in[i].Hdr
		h.Iov = &p.inIov[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&p.inSA[i]))
		h.Namelen = unix.SizeofSockaddrInet6
		h.Control = p.inCtl[i].base()
	}
	for i := range p.out {
		h := &p.out[i].Hdr
		h.Iov = &p.outIov[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&p.outSA[i]))
	}
}

func (p *port) add(s *sock) error {
	// The event's data is the listener's index.
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(p.socks))}
	p.only = -1
	if !slices.ContainsFunc(p.socks, func(s *sock) bool { return s != nil }) {
		p.only = len(p.socks)
	}
	p.socks, p.every = append(p.socks, s), p.every || s.every
	p.events = make([]unix.EpollEvent, len(p.socks)+1)
	return unix.EpollCtl(p.epollFD(), unix.EPOLL_CTL_ADD, s.fd, &ev)
}

func (p *port) epollFD() (fd int) {
	_ = p.raw.Control(func(x uintptr) { fd = int(x) }) // cannot fail before close
	return fd
}

// deafen leaves what comes in the sockets.
func (p *port) deafen() { p.deaf, p.ready, p.again = true, nil, false }

func (p *port) start([]*Shard, int) {}
func (p *port) stop()               {}

// recv receives a batch, sleeping first if told to. rung says that the deadline may have passed.
func (p *port) recv(sleep bool) (n int, rung bool, err error) {
	p.n, p.again, p.tries, p.rung = 0, false, 0, false
	woken := false
	if sleep {
		err = p.raw.Read(p.await)
		woken = errors.Is(err, os.ErrDeadlineExceeded)
	}
	if woken { // by wake, of which the poller is to know no more
		_ = p.poll.SetReadDeadline(time.Time{}) // fails only when closed, and so does the next call
	}
	if !sleep || woken {
		// The poller refuses to read when it was woken; the sockets get their turn nevertheless, or
		// a shard woken all the time would not hear its peers.
		err = p.raw.Control(p.once)
	}
	p.slept = p.tries > 1 || woken && p.tries == 1
	if err == nil {
		err = p.fatal
	}
	return p.n, p.rung, err
}

// more reports whether there is probably something to receive at once.
func (p *port) more() bool { return p.n == recvBatch || len(p.ready) > 0 || p.again }

// scan receives one batch from the next socket that has something.
func (p *port) scan(epfd int) {
	if p.deaf {
		return
	}
	if p.only >= 0 {
		p.read(p.only)
		return
	}
	if len(p.ready) == 0 {
		p.ready = p.events[:epollWait(epfd, p.events)]
	}
	for len(p.ready) > 0 && p.n == 0 {
		listener := p.ready[0].Fd
		p.ready = p.ready[1:]
		if listener != timerEvent {
			p.read(int(listener))
		}
	}
}

// read receives a batch from a listener's socket. A pending ICMP error is what the call returns
// in place of a datagram; it is taken out of the way and the call made again.
func (p *port) read(listener int) {
	for i := range p.in[:p.used] {
		p.in[i].Hdr.Namelen = unix.SizeofSockaddrInet6
	}
	if p.every {
		for i := range p.in {
			p.in[i].Hdr.SetControllen(controlBytes)
		}
	}
	p.used = 0
	for range errorTries {
		n, errno := recvmmsg(p.socks[listener].fd, p.in[:])
		switch errno {
		case 0:
			p.n, p.used, p.cur = n, n, listener
			return
		case unix.EAGAIN:
			return
		case unix.EINTR:
		case unix.EBADF, unix.ENOTSOCK, unix.EFAULT, unix.EINVAL:
			p.fatal = fmt.Errorf("receive: %w", os.NewSyscallError("recvmmsg", errno))
			return
		default:
			p.readErrors(listener)
		}
	}
	p.again = true
}

// datagram returns the i-th datagram of the last receive.
func (p *port) datagram(i int) (flow.Flow, []byte) {
	f := flow.Flow{Remote: p.zones.addrPort(&p.inSA[i]), Listener: uint8(p.cur), Transport: flow.UDP}
	if p.socks[p.cur].every {
		f.Local = p.ours.number(p.inCtl[i].local(int(p.in[i].Hdr.Controllen)))
	}
	off := i * bufSize
	end := off + int(p.in[i].Len)
	return f, p.buf[off:end:end]
}

// arm makes recv's sleep end after d, d > 0 or not.
func (p *port) arm(d time.Duration) {
	d = max(d, 1)
	p.ring = time.Now().Add(d) // before the timer is set, which rings then or later
	setTimer(p.timer, d)
}

func (p *port) disarm() {
	p.ring = time.Time{}
	setTimer(p.timer, 0)
}

// rings reports whether the deadline has passed.
func (p *port) rings() bool { return !p.ring.IsZero() && time.Until(p.ring) <= 0 }

// wake ends recv's sleep, or the next one.
func (p *port) wake() { _ = p.poll.SetReadDeadline(farPast) }

func (p *port) close() error {
	err := errors.Join(p.poll.Close(), os.NewSyscallError("close", unix.Close(p.timer)))
	for _, s := range p.socks {
		if s == nil {
			continue
		}
		err = errors.Join(err, os.NewSyscallError("close", unix.Close(s.fd)))
	}
	return err
}

// kernelDrops reads how many datagrams the sockets had no room for.
func (p *port) kernelDrops() uint64 {
	n := uint64(0)
	for _, s := range p.socks {
		if s != nil && !s.mute {
			n += uint64(s.drops())
		}
	}
	return n
}
