//go:build linux && !tandem_portable

package transport

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sock is one bound socket.
type sock struct {
	fd    int
	local netip.AddrPort
	mute  bool // another shard reads it
	every bool // bound to every address: datagrams say which one they are for, and leave from the one that they are to
}

// adopt makes a socket of one that was handed over, which stays open. It is of the same kind as one that bind makes, but for who may
// share its address, which cannot be changed.
func adopt(f *os.File, local netip.AddrPort, mute bool) (*sock, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sock{local: local, mute: mute, every: local.Addr().IsUnspecified()}
	var dupErr error
	err = raw.Control(func(fd uintptr) { s.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, os.NewSyscallError("fcntl", dupErr)); err != nil {
		return nil, err
	}
	if err = unix.SetNonblock(s.fd, true); err == nil {
		err = s.set(common(local))
	}
	if err != nil {
		_ = unix.Close(s.fd)
		return nil, err
	}
	return s, nil
}

// bind makes a socket on addr. If the socket is to be shared by several shards, the first is bound
// exclusively and opened to the others afterwards: a bind that shares from the start succeeds
// next to any other program of the same user that shares too, and two programs that probe first
// and bind then can pass each other. So can not two exclusive binds.
func bind(addr netip.AddrPort, first, shared bool) (*sock, error) {
	family := familyOf(addr)
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &sock{fd: fd, every: addr.Addr().IsUnspecified()}
	if err = s.prepare(addr, !first && shared); err == nil {
		err = s.bindTo(addr)
	}
	if err == nil && first && shared {
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func (s *sock) prepare(addr netip.AddrPort, share bool) error {
	var options []option
	if addr.Addr().Is6() {
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1})
	}
	if share {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
	}
	return s.set(append(options, common(addr)...))
}

type option struct{ level, name, value int }

// common are the options of every socket at an address.
func common(addr netip.AddrPort) []option {
	level, which := unix.IPPROTO_IP, unix.IP_PKTINFO
	if addr.Addr().Is6() {
		level, which = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	}
	options := ofErrors(familyOf(addr))
	if addr.Addr().IsUnspecified() {
		options = append(options, option{level, which, 1})
	}
	return options
}

func ofErrors(family int) []option {
	// Errors of ICMP come with the address that they are about. Let routers fragment: with path MTU discovery a large message vanishes
	// wherever ICMP is filtered; RFC 3261 §18.1.1 has the sender change the transport by size instead.
	if family == unix.AF_INET6 {
		return []option{{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1}, {unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT}}
	}
	return []option{{unix.IPPROTO_IP, unix.IP_RECVERR, 1}, {unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT}}
}

// set sets options and asks for large buffers.
func (s *sock) set(options []option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(s.fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	s.buffer(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	s.buffer(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	return nil
}

// familyOf is the family of sockets at an address.
func familyOf(addr netip.AddrPort) int {
	if addr.Addr().Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// buffer asks for a large buffer: beyond the system's limit if that is allowed, else up to it.
func (s *sock) buffer(force, plain int) {
	if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, force, bufferBytes) != nil {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, plain, bufferBytes) // a smaller one works too
	}
}

func (s *sock) bindTo(addr netip.AddrPort) error {
	var sa unix.Sockaddr
	if a := addr.Addr(); a.Is6() {
		sa = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: a.As16(), ZoneId: zoneIndex(a.Zone())}
	} else {
		sa = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: a.As4()}
	}
	if err := unix.Bind(s.fd, sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	got, err := unix.Getsockname(s.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	port := addr.Port()
	switch got := got.(type) {
	case *unix.SockaddrInet4:
		port = uint16(got.Port)
	case *unix.SockaddrInet6:
		port = uint16(got.Port)
	}
	s.local = netip.AddrPortFrom(addr.Addr(), port)
	return nil
}

// drops reads the kernel's count of datagrams that found the receive buffer full.
func (s *sock) drops() uint32 {
	const index, words = 8, 9 // SK_MEMINFO_DROPS, SK_MEMINFO_VARS of linux/sock_diag.h
	var info [words]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return info[index]
}

func recvmmsg(fd int, msgs []unix.Mmsghdr) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msgs[0])),
		uintptr(len(msgs)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func sendmmsg(fd int, msgs []unix.Mmsghdr) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msgs[0])),
		uintptr(len(msgs)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// epollWait fills events with the sockets that are ready now and returns their number.
func epollWait(epfd int, events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// timerEvent tells the timer's event from those of listeners.
const timerEvent = -1

// addTimer makes a timer and adds it to an epoll instance. It is told of once each time it is set: nobody has to read it.
func addTimer(epfd int) (int, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return 0, os.NewSyscallError("timerfd_create", err)
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: timerEvent}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		_ = unix.Close(fd)
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	return fd, nil
}

// setTimer makes a timer ring once after d, never if d is 0. It forgets that it has rung.
func setTimer(fd int, d time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(fd), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0) // cannot fail before close
}

// zones turns socket addresses into flows' addresses and back. It remembers the names of the
// interfaces of link-local addresses.
type zones struct{ names map[uint32]string }

func (z *zones) addrPort(sa *unix.RawSockaddrInet6) netip.AddrPort {
	if sa.Family == unix.AF_INET {
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), hostOrder(sa4.Port))
	}
	a := netip.AddrFrom16(sa.Addr).Unmap()
	if sa.Scope_id != 0 && a.Is6() {
		a = a.WithZone(z.name(sa.Scope_id))
	}
	return netip.AddrPortFrom(a, hostOrder(sa.Port))
}

func (z *zones) name(index uint32) string {
	if name, ok := z.names[index]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(index), 10)
	if ifi, err := net.InterfaceByIndex(int(index)); err == nil {
		name = ifi.Name
	}
	if z.names == nil {
		z.names = map[uint32]string{}
	}
	z.names[index] = name
	return name
}

// zoneIndex returns the interface of a zone, 0 if there is none of that name.
func zoneIndex(zone string) uint32 {
	if zone == "" {
		return 0
	}
	if ifi, err := net.InterfaceByName(zone); err == nil {
		return uint32(ifi.Index)
	}
	n, err := strconv.ParseUint(zone, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func (z *zones) index(zone string) uint32 {
	for i, name := range z.names {
		if name == zone {
			return i
		}
	}
	return zoneIndex(zone)
}

// put writes ap to sa and returns its length, 0 if ap has no address or its zone no interface.
func (z *zones) put(sa *unix.RawSockaddrInet6, ap netip.AddrPort) uint32 {
	a := ap.Addr()
	switch {
	case a.Is4() || a.Is4In6():
		sa4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*sa4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: netOrder(ap.Port()), Addr: a.As4()}
		return unix.SizeofSockaddrInet4
	case a.Is6():
		*sa = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: netOrder(ap.Port()), Addr: a.As16()}
		if zone := a.Zone(); zone != "" {
			if sa.Scope_id = z.index(zone); sa.Scope_id == 0 {
				return 0 // else the kernel would choose an interface
			}
		}
		return unix.SizeofSockaddrInet6
	}
	return 0
}

// hostOrder reads a port that is in network byte order in memory.
func hostOrder(p uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&p))
	return uint16(b[0])<<8 | uint16(b[1])
}

func netOrder(p uint16) uint16 { return hostOrder(p) } // the swap is its own inverse
