package auth

import (
	"bytes"
	"strconv"

	"tandem/engine/message"
)

// maxCredentials is how many bytes of a field are looked at: digests of what is longer would cost more than they are worth.
const maxCredentials = 2048

// Credentials are what an Authorization or Proxy-Authorization says (RFC 3261 §22.2, RFC 7616 §3.4). The slices are the values without their quotes, and
// point into the field unless quotes within had to be undone.
type Credentials struct {
	Username, Realm, Nonce, URI, Response []byte
	// QOP, NC and Cnonce are nil in those of elements that know RFC 2069 only.
	QOP, NC, Cnonce []byte
	Algorithm       Algorithm
	// Count is what NC says.
	Count uint32
}

// Parse reads credentials. ok is false for other schemes than Digest, for what is malformed, and for what no challenge of ours asks for: another
// algorithm or quality of protection, a name that is hashed or encoded.
func Parse(value []byte) (c Credentials, ok bool) {
	rest, ok := cutScheme(value)
	if !ok || len(value) > maxCredentials {
		return c, false
	}
	c.Algorithm = MD5 // RFC 7616 §3.3: unless something else is said
	seen := 0
	for p := range message.Elements(rest) {
		k, v, found := bytes.Cut(p, []byte{'='})
		v = bytes.TrimSpace(v)
		if k = bytes.TrimSpace(k); !found || !message.IsToken(string(k)) {
			return c, false
		}
		if v, ok = plain(v); !ok {
			return c, false
		}
		bit, good := c.set(k, v)
		if !good || seen&bit != 0 {
			return c, false
		}
		seen |= bit
	}
	return c, c.complete()
}

// cutScheme takes the name of the scheme off.
func cutScheme(v []byte) (rest []byte, ok bool) {
	const name = "Digest"
	if len(v) <= len(name) || !bytes.EqualFold(v[:len(name)], []byte(name)) || v[len(name)] != ' ' && v[len(name)] != '\t' {
		return nil, false
	}
	return v[len(name):], true
}

// plain takes the quotes off a value.
func plain(v []byte) ([]byte, bool) {
	if len(v) == 0 || v[0] != '"' {
		return v, len(v) > 0 && bytes.IndexByte(v, '"') < 0
	}
	if len(v) < 2 || v[len(v)-1] != '"' {
		return nil, false
	}
	if bytes.IndexByte(v, '\\') >= 0 {
		return []byte(message.Unquote(string(v))), true
	}
	v = v[1 : len(v)-1]
	return v, bytes.IndexByte(v, '"') < 0
}

// set sets a parameter; bit tells those apart that may stand once.
func (c *Credentials) set(k, v []byte) (bit int, ok bool) {
	for i, p := range [...]struct {
		name string
		to   *[]byte
	}{
		{"username", &c.Username},
		{"realm", &c.Realm},
		{"nonce", &c.Nonce},
		{"uri", &c.URI},
		{"response", &c.Response},
		{"qop", &c.QOP},
		{"nc", &c.NC},
		{"cnonce", &c.Cnonce},
	} {
		if bytes.EqualFold(k, []byte(p.name)) {
			*p.to = v
			return 1 << i, true
		}
	}
	switch {
	case bytes.EqualFold(k, []byte("algorithm")):
		c.Algorithm, ok = AlgorithmNamed(string(v))
		return 1 << 8, ok
	case bytes.EqualFold(k, []byte("userhash")):
		return 1 << 9, !bytes.EqualFold(v, []byte("true"))
	}
	return 0, !bytes.EqualFold(k, []byte("username*"))
}

// complete reports whether everything is there that a digest is made of.
func (c *Credentials) complete() bool {
	if len(c.Username) == 0 || len(c.Nonce) == 0 || len(c.URI) == 0 || len(c.Response) != c.Algorithm.Size() {
		return false
	}
	if c.QOP == nil {
		return true
	}
	n, err := strconv.ParseUint(string(c.NC), 16, 32)
	c.Count = uint32(n)
	return err == nil && n > 0 && len(c.NC) <= 8 && c.Cnonce != nil && bytes.EqualFold(c.QOP, []byte("auth"))
}

// appendResponse appends what response has to be (RFC 7616 §3.4.1). tmp is room for the work.
func (c *Credentials) appendResponse(dst, tmp []byte, method []byte, ha1 string) []byte {
	tmp = append(append(append(tmp[:0], method...), ':'), c.URI...)
	var room [64]byte
	ha2 := c.Algorithm.appendHash(room[:0], tmp)
	tmp = append(append(append(append(tmp[:0], ha1...), ':'), c.Nonce...), ':')
	if c.QOP != nil {
		tmp = append(append(append(append(tmp, c.NC...), ':'), c.Cnonce...), ':')
		tmp = append(append(tmp, c.QOP...), ':')
	}
	return c.Algorithm.appendHash(dst, append(tmp, ha2...))
}

// about reports whether credentials are for a Request-URI. RFC 3261 §22.4 wants them to name the same resource; phones are known to leave out the port and the
// parameters that they write in the Request-URI, or to add them, so only the user and the host have to be the same.
func (c *Credentials) about(uri []byte) bool {
	if bytes.Equal(c.URI, uri) {
		return true
	}
	a, err := message.ParseURI(c.URI)
	if err != nil {
		return false
	}
	b, err := message.ParseURI(uri)
	if err != nil || a.Scheme != b.Scheme || a.Opaque != nil || b.Opaque != nil {
		return false
	}
	return bytes.EqualFold(a.Host, b.Host) && bytes.Equal(message.AppendUnescaped(nil, a.User), message.AppendUnescaped(nil, b.User))
}
