package transport

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"tandem/engine/clock"
)

const (
	// maxBatches is how many batches of datagrams a turn takes before it runs timers and flushes.
	maxBatches = 4
	// yieldTurns is how many turns a shard takes without sleeping before it lets others run. Its
	// system calls do not tell the scheduler, so it has to do so itself.
	yieldTurns = 16
	// slack is how much later than due a shard may wake for a timer; those of SIP are half a second and more.
	slack = time.Millisecond
	// near is how soon a deadline that nothing waits for any more has to be, to be moved.
	near = 4 * time.Millisecond
)

// never is later than every deadline.
const never = clock.Time(math.MaxInt64)

// farPast is a deadline that has passed.
var farPast = time.Unix(1, 0)

// Run loops until ctx is done, then takes one more turn, so that what was posted and sent before
// is still handled, and returns nil. It returns an error if a socket fails for good. The calling
// goroutine is the shard. The first turn does not wait for anything. A shard runs once.
func (s *Shard) Run(ctx context.Context, clk clock.Clock, h Handler) error {
	s.life.Lock()
	if s.state != idle {
		s.life.Unlock()
		return fmt.Errorf("shard %d: run more than once, or closed", s.index)
	}
	s.state = running
	s.life.Unlock()
	defer close(s.ended)

	cancelled := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { s.halt(); close(cancelled) })
	defer func() {
		if !stop() {
			<-cancelled
		}
	}()
	s.port.start(s.siblings, s.index)
	defer s.port.stop()
	if s.index == 0 {
		s.streams.run()
		defer s.streams.end()
	}

	if err := s.loop(clk, h); err != nil {
		return fmt.Errorf("shard %d: %w", s.index, err)
	}
	return nil
}

func (s *Shard) loop(clk clock.Clock, h Handler) error {
	for sleep := false; !s.halted.Load(); sleep = s.settle(clk, h) {
		if err := s.turn(clk, h, sleep); err != nil {
			return err
		}
	}
	s.asleep.Store(false)
	return s.turn(clk, h, false)
}

// settle reports whether the shard may sleep, and arms the poller if so.
func (s *Shard) settle(clk clock.Clock, h Handler) bool {
	if s.port.more() || len(s.port.failed) > 0 || s.mail.waiting.Load() > 0 {
		return false
	}
	next, ok := h.Next()
	if !ok {
		next = never
	}
	if next <= s.now {
		return false
	}
	s.asleep.Store(true)
	s.arm(clk, next)
	// The look that wake relies on; loop looks at halted.
	if s.mail.waiting.Load() > 0 {
		s.asleep.Store(false)
		return false
	}
	return true
}

// arm gives the poller its deadline, if it has none or a later one. It is slack later than what is due: by then a datagram has often
// come, whose turn does what is due too. One that is too early stays as long as it is not near: it costs a turn when it passes, and
// timers that are stopped before are many.
func (s *Shard) arm(clk clock.Clock, next clock.Time) {
	at := next
	if next != never {
		at = next.Add(slack)
	}
	idle := at > s.armed && s.armed.Sub(s.now) < near // it would ring for nothing, and soon
	if !s.stale && at >= s.armed && !idle {
		return
	}
	if next == never {
		s.port.disarm()
	} else {
		s.port.arm(at.Sub(clk.Now()))
	}
	s.armed, s.stale = at, false
}

// turn waits for something to do if it may sleep, does it, and flushes. The clock is read once.
func (s *Shard) turn(clk clock.Clock, h Handler, sleep bool) error {
	n, rung, err := s.port.recv(sleep)
	s.asleep.Store(false)
	if err != nil {
		return err
	}
	s.now = clk.Now()
	// A datagram may have come together with the deadline. The poller was armed after its instant was reckoned, so it rings at armed
	// or later.
	if rung || s.now >= s.armed {
		s.stale = true
	}
	if err := s.deliver(h, n); err != nil {
		return err
	}
	s.takeMail(h)
	s.reportFailures(h)
	h.Tick(s.now)
	s.flush()
	s.counts.turns.Add(1)
	s.yield()
	return nil
}

func (s *Shard) deliver(h Handler, n int) error {
	for round := 1; ; round++ {
		for i := range n {
			f, b := s.port.datagram(i)
			h.Receive(s.now, f, b)
		}
		if n > 0 {
			s.counts.in.Add(uint64(n))
		}
		if round == maxBatches || !s.port.more() {
			return nil
		}
		var err error
		if n, _, err = s.port.recv(false); err != nil {
			return err
		}
	}
}

// takeMail handles what came from other goroutines.
func (s *Shard) takeMail(h Handler) {
	posted, q := s.mail.take()
	if len(posted) == 0 && len(q.items) == 0 {
		return
	}
	for i := range q.items {
		if it := &q.items[i]; it.err != nil {
			h.SendFailed(s.now, it.flow, it.err)
		} else {
			h.Receive(s.now, it.flow, q.datagram(i))
		}
	}
	for _, fn := range posted {
		fn(s.now)
	}
	s.mail.done()
}

// reportFailures tells the handler, and of ICMP errors the other shards too: the kernel hands an
// ICMP error to the socket that the peer's own datagrams would reach, not to the one that sent.
func (s *Shard) reportFailures(h Handler) {
	n := len(s.port.failed)
	for i := range n { // what SendFailed's own sends add waits for the next turn
		x := s.port.failed[i]
		h.SendFailed(s.now, x.flow, x.err)
		if !x.icmp {
			continue
		}
		s.counts.icmp.Add(1)
		for _, o := range s.siblings {
			if o != s {
				o.forward(x.flow, nil, x.err)
			}
		}
	}
	rest := copy(s.port.failed, s.port.failed[n:])
	clear(s.port.failed[rest:])
	s.port.failed = s.port.failed[:rest]
}

func (s *Shard) flush() {
	for i := range s.out {
		q := &s.out[i]
		if len(q.items) == 0 {
			continue
		}
		if s.streams.listeners[i] != nil {
			s.flushStreams(q)
			continue
		}
		sent, refused, dropped := s.port.send(i, q)
		s.counts.out.Add(uint64(sent))
		if refused+dropped > 0 {
			s.counts.sendErrors.Add(uint64(refused))
			s.counts.sendDrops.Add(uint64(dropped))
		}
		q.reset()
	}
}

// flushStreams hands what was sent on connections to them.
func (s *Shard) flushStreams(q *queue) {
	for i := range q.items {
		f := q.items[i].flow
		if err := s.streams.send(f, q.datagram(i)); err != nil {
			s.refuse(f, err)
			continue
		}
		s.counts.out.Add(1)
	}
	q.reset()
}

func (s *Shard) yield() {
	if s.port.slept {
		s.busy = 0
		return
	}
	if s.busy++; s.busy >= yieldTurns {
		s.busy = 0
		runtime.Gosched()
	}
}
