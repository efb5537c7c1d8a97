package message

import (
	"bytes"
	"net/netip"
	"strings"
)

// ViaValue is one element of a Via header (RFC 3261 §20.42). Its slices point into the message.
type ViaValue struct {
	// Transport is the protocol as received: "UDP", "TCP", ….
	Transport []byte
	// Host is the sent-by host, an IPv6 address in its brackets; nil if there is no valid Via.
	Host []byte
	// Port is the sent-by port, 0 if not given.
	Port uint16
	// Branch is the branch parameter, nil if there is none.
	Branch []byte
	// Params are all parameters with their leading semicolon.
	Params []byte

	foreign bool // of another protocol than SIP/2.0
}

// magic reports whether the branch was made by RFC 3261's rules (§17.2.3).
func (v *ViaValue) magic() bool {
	return len(v.Branch) > 7 && equalFold(v.Branch[:7], "z9hG4bK")
}

// Unique reports whether the branch alone identifies the transaction (RFC 3261 §17.2.3).
func (v *ViaValue) Unique() bool { return v.magic() }

var errVia = bad("Via")

func parseVia(b []byte) (ViaValue, error) {
	b, foreign, err := parseProtocol(b)
	if err != nil {
		return ViaValue{}, err
	}
	b = trim(b)
	n := 0
	for n < len(b) && !isSpace(b[n]) {
		n++
	}
	v := ViaValue{Transport: b[:n], foreign: foreign}
	if !isToken(v.Transport) {
		return ViaValue{}, errVia
	}
	b = trim(b[n:])
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		b, v.Params = trim(b[:i]), b[i:]
	}
	host, port, ok := splitHostPort(b)
	if !ok {
		return ViaValue{}, errVia
	}
	v.Host, v.Port = host, port
	if br, ok := Param(v.Params, "branch"); ok && len(br) > 0 {
		v.Branch = br
	}
	return v, nil
}

var sip2 = []byte("SIP/2.0/")

// parseProtocol reads the name and the version of the protocol, with white space allowed round the slashes (RFC 3261 §25.1, SLASH),
// and returns what follows. foreign is what is not SIP 2.0.
func parseProtocol(b []byte) (rest []byte, foreign bool, err error) {
	if rest, usual := bytes.CutPrefix(b, sip2); usual {
		return rest, false, nil
	}
	var part [2][]byte
	for i := range part {
		n := bytes.IndexByte(b, '/')
		if n < 0 {
			return nil, false, errVia
		}
		part[i], b = trim(b[:n]), b[n+1:]
	}
	if !isToken(part[0]) || !isToken(part[1]) {
		return nil, false, errVia
	}
	return b, !equalFold(part[0], "SIP") || string(part[1]) != "2.0", nil
}

// EachVia calls yield with the elements of the Via fields, topmost first, until it returns false. What is no Via is passed over:
// other elements put what they like into theirs (RFC 5393 §4.2.4).
func (m *Message) EachVia(yield func(v ViaValue) bool) {
	top := true
	m.Each(Via, func(e []byte) bool {
		v := m.via
		if !top {
			v, _ = parseVia(e)
		}
		top = false
		return v.Host == nil || yield(v)
	})
}

// splitHostPort splits host [COLON port]; white space round the colon is legal in a Via.
func splitHostPort(b []byte) (host []byte, port uint16, ok bool) {
	host = b
	i := bytes.LastIndexByte(b, ':')
	if len(b) > 0 && b[0] == '[' {
		e := bytes.IndexByte(b, ']')
		if e < 0 {
			return nil, 0, false
		}
		i = -1
		if rest := trim(b[e+1:]); len(rest) > 0 {
			if rest[0] != ':' {
				return nil, 0, false
			}
			i = len(b) - len(rest)
		}
		host = b[:e+1]
	}
	if i >= 0 {
		p, isNum := parseUint(trim(b[i+1:]))
		if !isNum || p == 0 || p > 65535 {
			return nil, 0, false
		}
		port = uint16(p)
		if b[0] != '[' {
			host = trim(b[:i])
		}
	}
	return host, port, validHost(host)
}

func validHost(h []byte) bool {
	if len(h) == 0 {
		return false
	}
	if h[0] == '[' {
		a, ok := parseIP(h)
		return ok && a.Is6()
	}
	return only(h, &hostByte)
}

