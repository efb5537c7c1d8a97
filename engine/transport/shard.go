package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// failure is one thing to report by SendFailed.
type failure struct {
	flow flow.Flow
	err  error
	icmp bool // found in a socket's error queue, so perhaps meant for another shard
}

// Shard is one loop with a socket for each listener. Open makes shards.
type Shard struct {
	index    int
	port     *port
	siblings []*Shard // all shards of the same Open, this one included
	out      []queue  // per listener
	streams  *streams // the connections, of all shards
	mail     mailbox

	// asleep is true from before the shard's last look into the mailbox until it is awake. Who
	// turns it to false has to wake the shard.
	asleep atomic.Bool
	halted atomic.Bool

	now   clock.Time // of the turn
	armed clock.Time // the deadline that the poller has; never = none
	stale bool       // the poller's deadline may have passed
	busy  int        // turns since the last sleep

	life  sync.Mutex
	state uint8
	ended chan struct{} // closed when Run ends

	counts counts
}

const (
	idle uint8 = iota
	running
	closed
)

type counts struct {
	in, out, sendErrors, sendDrops, icmp atomic.Uint64
	queueDrops, forwarded, posted, turns atomic.Uint64
	kernelDrops                          atomic.Uint64 // when last read
}

// Open binds the listeners, for UDP a socket per shard and listener, and returns the shards, and the bound addresses in
// the order of c.Listens. Sockets that were handed over take the place of bound ones: of one for UDP the first shard reads, and all send
// by it; with several each has a shard that reads it.
//
// An address must not be in use, be it by a program that would share it (a port is shared
// silently by programs of the same user that both ask for it): then the error wraps
// syscall.EADDRINUSE. Errors name the listener and say what to do.
func Open(c Config) ([]*Shard, []netip.AddrPort, error) {
	defer func() {
		for _, f := range c.Inherited {
			_ = f.Close() // what is used of it has another descriptor
		}
	}()
	listens, shards := c.Listens, c.Shards
	if len(listens) == 0 {
		return nil, nil, errors.New("listen: no listener given: " + listenForm)
	}
	if len(listens) > 256 {
		return nil, nil, fmt.Errorf("listen: %d listeners, at most 256 are possible", len(listens))
	}
	if shards < 1 {
		return nil, nil, fmt.Errorf("listen: %d shards, at least one is needed", shards)
	}
	given, err := assign(c)
	if err != nil {
		return nil, nil, err
	}
	ports, bound, err := openPorts(listens, shards, given)
	if err != nil {
		return nil, nil, err
	}
	hub, err := openStreams(c, bound, given)
	if err != nil {
		for _, p := range ports {
			_ = p.close() // the first error is the one to tell
		}
		return nil, nil, err
	}
	all := make([]*Shard, shards)
	for i, p := range ports {
		all[i] = &Shard{
			index: i, port: p, siblings: all, out: make([]queue, len(listens)), streams: hub,
			armed: never, stale: true, ended: make(chan struct{}),
		}
	}
	hub.shards = all
	return all, bound, nil
}

// Send queues a copy of b, to leave at the end of the turn. What is for a listener leaves in the
// order of the sends. What cannot be sent is reported by SendFailed in the next turn, never from
// within Send. Send belongs to the shard's goroutine.
//
// All of a turn is kept until its end, however much it is: what the turn has written elsewhere by
// then is written before the peers hear of it.
func (s *Shard) Send(f flow.Flow, b []byte) {
	switch {
	case int(f.Listener) >= len(s.out) || !s.speaks(f):
		s.refuse(f, ErrNoListener)
	case len(b) > MaxDatagram && f.Transport == flow.UDP:
		s.refuse(f, ErrTooLarge)
	default:
		s.out[f.Listener].push(f, b)
	}
}

// speaks reports whether a flow's listener is one for its transport.
func (s *Shard) speaks(f flow.Flow) bool {
	l := s.streams.listeners[f.Listener]
	if l == nil {
		return f.Transport == flow.UDP
	}
	return f.Transport == l.listen.Transport
}

func (s *Shard) refuse(f flow.Flow, err error) {
	s.counts.sendErrors.Add(1)
	s.port.failed = append(s.port.failed, failure{flow: f, err: err})
}

// Post makes fn run on the shard's goroutine soon, with the turn's time. Functions run in the
// order in which they were posted. The mailbox has no bound; Stats.Waiting shows its length. A
// function posted by a function runs in the next turn. After Run has ended nothing runs any more.
func (s *Shard) Post(fn func(now clock.Time)) {
	s.counts.posted.Add(1)
	s.mail.post(fn)
	s.wake()
}

// Forward hands a copy of a datagram that belongs to this shard over, from any goroutine; the
// shard's handler receives it like its own. It reports false, and counts a drop, when 4096
// datagrams or 8 MiB are waiting already.
func (s *Shard) Forward(f flow.Flow, b []byte) bool {
	if !s.forward(f, b, nil) {
		return false
	}
	s.counts.forwarded.Add(1)
	return true
}

func (s *Shard) forward(f flow.Flow, b []byte, err error) bool {
	if !s.mail.forward(f, b, err) {
		s.counts.queueDrops.Add(1)
		return false
	}
	s.wake()
	return true
}

// Deafen makes the shard read its sockets for UDP no more: what comes stays there for whoever has them next. It belongs to the shard's
// goroutine.
func (s *Shard) Deafen() { s.port.deafen() }

// wake ends the shard's sleep, if it sleeps. What it is to find must be in place before.
//
// No wake-up is lost: the shard sets asleep, arms the poller, then looks into the mailbox, then
// sleeps. Whoever fills the mailbox after that look sees asleep and moves the poller's deadline
// into the past, after the shard has armed it. A move that comes late, when the shard has slept
// and woken for another reason, costs one turn with nothing to do.
func (s *Shard) wake() {
	if s.asleep.CompareAndSwap(true, false) {
		s.port.wake()
	}
}

func (s *Shard) halt() {
	s.halted.Store(true)
	s.wake()
}

// Close ends Run if it runs, waits for it and closes the sockets. It must not be called from the
// shard's goroutine. Closing again does nothing.
func (s *Shard) Close() error {
	s.life.Lock()
	was := s.state
	if was == closed {
		s.life.Unlock()
		return nil
	}
	s.counts.kernelDrops.Store(s.port.kernelDrops())
	s.state = closed
	s.life.Unlock()
	if was == running {
		s.halt()
		<-s.ended
	}
	if s.index == 0 && was == idle {
		s.streams.closeListeners() // else Run has
	}
	if err := s.port.close(); err != nil {
		return fmt.Errorf("shard %d: close: %w", s.index, err)
	}
	return nil
}

// Connections reads the counters of the connections of all shards, from any goroutine.
func (s *Shard) Connections() ConnStats { return s.streams.stats() }

// Stats reads the counters, from any goroutine. They are not of one instant.
func (s *Shard) Stats() Stats {
	s.life.Lock()
	if s.state != closed {
		s.counts.kernelDrops.Store(s.port.kernelDrops())
	}
	s.life.Unlock()
	c := &s.counts
	return Stats{
		In: c.in.Load(), Out: c.out.Load(),
		SendErrors: c.sendErrors.Load(), SendDrops: c.sendDrops.Load(), ICMPErrors: c.icmp.Load(),
		QueueDrops: c.queueDrops.Load(), KernelDrops: c.kernelDrops.Load(),
		Forwarded: c.forwarded.Load(), Posted: c.posted.Load(),
		Waiting: int(s.mail.waiting.Load()), Turns: c.turns.Load(),
	}
}
