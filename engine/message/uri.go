package message

import (
	"bytes"
	"net/netip"
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
	if !uriBytes(b) {
		return URI{}, errURI
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
		if noDigits(u.User) {
			return URI{}, errURI
		}
		return u, nil
	}
	u.Opaque = rest
	return u, nil
}

func uriBytes(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return false
		}
	}
	return true
}

// noDigits reports whether a telephone number holds nothing but visual separators (RFC 3966 §3).
func noDigits(number []byte) bool {
	for len(number) > 0 {
		c, n := unescape(number)
		if !visual[c] {
			return false
		}
		number = number[n:]
	}
	return true
}

var visual = byteSet("-.()")

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

// validEscapes reports whether every % starts an escaped character.
func validEscapes(b []byte) bool {
	for len(b) > 0 {
		c, n := unescape(b)
		if c == '%' && n == 1 {
			return false
		}
		b = b[n:]
	}
	return true
}

// unescape returns the first character of b, which is not empty, and the length of its spelling: 3 if it is escaped, else 1.
func unescape(b []byte) (c byte, n int) {
	if b[0] == '%' && len(b) > 2 && unhex(b[1]) >= 0 && unhex(b[2]) >= 0 {
		return byte(unhex(b[1])<<4 | unhex(b[2])), 3
	}
	return b[0], 1
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
	if !letters[s[0]] || !only(s, &schemeByte) {
		return ""
	}
	return lower(string(s))
}

// Secure reports whether the URI asks for TLS on every hop (RFC 3261 §26.2.2).
func (u *URI) Secure() bool { return u.Scheme == "sips" }

// Addr returns the address that the URI names by number, with its port or the default one of its transport (RFC 3261
// §19.1.2, RFC 7118 §5.4), and whether it names one; maddr is honoured (RFC 3261 §19.1.1).
func (u *URI) Addr() (netip.AddrPort, bool) {
	host := u.Host
	if m, ok := Param(u.Params, "maddr"); ok {
		host = m
	}
	a, ok := parseIP(host)
	if !ok {
		return netip.AddrPort{}, false
	}
	port := u.Port
	if port == 0 {
		port = u.defaultPort()
	}
	return netip.AddrPortFrom(a.Unmap(), port), true
}

func (u *URI) defaultPort() uint16 {
	transport, _ := Param(u.Params, "transport")
	switch {
	case equalFold(transport, "ws") && u.Secure(), equalFold(transport, "wss"):
		return 443
	case equalFold(transport, "ws"):
		return 80
	case u.Secure(), equalFold(transport, "tls"):
		return 5061
	}
	return 5060
}

// AppendUnescaped appends b with its %HH escapes resolved.
func AppendUnescaped(dst, b []byte) []byte {
	for len(b) > 0 {
		c, n := unescape(b)
		dst = append(dst, c)
		b = b[n:]
	}
	return dst
}

// The first byte of a scheme, and every one (RFC 3261 §25.1).
var (
	letters    = byteSet(alphanum[10:])
	schemeByte = byteSet(alphanum + "+-.")
)
