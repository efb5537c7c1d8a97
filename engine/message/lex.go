package message

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"strings"
)

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
	n := bytes.IndexByte(b, ';')
	if n < 0 {
		n = len(b)
	}
	if bytes.IndexByte(b[:n], '"') < 0 {
		return n
	}
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

// Elements yields the elements of a comma list, without the white space round them and without empty ones (RFC 3261 §7.3.1).
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(list) > 0 {
			n := element(list)
			if e := trim(list[:n]); len(e) > 0 && !yield(e) {
				return
			}
			list = list[min(n+1, len(list)):]
		}
	}
}

// element returns the length of the list element at the start of b, up to the next comma outside quotes and angle
// brackets (RFC 3261 §7.3.1).
func element(b []byte) int {
	if bytes.IndexByte(b, ',') < 0 {
		return len(b)
	}
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

func trim(b []byte) []byte { return trimRight(trimLeft(b)) }

func trimLeft(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

func trimRight(b []byte) []byte {
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

// IsToken reports whether s is a token of RFC 3261 §25.1.
func IsToken(s string) bool { return isToken([]byte(s)) }

// Unquote returns what a quoted-string says (RFC 3261 §25.1), or s if it is none.
func Unquote(s string) string {
	n := len(s)
	if n < 2 || s[0] != '"' || s[n-1] != '"' {
		return s
	}
	if s = s[1 : n-1]; !strings.Contains(s, `\`) {
		return s
	}
	b := make([]byte, 0, n)
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// isToken reports whether b is a token of RFC 3261 §25.1.
func isToken(b []byte) bool { return len(b) > 0 && only(b, &tokenByte) }

func only(b []byte, set *[256]bool) bool {
	for _, c := range b {
		if !set[c] {
			return false
		}
	}
	return true
}

var tokenByte = byteSet(alphanum + "-.!%*_+`'~")

// byteSet returns the set of the bytes of s.
func byteSet(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return t
}

const alphanum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// ParseQ reads a q value in thousandths, 0 to 1000 (RFC 3261 §25.1, qvalue); what is none counts as 1000, as if it were absent.
func ParseQ(v []byte) int {
	if len(v) == 0 || len(v) > 5 || v[0] != '0' && v[0] != '1' {
		return 1000
	}
	q := int(v[0]-'0') * 1000
	if len(v) > 1 && v[1] != '.' {
		return 1000
	}
	scale := 100
	for i := 2; i < len(v); i++ {
		if v[i] < '0' || v[i] > '9' {
			return 1000
		}
		q += int(v[i]-'0') * scale
		scale /= 10
	}
	return min(q, 1000)
}

// AppendQ appends thousandths as a q value: 500 as "0.5".
func AppendQ(dst []byte, q int) []byte {
	q = max(0, min(q, 1000))
	dst = append(dst, byte('0'+q/1000))
	if q %= 1000; q > 0 {
		dst = append(dst, '.')
		for d := 100; q > 0; d /= 10 {
			dst = append(dst, byte('0'+q/d))
			q %= d
		}
	}
	return dst
}

// clean reports whether b holds no control character other than HTAB. It looks at eight bytes at a time, since it sees every
// byte of every header: a byte below 0x20, or one that is 0 after XOR with DEL, borrows into its highest bit.
func clean(b []byte) bool {
	const ones = 0x0101010101010101
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b)
		d := w ^ 0x7f*ones
		if ((w-0x20*ones)&^w|(d-ones)&^d)&(0x80*ones) != 0 && slices.ContainsFunc(b[:8], control) {
			return false
		}
		b = b[8:]
	}
	return !slices.ContainsFunc(b, control)
}

func control(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

// quotedPairs reports whether every control character of a field value is escaped in a quoted string, where all but CR
// and LF may stand (RFC 3261 §25.1, quoted-pair).
func quotedPairs(v []byte) bool {
	in := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"':
			in = !in
		case c == '\\' && in && i+1 < len(v) && v[i+1] != '\r':
			i++
		case control(c):
			return false
		}
	}
	return true
}
