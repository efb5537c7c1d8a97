package message

import (
	"bytes"
	"slices"
)

// AppendKey appends a form of the URI that is equal for URIs that are equal by RFC 3261 §19.1.4, and is itself such a URI. It
// is stricter in one point: a parameter that only one of two URIs carries makes them differ, since it often names a device
// or a line. Telephone numbers lose their visual separators (RFC 3966 §4), IPv6 addresses their spelling.
func (u *URI) AppendKey(dst []byte) []byte {
	dst = append(append(dst, u.Scheme...), ':')
	switch {
	case u.Opaque != nil:
		return append(dst, u.Opaque...)
	case u.Scheme == "tel":
		dst = appendNumber(dst, u.User)
	default:
		dst = u.appendAuthority(dst)
	}
	dst = appendSorted(dst, ';', ';', u.keyParams())
	return appendSorted(dst, '?', '&', u.keyHeaders())
}

func appendNumber(dst, number []byte) []byte {
	for _, c := range appendNormal(nil, number, lowerByte) {
		if !visual[c] {
			dst = append(dst, c)
		}
	}
	return dst
}

// appendAuthority appends user, password, host and port: user and password as they are spelled, the host without case.
func (u *URI) appendAuthority(dst []byte) []byte {
	if u.User != nil {
		dst = appendNormal(dst, u.User, nil)
		if u.Password != nil {
			dst = appendNormal(append(dst, ':'), u.Password, nil)
		}
		dst = append(dst, '@')
	}
	if a, ok := parseIP(u.Host); ok && a.Is6() {
		dst = append(a.AppendTo(append(dst, '[')), ']')
	} else {
		for _, c := range u.Host {
			dst = append(dst, lowerByte(c))
		}
	}
	if u.Port != 0 {
		dst = AppendUint(append(dst, ':'), u.Port)
	}
	return dst
}

func (u *URI) keyParams() (all [][]byte) {
	EachParam(u.Params, func(k, v []byte) bool {
		p := appendNormal(nil, k, lowerByte)
		all = append(all, appendNormal(append(p, '='), v, lowerByte))
		return true
	})
	return all
}

// keyHeaders returns the URI's headers, their values with case: most are compared so (RFC 3261 §20).
func (u *URI) keyHeaders() (all [][]byte) {
	for h := range bytes.SplitSeq(bytes.TrimPrefix(u.Headers, []byte{'?'}), []byte{'&'}) {
		k, v, _ := bytes.Cut(h, []byte{'='})
		if len(k) > 0 {
			p := appendNormal(nil, k, lowerByte)
			all = append(all, appendNormal(append(p, '='), v, nil))
		}
	}
	return all
}

// appendSorted appends parts in their order, lead before the first one and sep before the others.
func appendSorted(dst []byte, lead, sep byte, parts [][]byte) []byte {
	slices.SortFunc(parts, bytes.Compare)
	for _, p := range parts {
		dst = append(append(dst, lead), p...)
		lead = sep
	}
	return dst
}

// appendNormal appends a component of a URI so that equal ones come out equal: an escaped character is equal to the plain one
// unless it is reserved (RFC 3261 §19.1.4, RFC 2396 §2.2). fold, if not nil, takes the case of letters away.
func appendNormal(dst, b []byte, fold func(byte) byte) []byte {
	for len(b) > 0 {
		c, n := unescape(b)
		b = b[n:]
		switch {
		case !unreserved[c] && (n > 1 || !reserved[c]):
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		case fold != nil:
			dst = append(dst, fold(c))
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

const upperHex = "0123456789ABCDEF"

var (
	reserved   = byteSet(";/?:@&=+$,")
	unreserved = byteSet(alphanum + "-_.!~*'()[]") // the brackets stand in maddr
)
