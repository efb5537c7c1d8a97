package seeds

import (
	"slices"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

// ring sends the INVITE of a target.
func (r *ref) ring(p *place) {
	for _, t := range r.tries {
		same := t.phone == p.Phone && t.line == p.Line
		if same && (t.running || p.Followed) {
			r.skip(p) // "a target that is ringing already is not rung again"; "in 3xx recursion each URI once per call"
			return
		}
	}
	if len(r.tries) >= r.limits.Branches {
		r.bound()
		return
	}
	switch {
	case p.Ring > 0:
		p.due = r.now.Add(p.Ring)
	case !p.capped():
		p.timerC, p.due = true, r.now.Add(r.limits.TimerC)
	}
	t := &try{place: p, phone: p.Phone, line: p.Line, running: true, until: never, lookup: never}
	t.result = &result{place: p, try: t, counts: true, attempt: p.attempt}
	p.try = t
	r.tries = append(r.tries, t)
	if ph := r.phone(p.Phone); ph != nil && ph.named() && !p.Bound {
		r.seen[sawLookup]++
		t.lookup = r.now.Add(max(ph.Lookup, 1))
		return
	}
	r.send(t)
}

func (r *ref) phone(n int) *phoneSpec {
	if n >= len(r.w.spec.Phones) {
		return nil
	}
	return &r.w.spec.Phones[n]
}

func (r *ref) send(t *try) {
	r.sent = append(r.sent, t)
	t.leg, t.sentAt, t.tx = len(r.sent), r.now, calling
	t.until, t.lookup = r.now.Add(64*t1), never
	r.add(fact{what: tried, leg: t.leg, code: t.phone, x: int64(t.line)})
}

func (t *try) wake() clock.Time { return min(t.until, t.lookup) }

func (r *ref) nextTry() (next *try) {
	for _, t := range r.tries {
		if t.wake() != never && (next == nil || t.wake() < next.wake()) {
			next = t
		}
	}
	return next
}

// wakeTry is the end of a look-up, of Timer B, of the wait after a CANCEL, or of a transaction.
func (r *ref) wakeTry(t *try) {
	switch {
	case t.lookup != never:
		t.lookup = never
		switch {
		case t.over:
		case r.phone(t.phone).Unknown:
			r.fail(t, 503)
		default:
			r.send(t)
		}
	case t.tx == accepted || t.tx == completed || t.tx == lapsed:
		t.tx, t.until = vanished, never
	default:
		r.seen[sawTimerB]++
		r.fail(t, 408)
	}
}

// fail is an INVITE that will have no final response.
func (r *ref) fail(t *try, code int) {
	if t.tx == unsent {
		t.tx, t.until = vanished, never
	} else {
		t.tx, t.until = lapsed, rounded(r.now.Add(64*t1))
	}
	out := plan.Failed
	switch {
	case code == 503 && t.place.Bound:
		code, out = 480, plan.Offline // RFC 5626 §5.3: the phone's flow is gone
	case code == 408:
		out = plan.Timeout
		if t.rang {
			out = plan.NoAnswer
		}
	}
	r.lost(t, code, out, true)
}

// lost is a branch that has not answered.
func (r *ref) lost(t *try, code int, out plan.Outcome, synthetic bool) {
	was := t.running
	t.over, t.running = true, false
	if !was {
		return // "487s to our own CANCELs do not count", nor does what crossed them
	}
	x, p := t.result, t.place
	x.code, x.outcome, x.synthetic, x.elapsed = code, out, synthetic, r.now-p.begun
	r.results = append(r.results, x)
	p.outcome = out
	r.failed(p)
}

// response takes a response to a branch's INVITE.
func (r *ref) response(t *try, in *input) {
	switch class := in.code / 100; {
	case class == 2:
		r.accept(t, in)
	case t.tx != calling && t.tx != proceeding:
	case class == 1:
		r.provisional(t, in)
	default:
		t.tx = completed
		t.until = rounded(r.now.Add(64 * t1))
		for _, d := range r.earlies {
			if d.t == t {
				d.due = 0 // no PRACK to an INVITE that is over
			}
		}
		r.refused(t, in)
	}
}

// rounded is when a finished transaction is forgotten: the engine does that ten times a second.
func rounded(t clock.Time) clock.Time {
	const grain = clock.Time(1e8)
	return (t + grain - 1) / grain * grain
}

func (r *ref) refused(t *try, in *input) {
	if in.code == 422 && !t.again && !t.wanted && !t.cancel && !r.ended {
		r.seen[sawInterval]++
		t.again, t.tx, t.until = true, calling, r.now.Add(64*t1)
		r.add(fact{what: tried, leg: t.leg, code: t.phone, text: "again"})
		return
	}
	if in.challenge && t.place.Login && !t.met && !t.wanted && !t.cancel && !r.ended {
		r.seen[sawChallenge]++
		t.met, t.tx, t.until = true, calling, r.now.Add(64*t1)
		r.add(fact{what: tried, leg: t.leg, code: t.phone, text: "again"})
		return
	}
	if in.code/100 == 3 && t.running {
		r.redirected(t, in)
		return
	}
	r.lost(t, in.code, outcome(in.code, t.rang, t.place.Registered), false)
}

// outcome is the table of the contract ("Outcomes").
func outcome(code int, rang, registered bool) plan.Outcome {
	if rang && (code == 408 || code == 480 || code == 487) {
		return plan.NoAnswer
	}
	switch code {
	case 486, 600:
		return plan.Busy
	case 403, 603, 606, 607, 608:
		return plan.Rejected
	case 408:
		return plan.Timeout
	case 480, 410, 430:
		return plan.Offline
	case 404:
		if registered {
			return plan.Offline
		}
	}
	return plan.Failed
}

// redirected is a 3xx.
func (r *ref) redirected(t *try, in *input) {
	p, x := t.place, t.result
	t.over, t.running = true, false
	x.code, x.elapsed = in.code, r.now-p.begun
	r.asked("redirected", nil, x)
	a := r.answer()
	if r.hungUp() {
		return
	}
	t.contacts = in.contacts
	r.whither(p, a.Follow, a.Plan)
}

// whither is what was decided about a redirected target: to follow, a plan, or nothing, which is the policy.
func (r *ref) whither(p *place, follow bool, s *step) {
	x := p.try.result
	follows := follow || s == nil && p.Redirect == plan.RedirectFollow
	if follows {
		s = r.contacts(p, p.try.contacts)
	}
	if s != nil {
		p.status, p.due = done, never
		if follows {
			r.seen[sawFollow]++
		}
		r.replace(p, s, plan.PlaceRedirected)
		return
	}
	x.outcome = plan.Failed
	x.counts = !follows && p.Redirect == plan.RedirectPass
	r.results = append(r.results, x)
	p.outcome = plan.Failed
	r.failed(p)
}

// contacts is the plan that follows a 3xx: by descending q, those of equal q together, each URI once per call.
func (r *ref) contacts(p *place, list []pointer) *step {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b pointer) int { return a.Less - b.Less })
	var steps []*step
	less := -1
	for _, c := range list {
		key := pointer{Phone: c.Phone, Line: c.Line}
		if slices.Contains(r.followed, key) || slices.ContainsFunc(r.tries, func(t *try) bool { return t.phone == c.Phone && t.line == c.Line }) {
			continue
		}
		r.followed = append(r.followed, key)
		s := &step{
			Kind: ring, Phone: c.Phone, Line: c.Line, Ring: p.Ring, Six: p.Six, Redirect: p.Redirect, Early: p.Early, Prack: p.Prack, PassAuth: p.PassAuth, Followed: true,
		}
		if c.Less != less {
			steps = append(steps, &step{Kind: parallel})
		}
		less = c.Less
		g := steps[len(steps)-1]
		g.Members = append(g.Members, s)
	}
	for i, g := range steps {
		if len(g.Members) == 1 {
			steps[i] = g.Members[0]
		}
	}
	switch len(steps) {
	case 0:
		return nil
	case 1:
		return steps[0]
	}
	return &step{Kind: serial, Members: steps}
}
