package config

import (
	"cmp"
	"fmt"

	"tandem/engine/location"
)

// Register is the table [register]: how long the contacts of users last, and how many a user may have.
type Register struct {
	// MinExpires, MaxExpires and DefaultExpires are seconds: the least that a phone may ask for, at most location.MostMin, the most that it gets, and what it gets that
	// does not ask, 0 = an hour as far as the others let it.
	MinExpires, MaxExpires, DefaultExpires int
	// MaxContacts is how many contacts a user may have, at most maxContacts.
	MaxContacts int
}

const (
	maxExpires  = 7 * 86_400
	maxContacts = 100
)

func defaultRegister() Register {
	return Register{
		MinExpires: location.DefaultMin, MaxExpires: location.DefaultMax, MaxContacts: location.DefaultContacts,
	}
}

// Registrations returns what the engine has to know of registrations, nil if nobody can register.
func (c *Config) Registrations() *location.Limits {
	if len(c.Users) == 0 {
		return nil
	}
	r := &c.Register
	usual := cmp.Or(r.DefaultExpires, min(max(location.DefaultExpires, r.MinExpires), r.MaxExpires))
	return &location.Limits{Min: uint32(r.MinExpires), Max: uint32(r.MaxExpires), Default: uint32(usual), Contacts: r.MaxContacts}
}

func (r *Register) check(users int) *Error {
	switch {
	case users == 0 && *r != defaultRegister():
		return &Error{Key: "register", What: "nobody can register: there is no [[user]]"}
	case r.MinExpires < 1 || r.MinExpires > location.MostMin: // RFC 3261 §10.3 step 7
		return &Error{Table: "register", Key: "min_expires", What: fmt.Sprintf("%d is out of range; use 1 to %d seconds", r.MinExpires, location.MostMin)}
	case r.MaxExpires < r.MinExpires || r.MaxExpires > maxExpires:
		return &Error{Table: "register", Key: "max_expires", What: fmt.Sprintf("%d is out of range; use min_expires, %d, to %d seconds", r.MaxExpires, r.MinExpires, maxExpires)}
	case r.DefaultExpires != 0 && (r.DefaultExpires < r.MinExpires || r.DefaultExpires > r.MaxExpires):
		return &Error{Table: "register", Key: "default_expires", What: fmt.Sprintf("%d is out of range; use min_expires, %d, to max_expires, %d", r.DefaultExpires, r.MinExpires, r.MaxExpires)}
	case r.MaxContacts < 1 || r.MaxContacts > maxContacts:
		return &Error{Table: "register", Key: "max_contacts", What: fmt.Sprintf("%d is out of range; use 1 to %d", r.MaxContacts, maxContacts)}
	}
	return nil
}

func (r *Register) decode(v any) []*Error {
	return keys("register", v, registerKeys, func(key string, v any) (*Error, bool) {
		switch key {
		case "min_expires":
			return setInt(&r.MinExpires, key, v), true
		case "max_expires":
			return setInt(&r.MaxExpires, key, v), true
		case "default_expires":
			return setInt(&r.DefaultExpires, key, v), true
		case "max_contacts":
			return setInt(&r.MaxContacts, key, v), true
		}
		return nil, false
	})
}
