package location

import (
	"slices"
	"strings"
	"sync/atomic"

	"tandem/engine/ident"
)

// Reader is where a user's bindings are looked up.
type Reader interface {
	// Find returns the bindings of a user, nil if there are none. Some of them may have expired just now.
	Find(user string) *Set
}

// Table is what the registrars of all shards publish. It is striped by the slots of the users. A stripe is one immutable list, which the one
// registrar that owns it replaces at once: nobody waits for anybody.
type Table struct {
	all atomic.Pointer[stripes] // nil before the first registration: every test makes an engine, and few register
}

type stripes [ident.Slots]atomic.Pointer[[]*Set]

// Slot is the stripe of a user; its shard is that modulo the number of shards.
func Slot(user string) uint16 { return ident.Slot([]byte(user)) }

// Find returns the bindings of a user, nil if there are none.
func (t *Table) Find(user string) *Set {
	list := t.stripe(Slot(user))
	if at, ok := slices.BinarySearchFunc(list, user, byUser); ok {
		return list[at]
	}
	return nil
}

func (t *Table) stripe(slot uint16) []*Set {
	all := t.all.Load()
	if all == nil {
		return nil
	}
	if p := all[slot].Load(); p != nil {
		return *p
	}
	return nil
}

func byUser(s *Set, user string) int { return strings.Compare(s.User, user) }

// publish puts a user's bindings in the place of those before. It is called by the owner of the stripe.
func (t *Table) publish(s *Set) {
	slot := Slot(s.User)
	was := t.stripe(slot)
	at, known := slices.BinarySearchFunc(was, s.User, byUser)
	list := make([]*Set, 0, len(was)+1)
	list = append(list, was[:at]...)
	if len(s.Bindings) > 0 {
		list = append(list, s)
	}
	if known {
		at++
	}
	list = append(list, was[at:]...)
	if t.all.Load() == nil {
		t.all.CompareAndSwap(nil, new(stripes)) // another shard may have been faster
	}
	t.all.Load()[slot].Store(&list)
}
