package auth

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tandem/engine/clock"
)

// Memory is what all shards remember together. Its methods are called from every shard and return at once.
type Memory interface {
	// Use notes that a nonce, good until an instant, is used for the nth time. It reports false if it was used so often before, or if that is no longer known.
	Use(now clock.Time, id NonceID, n uint32, until clock.Time) bool
	// Fail counts a failure of a source and returns how many there were within a window that began with the first one. A failure whose mark is one of the
	// latest is a copy: it counts once.
	Fail(now clock.Time, source netip.Addr, mark uint64, window time.Duration) (n int, copied bool)
}

// The bounds of a Shared memory: for each of its stripes.
const (
	stripes     = 64
	maxNonces   = 2048
	maxFailures = 512
	lastMarks   = 8
	walk        = 32 // sources that are looked at for one to give away
)

// Shared is the memory of an engine: in stripes, each with a lock of its own that is held for one look-up. It holds at most 131 072 nonces; when a nonce has to
// go before its time, those of its age that are not known are no longer good: whoever uses one is asked again, and no use counts twice. Of sources that have failed it
// holds at most 32 768; past that a new one is counted what was forgotten of others, so that nobody is counted short who has more addresses than that.
type Shared struct {
	all atomic.Pointer[[stripes]stripe] // nil before anybody has identified himself, or failed to: every test makes an engine, and few ask
}

func (s *Shared) stripe(i uint8) *stripe {
	if s.all.Load() == nil {
		s.all.CompareAndSwap(nil, new([stripes]stripe)) // another shard may have been faster
	}
	return &s.all.Load()[i]
}

type stripe struct {
	lock      sync.Mutex
	nonces    table[NonceID, use]
	floor     uint32 // nonces of that second, or before, that are not known are not good
	failures  table[netip.Addr, failures]
	forgotten failures // the most of a source that had to go before its time
}

type use struct {
	count uint32
	until clock.Time
}

type failures struct {
	n     int
	more  int // that it may have had before it was forgotten
	until clock.Time
	marks [lastMarks]uint64
}

func (f *failures) count() int { return f.n + f.more }

// NewShared returns an empty memory.
func NewShared() *Shared { return &Shared{} }

// Use notes a use of a nonce.
func (s *Shared) Use(now clock.Time, id NonceID, n uint32, until clock.Time) bool {
	st := s.stripe(id[nonceID-1] % stripes) // a random byte
	st.lock.Lock()
	defer st.lock.Unlock()
	if u := st.nonces.find(id); u != nil {
		if n <= u.count {
			return false
		}
		u.count = n
		return true
	}
	if st.floor > 0 && id.second() < st.floor {
		return false
	}
	if gone, goes := st.nonces.add(id, use{n, until}, maxNonces, func(u *use) bool { return u.until < now }); goes {
		st.floor = max(st.floor, gone.second()+1) // also if its time was over: nonces may live longer from a reload on
	}
	return true
}

// Fail counts a failure.
func (s *Shared) Fail(now clock.Time, source netip.Addr, mark uint64, window time.Duration) (n int, copied bool) {
	st := s.stripe(stripeOf(source))
	st.lock.Lock()
	defer st.lock.Unlock()
	f := st.failures.find(source)
	if f == nil {
		first := failures{until: now.Add(window), more: st.makeRoom(now)}
		st.failures.add(source, first, maxFailures, func(f *failures) bool { return f.until <= now })
		f = st.failures.find(source)
	}
	if f.until <= now {
		*f = failures{until: now.Add(window)}
	}
	for i := range min(f.n, lastMarks) {
		if f.marks[i] == mark {
			return f.count(), true
		}
	}
	f.marks[f.n%lastMarks] = mark
	f.n++
	return f.count(), false
}

// makeRoom chooses the source whose place the next one takes, if there is no room: one whose time is over, else one with few failures. It returns how many the next one
// may have had that are forgotten.
func (st *stripe) makeRoom(now clock.Time) (more int) {
	t := &st.failures
	if len(t.slots) == maxFailures {
		best := t.hand
		for i := range walk {
			at := (t.hand + i) % len(t.slots)
			if f := &t.slots[at].value; f.until <= now {
				best = at
				break
			} else if f.count() < t.slots[best].value.count() {
				best = at
			}
		}
		t.hand = best
		if f := &t.slots[best].value; f.until > now {
			st.forget(now, f)
		}
	}
	if now >= st.forgotten.until {
		return 0
	}
	return st.forgotten.n
}

// forget notes that a source is forgotten before its time: whoever comes anew may be that one.
func (st *stripe) forget(now clock.Time, f *failures) {
	if now >= st.forgotten.until {
		st.forgotten = failures{}
	}
	st.forgotten.n, st.forgotten.until = max(st.forgotten.n, f.count()), max(st.forgotten.until, f.until)
}

func stripeOf(source netip.Addr) (h uint8) {
	for _, b := range source.As16() {
		h = h*31 + b
	}
	return h % stripes
}

// table keeps values by key, up to a number of them: then the one that was put in first gives its place away.
type table[K comparable, V any] struct {
	index map[K]int
	slots []slot[K, V]
	hand  int
}

type slot[K comparable, V any] struct {
	key   K
	value V
}

func (t *table[K, V]) find(k K) *V {
	if i, ok := t.index[k]; ok {
		return &t.slots[i].value
	}
	return nil
}

// add puts a value in whose key is not there. It takes the place of the oldest one if that is over, or if there is no room; goes is true if one went.
func (t *table[K, V]) add(k K, v V, most int, over func(*V) bool) (gone K, goes bool) {
	if t.index == nil {
		t.index = map[K]int{}
	}
	if len(t.slots) > 0 {
		old := &t.slots[t.hand]
		if over(&old.value) || len(t.slots) == most {
			gone = old.key
			delete(t.index, gone)
			*old = slot[K, V]{k, v}
			t.index[k] = t.hand
			t.hand = (t.hand + 1) % len(t.slots)
			return gone, true
		}
	}
	t.slots = append(t.slots, slot[K, V]{k, v})
	t.index[k] = len(t.slots) - 1
	return gone, false
}
