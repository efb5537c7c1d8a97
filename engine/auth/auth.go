// Package auth asks callers for credentials and judges what they answer: digest access authentication as a server does it.
//
// Nothing is kept of a challenge: its nonce says itself when it was made and for whom, and bears a keyed mark that nobody else can make. What has
// to be remembered, by all shards together, is which uses of a nonce were seen and which sources have failed: a Memory. A Checker belongs to one
// shard; Users and Config are not changed once made.
//
// Norms: RFC 3261 §22, RFC 7616, RFC 8760.
package auth

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/engine/message"
)

// Algorithm is a hash that digests are made with.
type Algorithm uint8

// The algorithms that are offered, the best one first (RFC 8760 §2.4).
const (
	SHA256 Algorithm = iota
	MD5
	algorithms
)

// AlgorithmNamed returns the algorithm of a name in challenges.
func AlgorithmNamed(name string) (Algorithm, bool) {
	for a := range algorithms {
		if strings.EqualFold(name, a.String()) {
			return a, true
		}
	}
	return 0, false
}

// String returns the name in challenges and credentials.
func (a Algorithm) String() string { return [...]string{"SHA-256", "MD5"}[a] }

// appendHash appends the hash of b in hexadecimal digits.
func (a Algorithm) appendHash(dst, b []byte) []byte {
	if a == MD5 {
		sum := md5.Sum(b)
		return hex.AppendEncode(dst, sum[:])
	}
	sum := sha256.Sum256(b)
	return hex.AppendEncode(dst, sum[:])
}

// Size is the number of hexadecimal digits of a hash.
func (a Algorithm) Size() int { return [...]int{64, 32}[a] }

// HA1 returns what a password is kept as (RFC 7616 §3.4.2, A1), in hexadecimal digits.
func HA1(a Algorithm, user, realm, password string) string {
	return string(a.appendHash(nil, []byte(user+":"+realm+":"+password)))
}

// User is who may identify himself: by a password, or by its HA1 for the realm.
type User struct {
	Name, Password string
	// HA1 are hexadecimal digits by algorithm, in place of a password; "" = that algorithm is not for him.
	HA1 [algorithms]string
}

// Users are all who may, in one realm.
type Users struct {
	realm   string
	secrets map[string][algorithms]string
	nobody  [algorithms]string // what strangers are compared with
	offered []Algorithm
}

// NewUsers returns the users of a realm, who are asked for digests by the algorithms that are wanted, without any by all. It is an error if none of them is for all
// users: nobody knows who is asked when a challenge is made.
func NewUsers(realm string, list []User, wanted ...Algorithm) (*Users, error) {
	u := &Users{realm: realm, secrets: make(map[string][algorithms]string, len(list))}
	for _, user := range list {
		secret := user.HA1
		for a := range algorithms {
			if user.Password != "" {
				secret[a] = HA1(a, user.Name, realm, user.Password)
			}
			secret[a] = strings.ToLower(secret[a])
		}
		u.secrets[user.Name] = secret
	}
	for a := range algorithms {
		u.nobody[a] = strings.Repeat("0", a.Size())
		without := ""
		for _, user := range list {
			if u.secrets[user.Name][a] == "" {
				without = user.Name
				break
			}
		}
		if without == "" && (len(wanted) == 0 || slices.Contains(wanted, a)) {
			u.offered = append(u.offered, a)
		}
	}
	if len(u.offered) == 0 {
		return nil, fmt.Errorf("no algorithm is for all users: give each of them a password, or the same kind of HA1")
	}
	return u, nil
}

// Has reports whether there is a user of that name.
func (u *Users) Has(name []byte) bool {
	_, ok := u.secrets[string(name)]
	return ok
}

// secret returns the HA1 of a name. That of a stranger is one that no password has.
func (u *Users) secret(name string, a Algorithm) (ha1 string, known bool) {
	s, known := u.secrets[name]
	if !known {
		return u.nobody[a], false
	}
	return s[a], true
}

// Policy says whose requests need credentials.
type Policy uint8

// The policies.
const (
	OfUsers Policy = iota // those that say they are of a user of ours
	OfAll
	OfNone
)

// DefaultLifetime is how long a nonce is good for.
const DefaultLifetime = 5 * time.Minute

// Config is the same for all shards.
type Config struct {
	// Users are who may identify himself; their realm is that of the challenges.
	Users *Users
	// Domains are the hosts whose users are ours; none = any host.
	Domains []string
	// Calls says which requests outside dialogs need credentials, REGISTER aside, which always does.
	Calls Policy
	// Exempt are networks whose requests need none, REGISTER among them: who is there is believed to be whom From names (RFC 3261 §10.3 step 3 lets a
	// registrar do so).
	Exempt []netip.Prefix
	// Lifetime is how long a nonce is good for, from its challenge; 0 = DefaultLifetime.
	Lifetime time.Duration
}

// Realm returns the realm of the challenges.
func (c *Config) Realm() string { return c.Users.realm }

// UserOf returns the user of ours whom the value of a From names, nil if it names none. A number is the user's in whatever way it is written: visual
// separators and parameters are not part of it (RFC 3966 §3, RFC 3261 §19.1.6), or who writes it otherwise would not be asked whose it is.
func (c *Config) UserOf(from []byte) []byte {
	na, err := message.ParseNameAddr(from)
	if err != nil {
		return nil
	}
	u, err := message.ParseURI(na.URI)
	if err != nil || u.User == nil || u.Host != nil && !c.Ours(u.Host) {
		return nil
	}
	name := message.AppendUnescaped(nil, u.User)
	if c.Users.Has(name) {
		return name
	}
	if name = bare(name); c.Users.Has(name) {
		return name
	}
	return nil
}

// bare returns a user part without parameters and, if it is a telephone number, without visual separators.
func bare(name []byte) []byte {
	if i := bytes.IndexByte(name, ';'); i >= 0 {
		name = name[:i]
	}
	if len(bytes.Trim(name, "+*#0123456789-.()")) > 0 {
		return name
	}
	return slices.DeleteFunc(name, func(b byte) bool { return strings.IndexByte("-.()", b) >= 0 })
}

// Ours reports whether a host is one whose users are ours.
func (c *Config) Ours(host []byte) bool {
	for _, d := range c.Domains {
		if sameHost(d, string(host)) {
			return true
		}
	}
	return len(c.Domains) == 0
}

// sameHost compares hosts: names have no case, and may end with a dot (RFC 3261 §25.1); an IPv6 address has several spellings.
func sameHost(a, b string) bool {
	if a, b = strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."); strings.EqualFold(a, b) {
		return true
	}
	if a == "" || b == "" || a[0] != '[' || b[0] != '[' {
		return false
	}
	x, err := netip.ParseAddr(strings.Trim(a, "[]"))
	if err != nil {
		return false
	}
	y, err := netip.ParseAddr(strings.Trim(b, "[]"))
	return err == nil && x == y
}
