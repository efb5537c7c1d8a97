package leg

import (
	"bytes"
	"slices"
	"strings"

	"github.com/icholy/digest"

	"tandem/engine/message"
)

// Login answers the challenges of a target with the password of one user (RFC 3261 §22, RFC 7616, RFC 8760). What was learnt in
// one request is said in all that follow, so that they need no challenge of their own.
type Login struct {
	// User and Password are the target's for us, Cnonce what our answers are salted with: unguessable.
	User, Password, Cnonce string

	realms []realm
	invite []byte // what the last INVITE said: its ACK says the same
	tries  int
}

// realm is who challenged, by the field that is to answer.
type realm struct {
	field     string
	challenge *digest.Challenge
	used      int
}

// maxChallenges bounds how many challenges in a row are met: one for each realm on the way, and again if a nonce was stale.
const maxChallenges = 5

// Learn takes the challenges of a 401 or a 407. It reports whether the request is to be sent again: there is something new to
// say, and nobody has refused what we said already.
func (l *Login) Learn(response *message.Message) bool {
	fresh := false
	seen := len(l.realms)
	for i := range response.Len() {
		id, _, value := response.Field(i)
		field := "Authorization"
		switch id {
		case message.WWWAuthenticate:
		case message.ProxyAuthenticate:
			field = "Proxy-Authorization"
		default:
			continue
		}
		c, err := digest.ParseChallenge(string(value))
		if err != nil || !usable(c) {
			continue
		}
		at := slices.IndexFunc(l.realms, func(r realm) bool { return r.field == field && r.challenge.Realm == c.Realm })
		switch {
		case at >= seen: // RFC 8760 §2.4: the first one of a realm that we can meet
		case at < 0:
			l.realms = append(l.realms, realm{field: field, challenge: c})
			fresh = true
		case c.Nonce == l.realms[at].challenge.Nonce || !c.Stale && l.realms[at].used < 2:
			return false // RFC 3261 §22.1: the password is wrong
		default:
			l.realms[at] = realm{field: field, challenge: c}
			fresh = true
		}
	}
	l.tries++
	return fresh && l.tries <= maxChallenges
}

// usable reports whether a challenge is one that we can meet. We know nothing of a body, as "auth-int" would need.
func usable(c *digest.Challenge) bool {
	for i := range c.QOP {
		c.QOP[i] = strings.TrimSpace(c.QOP[i])
	}
	return c.Nonce != "" && digest.CanDigest(c) && (len(c.QOP) == 0 || c.SupportsQOP("auth"))
}

// Append appends the credentials of a request with a method to a Request-URI, none if nobody has asked for any. An ACK says
// what its INVITE said (RFC 3261 §13.2.2.4).
func (l *Login) Append(dst []byte, method string, uri []byte) []byte {
	if method == "ACK" {
		return append(dst, l.invite...)
	}
	from := len(dst)
	for i := range l.realms {
		r := &l.realms[i]
		r.used++
		c, err := digest.Digest(r.challenge, digest.Options{
			Method: method, URI: string(uri), Count: r.used, Username: l.User, Password: l.Password, Cnonce: l.Cnonce,
		})
		if err != nil {
			continue
		}
		if v := c.String(); message.ValidValue(v) {
			dst = message.AppendField(dst, r.field, v)
		}
	}
	if method == "INVITE" {
		l.invite = bytes.Clone(dst[from:])
	}
	return dst
}

// Accepted says that a request with our credentials got through.
func (l *Login) Accepted() { l.tries = 0 }
