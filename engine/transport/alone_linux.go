//go:build linux && !tandem_portable

package transport

import (
	"math"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// While handshakes compute, a shard sleeps in a system call of its own. The Go poller is one thread, and the one that it gives a
// handshake to: it computes it at once, and nobody polls until another thread has been started, or for as long as the handshake
// takes. A thread that the kernel wakes itself does not wait for that. It costs more where nothing else is done, so it is not how
// shards always sleep.

// bellEvent is what the epoll instance says instead of a listener's index when the bell has rung.
const bellEvent = -1

// hangBell makes the bell. It is a file that blocks: the Go poller has nothing to do with it.
func (p *port) hangBell() error {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	p.bell = os.NewFile(uintptr(fd), "bell")
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: bellEvent}
	if err := unix.EpollCtl(p.epollFD(), unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		_ = p.bell.Close()
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

var one = []byte{1, 0, 0, 0, 0, 0, 0, 0}

// ring ends a sleep alone, or the next one, from any goroutine.
func (p *port) ring() { _, _ = p.bell.Write(one) } // fails only when closed

// hush takes back what has rung, for the shard, when the epoll instance says that something has.
func (p *port) hush() {
	_, _ = p.bell.Read(p.rung[:]) // fails only when closed
	p.woken = true
}

// alone says whether recv sleeps by itself from now on, and reports whether it will.
func (p *port) alone(wanted bool) bool {
	wanted = wanted && !p.deaf // what comes to sockets that are not read would keep it awake
	if p.solo.Load() != wanted {
		p.solo.Store(wanted)
	}
	return wanted
}

// rest bounds the next sleep alone; a negative d does not.
func (p *port) rest(d time.Duration) { p.limit = d }

// sleepAlone receives a batch, sleeping first in the kernel if there is none.
func (p *port) sleepAlone(epfd int) {
	p.slept, p.woken = false, false
	if p.scan(epfd); p.found() || p.woken || p.limit == 0 {
		return
	}
	n, err := unix.EpollWait(epfd, p.events, milliseconds(p.limit))
	p.slept = true
	if err != nil { // EINTR: a turn with nothing to do
		return
	}
	if p.only < 0 {
		p.ready = p.events[:n]
	} else if slices.ContainsFunc(p.events[:n], func(e unix.EpollEvent) bool { return e.Fd == bellEvent }) {
		p.hush()
	}
	p.scan(epfd)
}

// found reports whether the last look was not in vain.
func (p *port) found() bool { return p.n > 0 || len(p.failed) > 0 || p.again || p.fatal != nil }

// milliseconds rounds up, as the Go poller does.
func milliseconds(d time.Duration) int {
	if d < 0 {
		return -1
	}
	return int(min((d+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
}
