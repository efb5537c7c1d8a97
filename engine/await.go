package engine

import (
	"errors"
	"fmt"

	"tandem/engine/clock"
	"tandem/engine/plan"
	"tandem/engine/trace"
)

// Operations does the work that plans await, off the shards.
type Operations interface {
	// Start begins the work of op for a shard and returns at once. done is called later, once at most, on the goroutine of that
	// shard, with the work's value or the reason why there is none. stop says that nobody waits any more: done need not be
	// called then, and nothing comes of it if it is. It is called on the shard's goroutine, once at most.
	Start(shard int, op *plan.Operation, done func(now clock.Time, value any, err error)) (stop func())
}

// operation is work that a call awaits.
type operation struct {
	id   plan.OperationID
	stop func()
}

var errNoOperations = errors.New("nothing can be awaited here")

// startOperation begins an operation, unless the call is about to end.
func (c *call) startOperation(a *plan.Action) {
	id := a.Operation
	switch {
	case c.hangup:
		return
	case c.sh.cfg.Operations == nil:
		c.step(plan.Event{Kind: plan.EventDone, Operation: id, Err: errNoOperations})
		return
	}
	stop := c.sh.cfg.Operations.Start(c.sh.index, a.Await, func(now clock.Time, value any, err error) {
		defer c.sh.rescue()
		if c.endOperation(id) != nil {
			c.sh.now, c.sh.current = now, c
			c.step(plan.Event{Kind: plan.EventDone, Operation: id, Value: value, Err: err})
		}
	})
	c.operations = append(c.operations, operation{id, stop})
	c.sh.operations++
}

// endOperation forgets an operation and returns what stops it, nil if the call waits for none of that name.
func (c *call) endOperation(id plan.OperationID) (stop func()) {
	for i, o := range c.operations {
		if o.id == id {
			c.operations = append(c.operations[:i], c.operations[i+1:]...)
			c.sh.operations--
			return o.stop
		}
	}
	return nil
}

// dropOperation stops an operation that nobody waits for any more.
func (c *call) dropOperation(id plan.OperationID) {
	if stop := c.endOperation(id); stop != nil {
		stop()
	}
}

// dropOperations stops all that are left.
func (c *call) dropOperations() {
	for len(c.operations) > 0 {
		c.dropOperation(c.operations[0].id)
	}
}

// Awaited calls the function of an await.
func (c *call) Awaited(n *plan.Node, r *plan.Result) *plan.Node {
	d := c.decide(func() *plan.Node { return c.script.Awaited(c, n, r) })
	if c.sh.cfg.Trace != nil {
		came := fmt.Sprint(r.Value)
		if r.Err != nil {
			came = r.Err.Error()
		}
		e := decided("await "+n.Await.Name+": "+came+" → ", d)
		e.Came = &trace.Came{Operation: n.Await, Result: *r}
		c.sh.note(c, e)
	}
	return d
}
