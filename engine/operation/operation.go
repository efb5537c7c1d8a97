// Package operation does the blocking work that plans await: an HTTP request, a look-up in a store.
//
// A Pool runs it on goroutines of its own, so many at a time and so many for one host, and posts what came of it to the
// shard that asked; what finds no place waits its turn. A lock guards the pool's queues; a shard holds it for as long as it
// takes to put work in or to take it out. No RFC speaks of it.
package operation

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

// Work is the Work of a plan.Operation that a Pool can do.
type Work interface {
	// Host names what it is done at: the limit for one host counts equal names.
	Host() string
	// Do does it. It ends soon after the context is done; its value is not to be touched again by the goroutine.
	Do(ctx context.Context) (value any, err error)
}

// Limits bound a pool. A field that is not above 0 takes its value from DefaultLimits.
type Limits struct {
	// All and PerHost are how many operations are done at a time.
	All, PerHost int
	// Waiting is how many may wait for their turn; more fail at once with ErrBusy.
	Waiting int
}

// DefaultLimits are 256 at a time, 32 for one host, and 4096 that wait.
var DefaultLimits = Limits{All: 256, PerHost: 32, Waiting: 4096}

// ErrBusy says that too many operations wait, ErrClosed that the pool was closed.
var (
	ErrBusy   = errors.New("too many operations wait for their turn")
	ErrClosed = errors.New("the engine is stopping")
)

// Pool does operations. It is an engine.Operations.
type Pool struct {
	post   func(shard int, fn func(now clock.Time))
	limits Limits
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex // of what follows
	running int
	waiting int
	hosts   map[string]*host
	ready   list.List // hosts with work that waits and room for it, in the order of their turns
}

// host is a host for which there is work.
type host struct {
	name    string
	running int
	waiting list.List // of *task
	turn    *list.Element
}

// task is one operation.
type task struct {
	shard  int
	work   Work
	host   *host
	place  *list.Element // while it waits
	ctx    context.Context
	cancel context.CancelFunc
	done   func(now clock.Time, value any, err error)
}

// New returns a pool that posts what came of its work through post.
func New(post func(shard int, fn func(now clock.Time)), l Limits) *Pool {
	p := &Pool{post: post, hosts: make(map[string]*host), limits: l.withDefaults()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

func (l Limits) withDefaults() Limits {
	or := func(n, otherwise int) int {
		if n > 0 {
			return n
		}
		return otherwise
	}
	d := DefaultLimits
	return Limits{All: or(l.All, d.All), PerHost: or(l.PerHost, d.PerHost), Waiting: or(l.Waiting, d.Waiting)}
}

// Limit has other limits hold from now on. What is being done, and what waits, is not dropped.
func (p *Pool) Limit(l Limits) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return
	}
	p.limits = l.withDefaults()
	for _, name := range slices.Sorted(maps.Keys(p.hosts)) {
		p.line(p.hosts[name])
	}
	for t := p.first(); t != nil; t = p.first() {
		p.done.Go(func() { p.work(t) })
	}
}

// grace is how much longer than its step waits an operation may take: the step's own timer comes first, and says "timeout".
const grace = 5 * time.Second

// Start puts an operation into the pool. It is an engine.Operations' Start.
func (p *Pool) Start(shard int, op *plan.Operation, done func(now clock.Time, value any, err error)) (stop func()) {
	w, ok := op.Work.(Work)
	if !ok {
		p.fail(shard, done, fmt.Errorf("%T cannot be done here", op.Work))
		return func() {}
	}
	t := &task{shard: shard, work: w, done: done}
	t.ctx, t.cancel = context.WithTimeout(p.ctx, op.Timeout+grace)
	if err := p.put(t); err != nil {
		t.cancel()
		p.fail(shard, done, err)
	}
	return func() { p.drop(t) }
}

func (p *Pool) fail(shard int, done func(now clock.Time, value any, err error), err error) {
	p.post(shard, func(now clock.Time) { done(now, nil, err) })
}

// put starts a task, or lets it wait.
func (p *Pool) put(t *task) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return ErrClosed
	}
	name := t.work.Host()
	h := p.hosts[name]
	if h == nil {
		h = &host{name: name}
	}
	t.host = h
	if p.running < p.limits.All && h.running < p.limits.PerHost {
		p.hosts[name] = h
		p.begin(h)
		p.done.Go(func() { p.work(t) })
		return nil
	}
	if p.waiting >= p.limits.Waiting {
		return ErrBusy
	}
	p.hosts[name] = h
	p.waiting++
	t.place = h.waiting.PushBack(t)
	p.line(h)
	return nil
}

func (p *Pool) begin(h *host) {
	p.running++
	h.running++
}

// line puts a host into the line of those whose work could be done, or takes it out.
func (p *Pool) line(h *host) {
	able := h.waiting.Len() > 0 && h.running < p.limits.PerHost
	switch {
	case able && h.turn == nil:
		h.turn = p.ready.PushBack(h)
	case !able && h.turn != nil:
		p.ready.Remove(h.turn)
		h.turn = nil
	}
	if h.running == 0 && h.waiting.Len() == 0 {
		delete(p.hosts, h.name)
	}
}

// work does a task, and then others until none waits that may be done.
func (p *Pool) work(t *task) {
	for ; t != nil; t = p.next(t.host) {
		value, err := t.do()
		done := t.done
		p.post(t.shard, func(now clock.Time) { done(now, value, err) })
	}
}

// do does the work. A panic in it is its error.
func (t *task) do() (value any, err error) {
	defer t.cancel()
	defer func() {
		if bug := recover(); bug != nil {
			value, err = nil, fmt.Errorf("a bug in Tandem: %v", bug)
		}
	}()
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	return t.work.Do(t.ctx)
}

// next ends a task of the host h and begins the one whose turn it is, nil if there is none. Hosts take turns.
func (p *Pool) next(h *host) *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	h.running--
	p.line(h)
	return p.first()
}

// first begins the task whose turn it is, nil if there is none or no room for it.
func (p *Pool) first() *task {
	first := p.ready.Front()
	if first == nil || p.running >= p.limits.All {
		return nil
	}
	h := first.Value.(*host)
	p.ready.Remove(first)
	h.turn = nil
	t := h.waiting.Remove(h.waiting.Front()).(*task)
	t.place = nil
	p.waiting--
	p.begin(h)
	p.line(h)
	return t
}

// drop stops a task for which nobody waits any more.
func (p *Pool) drop(t *task) {
	p.mu.Lock()
	if t.place != nil {
		t.host.waiting.Remove(t.place)
		t.place = nil
		p.waiting--
		p.line(t.host)
	}
	p.mu.Unlock()
	t.cancel()
}

// Len returns how many operations are being done and how many wait.
func (p *Pool) Len() (running, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running, p.waiting
}

// Close stops everything and waits until nothing runs. What was started is told the end of it, if its shard still listens.
func (p *Pool) Close() {
	p.mu.Lock() // nothing begins any more
	p.cancel()
	p.mu.Unlock()
	p.done.Wait()
}
