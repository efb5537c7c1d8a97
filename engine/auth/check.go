package auth

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// Verdict is what credentials are worth.
type Verdict uint8

// The verdicts.
const (
	// None: there are no credentials of our realm that can be used and are for this request.
	None Verdict = iota
	// Foreign: they answer no challenge of ours to this source, but perhaps one of before a restart, or to another address. What they are digests of is not looked at, or
	// a password could be tried without anybody counting.
	Foreign
	// Right: the digest is right, and its nonce is good.
	Right
	// Stale: the digest is right, but the nonce is too old, or was used so before.
	Stale
	// Wrong: the password is wrong, or there is no such user.
	Wrong
)

// Checker makes and checks challenges for one shard.
type Checker struct {
	cfg    *Config
	key    [sha256.Size]byte
	random func() uint64
	memory Memory
	buf    []byte
}

// NewChecker returns a checker. seed is the same for all shards and nobody else's, random gives numbers that nobody can foresee.
func NewChecker(cfg *Config, seed [32]byte, random func() uint64, memory Memory) *Checker {
	return &Checker{cfg: cfg, key: sha256.Sum256(append([]byte("nonce "), seed[:]...)), random: random, memory: memory, buf: make([]byte, 0, 2*maxCredentials)}
}

// A nonce is made of the second of its challenge, of something random, and of a mark of both and of whom it is for.
const (
	nonceID   = 12
	nonceMark = 9
	nonceSize = nonceID + nonceMark
)

// NonceID tells nonces apart.
type NonceID [nonceID]byte

func (id NonceID) second() uint32 { return binary.BigEndian.Uint32(id[:]) }

var nonceText = base64.RawURLEncoding

// mark returns the mark of a nonce for a source.
func (c *Checker) mark(id NonceID, source netip.Addr) (mark [nonceMark]byte) {
	b := append(append(c.buf[:0], c.key[:]...), id[:]...)
	a := source.As16()
	sum := sha256.Sum256(append(b, a[:]...))
	copy(mark[:], sum[:])
	return mark
}

// appendNonce appends a new nonce for a source.
func (c *Checker) appendNonce(dst []byte, now clock.Time, source netip.Addr) []byte {
	var id NonceID
	binary.BigEndian.PutUint32(id[:], uint32(now/clock.Time(time.Second)))
	binary.BigEndian.PutUint64(id[4:], c.random())
	mark := c.mark(id, source)
	var whole [nonceSize]byte
	copy(whole[copy(whole[:], id[:]):], mark[:])
	return nonceText.AppendEncode(dst, whole[:])
}

// ourNonce reads a nonce that was made for a source.
func (c *Checker) ourNonce(b []byte, source netip.Addr) (id NonceID, ok bool) {
	var whole [nonceSize]byte
	if len(b) != nonceText.EncodedLen(nonceSize) {
		return id, false
	}
	if _, err := nonceText.Decode(whole[:], b); err != nil {
		return id, false
	}
	copy(id[:], whole[:])
	mark := c.mark(id, source)
	return id, subtle.ConstantTimeCompare(mark[:], whole[nonceID:]) == 1
}

// Challenge is what a 401 or a 407 asks for.
type Challenge struct {
	nonce [nonceSize * 4 / 3]byte
	stale bool
	c     *Checker
}

// Challenge makes one for a source; stale says that it is the nonce that was of no use, and not the password (RFC 7616 §3.3).
func (c *Checker) Challenge(now clock.Time, source netip.Addr, stale bool) Challenge {
	ch := Challenge{stale: stale, c: c}
	c.appendNonce(ch.nonce[:0], now, source)
	return ch
}

// Len is how many fields it has: one for each algorithm.
func (ch *Challenge) Len() int { return len(ch.c.cfg.Users.offered) }

