package transport

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"tandem/engine/flow"
)

// assign finds the listener of each socket that was handed over. One that is for none is an error: what peers send to it would wait for
// nobody.
func assign(c Config) ([][]*os.File, error) {
	given := make([][]*os.File, len(c.Listens))
	for _, f := range c.Inherited {
		kind, addr, err := identify(f)
		if err != nil {
			return nil, fmt.Errorf("listen: the socket %s that was handed over cannot be used: %w", f.Name(), err)
		}
		at := -1
		for i, l := range c.Listens {
			if (l.Transport == flow.UDP) == (kind == "udp") && l.Addr == addr {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("listen: a socket for %s:%s was handed over and no listener has that address; add one, or take it out of the socket unit", kind, addr)
		}
		given[at] = append(given[at], f)
	}
	return given, nil
}

// identify says what a socket is bound to.
func identify(f *os.File) (kind string, addr netip.AddrPort, err error) {
	if l, err := net.FileListener(f); err == nil {
		defer func() { _ = l.Close() }() // a duplicate
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			return "tcp", unmapped(tcp.AddrPort()), nil
		}
		return "", addr, fmt.Errorf("%s is no TCP socket", l.Addr().Network())
	}
	c, err := net.FilePacketConn(f)
	if err != nil {
		return "", addr, err
	}
	defer func() { _ = c.Close() }() // a duplicate
	if udp, ok := c.LocalAddr().(*net.UDPAddr); ok {
		return "udp", unmapped(udp.AddrPort()), nil
	}
	return "", addr, fmt.Errorf("%s is no UDP socket", c.LocalAddr().Network())
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
