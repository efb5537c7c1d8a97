// Package engine routes calls: it joins transactions, legs and fork plans to calls and asks a script what to do
// with them.
//
// An Engine is a number of Shards. A Shard owns its calls and everything in them; it is driven by one goroutine, through
// Receive, Tick and Next, over real sockets or over the virtual network. Nothing in it is locked and nothing blocks. Each
// call is a back-to-back user agent (RFC 7092 §3.1: signalling only): one leg towards the caller and one for each branch.
package engine

import (
	"net/netip"

	"go.uber.org/zap"

	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// Local is a listener as peers are told of it.
type Local struct {
	// SentBy is the host and port for Via and Contact: "192.0.2.1:5060".
	SentBy string
	// Addr is the address bound; its family decides which listener a target is reached by.
	Addr netip.Addr
	// Transport is what is spoken on it.
	Transport flow.Transport
	// Networks are those whose targets are called from here rather than from another listener for the transport.
	Networks []netip.Prefix
}

// Resolver finds the places to try for a target with a name, the best one first (RFC 3263 §4). It must not block: done is called
// later on the goroutine of the shard. u is read before Resolve returns.
type Resolver interface {
	Resolve(shard int, u *message.URI, done func(now clock.Time, hops []flow.Hop, err error))
}

// Config is what an engine needs from outside.
type Config struct {
	// Clock tells the date; instants are handed in with every event.
	Clock clock.Clock
	// Seed seeds the identifiers: crypto/rand in a running engine, the test's seed in a simulated one.
	Seed [32]byte
	// Node tells engines apart that share identifiers, 0-1023.
	Node uint16
	// Locals are the listeners, at least one, in the order of flow.Flow's Listener.
	Locals []Local
	// Timers are the base timers of RFC 3261 §17.1.1.1; the zero value means the defaults.
	Timers transaction.Timers
	// Limits bound a call's plan; the zero value means plan.DefaultLimits. Breadth is the most Max-Breadth that is taken from a
	// request, and what one without it gets (RFC 5393 §5.3.3); 0 = 60.
	Limits plan.Limits
	// Resolver may be nil: then targets must be numeric.
	Resolver Resolver
	// Operations does what plans await; nil = nothing can be awaited.
	Operations Operations
	// Unanswered is told of hops that could not be reached, did not answer or answered 503; it may be nil.
	Unanswered func(h flow.Hop)
	// Forward hands a datagram to the shard that owns it; nil if every datagram comes to its owner.
	Forward func(shard int, f flow.Flow, b []byte)
	// Post runs a function on the goroutine of a shard; nil if one goroutine steps all shards.
	Post func(shard int, fn func(now clock.Time))
	// Log may be nil.
	Log *zap.Logger
	// Trace is told of everything, Legs of legs only, where Trace is nil. Both may be nil.
	Trace, Legs trace.Sink
	// Contacts is where users are looked up; nil = where they have registered.
	Contacts location.Reader
	// Rules are those that the engine begins with; Shard.Adopt takes others.
	Rules
	// Product is the value of User-Agent and Server; empty = neither is sent.
	Product string
}

// Engine is a set of shards.
type Engine struct{ shards []*Shard }

// New returns an engine with a number of shards, each of which has to be connected before anything reaches it.
func New(cfg Config, scripts Scripts, shards int) *Engine {
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	if cfg.Timers == (transaction.Timers{}) {
		cfg.Timers = transaction.DefaultTimers
	}
	if cfg.Limits == (plan.Limits{}) {
		cfg.Limits = plan.DefaultLimits
	}
	e, memory, contacts := &Engine{}, auth.NewShared(), &location.Table{}
	for i := range shards {
		e.shards = append(e.shards, newShard(cfg, scripts, memory, contacts, i, shards))
	}
	for _, sh := range e.shards {
		sh.siblings = e.shards
	}
	return e
}

// Shards returns the engine's shards.
func (e *Engine) Shards() []*Shard { return e.shards }

// ShardOf returns the index of the shard that owns a datagram: that of its Call-ID. Of bytes without a Call-ID any
// shard may dispose.
func (e *Engine) ShardOf(b []byte) int {
	if len(e.shards) == 1 {
		return 0
	}
	return int(ident.Slot(message.PeekCallID(b))) % len(e.shards)
}
