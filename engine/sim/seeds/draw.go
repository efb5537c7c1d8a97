package seeds

import (
	"math/rand/v2"
	"time"

	"tandem/engine/plan"
)

// Draw makes the Spec of a seed.
func Draw(seed uint64) *Spec {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x7461_6e64_656d))}
	s := &Spec{Seed: d.Uint64() >> 12, Weather: d.weather()}
	if d.one(4) {
		s.Limits = plan.Limits{
			Replacements: 1 + d.IntN(3), Branches: 1 + d.IntN(8), Nodes: 4 + d.IntN(40), Rounds: 1 + d.IntN(3), TimerC: d.span(20*time.Second, time.Minute),
		}
	}
	d.phones = 1 + d.IntN(6)
	for range d.phones {
		s.Phones = append(s.Phones, d.phone())
	}
	calls := 1
	for calls < 4 && d.one(2) {
		calls++
	}
	for i := range calls {
		s.Calls = append(s.Calls, d.call(i))
	}
	if d.one(4) {
		d.crossing(s)
	}
	s.await(seed)
	s.challenges(seed)
	s.replace(seed)
	s.outside(seed)
	s.earlyOffers(seed)
	s.outsideToo(seed)
	s.identities(seed)
	s.registrations(seed)
	return s
}

// crossing has both sides of every call make an offer at about the same time.
func (d drawer) crossing(s *Spec) {
	when, spread := d.span(0, 3*time.Second), pick(d, time.Millisecond, 100*time.Millisecond, time.Second)
	offer := func() ask {
		return ask{At: when + d.span(0, spread), Method: pick(d, "INVITE", "INVITE", "UPDATE"), Insists: 1 + d.IntN(3)}
	}
	for i := range s.Calls {
		s.Calls[i].Talk.Asks = append(s.Calls[i].Talk.Asks, offer())
	}
	for i := range s.Phones {
		for j := range s.Phones[i].Does {
			t := &s.Phones[i].Does[j].Talk
			t.Asks = append(t.Asks, offer())
		}
	}
}

// earlyOffers has callees make an offer in their early dialog, of every sixteenth Spec, that the caller may not have answered when they
// answer, and both sides another one then. Like awaits they come from a source of their own.
func (s *Spec) earlyOffers(seed uint64) {
	d := drawer{Rand: rand.New(rand.NewPCG(seed, 0x6561_726c))}
	if !d.one(16) {
		return
	}
	offer := func() ask { return ask{At: d.span(0, 2*time.Second), Method: pick(d, "INVITE", "UPDATE")} }
	for i := range s.Calls {
		c := &s.Calls[i]
		c.LateOffer, c.Reliable, c.NoPrack = false, supports, false
		c.Talk.Asks = append(c.Talk.Asks, offer())
		c.Talk.Replies = append([]reply{{After: d.span(0, 4*time.Second)}}, c.Talk.Replies...)
	}
	for i := range s.Phones {
		for j := range s.Phones[i].Does {
			b := &s.Phones[i].Does[j]
			b.Acts = []act{{Wait: d.wait(), Code: 183, SDP: true, Reliable: true}, {Wait: d.span(0, 3*time.Second), Code: 200}}
			b.Talk.Early = []ask{{At: d.span(0, 3*time.Second), Method: "UPDATE"}}
			b.Talk.Asks = append(b.Talk.Asks, offer())
		}
	}
}

// drawer draws. Times of the world are odd to the nanosecond and those of plans are not, so that what happens at one instant
// is what the plan put there.
type drawer struct {
	*rand.Rand
	phones int
}

// one is true once in n times.
func (d drawer) one(n int) bool { return d.IntN(n) == 0 }

func (d drawer) span(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(d.Int64N(int64(hi-lo)))
}

func pick[T any](d drawer, of ...T) T { return of[d.IntN(len(of))] }

func (d drawer) weather() (w weather) {
	if d.one(2) {
		return w
	}
	if d.one(2) {
		w.Loss = 1 + d.IntN(30)
	}
	if d.one(3) {
		w.Dup = 1 + d.IntN(30)
	}
	if d.one(2) {
		w.Delay = d.span(0, 80*time.Millisecond)
	}
	if d.one(2) {
		w.Jitter = d.span(0, pick(d, 5*time.Millisecond, 300*time.Millisecond, 2*time.Second))
	}
	return w
}

func (d drawer) call(i int) callSpec {
	c := callSpec{
		At: d.span(0, 20*time.Second), Caller: d.IntN(2), LateOffer: d.one(6), Proxied: d.one(6), Talk: d.talk(true),
	}
	if i == 0 {
		c.At = 0
	}
	if !c.LateOffer && d.one(3) {
		c.Reliable = pick(d, supports, supports, requires)
		c.NoPrack = d.one(8)
		if d.one(4) {
			c.PrackLate = d.span(0, pick(d, 300*time.Millisecond, 5*time.Second, 40*time.Second))
		}
	}
	if !d.one(25) {
		c.Plan = d.step(1 + d.IntN(4))
	}
	if d.one(6) {
		c.Longest = d.span(time.Second, 40*time.Second)
	}
	if d.one(25) {
		c.Invited = d.effect()
	}
	for d.one(2) {
		c.Answers = append(c.Answers, d.answer())
	}
	for d.one(4) {
		c.Effects = append(c.Effects, d.effect())
	}
	if d.one(4) {
		c.CancelAt = d.span(0, pick(d, 50*time.Millisecond, 3*time.Second, 40*time.Second))
		c.Hasty = d.one(4)
		for d.one(2) {
			c.Reasons = append(c.Reasons, pick(d, `SIP;cause=200;text="Call completed elsewhere"`, "Q.850;cause=16", "X;y=z"))
		}
	}
	d.callerAtFault(&c)
	return c
}

