// Package location keeps where users are: the contacts that their phones register (RFC 3261 §10).
//
// A Registrar belongs to one shard and is stepped like all of it; it owns the bindings of the users whose shard that is and nobody else
// changes them. What it publishes in the Table that all shards share is one immutable Set for each user, so that any shard may read it at any
// time. RFC 3261 §10.3 (the update), RFC 3327 (Path), RFC 5626 §6 (reg-id and instances).
package location

import (
	"slices"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Binding is one registered contact of a user. It is never changed.
type Binding struct {
	// URI is the contact as it was registered, Key equal for URIs that are equal by RFC 3261 §19.1.4.
	URI, Key string
	// AOR is the address of record that it was registered for, without parameters.
	AOR string
	// Q is the preference, 0 to 1000 thousandths; 1000 if the contact gave none.
	Q int
	// Ends is when it expires unless it is refreshed.
	Ends clock.Time
	// CallID and CSeq are those of the request that made it or refreshed it last.
	CallID string
	CSeq   uint32
	// Instance is its +sip.instance, quotes included, "" if it gave none; RegID its reg-id, 0 if it was not registered by RFC 5626.
	Instance string
	RegID    uint32
	// Path are the proxies on the way to it, the first one first, as values of Route (RFC 3327 §5.3).
	Path []string
	// Flow is what its request came by: what leads to the phone, wherever it says that it is.
	Flow flow.Flow

	order uint64 // of the request that made it, among all of its shard
}

// Left is how many seconds are left until the binding ends, rounded up.
func (b *Binding) Left(now clock.Time) uint32 {
	return uint32(max(0, b.Ends.Sub(now)+time.Second-1) / time.Second)
}

// Append appends the binding as a Contact of a 2xx (RFC 3261 §10.3 step 8).
func (b *Binding) Append(dst []byte, now clock.Time) []byte {
	dst = append(append(append(dst, "Contact: <"...), b.URI...), ">;expires="...)
	dst = message.AppendUint(dst, b.Left(now))
	if b.Q < 1000 {
		dst = message.AppendQ(append(dst, ";q="...), b.Q)
	}
	if b.Instance != "" {
		dst = append(append(dst, ";+sip.instance="...), b.Instance...)
	}
	if b.RegID != 0 {
		dst = message.AppendUint(append(dst, ";reg-id="...), b.RegID)
	}
	return append(dst, "\r\n"...)
}

// Set are the bindings of one user, in the order in which they were made. It is never changed.
type Set struct {
	User     string
	Bindings []*Binding
}

// Targets returns the bindings that a request to the user goes to, by descending q, of equal q the one that was refreshed last first. Of an
// instance only the one that was refreshed last is among them (RFC 5626 §7). A nil Set has none.
func (s *Set) Targets(now clock.Time) []*Binding {
	if s == nil {
		return nil
	}
	return slices.DeleteFunc(s.Live(now), func(b *Binding) bool { return s.superseded(b, now) })
}

// Live returns the bindings that have not expired, by descending q, of equal q the one that was refreshed last first.
func (s *Set) Live(now clock.Time) []*Binding {
	list := s.live(now)
	slices.SortStableFunc(list, func(a, b *Binding) int {
		if a.Q != b.Q {
			return b.Q - a.Q
		}
		return int(b.order) - int(a.order)
	})
	return list
}

// Instead returns the binding of the same instance that is to be tried in the place of one whose flow has failed: the latest one with another reg-id that was not
// tried (RFC 5626 §7); nil if there is none. Those that were tried include b, and what was refreshed since counts as tried as long as its flow is the same.
func (s *Set) Instead(now clock.Time, b *Binding, tried []*Binding) (best *Binding) {
	if s == nil || b.RegID == 0 {
		return nil
	}
	for _, o := range s.Bindings {
		was := slices.ContainsFunc(tried, func(t *Binding) bool { return t.RegID == o.RegID && t.Flow.Key() == o.Flow.Key() })
		if o.RegID != 0 && sameInstance(o.Instance, b.Instance) && o.Ends > now && !was && (best == nil || o.order > best.order) {
			best = o
		}
	}
	return best
}

// Moved returns the binding by which the phone of another one is reached now that nothing leads there any more by the flow of that one, nil if it is the same, or not known:
// the latest one of the same instance, or of the same URI if it has not said which it is.
func (s *Set) Moved(now clock.Time, b *Binding) (best *Binding) {
	if s == nil {
		return nil
	}
	for _, o := range s.Bindings {
		same := sameInstance(o.Instance, b.Instance) || b.Instance == "" && o.Key == b.Key
		switch {
		case !same || o.Ends <= now || len(o.Path) > 0:
		case o.Flow.Key() == b.Flow.Key():
			return nil
		case best == nil || o.order > best.order:
			best = o
		}
	}
	return best
}

// By returns the binding that was registered by a flow, without proxies on the way, nil if there is none.
func (s *Set) By(f flow.Flow) *Binding {
	if s == nil {
		return nil
	}
	for _, b := range s.Bindings {
		if len(b.Path) == 0 && b.Flow.Key() == f.Key() {
			return b
		}
	}
	return nil
}

// superseded reports whether another binding of the same instance was refreshed later.
func (s *Set) superseded(b *Binding, now clock.Time) bool {
	return b.Instance != "" && slices.ContainsFunc(s.Bindings, func(o *Binding) bool {
		return o != b && sameInstance(o.Instance, b.Instance) && o.Ends > now && (o.order > b.order || o.order == b.order && o.RegID > b.RegID)
	})
}

// sameInstance compares values of +sip.instance (RFC 5626 §4.1: a URN, whose hexadecimal digits have no case).
func sameInstance(a, b string) bool { return a != "" && strings.EqualFold(a, b) }
