package seeds

import (
	"math/rand/v2"
	"time"

	"tandem/engine/plan"
)

// await puts awaits into the plans of every second Spec. They come from a source of their own, after everything else was
// drawn, so that the other half of the Specs is what it would be without them.
func (s *Spec) await(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x6177_6169_74)), phones: len(s.Phones)}
	if d.one(2) {
		return
	}
	for i := range s.Calls {
		c := &s.Calls[i]
		d.awaitAt(&c.Plan)
		for j := range c.Answers {
			d.awaitAt(&c.Answers[j].Plan)
		}
		if d.one(4) {
			c.Answers = append([]answer{{Plan: d.awaiting(nil)}}, c.Answers...)
		}
	}
}

// awaitAt draws awaits for a place where a plan may stand, and within what stands there.
func (d drawer) awaitAt(at **step) {
	if s := *at; s != nil {
		d.awaitIn(s)
	}
	for n := 0; n < 3 && d.one(4); n++ {
		*at = d.awaiting(*at)
	}
}

func (d drawer) awaitIn(s *step) {
	for i := range s.Members {
		d.awaitAt(&s.Members[i])
	}
	if s.Kind == ring && s.Ring > 0 && len(s.On) == 0 && d.one(3) { // its answer may come while an await stands in its place
		s.On = []edge{{plan.NoAnswer, d.awaiting(nil)}, {plan.Timeout, d.awaiting(nil)}}
	}
	if s.Kind == ring && s.Ring == 0 && len(s.On) == 0 && d.one(3) { // its 6xx ends the plan if nothing comes of the await
		s.On = []edge{{plan.Rejected, d.awaiting(nil)}, {plan.Busy, d.awaiting(nil)}}
	}
	for i := range s.On {
		d.awaitAt(&s.On[i].Plan)
	}
	if s.Each != nil {
		for i := range s.Each.On {
			d.awaitAt(&s.Each.On[i].Plan)
		}
	}
	if s.Kind == function {
		d.awaitAt(&s.Returns)
	}
}

// awaiting draws an await whose function returns a plan, mostly the one given.
func (d drawer) awaiting(s *step) *step {
	switch d.IntN(8) {
	case 0, 1:
		s = nil
	case 2:
		s = &step{Kind: reject, Code: pick(d, 403, 486, 480, 503, 603)}
	case 3:
		s = d.step(1)
	}
	a := &step{Kind: await, Returns: s, Work: work{
		Timeout: pick[time.Duration](d, 500e6, 2000e6, 2000e6, 5005e6, 20011e6), Takes: d.span(1, pick(d, 5*time.Millisecond, 2*time.Second, 30*time.Second)),
		Endless: d.one(8), Fails: d.one(5), Stubborn: d.one(2), Follow: d.one(3),
	}}
	if d.one(10) {
		a.Does = d.effect()
	}
	return a
}
