package location

import (
	"slices"
	"time"

	"tandem/engine/clock"
)

// apply returns what becomes of the bindings of a user by an update: all of it, or nothing and a *Refusal (RFC 3261 §10.3 steps 6 and 7).
// order is that of the update among all.
func (s *Set) apply(now clock.Time, u *Update, l *Limits, order uint64) (*Set, error) {
	next := &Set{User: s.User, Bindings: s.live(now)}
	had := len(next.Bindings)
	if u.All {
		for _, b := range next.Bindings {
			if b.CallID == u.CallID && u.CSeq <= b.CSeq {
				return nil, late
			}
		}
		next.Bindings = nil
		return next, nil
	}
	for i := range u.Contacts {
		if err := next.put(now, u, &u.Contacts[i], l, order); err != nil {
			return nil, err
		}
	}
	if n := len(next.Bindings); n > l.Contacts && n > had { // who has more than a lower limit may keep and remove them
		return nil, tooMany
	}
	return next, nil
}

// late refuses what was overtaken by a later request of the same phone.
var late = refuse(500, "a later REGISTER of the same Call-ID came before")

// live returns the bindings that have not expired, in a slice of their own.
func (s *Set) live(now clock.Time) []*Binding {
	list := make([]*Binding, 0, len(s.Bindings)+1)
	for _, b := range s.Bindings {
		if b.Ends > now {
			list = append(list, b)
		}
	}
	return list
}

// put adds, refreshes or removes one contact of a set that nobody else has.
func (s *Set) put(now clock.Time, u *Update, c *Contact, l *Limits, order uint64) error {
	at := slices.IndexFunc(s.Bindings, c.is)
	if at < 0 && c.Expires > 0 { // one that the instance has made before, and lost when it came to another address
		at = slices.IndexFunc(s.Bindings, func(b *Binding) bool {
			return b.order != order && c.RegID == 0 && b.RegID == 0 && sameInstance(c.Instance, b.Instance)
		})
	}
	if at >= 0 && s.Bindings[at].order != order && s.Bindings[at].CallID == u.CallID && u.CSeq <= s.Bindings[at].CSeq {
		return late
	}
	if c.Expires == 0 {
		if at >= 0 {
			s.Bindings = slices.Delete(s.Bindings, at, at+1)
		}
		return nil
	}
	b := &Binding{
		URI: c.URI, Key: c.Key, AOR: u.AOR, Q: c.Q, Ends: now.Add(time.Duration(min(c.Expires, l.Max)) * time.Second),
		CallID: u.CallID, CSeq: u.CSeq, Instance: c.Instance, RegID: c.RegID, Path: u.Path, Flow: u.Flow, order: order,
	}
	if b.size() > maxBytes {
		return refuse(400, "a contact is too long to be kept")
	}
	if at < 0 {
		s.Bindings = append(s.Bindings, b)
		return nil
	}
	s.Bindings[at] = b
	return nil
}

// is reports whether a binding is that of the contact: of the same reg-id of the same instance (RFC 5626 §6), else of the same URI.
func (c *Contact) is(b *Binding) bool {
	if c.RegID != b.RegID {
		return false
	}
	if c.RegID != 0 {
		return sameInstance(c.Instance, b.Instance)
	}
	return c.Key == b.Key
}

func (b *Binding) size() int {
	n := len(b.URI) + len(b.AOR) + len(b.CallID) + len(b.Instance)
	for _, p := range b.Path {
		n += len(p)
	}
	return n
}
