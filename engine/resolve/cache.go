package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	maxEntries  = 10_000
	maxTTL      = time.Hour
	minTTL      = time.Second
	noTTL       = 30 * time.Second // of a negative answer that says none
	maxNegative = 5 * time.Minute
	brokenTTL   = 2 * time.Second // of no answer at all: those who wait for a dead server are not to be many
	perServer   = 1500 * time.Millisecond
	ednsSize    = 1232

	// RFC 8767 §5: for how long records are used beyond their time while no server answers, for how long at once, and how long one
	// waits for news before they are.
	maxStale  = 24 * time.Hour
	staleTTL  = 30 * time.Second
	staleWait = 1800 * time.Millisecond

	// maxQuestions is how many questions may be under way at once; more fail. What is known already needs none.
	maxQuestions = 1024
)

// cache asks name servers and remembers their answers, negative ones too (RFC 2308). Look-ups of the same that come meanwhile wait
// for the one under way. While no server answers, what was known before goes on to hold (RFC 8767).
type cache struct {
	setup
	udp dns.Client
	tcp dns.Client
	now *func() time.Time

	mu       sync.Mutex
	entries  map[key]*entry
	underWay int
}

type key struct {
	name  string
	qtype uint16
}

// entry is an answer. Its fields but done and old are set before done is closed.
type entry struct {
	done  chan struct{}
	rrs   []dns.RR
	err   error
	until time.Time // when it is to be asked for anew
	last  time.Time // when the records cannot be used any more

	old     []dns.RR // of the answer before
	oldLast time.Time
}

func (e *entry) ready() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// get returns the records of a name, none if there are none.
func (c *cache) get(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	e := c.begin(name, qtype)
	if e == nil {
		return nil, fmt.Errorf("%s %s: %d questions are under way already", dns.TypeToString[qtype], name, maxQuestions)
	}
	if e.ready() {
		return e.rrs, e.err
	}
	var old <-chan time.Time
	if len(e.old) > 0 {
		t := time.NewTimer(staleWait)
		defer t.Stop()
		old = t.C
	}
	select {
	case <-e.done:
		return e.rrs, e.err
	case <-old:
		return e.old, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s %s: %w", dns.TypeToString[qtype], name, ctx.Err())
	}
}

// begin asks for the records of a name, unless they are known or asked for already; nil if too much is.
func (c *cache) begin(name string, qtype uint16) *entry {
	k, now := key{dns.CanonicalName(name), qtype}, (*c.now)()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e != nil && !e.over(now) {
		return e
	}
	if c.underWay >= maxQuestions {
		return nil
	}
	next := &entry{done: make(chan struct{})}
	if e != nil && now.Before(e.last) {
		next.old, next.oldLast = e.rrs, e.last
	}
	c.room()
	c.entries[k] = next
	c.underWay++
	go c.fill(next, k)
	return next
}

// over reports whether the answer is too old.
func (e *entry) over(now time.Time) bool { return e.ready() && !now.Before(e.until) }

// room makes room for one more entry.
func (c *cache) room() {
	if len(c.entries) < maxEntries {
		return
	}
	now := (*c.now)()
	for k, e := range c.entries {
		if e.over(now) {
			delete(c.entries, k)
		}
	}
	if len(c.entries) >= maxEntries {
		clear(c.entries) // who waits for one under way has it
	}
}

// fill asks. It has a time of its own: who asked first may have given up long before another one.
func (c *cache) fill(e *entry, k key) {
	defer func() {
		c.mu.Lock()
		c.underWay--
		c.mu.Unlock()
		close(e.done)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	m, err := c.exchange(ctx, k)
	now := (*c.now)()
	switch {
	case err == nil:
		e.take(m, k.qtype, now)
	case len(e.old) > 0:
		e.rrs, e.until, e.last = e.old, now.Add(staleTTL), e.oldLast
	default:
		e.err, e.until = err, now.Add(brokenTTL)
	}
}

// take reads an answer.
func (e *entry) take(m *dns.Msg, qtype uint16, now time.Time) {
	ttl := maxTTL
	for _, rr := range m.Answer {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		if rr.Header().Rrtype == qtype {
			e.rrs = append(e.rrs, rr)
		}
	}
	if len(e.rrs) == 0 {
		ttl = negative(m)
	}
	e.until = now.Add(max(ttl, minTTL))
	if len(e.rrs) > 0 {
		e.last = e.until.Add(maxStale)
	}
}

// negative is how long a negative answer holds (RFC 2308 §5).
func negative(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(time.Duration(min(soa.Minttl, soa.Hdr.Ttl))*time.Second, maxNegative)
		}
	}
	return noTTL
}

// exchange asks the servers in turn, those last that did not answer lately. An answer that was cut short is asked for again by TCP
// (RFC 1035 §4.2.2).
func (c *cache) exchange(ctx context.Context, k key) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(k.name, k.qtype)
	q.SetEdns0(ednsSize, false)
	err := errors.New("no name server is known")
	for range 2 {
		for _, server := range c.order((*c.now)()) {
			var m *dns.Msg
			if m, _, err = c.udp.ExchangeContext(ctx, q, server); err == nil && m.Truncated {
				m, _, err = c.tcp.ExchangeContext(ctx, q, server)
			}
			c.answered(server, err == nil, (*c.now)())
			switch {
			case err != nil:
			case m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError:
				return m, nil
			default:
				err = fmt.Errorf("%s says %s", server, dns.RcodeToString[m.Rcode])
			}
			if ctx.Err() != nil {
				return nil, err
			}
		}
	}
	return nil, err
}
