package location

import (
	"maps"
	"slices"

	"tandem/engine/clock"
)

// Registrar keeps the bindings of the users of one shard.
type Registrar struct {
	limits  Limits
	table   *Table
	heap    *clock.Heap
	records map[string]*record
	conns   map[uint32]map[string]bool // the users that have bindings by a connection
	gone    []uint32                   // the latest connections that are gone, the oldest at last
	last    int
	order   uint64
	count   int
}

// record is what is kept of a user: the bindings, and the timer of the first that ends.
type record struct {
	of    *Registrar
	set   *Set
	timer clock.Timer
}

// NewRegistrar returns one with the DefaultLimits that publishes in table and whose timers are in heap.
func NewRegistrar(table *Table, heap *clock.Heap) *Registrar {
	return &Registrar{limits: DefaultLimits, table: table, heap: heap, records: map[string]*record{}, conns: map[uint32]map[string]bool{}}
}

// Limit has limits hold for what is registered from now on.
func (r *Registrar) Limit(l Limits) { r.limits = l }

// Retain removes the contacts of all users but those that stay.
func (r *Registrar) Retain(stays func(user string) bool) {
	for _, user := range slices.Sorted(maps.Keys(r.records)) {
		if !stays(user) {
			r.records[user].keep(func(*Binding) bool { return false })
		}
	}
}

// Len is how many contacts are registered.
func (r *Registrar) Len() int { return r.count }

// Sets returns what the users have, in their order.
func (r *Registrar) Sets() []*Set {
	list := make([]*Set, 0, len(r.records))
	for _, user := range slices.Sorted(maps.Keys(r.records)) {
		list = append(list, r.records[user].set)
	}
	return list
}

// Register carries out an update of a user's bindings, wholly or not at all, and returns what the user has then. The error is a *Refusal.
func (r *Registrar) Register(now clock.Time, user string, u *Update) (*Set, error) {
	rec := r.records[user]
	was := &Set{User: user}
	if rec != nil {
		was = rec.set
	}
	r.order++
	next, err := was.apply(now, u, &r.limits, r.order)
	if err != nil {
		return nil, err
	}
	if rec == nil {
		rec = &record{of: r, set: was}
		rec.timer.Owner = rec
	}
	rec.become(next)
	if slices.Contains(r.gone, u.Flow.Conn) { // it has closed while the request was on its way to this shard
		rec.keep(func(b *Binding) bool { return b.conn() != u.Flow.Conn })
	}
	return rec.set, nil
}

// mostGone is how many connections that are gone are remembered: at least those that close while a request is on its way from one shard to another.
const mostGone = 1024

// Disconnected removes the bindings of a connection that is gone: nothing leads to those phones any more (RFC 5626 §7). Those with a Path stay: their proxy
// is reached anew.
func (r *Registrar) Disconnected(conn uint32) {
	if len(r.gone) < mostGone {
		r.gone = append(r.gone, conn)
	} else {
		r.gone[r.last] = conn
		r.last = (r.last + 1) % mostGone
	}
	users := r.conns[conn]
	delete(r.conns, conn)
	for _, user := range slices.Sorted(maps.Keys(users)) {
		r.records[user].keep(func(b *Binding) bool { return b.conn() != conn })
	}
}

// Fire removes what has expired.
func (rec *record) Fire(now clock.Time, _ uint8) {
	rec.keep(func(b *Binding) bool { return b.Ends > now })
}

func (rec *record) keep(stays func(b *Binding) bool) {
	next := &Set{User: rec.set.User}
	for _, b := range rec.set.Bindings {
		if stays(b) {
			next.Bindings = append(next.Bindings, b)
		}
	}
	rec.become(next)
}

// become publishes what the user has now.
func (rec *record) become(next *Set) {
	r := rec.of
	r.count += len(next.Bindings) - len(rec.set.Bindings)
	r.connect(rec.set, next)
	rec.set = next
	r.table.publish(next)
	if len(next.Bindings) == 0 {
		delete(r.records, next.User)
		r.heap.Stop(&rec.timer)
		return
	}
	r.records[next.User] = rec
	first := next.Bindings[0].Ends
	for _, b := range next.Bindings {
		first = min(first, b.Ends)
	}
	r.heap.Arm(&rec.timer, first)
}

// connect notes by which connections the user has bindings now.
func (r *Registrar) connect(was, next *Set) {
	for _, b := range was.Bindings {
		if conn := b.conn(); conn != 0 && !next.uses(conn) {
			delete(r.conns[conn], was.User)
			if len(r.conns[conn]) == 0 {
				delete(r.conns, conn)
			}
		}
	}
	for _, b := range next.Bindings {
		conn := b.conn()
		if conn == 0 {
			continue
		}
		if r.conns[conn] == nil {
			r.conns[conn] = map[string]bool{}
		}
		r.conns[conn][next.User] = true
	}
}

func (s *Set) uses(conn uint32) bool {
	return slices.ContainsFunc(s.Bindings, func(b *Binding) bool { return b.conn() == conn })
}

// conn is the connection without which the binding leads nowhere, 0 = none.
func (b *Binding) conn() uint32 {
	if len(b.Path) > 0 {
		return 0
	}
	return b.Flow.Conn
}
