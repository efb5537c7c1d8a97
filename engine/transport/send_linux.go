//go:build linux && !tandem_portable

package transport

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/engine/flow"
)

const (
	// errorTries is how often a call is made again that a pending ICMP error may have spoilt.
	// Another error can arrive in between, hence more than once.
	errorTries = 4
	// sendWait is how long a flush waits for a full socket, in all, before it throws away what is
	// left. The network loses datagrams too, and SIP retransmits; the shard's other calls wait.
	sendWait = 20 * time.Millisecond
)

// send sends a listener's queue. refused datagrams are in p.failed too. dropped ones are not:
// they found the socket or the device full, which says nothing about the peer.
func (p *port) send(listener int, q *queue) (sent, refused, dropped int) {
	fd := p.socks[listener].fd
	var full time.Time
	tries := 0
	for at := 0; at < len(q.items); {
		n := p.load(q, at)
		k, errno := p.sendmsg(fd, p.out[:n])
		switch errno {
		case 0:
			sent, at, tries = sent+k, at+k, 0
			if k < n { // the reason is lost: if it was a pending error, it is in the queue only
				p.readErrors(listener)
			}
		case unix.EINTR:
		case unix.EAGAIN:
			if full.IsZero() {
				full = time.Now().Add(sendWait)
			}
			if !p.writable(listener, full) {
				return sent, refused, len(q.items) - at + dropped
			}
		case unix.ENOBUFS, unix.ENOMEM:
			dropped, at, tries = dropped+1, at+1, 0
		default:
			// A pending ICMP error, of any peer, or this datagram's own refusal. The first is gone
			// once it was returned; the second comes back.
			p.readErrors(listener)
			if tries++; tries >= errorTries {
				p.failed = append(p.failed, failure{flow: q.items[at].flow, err: errno})
				refused, at, tries = refused+1, at+1, 0
			}
		}
	}
	return sent, refused, dropped
}

// load prepares the headers for the datagrams from at on and returns how many.
func (p *port) load(q *queue, at int) int {
	n := min(len(q.items)-at, sendBatch)
	for i := range n {
		b := q.datagram(at + i)
		p.outIov[i].Base = unsafe.SliceData(b)
		p.outIov[i].SetLen(len(b))
		p.out[i].Hdr.Namelen = p.zones.put(&p.outSA[i], q.items[at+i].flow.Remote)
		p.outCtl[i].from(&p.out[i].Hdr, p.ours.at(q.items[at+i].flow.Local))
	}
	return n
}

// writable waits until the socket takes datagrams again, false if it does not by the deadline.
func (p *port) writable(listener int, deadline time.Time) bool {
	left := time.Until(deadline)
	if left <= 0 {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(p.socks[listener].fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, int(left/time.Millisecond)+1)
	if n > 0 && fds[0].Revents&unix.POLLERR != 0 {
		p.readErrors(listener)
	}
	return n > 0 || err == unix.EINTR
}

// errorQueue is the buffers for reading sockets' error queues.
type errorQueue struct {
	hdr     unix.Msghdr
	name    unix.RawSockaddrInet6
	control [32]uint64 // 256 bytes, aligned
}

// readErrors empties a socket's error queue, which takes the pending error away too, and notes
// the ICMP errors in p.failed.
func (p *port) readErrors(listener int) {
	q := &p.errs
	for {
		q.hdr = unix.Msghdr{
			Name: (*byte)(unsafe.Pointer(&q.name)), Namelen: unix.SizeofSockaddrInet6,
			Control: (*byte)(unsafe.Pointer(&q.control)),
		}
		q.hdr.SetControllen(int(unsafe.Sizeof(q.control)))
		_, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(p.socks[listener].fd),
			uintptr(unsafe.Pointer(&q.hdr)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return
		}
		if err := q.err(); err != 0 && q.hdr.Namelen > 0 {
			f := flow.Flow{Remote: p.zones.addrPort(&q.name), Listener: uint8(listener), Transport: flow.UDP}
			p.failed = append(p.failed, failure{flow: f, err: err, icmp: true})
		}
	}
}

// err returns the error that was read, 0 if it is none of those that count.
func (q *errorQueue) err() syscall.Errno {
	b := unsafe.Slice((*byte)(unsafe.Pointer(&q.control)), int(q.hdr.Controllen))
	for len(b) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			return 0
		}
		b = rest
		isErr := h.Level == unix.IPPROTO_IP && h.Type == unix.IP_RECVERR ||
			h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVERR
		if isErr && len(data) >= int(unsafe.Sizeof(unix.SockExtendedErr{})) {
			ee := (*unix.SockExtendedErr)(unsafe.Pointer(&data[0]))
			if icmpFails(ee.Origin, ee.Type, ee.Code) {
				return syscall.Errno(ee.Errno)
			}
		}
	}
	return 0
}

// icmpFails reports whether an ICMP message means that sending has failed. RFC 3261 §18.4:
// unreachables and parameter problems do; source quench and time exceeded do not. Fragmentation
// needed and packet too big do not either: the kernel fragments the retransmission.
func icmpFails(origin, typ, code uint8) bool {
	const (
		unreachable4, fragmentation4, parameter4 = 3, 4, 12 // RFC 792
		unreachable6, parameter6                 = 1, 4     // RFC 4443
	)
	switch origin {
	case unix.SO_EE_ORIGIN_ICMP:
		return typ == unreachable4 && code != fragmentation4 || typ == parameter4
	case unix.SO_EE_ORIGIN_ICMP6:
		return typ == unreachable6 || typ == parameter6
	}
	return false // SO_EE_ORIGIN_LOCAL: the send has returned it already
}
