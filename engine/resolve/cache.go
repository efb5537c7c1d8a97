package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
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
)

// cache asks name servers and remembers their answers, negative ones too (RFC 2308). Look-ups of the same that come meanwhile wait
// for the one under way.
type cache struct {
	servers []string
	conf    *dns.ClientConfig
	udp     dns.Client
	tcp     dns.Client
	now     *func() time.Time

	mu      sync.Mutex
	entries map[key]*entry
	asked   uint64 // questions sent
}

type key struct {
	name  string
	qtype uint16
}

// entry is an answer. Its fields but done are set before done is closed.
type entry struct {
	done  chan struct{}
	rrs   []dns.RR
	err   error
	until time.Time
}

func (c *cache) init(servers []string, conf *dns.ClientConfig, now *func() time.Time) error {
	c.conf, c.now, c.entries = conf, now, map[key]*entry{}
	c.udp, c.tcp = dns.Client{Timeout: perServer}, dns.Client{Net: "tcp", Timeout: perServer}
	for _, s := range servers {
		at, err := serverAddr(s)
		if err != nil {
			return err
		}
		c.servers = append(c.servers, at)
	}
	if len(c.servers) == 0 {
		for _, s := range conf.Servers {
			c.servers = append(c.servers, net.JoinHostPort(s, conf.Port))
		}
	}
	return nil
}

// serverAddr reads an address with or without a port.
func serverAddr(s string) (string, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return "", fmt.Errorf("%q is no name server: give an IP address, with a port if it is not 53", s)
	}
	return ap.String(), nil
}

// get returns the records of a name, none if there are none.
func (c *cache) get(ctx context.Context, name string, qtype uint16) ([]dns.RR, error) {
	k := key{dns.CanonicalName(name), qtype}
	c.mu.Lock()
	e := c.entries[k]
	if e == nil || e.over((*c.now)()) {
		e = &entry{done: make(chan struct{})}
		c.room()
		c.entries[k] = e
		c.asked++
		go c.fill(e, k)
	}
	c.mu.Unlock()
	select {
	case <-e.done:
		return e.rrs, e.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%s %s: %w", dns.TypeToString[qtype], name, ctx.Err())
	}
}

// over reports whether the answer is too old.
func (e *entry) over(now time.Time) bool {
	select {
	case <-e.done:
		return !now.Before(e.until)
	default:
		return false
	}
}

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
	defer close(e.done)
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	m, err := c.exchange(ctx, k)
	if err != nil {
		e.err, e.until = err, (*c.now)().Add(brokenTTL)
		return
	}
	ttl := maxTTL
	for _, rr := range m.Answer {
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
		if rr.Header().Rrtype == k.qtype {
			e.rrs = append(e.rrs, rr)
		}
	}
	if len(e.rrs) == 0 {
		ttl = negative(m)
	}
	e.until = (*c.now)().Add(max(ttl, minTTL))
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

// exchange asks the servers in turn. An answer that was cut short is asked for again by TCP (RFC 1035 §4.2.2).
func (c *cache) exchange(ctx context.Context, k key) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(k.name, k.qtype)
	q.SetEdns0(ednsSize, false)
	err := errors.New("no name server is known")
	for range 2 {
		for _, server := range c.servers {
			var m *dns.Msg
			if m, _, err = c.udp.ExchangeContext(ctx, q, server); err == nil && m.Truncated {
				m, _, err = c.tcp.ExchangeContext(ctx, q, server)
			}
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
