package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"tandem/engine/flow"
)

const listenForm = "write transport:address:port, for example udp:192.0.2.1:5060 or tcp:[2001:db8::1]:5060"

// Listen says where a listener is: a transport and a local address. Port 0 takes a free port.
// An IPv6 listener takes nothing of IPv4; to have both, list both.
type Listen struct {
	Addr      netip.AddrPort
	Transport flow.Transport
	// Security is its certificates, which TLS and WSS need.
	Security *Security
	// Web may be nil.
	Web *Web
}

// Web is who may open a WebSocket.
type Web struct {
	// Origins are the origins of pages, "https://phone.example.com"; none = all.
	Origins []string
}

// String returns the listener as ParseListen reads it.
func (l Listen) String() string {
	return strings.ToLower(l.Transport.String()) + ":" + l.Addr.String()
}

// ParseListen reads "udp:192.0.2.1:5060" or "tls:[2001:db8::1]:5061". The address is a literal
// IP address of the machine or the unspecified one (0.0.0.0, [::]). The transports are udp, tcp, tls, ws
// and wss.
func ParseListen(s string) (Listen, error) {
	name, rest, found := strings.Cut(s, ":")
	if !found {
		return Listen{}, fmt.Errorf("listen %q: no transport: %s", s, listenForm)
	}
	transport, known := transports[strings.ToLower(name)]
	if !known {
		return Listen{}, fmt.Errorf("listen %q: %q is not a transport (udp, tcp, tls, ws, wss): %s", s, name, listenForm)
	}
	addr, err := parseAddrPort(rest)
	if err != nil {
		return Listen{}, fmt.Errorf("listen %q: %w: %s", s, err, listenForm)
	}
	return Listen{Addr: addr, Transport: transport}, nil
}

var transports = map[string]flow.Transport{"udp": flow.UDP, "tcp": flow.TCP, "tls": flow.TLS, "ws": flow.WS, "wss": flow.WSS}

// parseAddrPort is netip.ParseAddrPort with errors that say what a user has to mend.
func parseAddrPort(s string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
	}
	if s == "" {
		return netip.AddrPort{}, errors.New("no address")
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		if a.Is6() && !strings.HasPrefix(s, "[") {
			return netip.AddrPort{}, errors.New("an IPv6 address needs brackets and a port")
		}
		return netip.AddrPort{}, errors.New("no port")
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return netip.AddrPort{}, errors.New("no port")
	}
	host, port := s[:i], s[i+1:]
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not an IP address", host)
	}
	return netip.AddrPort{}, fmt.Errorf("%q is not a port (0 to 65535)", port)
}

// explainBind turns a refused bind into something a user can act on. It wraps err.
func explainBind(l Listen, err error) error {
	hint := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		show := "ss -ltnp"
		if l.Transport == flow.UDP {
			show = "ss -lunp"
		}
		hint = "; stop the program that has it (" + show + " shows which), or listen on another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "; no interface of this machine has that address (ip address shows them)"
	case errors.Is(err, syscall.EACCES):
		hint = "; ports below 1024 need CAP_NET_BIND_SERVICE"
	}
	return fmt.Errorf("listen %s: %w%s", l, err, hint)
}