// Append appends the fields from the one at index from on: the algorithms come in the order in which they are to be preferred (RFC 8760 §2.4).
func (ch *Challenge) Append(dst []byte, field message.ID, from int) []byte {
	for _, a := range ch.c.cfg.Users.offered[from:] {
		dst = append(append(dst, field.String()...), ": Digest realm="...)
		dst = append(append(dst, message.Quote(ch.c.cfg.Realm())...), `, nonce="`...)
		dst = append(append(dst, ch.nonce[:]...), `", algorithm=`...)
		dst = append(append(dst, a.String()...), `, qop="auth"`...)
		if ch.stale {
			dst = append(dst, ", stale=true"...)
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// IsOurs reports whether a field holds credentials of our realm, such as can be used or not.
func (c *Checker) IsOurs(value []byte) bool {
	rest, _ := cutScheme(value)
	for p := range message.Elements(rest) {
		if k, v, _ := bytes.Cut(p, []byte{'='}); bytes.EqualFold(bytes.TrimSpace(k), []byte("realm")) {
			v, _ = plain(bytes.TrimSpace(v))
			return string(v) == c.cfg.Realm()
		}
	}
	return false
}

// Unusable says why credentials are of no use whose nonce and digest are not even looked at, and whose they are; why is "" if there are none, or nothing is wrong with them.
// Those for another realm are wrong in a REGISTER only: other requests may bear them for proxies further on.
func (c *Checker) Unusable(m *message.Message) (user, why string) {
	for i := range m.Len() {
		id, _, v := m.Field(i)
		if id != message.Authorization && id != message.ProxyAuthorization {
			continue
		}
		cr, ok := Parse(v)
		switch ours := c.IsOurs(v); {
		case ours && !ok:
			return string(cr.Username), "they are malformed, or of a kind that was not asked for"
		case ours && !c.offers(cr.Algorithm):
			return string(cr.Username), "they are made by " + cr.Algorithm.String() + ", which was not asked for"
		case ours && !cr.about(m.RequestURI()):
			return string(cr.Username), "they are for " + message.Quote(string(cr.URI)) + ", not for " + message.Quote(string(m.RequestURI()))
		case ours:
			return "", ""
		case ok && m.Method() == message.REGISTER:
			user, why = string(cr.Username), "they are for realm "+message.Quote(string(cr.Realm))+", not for "+message.Quote(c.cfg.Realm())
		}
	}
	return user, why
}

// find returns the first credentials of our realm in a request: in the field that answers the challenge, else in the other one, where phones repeat what they told a
// registrar.
func (c *Checker) find(m *message.Message, fields ...message.ID) (cr Credentials, ok bool) {
	for _, want := range fields {
		if !m.Has(want) {
			continue
		}
		for i := range m.Len() {
			id, _, v := m.Field(i)
			if id != want {
				continue
			}
			if cr, ok = Parse(v); ok && string(cr.Realm) == c.cfg.Realm() && c.offers(cr.Algorithm) {
				return cr, true
			}
		}
	}
	return cr, false
}

func (c *Checker) offers(a Algorithm) bool {
	for _, o := range c.cfg.Users.offered {
		if o == a {
			return true
		}
	}
	return false
}

// Check judges the credentials of a request from a source. user is who was named, and mark tells failures apart: a copy of a request fails with the same.
func (c *Checker) Check(now clock.Time, m *message.Message, source netip.Addr) (v Verdict, user string, mark uint64) {
	first, second := message.ProxyAuthorization, message.Authorization
	if m.Method() == message.REGISTER {
		first, second = second, first
	}
	cr, ok := c.find(m, first, second)
	if !ok || !cr.about(m.RequestURI()) {
		return None, "", 0
	}
	id, ok := c.ourNonce(cr.Nonce, source)
	if !ok {
		return Foreign, "", 0
	}
	user = string(cr.Username)
	ha1, known := c.cfg.Users.secret(user, cr.Algorithm)
	var room [64]byte
	want := cr.appendResponse(room[:0], c.buf, m.MethodName(), ha1)
	var said [64]byte
	got := appendLower(said[:0], cr.Response)
	if subtle.ConstantTimeCompare(want, got) != 1 || !known {
		h := fnv.New64a()
		_, _ = h.Write(got)
		return Wrong, user, h.Sum64()
	}
	if !c.fresh(now, id, &cr) {
		return Stale, user, 0
	}
	return Right, user, 0
}

// fresh reports whether a nonce is young enough and this use of it later than all before (RFC 7616 §3.4, nc). One without a count is good for one use.
func (c *Checker) fresh(now clock.Time, id NonceID, cr *Credentials) bool {
	until := clock.Time(id.second()) * clock.Time(time.Second)
	if until = until.Add(c.cfg.lifetime()); now > until {
		return false
	}
	count := cr.Count
	if cr.QOP == nil {
		count = ^uint32(0)
	}
	return c.memory.Use(now, id, count, until)
}

func (c *Config) lifetime() time.Duration {
	if c.Lifetime == 0 {
		return DefaultLifetime
	}
	return c.Lifetime
}

// appendLower appends hexadecimal digits in small letters.
func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if c >= 'A' && c <= 'F' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
