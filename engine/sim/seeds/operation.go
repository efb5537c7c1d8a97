package seeds

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"tandem/engine/clock"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// job is what an operation is about: the await, in a call.
type job struct {
	step *step
	book *callBook
}

// timeout is how long the step waits; a Spec that was shrunk may not say.
func (o work) timeout() time.Duration { return cmp.Or(o.Timeout, 2*time.Second) }

// takes is how long the operation takes. It is never over at the instant at which it was started.
func (o work) takes() time.Duration { return max(o.Takes, 1) }

// late reports whether the step does not wait until the end of the operation.
func (o work) late() bool { return o.Endless || o.takes() >= o.timeout() }

// String names it in facts.
func (o work) String() string {
	if o.Endless {
		return fmt.Sprintf("endless of %s", o.timeout())
	}
	return fmt.Sprintf("%s of %s", o.takes(), o.timeout())
}

var errWork = errors.New("it failed")

func (o work) outcome() sim.Outcome {
	switch {
	case o.Endless:
		return sim.Outcome{After: sim.Endless}
	case o.Fails:
		return sim.Outcome{After: o.takes(), Err: errWork}
	}
	return sim.Outcome{After: o.takes(), Value: o.takes()}
}

// text is what the script is told of its end.
func (o work) text() string {
	switch {
	case o.late():
		return plan.ErrTimeout.Error()
	case o.Fails:
		return errWork.Error()
	}
	return o.takes().String()
}

// Start begins an operation and writes down what becomes of it. Stubborn ones do not stop.
func (w *world) Start(shard int, op *plan.Operation, done func(now clock.Time, value any, err error)) (stop func()) {
	j := op.Work.(job)
	c, over := j.book, false
	c.add(fact{at: w.net.Now(), what: begun, text: op.Name})
	w.book.operations++
	halt := w.ops.Start(shard, op, func(now clock.Time, value any, err error) {
		if !over {
			w.book.operations--
		} else {
			w.book.seen[sawAwaitStray]++
		}
		over = true
		done(now, value, err)
		w.book.settled()
	})
	return func() {
		if over {
			w.book.bad(c, "an operation was stopped that was over: %s", op.Name)
			return
		}
		over = true
		w.book.operations--
		c.add(fact{at: w.net.Now(), what: stopped, text: op.Name})
		if !j.step.Work.Stubborn {
			halt()
		}
	}
}

// placeNames are for facts.
var placeNames = [...]string{
	plan.PlaceMember: "member", plan.PlaceStart: "start", plan.PlaceExhausted: "exhausted", plan.PlaceFailed: "failed", plan.PlaceRedirected: "redirected",
}

// awaited notes that the function of an await was called.
func (c *callBook) awaited(w *world, s *step, r *plan.Result) {
	came := fmt.Sprint(r.Value)
	if r.Err != nil {
		came = r.Err.Error()
	}
	c.asked(w, "awaited "+s.Work.String(), nil)
	f := &c.facts[len(c.facts)-1]
	f.more, f.step.elapsed = placeNames[r.Place]+": "+came, r.Elapsed
}
