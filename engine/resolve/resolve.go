// Package resolve finds the places where a SIP target may be (RFC 3263).
//
// A look-up runs on a goroutine of its own, never on a shard's; its result is posted to the shard that asked. A Resolver is used
// from any goroutine: what it shares, the cache and the places that did not answer, is behind a lock. RFC 3263 §4 (NAPTR, SRV, A,
// AAAA), RFC 2782 (priorities and weights), RFC 2308 (negative answers), RFC 4321 §1.4 (places that did not answer).
package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

const (
	// Timeout bounds a look-up: what takes longer than a caller's patience is a target that cannot be reached.
	Timeout = 5 * time.Second
	// Behind is how long a place that did not answer is tried after the others of its target.
	Behind = time.Minute
	// maxLookups is how many look-ups may be under way at once; more fail. Most of many wait for the same dead server.
	maxLookups = 8192
	// lag is how long the other kind of addresses is waited for once there are some of one.
	lag = 500 * time.Millisecond
	// maxBad is how many places are remembered that did not answer.
	maxBad = 10_000
)

// Config is what a resolver needs; zero values mean what the machine is set up for.
type Config struct {
	// Servers are the name servers, address and port; none = those of Setup, which is read again when it changes.
	Servers []string
	// Setup is the file with the machine's name servers and search list; "" = /etc/resolv.conf.
	Setup string
	// Hosts is the file with names of this machine's own; "" = /etc/hosts.
	Hosts string
	// Reach reports whether a transport and address family can be used; nil = all.
	Reach func(t flow.Transport, v6 bool) bool
	// Post runs a function on the goroutine of a shard.
	Post func(shard int, fn func(now clock.Time))
}

// Resolver finds targets.
type Resolver struct {
	cfg     Config
	cache   cache
	lookups chan struct{}
	now     func() time.Time
	pick    func(n int) int // a number from 0 to n-1, by chance
	lag     time.Duration   // after one kind of addresses the other is waited for

	mu  sync.Mutex
	bad map[flow.Hop]time.Time // until when
}

// New returns a resolver.
func New(c Config) (*Resolver, error) {
	r := &Resolver{
		cfg: c, lookups: make(chan struct{}, maxLookups), now: time.Now, pick: rand.IntN, lag: lag, bad: map[flow.Hop]time.Time{},
	}
	r.cfg.Hosts, r.cfg.Setup = cmp.Or(c.Hosts, "/etc/hosts"), cmp.Or(c.Setup, "/etc/resolv.conf")
	r.cache = cache{now: &r.now, entries: map[key]*entry{}, udp: dns.Client{Timeout: perServer}, tcp: dns.Client{Net: "tcp", Timeout: perServer}}
	if err := r.cache.setup.begin(r.cfg.Setup, c.Servers); err != nil {
		return nil, err
	}
	return r, nil
}

// Resolve finds where u is and posts the places, the one to try first at the front. u is read before Resolve returns.
func (r *Resolver) Resolve(shard int, u *message.URI, done func(now clock.Time, hops []flow.Hop, err error)) {
	post := func(hops []flow.Hop, err error) {
		r.cfg.Post(shard, func(now clock.Time) { done(now, hops, err) })
	}
	q, err := QuestionOf(u)
	if err != nil {
		post(nil, err)
		return
	}
	select {
	case r.lookups <- struct{}{}:
	default:
		post(nil, fmt.Errorf("look up %s: %d look-ups are under way already", q.Host, maxLookups))
		return
	}
	go func() {
		defer func() { <-r.lookups }()
		ctx, cancel := context.WithTimeout(context.Background(), Timeout)
		defer cancel()
		hops, err := r.Find(ctx, q, nil)
		post(hops, err)
	}()
}

// Question is what a URI says about where it is.
type Question struct {
	// Host is a name or an address.
	Host string
	// Port is 0 if none is said.
	Port uint16
	// Transport is what the URI asks for, Given whether by a parameter.
	Transport flow.Transport
	Given     bool
	// Secure says that the scheme is sips.
	Secure bool
}

// QuestionOf reads a SIP URI; maddr stands for the host (RFC 3263 §4).
func QuestionOf(u *message.URI) (Question, error) {
	q := Question{Host: string(u.Host), Port: u.Port, Secure: u.Secure()}
	if u.Scheme != "sip" && u.Scheme != "sips" {
		return q, errors.New("not a SIP URI")
	}
	if m, ok := message.Param(u.Params, "maddr"); ok {
		q.Host = string(m)
	}
	name, given := message.Param(u.Params, "transport")
	q.Given = given
	var ok bool
	if q.Transport, ok = flow.Of(q.Secure, string(name)); !ok {
		return q, fmt.Errorf("%s with transport=%s is not spoken", u.Scheme, name)
	}
	return q, nil
}

// Find finds the places of a target, the one to try first at the front. note, if not nil, is told of each step.
func (r *Resolver) Find(ctx context.Context, q Question, note func(text string)) ([]flow.Hop, error) {
	if note == nil {
		note = func(string) {}
	}
	s := &search{r: r, ctx: ctx, q: q, note: note}
	hops, err := s.find()
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", q.Host, err)
	}
	return r.order(unique(hops)), nil
}

func unique(hops []flow.Hop) []flow.Hop {
	var list []flow.Hop
	for _, h := range hops {
		if !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

// Unanswered is told of a place that could not be reached or did not answer: others go before it for a while.
func (r *Resolver) Unanswered(h flow.Hop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bad) >= maxBad {
		clear(r.bad)
	}
	r.bad[h] = r.now().Add(Behind)
}

// order puts the places that did not answer lately behind the others.
func (r *Resolver) order(hops []flow.Hop) []flow.Hop {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	var good, bad []flow.Hop
	for _, h := range hops {
		if until, ok := r.bad[h]; ok && now.Before(until) {
			bad = append(bad, h)
			continue
		}
		delete(r.bad, h)
		good = append(good, h)
	}
	return append(good, bad...)
}

func (r *Resolver) reaches(t flow.Transport, v6 bool) bool {
	return r.cfg.Reach == nil || r.cfg.Reach(t, v6)
}

func (r *Resolver) speaks(t flow.Transport) bool { return r.reaches(t, false) || r.reaches(t, true) }

func port(t flow.Transport) uint16 {
	if t == flow.TLS {
		return 5061
	}
	return 5060
}

func hop(t flow.Transport, a netip.Addr, p uint16, name string) flow.Hop {
	h := flow.Hop{Remote: netip.AddrPortFrom(a, p), Transport: t}
	if t == flow.TLS {
		h.Name = name // RFC 5922 §4: the name that was asked for, not one that DNS led to
	}
	return h
}
