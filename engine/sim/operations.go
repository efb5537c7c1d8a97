package sim

import (
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/plan"
)

// Operations does the work that plans await in virtual time: it is an engine.Operations.
type Operations struct {
	net  *Network
	heap clock.Heap
	work func(op *plan.Operation) Outcome
}

// Outcome is what comes of an operation, and after how long: Endless = it does not end.
type Outcome struct {
	After time.Duration
	Value any
	Err   error
}

// AttachOperations returns operations of which work says what comes of them, when they are started.
func (n *Network) AttachOperations(work func(op *plan.Operation) Outcome) *Operations {
	o := &Operations{net: n, work: work}
	n.station(nil, func(Sender) Node { return o })
	return o
}

// Endless is how long an operation takes that does not end.
const Endless = time.Duration(-1)

// underWay is an operation that was started.
type underWay struct {
	timer   clock.Timer
	outcome Outcome
	done    func(now clock.Time, value any, err error)
}

// Start begins an operation. The shard does not matter: one goroutine steps them all.
func (o *Operations) Start(_ int, op *plan.Operation, done func(now clock.Time, value any, err error)) (stop func()) {
	u := &underWay{outcome: o.work(op), done: done}
	u.timer.Owner = u
	if u.outcome.After != Endless {
		o.heap.Arm(&u.timer, o.net.Now().Add(u.outcome.After))
	}
	return func() { o.heap.Stop(&u.timer) }
}

// Fire ends the operation.
func (u *underWay) Fire(now clock.Time, _ uint8) { u.done(now, u.outcome.Value, u.outcome.Err) }

// Tick ends what is due.
func (o *Operations) Tick(now clock.Time) { o.heap.Run(now) }

// Next returns when an operation ends.
func (o *Operations) Next() (clock.Time, bool) { return o.heap.Next() }

// Receive and SendFailed are never called: nothing is sent here.
func (o *Operations) Receive(clock.Time, flow.Flow, []byte) {}

// SendFailed is never called.
func (o *Operations) SendFailed(clock.Time, flow.Flow, error) {}
