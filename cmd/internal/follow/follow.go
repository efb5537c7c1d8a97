// Package follow gathers what happens in the calls of a running engine while somebody follows them, and hands over each call when it has ended: a
// trace.Sink between shards and listeners.
//
// Shards hand over events through a bounded queue and never wait: what does not fit is counted and lost. Nothing is gathered while nobody listens. One
// goroutine, which lives as long as there are listeners, owns the calls that are gathered.
package follow

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tandem/engine/clock"
	"tandem/engine/trace"
)

const (
	queueSize = 8192 // events
	backlog   = 64   // calls that a listener may leave unread
	turn      = 100 * time.Millisecond
)

// Config says where events come from.
type Config struct {
	// Attach makes the shards tell a sink of what happens; it returns when all do. Detach makes them stop, and does not wait for it.
	Attach func(ctx context.Context, sink trace.Sink) error
	Detach func()
	// Clock is that of the events; Date dates calls.
	Now  func() clock.Time
	Date func() time.Time
}

// Feed hands over the calls that end. It is safe for use by several goroutines.
type Feed struct {
	cfg   Config
	queue chan item
	lost  atomic.Uint64 // events that did not fit

	listeners atomic.Pointer[[]*Listener]

	mu     sync.Mutex // of what follows, and of changes of listeners
	stop   chan struct{}
	done   sync.WaitGroup
	closed bool
}

// item is an event with bytes of its own.
type item struct {
	e    trace.Event
	date time.Time // of what was received
}

// Listener follows calls that begin after it.
type Listener struct {
	feed   *Feed
	calls  chan *Call
	ended  chan struct{}
	missed atomic.Uint64
}

// New returns a feed without listeners.
func New(cfg Config) *Feed {
	f := &Feed{cfg: cfg, queue: make(chan item, queueSize)}
	f.listeners.Store(&[]*Listener{})
	return f
}

var errClosed = errors.New("the engine stops")

// Listen begins to follow. It fails if ctx is done before all shards have heard of it.
func (f *Feed) Listen(ctx context.Context) (*Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosed
	}
	l := &Listener{feed: f, calls: make(chan *Call, backlog), ended: make(chan struct{})}
	if f.stop == nil {
		if err := f.cfg.Attach(ctx, f); err != nil {
			f.cfg.Detach()
			return nil, err
		}
		stop := make(chan struct{})
		f.stop = stop
		f.done.Go(func() { f.run(stop) })
	}
	f.set(append(slices.Clone(*f.listeners.Load()), l))
	return l, nil
}

func (f *Feed) set(list []*Listener) { f.listeners.Store(&list) }

// Len is how many listeners there are.
func (f *Feed) Len() int { return len(*f.listeners.Load()) }

// Calls yields each call when it has ended.
func (l *Listener) Calls() <-chan *Call { return l.calls }

// Ended is closed when the feed ends; what Calls holds then is the last.
func (l *Listener) Ended() <-chan struct{} { return l.ended }

// Close ends the listening.
func (l *Listener) Close() {
	f := l.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(slices.DeleteFunc(slices.Clone(*f.listeners.Load()), func(other *Listener) bool { return other == l }))
	if f.Len() == 0 {
		f.halt()
	}
}

// halt ends the gathering.
func (f *Feed) halt() {
	if f.stop == nil {
		return
	}
	f.cfg.Detach()
	close(f.stop)
	f.stop = nil
	f.done.Wait()
}

// Close hands over what is over and ends all listening.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.halt()
	for _, l := range *f.listeners.Load() {
		close(l.ended)
	}
	f.set(nil)
}

// Trace takes an event; it never waits.
func (f *Feed) Trace(e trace.Event) {
	it := item{e: e}
	switch e.Kind {
	case trace.Saw:
		return
	case trace.Received:
		it.date = f.cfg.Date()
	}
	it.e.Bytes = bytes.Clone(e.Bytes)
	select {
	case f.queue <- it:
	default:
		f.lost.Add(1)
	}
}

// run gathers calls until stop is closed.
func (f *Feed) run(stop chan struct{}) {
	b := newBook()
	tick := time.NewTicker(turn)
	defer tick.Stop()
	for {
		select {
		case it := <-f.queue:
			b.add(&it)
			continue
		case <-tick.C:
		case <-stop:
			f.finish(b)
			return
		}
		f.hand(b.ended(f.cfg.Now()))
	}
}

// finish takes what waits in the queue and hands over what is over.
func (f *Feed) finish(b *book) {
	for {
		select {
		case it := <-f.queue:
			b.add(&it)
		default:
			f.hand(b.all(f.cfg.Now()))
			return
		}
	}
}

// hand gives calls to all listeners that have room.
func (f *Feed) hand(list []*Call) {
	for _, c := range list {
		if f.lost.Swap(0) > 0 {
			c.Missed++ // at least: nobody knows of which calls the events were
		}
		for _, l := range *f.listeners.Load() {
			l.take(c)
		}
	}
}

func (l *Listener) take(c *Call) {
	mine := *c
	mine.Missed += l.missed.Swap(0)
	select {
	case l.calls <- &mine:
	default:
		l.missed.Add(mine.Missed + 1)
	}
}
