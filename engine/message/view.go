package message

import (
	"bytes"
	"net/netip"
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
}

// magic reports whether the branch was made by RFC 3261's rules (§17.2.3).
func (v *ViaValue) magic() bool {
	return len(v.Branch) > 7 && equalFold(v.Branch[:7], "z9hG4bK")
}

// Unique reports whether the branch alone identifies the transaction (RFC 3261 §17.2.3).
func (v *ViaValue) Unique() bool { return v.magic() }

var errVia = bad("Via")

func parseVia(b []byte) (ViaValue, error) {
	// SIP / 2.0 / UDP, with white space allowed round the slashes (RFC 3261 §25.1, SLASH)
	var part [2][]byte
	for i := range part {
		n := bytes.IndexByte(b, '/')
		if n < 0 {
			return ViaValue{}, errVia
		}
		part[i], b = trim(b[:n]), b[n+1:]
	}
	if !equalFold(part[0], "SIP") || string(part[1]) != "2.0" {
		return ViaValue{}, errVia
	}
	b = trim(b)
	n := bytes.IndexAny(b, " \t")
	if n < 1 {
		return ViaValue{}, errVia
	}
	v := ViaValue{Transport: b[:n]}
	b = trim(b[n:])
	v.Params = nil
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
		a, err := netip.ParseAddr(string(h[1 : len(h)-1]))
		return err == nil && a.Is6()
	}
	for _, c := range h {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
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
	i := 0
	if len(b) > 0 && b[0] == '"' {
		if i = quoted(b); i < 0 {
			return NameAddr{}, errNameAddr
		}
	}
	lt := bytes.IndexByte(b[i:], '<')
	if lt < 0 {
		if i > 0 {
			return NameAddr{}, errNameAddr
		}
		return parseAddrSpec(b)
	}
	lt += i
	gt := bytes.IndexByte(b[lt:], '>')
	if gt < 0 {
		return NameAddr{}, errNameAddr
	}
	gt += lt
	na := NameAddr{Display: trim(b[:lt]), URI: b[lt+1 : gt], Params: trim(b[gt+1:])}
	if schemeOf(na.URI) == "" || len(na.Params) > 0 && na.Params[0] != ';' {
		return NameAddr{}, errNameAddr
	}
	if i == 0 && bytes.ContainsAny(na.Display, "\",;:<>@") && !utf8Display(na.Display) {
		return NameAddr{}, errNameAddr // RFC 3261 §25.1: an unquoted display name is tokens
	}
	return na, nil
}

// utf8Display lets through what peers send unquoted although they should not: it holds nothing that could end
// the display name or start another element.
func utf8Display(d []byte) bool { return !bytes.ContainsAny(d, "\",;<>") }

func parseAddrSpec(b []byte) (NameAddr, error) {
	na := NameAddr{URI: b}
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		na.URI, na.Params = trimRight(b[:i]), b[i:]
	}
	if schemeOf(na.URI) == "" || bytes.ContainsAny(na.URI, " \t") {
		return NameAddr{}, errNameAddr
	}
	return na, nil
}

// Param returns the value of a parameter in ";a=1;b" by its name in any case; ok without a value for a flag. A quoted
// value keeps its quotes.
func Param(params []byte, name string) (value []byte, ok bool) {
	for len(params) > 0 {
		if params[0] == ';' {
			params = params[1:]
		}
		n := paramEnd(params)
		p := params[:n]
		params = params[n:]
		k, v := p, []byte(nil)
		if i := bytes.IndexByte(p, '='); i >= 0 {
			k, v = p[:i], trim(p[i+1:])
		}
		if equalFold(trim(k), name) {
			return v, true
		}
	}
	return nil, false
}

// paramEnd returns the length of the parameter at the start of b, up to the next semicolon outside quotes.
func paramEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case ';':
			return i
		case '"':
			n := quoted(b[i:])
			if n < 0 {
				return len(b)
			}
			i += n - 1
		}
	}
	return len(b)
}

// EachParam calls yield with the name and value of every parameter in ";a=1;b".
func EachParam(params []byte, yield func(name, value []byte) bool) {
	for len(params) > 0 {
		if params[0] == ';' {
			params = params[1:]
			continue
		}
		n := paramEnd(params)
		k, v, _ := bytes.Cut(params[:n], []byte{'='})
		if k = trim(k); len(k) > 0 && !yield(k, trim(v)) {
			return
		}
		params = params[n:]
	}
}

// element returns the length of the list element at the start of b, up to the next comma outside quotes and angle
// brackets (RFC 3261 §7.3.1).
func element(b []byte) int {
	angle := false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			if angle {
				continue
			}
			n := quoted(b[i:])
			if n < 0 {
				return len(b)
			}
			i += n - 1
		case '<':
			angle = true
		case '>':
			angle = false
		case ',':
			if !angle {
				return i
			}
		}
	}
	return len(b)
}

// quoted returns the length of the quoted string at the start of b, -1 if it does not end.
func quoted(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return trimRight(b)
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// isToken reports whether b is a token of RFC 3261 §25.1.
func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenByte[c] {
			return false
		}
	}
	return len(b) > 0
}

var tokenByte = func() (t [256]bool) {
	for c := range 128 {
		t[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || bytes.IndexByte([]byte("-.!%*_+`'~"), byte(c)) >= 0
	}
	return t
}()
