// Package resolve finds the addresses of hosts that targets name.
//
// A look-up runs on a goroutine of its own, never on a shard's; its result is posted to the shard that asked. The
// goroutine owns nothing but its question. RFC 3263 §4.2 as far as it speaks of A and AAAA records.
package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Timeout bounds a look-up: what takes longer than a caller's patience is a target that cannot be reached.
const Timeout = 5 * time.Second

// Resolver asks the machine's resolver.
type Resolver struct {
	// Post runs a function on the goroutine of a shard.
	Post func(shard int, fn func(now clock.Time))
	// Lookup is net.DefaultResolver.LookupNetIP, or a test's stand-in.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// New returns a resolver that posts its results through post.
func New(post func(shard int, fn func(now clock.Time))) *Resolver {
	return &Resolver{Post: post, Lookup: net.DefaultResolver.LookupNetIP}
}

// Resolve looks up the host of u and posts its first address, an IPv4 one if there is one, with the URI's port or the
// scheme's (RFC 3263 §4.2). u is read before Resolve returns.
func (r *Resolver) Resolve(shard int, u *message.URI, done func(now clock.Time, hops []flow.Hop, err error)) {
	host, port := string(u.Host), u.Port
	if port == 0 {
		port = 5060
		if u.Secure() {
			port = 5061
		}
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), Timeout)
		defer cancel()
		addrs, err := r.Lookup(ctx, "ip", host)
		var a netip.AddrPort
		switch {
		case err != nil:
			err = fmt.Errorf("look up %s: %w", host, err)
		case len(addrs) == 0:
			err = fmt.Errorf("look up %s: no address", host)
		default:
			a = netip.AddrPortFrom(prefer(addrs), port)
		}
		r.Post(shard, func(now clock.Time) { done(now, []flow.Hop{{Remote: a}}, err) })
	}()
}

func prefer(addrs []netip.Addr) netip.Addr {
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			return a
		}
	}
	return addrs[0].Unmap()
}
