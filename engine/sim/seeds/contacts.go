package seeds

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/location"
	"tandem/engine/plan"
)

// contactSpec is a contact that a user of a call has registered for a while.
type contactSpec struct {
	User        int // from 1
	Phone, Line int
	Less        int           // what its q lacks of 1, in thousandths
	From, Until time.Duration // 0 = for ever
}

// registrations puts users in the place of targets in every sixth Spec, and has their contacts come and go. Like awaits they come from a source of
// their own.
func (s *Spec) registrations(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x7265_6773)), phones: len(s.Phones)}
	if !d.one(6) {
		return
	}
	for i := range s.Calls {
		c := &s.Calls[i]
		d.users(c.Plan)
		for j := range c.Answers {
			d.users(c.Answers[j].Plan)
		}
		for len(c.Contacts) < 6 && !d.one(4) {
			c.Contacts = append(c.Contacts, d.contact())
		}
	}
	for i := range s.Phones {
		if p := &s.Phones[i]; d.one(4) { // who declines does so for all contacts
			p.Does = append([]behaviour{{Acts: []act{{Wait: d.wait(), Code: pick(d, 600, 603)}}}}, p.Does...)
		}
	}
}

func (d drawer) contact() contactSpec {
	c := contactSpec{User: 1 + d.IntN(2), Phone: d.IntN(d.phones), Line: d.IntN(3), Less: pick(d, 0, 0, 300, 500)}
	if d.one(3) {
		c.From = d.span(1, 30*time.Second)
	}
	if d.one(3) {
		c.Until = c.From + d.span(1, 40*time.Second)
	}
	return c
}

// users makes targets of a plan users.
func (d drawer) users(s *step) {
	s.walk(func(s *step) {
		if s.Kind == ring && d.one(2) {
			s.User, s.ByQ = 1+d.IntN(2), d.one(3)
			if len(s.On) == 0 && d.one(3) {
				s.On = []edge{{plan.Rejected, d.step(0)}, {plan.Busy, d.step(0)}}
			}
		}
	})
}

// userName is what a user of a call is called.
func userName(call, user int) string { return fmt.Sprintf("u%d.%d", call, user) }

// registered returns the contacts that a user of a call has at an instant, by descending q.
func (c *callSpec) registered(user int, now clock.Time) (list []contactSpec) {
	for _, o := range c.Contacts {
		if o.User == user && now >= clock.Time(o.From) && (o.Until == 0 || now < clock.Time(o.Until)) {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b contactSpec) int { return a.Less - b.Less })
	return list
}

// Find is where the engine looks up contacts.
func (w *world) Find(name string) *location.Set {
	s, ok := strings.CutPrefix(name, "u")
	a, b, _ := strings.Cut(s, ".")
	call, err := strconv.Atoi(a)
	user, _ := strconv.Atoi(b)
	if !ok || err != nil || call >= len(w.spec.Calls) {
		return nil
	}
	set := &location.Set{User: name}
	for _, c := range w.spec.Calls[call].registered(user, w.net.Now()) {
		uri := w.spec.uri(call, c.Phone, c.Line)
		set.Bindings = append(set.Bindings, &location.Binding{
			URI: uri, Key: uri, AOR: "sip:" + name + "@pbx.example", Q: 1000 - c.Less, Ends: math.MaxInt64,
			Flow: flow.Flow{Remote: w.spec.phoneAddr(call, c.Phone), Fixed: true},
		})
	}
	return set
}

// userTarget is the target that a user is.
func userTarget(t *plan.Target, call, user int, byQ bool) *plan.Target {
	t.User = userName(call, user)
	t.Registrant, t.URI, t.ByQ = t.User, "user:"+t.User, byQ
	t.Key = t.URI
	return t
}

// ringUser rings where a user is registered: a group in the place of the target, that fails once, as a whole.
func (r *ref) ringUser(p *place) {
	list := r.spec.registered(p.User, r.now)
	if len(list) == 0 {
		r.seen[sawNowhere]++
		r.synthetic(p, plan.Offline, 480)
		return
	}
	r.seen[sawUser]++
	g := *p.step
	g.Kind, g.Members, g.Each, g.Hold, g.Name = parallel, nil, nil, false, ""
	less := -1
	for _, c := range list {
		s := *p.step
		s.Phone, s.Line, s.User, s.Ring, s.Delay, s.On, s.Each, s.Members = c.Phone, c.Line, 0, 0, 0, nil, nil, nil
		s.Registered, s.Bound = true, true
		if p.ByQ && c.Less != less {
			g.Members = append(g.Members, &step{Kind: parallel})
		}
		less = c.Less
		at := &g.Members
		if p.ByQ {
			at = &g.Members[len(g.Members)-1].Members
		}
		*at = append(*at, &s)
	}
	for i, m := range g.Members {
		if p.ByQ && len(m.Members) == 1 {
			g.Members[i] = m.Members[0]
		}
	}
	if p.ByQ && len(g.Members) > 1 {
		g.Kind = serial
	} else if p.ByQ && g.Members[0].Kind == parallel {
		g.Members = g.Members[0].Members
	}
	p.step, p.user = &g, true
	if r.places += size(&g) - 1; r.places > r.limits.Nodes {
		r.bound()
		return
	}
	for _, m := range g.Members {
		p.members = append(p.members, build(m, p, true))
	}
	p.eachMember(func(m *place) { m.attempt = p.attempt })
	r.beginGroup(p)
}

func (p *place) eachMember(do func(m *place)) {
	for _, m := range p.members {
		do(m)
		m.eachMember(do)
	}
}

// userAround is the user's step that a place is in, nil if it is in none.
func (p *place) userAround() *place {
	for u := p.up; u != nil; u = u.up {
		if u.user {
			return u
		}
	}
	return nil
}
