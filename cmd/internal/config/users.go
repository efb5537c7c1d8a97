package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/engine/auth"
	"tandem/engine/message"
)

// User is one [[user]]: who may identify himself by digest (RFC 3261 §22).
type User struct {
	Name string
	// Password is his, or else HA1 and HA1SHA256 are what it is kept as for the realm: the MD5 and the SHA-256 of NAME:REALM:PASSWORD in hexadecimal digits.
	Password, HA1, HA1SHA256 string
}

// Auth is the table [auth].
type Auth struct {
	// Realm is what callers are told that the password is for; empty = the first of the domains, else "tandem".
	Realm string
	// Calls says whose calls, and other requests outside dialogs, need credentials: "users" = those that say they are of a user of ours, "all", "none".
	Calls string
	// Algorithms are those that digests may be made with: "SHA-256", which comes first, and "MD5". Some old phones give up when they read of one that they do not know.
	Algorithms []string
	// NonceLifetime is how long a challenge may be answered, and its answer counted on, 10 s to a day.
	NonceLifetime time.Duration
	// Exempt are networks, as IP or IP/BITS, from which nobody is asked for credentials, not even for a REGISTER.
	Exempt []string
}

const (
	maxRealm         = 64
	minNonceLifetime = 10 * time.Second
)

var policies = map[string]auth.Policy{"users": auth.OfUsers, "all": auth.OfAll, "none": auth.OfNone}

func defaultAuth() Auth {
	return Auth{Calls: "users", Algorithms: []string{auth.SHA256.String(), auth.MD5.String()}, NonceLifetime: auth.DefaultLifetime}
}

// RealmName returns the realm of the challenges.
func (c *Config) RealmName() string {
	switch {
	case c.Auth.Realm != "":
		return c.Auth.Realm
	case len(c.Domains) > 0:
		return c.Domains[0]
	}
	return "tandem"
}

// Credentials returns what the engine has to know of who may identify himself, nil without users. The configuration was checked.
func (c *Config) Credentials() *auth.Config {
	if len(c.Users) == 0 {
		return nil
	}
	var list []auth.User
	for _, u := range c.Users {
		list = append(list, auth.User{Name: u.Name, Password: u.Password, HA1: u.ha1()})
	}
	users, err := auth.NewUsers(c.RealmName(), list, c.Auth.algorithms()...)
	if err != nil {
		return nil
	}
	return &auth.Config{Users: users, Domains: c.Domains, Calls: policies[c.Auth.Calls], Exempt: networks(c.Auth.Exempt), Lifetime: c.Auth.NonceLifetime}
}

func (c *Config) checkUsers() *Error {
	for _, d := range c.Domains {
		if u, err := message.ParseURI([]byte("sip:" + d)); err != nil || string(u.Host) != d {
			return &Error{Key: "domains", What: fmt.Sprintf("%q is no host; write a name or an address without a port, for example \"pbx.example\"", d)}
		}
	}
	if err := c.Auth.check(len(c.Users)); err != nil {
		return err.in("auth")
	}
	seen := map[string]bool{}
	for i, u := range c.Users {
		err := u.check()
		if err == nil && seen[u.Name] {
			err = &Error{Key: "name", What: fmt.Sprintf("%q is given twice; a user has one password", u.Name)}
		}
		if err != nil {
			err.User = i + 1
			return err
		}
		seen[u.Name] = true
	}
	return c.checkAlgorithms()
}

// checkAlgorithms finds the first user for whom no algorithm is left that those above him have too.
func (c *Config) checkAlgorithms() *Error {
	last := -1
	for _, a := range c.Auth.algorithms() {
		i := slices.IndexFunc(c.Users, func(u User) bool { return u.Password == "" && u.ha1()[a] == "" })
		if i < 0 {
			return nil
		}
		last = max(last, i)
	}
	return &Error{Key: "name", User: last + 1, What: "no algorithm is left that is for all users up to " + c.Users[last].Name +
		", and nobody knows who is asked: give them passwords, or the same kind of HA1, one of auth.algorithms"}
}

func (u *User) ha1() [2]string { return [...]string{auth.SHA256: u.HA1SHA256, auth.MD5: u.HA1} }

// algorithms are those that are offered to users who have them.
func (a *Auth) algorithms() (list []auth.Algorithm) {
	for _, name := range a.Algorithms {
		if known, ok := auth.AlgorithmNamed(name); ok {
			list = append(list, known)
		}
	}
	return list
}

