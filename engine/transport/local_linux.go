//go:build linux && !tandem_portable

package transport

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlBytes holds which address of ours a datagram is for, or from: in6_pktinfo is the larger one.
const controlBytes = 48

// control is the control message of a datagram, aligned.
type control [controlBytes / 8]uint64

func (c *control) base() *byte { return (*byte)(unsafe.Pointer(c)) }

func (c *control) header() *unix.Cmsghdr { return (*unix.Cmsghdr)(unsafe.Pointer(c)) }

func (c *control) data() unsafe.Pointer { return unsafe.Add(unsafe.Pointer(c), unix.CmsgLen(0)) }

// local returns the address that a datagram has come to, with n bytes of control messages; invalid if they do not say.
func (c *control) local(n int) netip.Addr {
	h := c.header()
	switch {
	case n >= unix.CmsgSpace(unix.SizeofInet4Pktinfo) && h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO:
		return netip.AddrFrom4((*unix.Inet4Pktinfo)(c.data()).Spec_dst)
	case n >= unix.CmsgSpace(unix.SizeofInet6Pktinfo) && h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO:
		return netip.AddrFrom16((*unix.Inet6Pktinfo)(c.data()).Addr)
	}
	return netip.Addr{}
}

// from has a datagram leave from an address; the system chooses if it is invalid.
func (c *control) from(m *unix.Msghdr, a netip.Addr) {
	h := c.header()
	switch {
	case a.Is4():
		h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		*(*unix.Inet4Pktinfo)(c.data()) = unix.Inet4Pktinfo{Spec_dst: a.As4()}
		h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		m.SetControllen(unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	case a.Is6():
		h.Level, h.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		*(*unix.Inet6Pktinfo)(c.data()) = unix.Inet6Pktinfo{Addr: a.As16()}
		h.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
		m.SetControllen(unix.CmsgSpace(unix.SizeofInet6Pktinfo))
	default:
		m.Control = nil
		m.SetControllen(0)
		return
	}
	m.Control = c.base()
}

// locals are the addresses of this machine that peers have sent to, by their numbers from 1 on. A list is never changed, only replaced.
type locals struct {
	mu   sync.Mutex
	list atomic.Pointer[[]netip.Addr]
}

func (l *locals) all() []netip.Addr {
	if list := l.list.Load(); list != nil {
		return *list
	}
	return nil
}

// number returns the number of an address, 0 if there are too many.
func (l *locals) number(a netip.Addr) uint8 {
	if !a.IsValid() || a.IsMulticast() {
		return 0
	}
	if i := slices.Index(l.all(), a); i >= 0 {
		return uint8(i + 1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.all()
	i := slices.Index(list, a)
	if i < 0 && len(list) < math.MaxUint8 {
		i = len(list)
		list = append(slices.Clip(list), a)
		l.list.Store(&list)
	}
	return uint8(i + 1)
}

// at returns the address with a number, invalid for 0.
func (l *locals) at(n uint8) netip.Addr {
	if list := l.all(); n > 0 && int(n) <= len(list) {
		return list[n-1]
	}
	return netip.Addr{}
}
