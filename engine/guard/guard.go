// Package guard says which sources a shard listens to, and which of them have shown that what we send reaches them.
//
// A Guard belongs to one shard and is stepped like all of it: time comes in, nothing is locked. Of each source it keeps a slot in a table
// that does not grow past Sources; a flood of made-up addresses pushes out each other.
//
// Norms: RFC 3261 §26.1.5 (denial of service and amplification), §8.2.7 (stateless answers).
package guard

import (
	"net/netip"
	"time"

	"tandem/engine/clock"
)

// Sources is how many sources a Guard remembers.
const Sources = 16384

// trustTime is how long a source is trusted after it has shown that it gets what we send.
const trustTime = time.Hour

// walk bounds how many slots are looked at for one to give away.
const walk = 32

// Config is the same for all shards. It is not changed; a Guard may adopt another one.
type Config struct {
	// Access are the lists of the listeners, by the index of the listener. A listener without one hears everybody.
	Access [][]Entry
	// Scanners are what is found in the User-Agent of those that search for prey, in small letters.
	Scanners []string
	// Rate is how many requests a second a source may send, and Burst how many at once; Rate 0 = as many as it likes.
	Rate, Burst int
	// Failures is how many wrong credentials of a source get it banned, within the time of a ban; 0 = as many as it likes.
	Failures int
	// Ban is how long a source is not heard that is a scanner, sends too much or fails too often.
	Ban time.Duration
}

// Entry lets a network in or keeps it out.
type Entry struct {
	Network netip.Prefix
	Allow   bool
}

// Access is what a list says of a source.
type Access uint8

// What lists say.
const (
	Unlisted Access = iota // no entry is about it: it is heard
	Allowed                // it is heard and trusted, and no limit holds for it
	Denied                 // it is not heard
)

// Look returns what the list of a listener says: the first entry that holds the address.
func (c *Config) Look(listener uint8, a netip.Addr) Access {
	if int(listener) >= len(c.Access) {
		return Unlisted
	}
	for _, e := range c.Access[listener] {
		if e.Network.Contains(a) {
			if e.Allow {
				return Allowed
			}
			return Denied
		}
	}
	return Unlisted
}

// source is what is known of one.
type source struct {
	addr    netip.Addr
	due     clock.Time // when its bucket is full again
	banned  clock.Time // until then
	trusted clock.Time // until then
	why     string     // of the ban
	used    bool       // since the hand was here last
}

// Guard is that of one shard.
type Guard struct {
	cfg    *Config
	shards int
	slots  []source
	index  map[netip.Addr]int32
	hand   int
	every  time.Duration // between two requests at the full rate
	slack  time.Duration // how far ahead of that a burst may be
}

// New returns the guard of one of a number of shards: each lets its share of the rate pass.
func New(c *Config, shards int) *Guard {
	g := &Guard{shards: shards, index: map[netip.Addr]int32{}}
	g.Adopt(c)
	return g
}

// Adopt has another configuration hold from now on. Bans last as long as they were to, and who has shown that it gets what we send is trusted still. Under
// another rate every source begins anew: what it has sent was measured by the one before.
func (g *Guard) Adopt(c *Config) {
	every, slack := time.Duration(0), time.Duration(0)
	if c.Rate > 0 {
		every = time.Second * time.Duration(g.shards) / time.Duration(c.Rate)
		slack = every * time.Duration(max(c.Burst/g.shards, 1))
	}
	if every != g.every || slack != g.slack {
		for i := range g.slots {
			g.slots[i].due = 0
		}
	}
	g.cfg, g.every, g.slack = c, every, slack
}

// Source returns what counts as one source: an IPv4 address or an IPv6 /64, of which one host commonly has all.
func Source(a netip.Addr) netip.Addr {
	if a.Is4() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

func (g *Guard) find(a netip.Addr) *source {
	if len(g.index) == 0 {
		return nil
	}
	i, ok := g.index[Source(a)]
	if !ok {
		return nil
	}
	s := &g.slots[i]
	s.used = true
	return s
}

// slot returns the slot of a source, a new one if it has none.
func (g *Guard) slot(now clock.Time, a netip.Addr) *source {
	if s := g.find(a); s != nil {
		return s
	}
	a = Source(a)
	if len(g.slots) < Sources {
		g.slots = append(g.slots, source{addr: a})
		g.index[a] = int32(len(g.slots) - 1)
		return &g.slots[len(g.slots)-1]
	}
	for n := 1; ; n++ {
		g.hand = (g.hand + 1) % len(g.slots)
		s := &g.slots[g.hand]
		if n < walk && (s.used || s.banned > now) {
			s.used = false
			continue
		}
		delete(g.index, s.addr)
		*s = source{addr: a}
		g.index[a] = int32(g.hand)
		return s
	}
}

// Banned reports whether a source is not to be heard now.
func (g *Guard) Banned(now clock.Time, a netip.Addr) bool {
	s := g.find(a)
	return s != nil && s.banned > now
}

// Spend takes a request of a source into account. It reports false, and bans the source, if that was too many.
func (g *Guard) Spend(now clock.Time, a netip.Addr) bool {
	if g.every == 0 {
		return true
	}
	s := g.slot(now, a)
	s.due = max(s.due, now).Add(g.every)
	if time.Duration(s.due-now) <= g.slack {
		return true
	}
	s.due, s.banned, s.why = now, now.Add(g.cfg.Ban), TooMany
	return false
}

// The reasons of bans.
const (
	TooMany = "too many requests"
	Scanner = "scanner"
	Failed  = "wrong credentials"
)

// Ban keeps a source out for the time of a ban from now on.
func (g *Guard) Ban(now clock.Time, a netip.Addr, why string) {
	s := g.slot(now, a)
	s.banned, s.why, s.trusted = now.Add(g.cfg.Ban), why, 0
}

// Scans reports whether a User-Agent is that of a scanner.
func (g *Guard) Scans(agent []byte) bool {
	for _, name := range g.cfg.Scanners {
		if contains(agent, name) {
			return true
		}
	}
	return false
}

// contains reports whether b contains a name in small letters, whatever its own letters are.
func contains(b []byte, name string) bool {
	for i := 0; name != "" && i+len(name) <= len(b); i++ {
		n := 0
		for n < len(name) && lower(b[i+n]) == name[n] {
			n++
		}
		if n == len(name) {
			return true
		}
	}
	return false
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// Trust notes that a source has shown that it gets what we send.
func (g *Guard) Trust(now clock.Time, a netip.Addr) { g.slot(now, a).trusted = now.Add(trustTime) }

// Trusted reports whether it has, in the last hour.
func (g *Guard) Trusted(now clock.Time, a netip.Addr) bool {
	s := g.find(a)
	return s != nil && s.trusted > now
}

// Ban is a source that is not heard.
type Ban struct {
	Source netip.Addr
	Left   time.Duration
	Why    string
}

// Bans returns the sources that are not heard now.
func (g *Guard) Bans(now clock.Time) (list []Ban) {
	for i := range g.slots {
		if s := &g.slots[i]; s.banned > now {
			list = append(list, Ban{s.addr, time.Duration(s.banned - now), s.why})
		}
	}
	return list
}