func (a *Auth) check(users int) *Error {
	_, ok := policies[a.Calls]
	switch {
	case !ok:
		return &Error{Key: "calls", What: fmt.Sprintf("%q does not say whose calls need credentials; use users, all or none", a.Calls)}
	case a.Calls == "all" && users == 0:
		return &Error{Key: "calls", What: "nobody could call: there is no [[user]]"}
	case len(a.Realm) > maxRealm || !message.ValidValue(a.Realm) || strings.ContainsAny(a.Realm, `"\`):
		return &Error{Key: "realm", What: fmt.Sprintf("%q is no realm; use at most %d letters without quotation marks and backslashes", a.Realm, maxRealm)}
	case len(a.Algorithms) == 0 || len(a.algorithms()) != len(a.Algorithms):
		return &Error{Key: "algorithms", What: fmt.Sprintf("%q are not known; use SHA-256, MD5 or both", a.Algorithms)}
	case a.NonceLifetime < minNonceLifetime || a.NonceLifetime > 24*time.Hour:
		return &Error{Key: "nonce_lifetime", What: fmt.Sprintf("%v is out of range; use \"10s\" to \"24h\"", a.NonceLifetime)}
	}
	return checkNetworks("exempt", a.Exempt)
}

func (u *User) check() *Error {
	switch {
	case u.Name == "":
		return &Error{Key: "name", What: "is missing; say who it is, as in the From of his calls: name = \"100\""}
	case strings.Contains(u.Name, "@") && message.ValidValue(u.Name):
		name, _, _ := strings.Cut(u.Name, "@")
		return &Error{Key: "name", What: fmt.Sprintf("%q is an address; a user is what stands before the @: name = %q, and domains says at which hosts", u.Name, strings.TrimPrefix(name, "sip:"))}
	case strings.Contains(u.Name, ":") || !message.ValidValue(u.Name) || strings.TrimSpace(u.Name) != u.Name:
		return &Error{Key: "name", What: fmt.Sprintf("%q is no user; use letters, digits and signs but the colon", u.Name)}
	case u.Password == "" && u.HA1 == "" && u.HA1SHA256 == "":
		return &Error{Key: "password", What: "is missing or empty, and with it anybody could call as " + u.Name + "; set it, or ha1, or ha1_sha256"}
	case u.Password != "" && u.HA1+u.HA1SHA256 != "":
		return &Error{Key: "password", What: "stands beside an HA1, which says the same; leave one of them out"}
	}
	for _, h := range []struct {
		key, value string
		size       int
	}{{"ha1", u.HA1, auth.MD5.Size()}, {"ha1_sha256", u.HA1SHA256, auth.SHA256.Size()}} {
		if h.value != "" && (len(h.value) != h.size || strings.Trim(strings.ToLower(h.value), "0123456789abcdef") != "") {
			return &Error{Key: h.key, What: fmt.Sprintf("want %d hexadecimal digits: the hash of %s:REALM:PASSWORD", h.size, u.Name)}
		}
	}
	return nil
}

func (c *Config) users(v any) (errs []*Error) {
	tables, err := tablesOf("user", v)
	if err != nil {
		return []*Error{err}
	}
	for i, table := range tables {
		u := User{}
		for key, v := range table {
			var err *Error
			switch key {
			case "name":
				err = set(&u.Name, key, v)
			case "password":
				err = set(&u.Password, key, v)
			case "ha1":
				err = set(&u.HA1, key, v)
			case "ha1_sha256":
				err = set(&u.HA1SHA256, key, v)
			default:
				err = unknown(key, " of [[user]]", userKeys)
			}
			if err != nil {
				err.User = i + 1
				errs = append(errs, err)
			}
		}
		c.Users = append(c.Users, u)
	}
	return errs
}

func (a *Auth) decode(v any) []*Error {
	return keys("auth", v, authKeys, func(key string, v any) (*Error, bool) {
		switch key {
		case "realm":
			return set(&a.Realm, key, v), true
		case "calls":
			return set(&a.Calls, key, v), true
		case "algorithms":
			a.Algorithms = nil
			return setList(&a.Algorithms, key, v), true
		case "nonce_lifetime":
			return setDuration(&a.NonceLifetime, key, v), true
		case "exempt":
			return setList(&a.Exempt, key, v), true
		}
		return nil, false
	})
}