func (d drawer) callerAtFault(c *callSpec) {
	if d.one(30) {
		c.MergedAt = d.span(1, 5*time.Millisecond)
	}
	c.NoAck = d.one(20)
	if d.one(20) {
		c.GoneAt = d.span(0, 30*time.Second)
	}
	if d.one(25) {
		c.RefuseAt = d.span(1, 30*time.Second)
	}
}

func (d drawer) effect() (e effect) {
	if d.one(2) {
		e.Progress = pick(d, 180, 181, 182, 183)
	}
	e.Hangup = d.one(4)
	return e
}

func (d drawer) answer() (a answer) {
	switch d.IntN(4) {
	case 0:
	case 1:
		a.Follow = true
	default:
		a.Plan = d.step(d.IntN(3))
	}
	if d.one(8) {
		a.Does = d.effect()
	}
	return a
}

var (
	rings  = []time.Duration{2001e6, 4003e6, 7007e6, 12011e6, 20013e6, 33017e6}
	delays = []time.Duration{500e6, 1002e6, 3005e6, 6001e6, 10009e6}
)

// step draws a plan that is at most so deep.
func (d drawer) step(depth int) *step {
	s := &step{}
	switch n := d.IntN(20); {
	case depth == 0 || n < 7:
		d.target(s)
	case n < 12:
		s.Kind = serial
	case n < 17:
		s.Kind = parallel
	case n < 18:
		s.Kind, s.Code = reject, pick(d, 403, 486, 480, 503, 603, 500)
	case n < 19 && d.one(3):
		s.Kind, s.Contacts = redirect, d.contacts()
	default:
		s.Kind = function
		if !d.one(4) {
			s.Returns = d.step(depth - 1)
		}
		if d.one(10) {
			s.Does = d.effect()
		}
	}
	if s.Kind == serial || s.Kind == parallel {
		d.group(s, depth)
	}
	if s.Kind <= parallel {
		d.options(s, depth)
	}
	return s
}

func (d drawer) target(s *step) {
	s.Phone = d.IntN(d.phones)
	if d.one(4) {
		s.Line = 1 + d.IntN(2)
	}
	s.Six = pick(d, plan.SixDefault, plan.SixDefault, plan.SixStop, plan.SixBranch)
	s.Redirect = d.redirect()
	s.Registered, s.PassAuth = d.one(5), d.one(5)
	s.Early = pick(d, plan.EarlyDefault, plan.EarlyDefault, plan.EarlyFirst, plan.EarlyAll, plan.EarlyNone)
	s.Prack = pick(d, plan.PrackDefault, plan.PrackDefault, plan.PrackOff, plan.PrackRequired)
}

func (d drawer) redirect() plan.RedirectPolicy {
	return pick(d, plan.RedirectDefault, plan.RedirectFollow, plan.RedirectPass, plan.RedirectDeny)
}

func (d drawer) group(s *step, depth int) {
	for range pick(d, 0, 1, 2, 2, 3, 3, 4, 5) {
		s.Members = append(s.Members, d.step(depth-1))
	}
	s.Hold = s.Kind == parallel && d.one(4)
	if d.one(4) {
		s.Each = &each{Six: pick(d, plan.SixDefault, plan.SixBranch), Redirect: d.redirect()}
		if d.one(2) {
			s.Each.Ring = pick(d, rings...)
		}
		if d.one(3) {
			s.Each.Delay = pick(d, delays...)
		}
		if d.one(3) {
			s.Each.On = d.edges(depth - 1)
		}
	}
	if d.one(3) {
		s.Name = pick(d, "sales", "desk")
	}
}

func (d drawer) options(s *step, depth int) {
	if d.one(2) {
		s.Ring = pick(d, rings...)
	}
	if d.one(4) {
		s.Delay = pick(d, delays...)
	}
	if depth > 0 && d.one(3) {
		s.On = d.edges(depth - 1)
	}
}

func (d drawer) edges(depth int) (on []edge) {
	outcomes := []plan.Outcome{plan.Busy, plan.NoAnswer, plan.Timeout, plan.Offline, plan.Rejected, plan.Failed}
	for range 1 + d.IntN(3) {
		on = append(on, edge{pick(d, outcomes...), d.step(depth)})
	}
	return on
}

func (d drawer) contacts() (list []pointer) {
	for range d.IntN(4) {
		list = append(list, pointer{Phone: d.IntN(d.phones), Line: d.IntN(3), Less: pick(d, 0, 0, 300, 500, 900)})
	}
	return list
}