// hostByte are the bytes of host names and IPv4 addresses, and the underscore that some networks use.
var hostByte = byteSet(alphanum + ".-_")

// parseIP reads an address without a zone, an IPv6 address with or without brackets (RFC 5118 §4.5).
func parseIP(b []byte) (netip.Addr, bool) {
	if n := len(b); n > 2 && b[0] == '[' && b[n-1] == ']' {
		b = b[1 : n-1]
	}
	if len(b) > len("0000:0000:0000:0000:0000:0000:255.255.255.255:") {
		return netip.Addr{}, false
	}
	if a, ok := parseIPv4(b); ok {
		return a, true
	}
	s := string(b)
	if i := strings.Index(s, ":::"); i >= 0 {
		s = s[:i] + s[i+1:] // RFC 5118 §4.10: a slip of RFC 3261's grammar
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// parseIPv4 reads an IPv4 address as netip.ParseAddr does, without a string: every request that goes out names one.
func parseIPv4(b []byte) (netip.Addr, bool) {
	var a [4]byte
	for i := range a {
		n := 0
		for n < len(b) && b[n] != '.' {
			n++
		}
		v, ok := parseUint(b[:n])
		if !ok || v > 255 || n > 1 && b[0] == '0' {
			return netip.Addr{}, false
		}
		a[i] = byte(v)
		if last := n == len(b); last != (i == len(a)-1) {
			return netip.Addr{}, false
		} else if !last {
			b = b[n+1:]
		}
	}
	return netip.AddrFrom4(a), true
}

// NameAddr is the value of From, To, Contact, Diversion and their like (RFC 3261 §20.10, §25.1).
type NameAddr struct {
	// Display is the display name as received, quotes included; empty if there is none.
	Display []byte
	// URI is what stands in the angle brackets, or the bare address.
	URI []byte
	// Params are the header parameters with their leading semicolon.
	Params []byte
}

var errNameAddr = bad("address")

// ParseNameAddr reads a name-addr or addr-spec with its header parameters. Parameters after a bare address
// belong to the header, not to the URI (RFC 3261 §20).
func ParseNameAddr(b []byte) (NameAddr, error) {
	b = trim(b)
	q := 0
	if len(b) > 0 && b[0] == '"' {
		if q = quoted(b); q < 0 {
			return NameAddr{}, errNameAddr
		}
	}
	lt := bytes.IndexByte(b[q:], '<')
	if lt < 0 {
		return parseAddrSpec(b)
	}
	lt += q
	gt := bytes.IndexByte(b[lt:], '>')
	if gt < 0 || !validDisplay(b[q:lt], q > 0) {
		return NameAddr{}, errNameAddr
	}
	gt += lt
	na := NameAddr{Display: trim(b[:lt]), URI: b[lt+1 : gt], Params: trim(b[gt+1:])}
	if schemeOf(na.URI) == "" || !noStop(na.URI, &bracketStop) || len(na.Params) > 0 && na.Params[0] != ';' {
		return NameAddr{}, errNameAddr
	}
	return na, nil
}

// validDisplay reports whether d may stand before the bracket: white space after a quoted display name, else tokens (RFC 3261
// §25.1). Peers send more than tokens unquoted; what could end the name or start another element is refused.
func validDisplay(d []byte, afterQuoted bool) bool {
	if afterQuoted {
		return len(trim(d)) == 0
	}
	return noStop(d, &displayStop)
}

// parseAddrSpec reads an address without brackets. It cannot hold what would be ambiguous (RFC 3261 §20.10).
func parseAddrSpec(b []byte) (NameAddr, error) {
	na := NameAddr{URI: b}
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		na.URI, na.Params = trimRight(b[:i]), b[i:]
	}
	if schemeOf(na.URI) == "" || !noStop(na.URI, &bareStop) {
		return NameAddr{}, errNameAddr
	}
	return na, nil
}

// What ends a URI in brackets, a bare address and an unquoted display name.
var (
	bracketStop = byteSet(" \t<")
	bareStop    = byteSet(" \t<>\"?,")
	displayStop = byteSet("\",;>")
)

func noStop(b []byte, stop *[256]bool) bool {
	for _, c := range b {
		if stop[c] {
			return false
		}
	}
	return true
}
