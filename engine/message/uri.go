package message

import (
	"bytes"
	"net/netip"
	"slices"
)

// URI is a parsed SIP, SIPS or tel URI (RFC 3261 §19.1, RFC 3966). Its slices point into what it was parsed from.
type URI struct {
	// Scheme is "sip", "sips", "tel", or another scheme in lower case, whose rest is then in Opaque.
	Scheme string
	// User is the user part as received (escaped), without a password; for tel the number. Nil if there is none.
	User []byte
	// Password is what stood after a colon in the user part.
	Password []byte
	// Host is the host, an IPv6 address in its brackets.
	Host []byte
	// Port is 0 if not given.
	Port uint16
	// Params are the URI parameters with their leading semicolon, Headers the headers with their question mark.
	Params, Headers []byte
	// Opaque is what follows the colon of an unknown scheme.
	Opaque []byte
}

var errURI = bad("URI")

// ParseURI reads a URI. It refuses what cannot stand in a start line or between angle brackets: white space,
// control characters, quotes and angle brackets.
func ParseURI(b []byte) (URI, error) {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return URI{}, errURI
		}
	}
	u := URI{Scheme: schemeOf(b)}
	if u.Scheme == "" {
		return URI{}, errURI
	}
	rest := b[bytes.IndexByte(b, ':')+1:]
	switch u.Scheme {
	case "sip", "sips":
		return parseSIPURI(u, rest)
	case "tel":
		u.User = rest
		if i := bytes.IndexByte(rest, ';'); i >= 0 {
			u.User, u.Params = rest[:i], rest[i:]
		}
		if len(u.User) == 0 {
			return URI{}, errURI
		}
		return u, nil
	}
	u.Opaque = rest
	return u, nil
}

func parseSIPURI(u URI, b []byte) (URI, error) {
	if at := bytes.IndexByte(b, '@'); at >= 0 {
		u.User, b = b[:at], b[at+1:]
		if i := bytes.IndexByte(u.User, ':'); i >= 0 {
			u.User, u.Password = u.User[:i], u.User[i+1:]
		}
		if len(u.User) == 0 || !validEscapes(u.User) {
			return URI{}, errURI
		}
	}
	if i := bytes.IndexByte(b, '?'); i >= 0 {
		b, u.Headers = b[:i], b[i:]
	}
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		b, u.Params = b[:i], b[i:]
	}
	var ok bool
	if u.Host, u.Port, ok = splitHostPort(b); !ok {
		return URI{}, errURI
	}
	return u, nil
}

func validEscapes(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' {
			if i+2 >= len(b) || unhex(b[i+1]) < 0 || unhex(b[i+2]) < 0 {
				return false
			}
			i += 2
		}
	}
	return true
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// schemeOf returns the scheme in lower case, "" if there is none.
func schemeOf(b []byte) string {
	i := bytes.IndexByte(b, ':')
	if i < 1 || i == len(b)-1 {
		return ""
	}
	s := b[:i]
	switch {
	case equalFold(s, "sip"):
		return "sip"
	case equalFold(s, "sips"):
		return "sips"
	case equalFold(s, "tel"):
		return "tel"
	}
	for j, c := range s {
		c = lowerByte(c)
		if !(c >= 'a' && c <= 'z' || j > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return ""
		}
	}
	return lower(string(s))
}

// Secure reports whether the URI asks for TLS on every hop (RFC 3261 §26.2.2).
func (u *URI) Secure() bool { return u.Scheme == "sips" }

// Addr returns the address that the URI names by number, with the port that RFC 3263 §4.2 gives it, and whether it
// names one; maddr is honoured (RFC 3261 §19.1.1).
func (u *URI) Addr() (netip.AddrPort, bool) {
	host := u.Host
	if m, ok := Param(u.Params, "maddr"); ok {
		host = m
	}
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	a, err := netip.ParseAddr(string(host))
	if err != nil {
		return netip.AddrPort{}, false
	}
	port := u.Port
	if port == 0 {
		port = 5060
		if u.Secure() {
			port = 5061
		}
	}
	return netip.AddrPortFrom(a.Unmap(), port), true
}

// AppendUnescaped appends b with its %HH escapes resolved.
func AppendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && unhex(b[i+1]) >= 0 && unhex(b[i+2]) >= 0 {
			dst = append(dst, byte(unhex(b[i+1])<<4|unhex(b[i+2])))
			i += 2
			continue
		}
		dst = append(dst, b[i])
	}
	return dst
}

// AppendKey appends a form of the URI that is equal for URIs that are equal by RFC 3261 §19.1.4. It is stricter in one
// point: a parameter that only one of two URIs carries makes them differ, since it often names a device or a line.
func (u *URI) AppendKey(dst []byte) []byte {
	dst = append(append(dst, u.Scheme...), ':')
	if u.Opaque != nil {
		return append(dst, u.Opaque...)
	}
	dst = AppendUnescaped(dst, u.User)
	if u.Password != nil {
		dst = AppendUnescaped(append(dst, ':'), u.Password)
	}
	dst = append(dst, '@')
	for _, c := range u.Host {
		dst = append(dst, lowerByte(c))
	}
	if u.Port != 0 {
		dst = AppendUint(append(dst, ':'), u.Port)
	}
	var params []string
	EachParam(u.Params, func(k, v []byte) bool {
		params = append(params, ";"+lower(string(AppendUnescaped(nil, k)))+"="+lower(string(AppendUnescaped(nil, v))))
		return true
	})
	slices.Sort(params)
	for _, p := range params {
		dst = append(dst, p...)
	}
	return append(dst, u.Headers...)
}
