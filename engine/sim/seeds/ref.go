package seeds

import (
	"cmp"
	"slices"
	"time"

	"tandem/engine/clock"
	"tandem/engine/plan"
)

// ref is the reference: a call's plan done by the letter of the contract ("How a plan runs") and in the plainest way,
// from what the engine was told about the call. It is made of the Spec's steps, not of the engine's plan, and shares
// nothing with plan.Executor. What it expects the engine to have done it leaves in facts.
type ref struct {
	w      *world
	call   *callBook
	spec   *callSpec
	limits plan.Limits
	now    clock.Time
	facts  []fact
	seen   *sights

	root     *place
	tries    []*try   // in the order of the plan
	mark     int      // how many there were before the event at hand
	ops      []*place // whose operations were started, in that order
	opMark   int
	ticked   bool   // which is the time of a place
	sent     []*try // in the order of their INVITEs
	results  []*result
	followed []pointer
	places   int
	rounds   int

	over     bool // the caller's INVITE is decided
	ended    bool // the script was told of the end
	gone     bool // the caller gave up
	winner   *try
	winTag   string // of its 2xx
	left     bool   // it hung up before the caller had that
	reasons  string // of the caller's CANCEL
	hangup   bool
	answers  int
	effects  int
	sign     clock.Time // when the caller is to hear something
	fronts   []*front   // the dialogs towards the caller
	winFront *front     // of the answer
	earlies  []*early
	tags     int  // of ours that the caller saw
	media    bool // somebody's early media were shown
	final    bool // the caller's INVITE has its final response
}

type status uint8

const (
	idle status = iota
	waits
	runs
	done
)

const never clock.Time = 1<<63 - 1

// place is a step where it stands in the plan.
type place struct {
	*step
	up      *place
	members []*place
	written bool // as a member, so that it takes the group's defaults
	attempt int
	stood   int    // how many stood here before: replacements and awaits
	instead *place // the failed step that it stands for
	role    plan.Place
	status  status
	base    clock.Time // from when its delay counts
	begun   clock.Time
	due     clock.Time // the end of delay, ring time, Timer C or an operation
	timerC  bool
	rang    bool
	opening bool // members are being started
	user    bool // its members are the contacts of a user
	outcome plan.Outcome
	try     *try
}

// result is what a step that is no group came to.
type result struct {
	place     *place
	try       *try
	outcome   plan.Outcome
	code      int
	synthetic bool
	counts    bool
	attempt   int
	elapsed   clock.Time
}

// try is one INVITE.
type try struct {
	place    *place
	phone    int
	line     int
	leg      int // 0 before it was sent
	running  bool
	givenUp  bool
	over     bool
	rang     bool
	sentAt   clock.Time
	lookup   clock.Time // when its address is known; never if it is
	tx       txState
	until    clock.Time // when the transaction gives up
	wanted   bool       // a CANCEL waits for a provisional
	reasons  string
	cancel   bool // it was sent
	tags     []string
	result   *result
	let      bool      // nobody waits for more 2xx
	met      bool      // the INVITE was sent again with credentials
	again    bool      // the INVITE was sent again after a 422
	contacts []pointer // of its 3xx
}

type txState uint8

const (
	unsent txState = iota
	calling
	proceeding
	accepted
	completed
	lapsed // it was given up, yet its 2xx may come
	vanished
)

// expect works out what the engine had to do in a call.
func (k *book) expect(c *callBook) *ref {
	r := &ref{w: k.w, call: c, spec: c.spec, seen: &k.seen}
	l, d := k.w.spec.Limits, plan.DefaultLimits
	r.limits = plan.Limits{
		Replacements: cmp.Or(l.Replacements, d.Replacements), Branches: cmp.Or(l.Branches, d.Branches),
		Nodes: cmp.Or(l.Nodes, d.Nodes), Rounds: cmp.Or(l.Rounds, d.Rounds), TimerC: cmp.Or(l.TimerC, d.TimerC),
	}
	r.now, r.sign = c.invite.at, c.invite.at.Add(time.Minute)
	r.start()
	for i := range c.inputs {
		in := &c.inputs[i]
		r.advance(in.at)
		r.now, r.ticked = in.at, false
		r.event()
		r.take(in)
	}
	r.advance(never)
	return r
}

// advance lets everything happen that is due before an instant. What comes from the network at the instant itself comes first.
func (r *ref) advance(until clock.Time) {
	for {
		p, t, f, at := r.nextPlace(), r.nextTry(), r.nextFront(), never
		if !r.final {
			at = r.sign
		}
		sign := at
		if f != nil && !r.final {
			at = min(at, f.until)
		}
		if p != nil {
			at = min(at, p.due)
		}
		if t != nil {
			at = min(at, t.wake())
		}
		if at >= until || at == never {
			return
		}
		due := at != sign && p != nil && at == p.due
		place := due && !p.answers() // what an operation comes to is an event of its own
		if !place || !r.ticked || at != r.now {
			r.event() // places that are due at one instant are one event
		}
		r.now, r.ticked = at, place
		switch {
		case at == sign:
			r.signOfLife()
		case due:
			r.tick(p)
		case f != nil && !r.final && at == f.until:
			r.unpracked(f)
		default:
			r.wakeTry(t)
		}
		r.settle()
	}
}

// nextPlace returns the place of the plan whose time comes first, of equal ones the first in the plan.
func (r *ref) nextPlace() *place {
	if r.over {
		return nil
	}
	return earliest(r.root, nil)
}

func earliest(p, best *place) *place {
	if p == nil {
		return best
	}
	if p.due != never && (best == nil || p.due < best.due) {
		best = p
	}
	if p.status == runs {
		for _, m := range p.members {
			best = earliest(m, best)
		}
	}
	return best
}

func (r *ref) tick(p *place) {
	switch {
	case p.status == waits:
		r.begin(p)
	case p.Kind == await:
		r.awaited(p)
	case p.group():
		r.expire(p)
	default:
		r.ringOut(p)
		r.seen[sawRingOut]++
		if p.timerC {
			r.seen[sawTimerC]++
		}
		r.failed(p)
	}
}

// event begins another event.
func (r *ref) event() { r.mark, r.opMark = len(r.tries), len(r.ops) }

// take takes what the engine was told.
func (r *ref) take(in *input) {
	switch in.kind {
	case inCancel:
		r.callerCancel(in.text)
	case inResponse:
		if in.leg > len(r.sent) {
			r.add(fact{what: tried, leg: in.leg, text: "an INVITE that is not in the plan"})
			return
		}
		r.response(r.sent[in.leg-1], in)
	case inStray:
		if in.leg <= len(r.sent) {
			r.stray(r.sent[in.leg-1], in)
		}
	case inEnd:
		r.end()
	case inPrack:
		r.acknowledged(in.leg)
	case inCalleeGone:
		r.left = true
		r.endBefore(480)
	case inFailed:
		if in.leg <= len(r.sent) && r.sent[in.leg-1].tx == calling {
			r.fail(r.sent[in.leg-1], 503)
		}
	}
	r.settle()
}

func (r *ref) add(f fact) {
	f.at = r.now
	r.facts = append(r.facts, f)
}

// start is the caller's INVITE.
func (r *ref) start() {
	r.asked("invite", nil, nil)
	r.do(r.spec.Invited)
	p := r.spec.Plan
	if r.hungUp() {
		return
	}
	if p != nil && p.Kind != reject && p.Kind != redirect && len(r.fronts) == 0 {
		r.add(fact{what: shown, code: 100})
	}
	if p == nil {
		r.finish(404)
	} else {
		r.run(p, plan.PlaceStart)
	}
	r.settle()
}

// hungUp ends the call if the handler that has just returned asked for that: nothing more happens in the plan, and what it was
// about to send at this instant is not sent.
func (r *ref) hungUp() bool {
	if !r.hangup {
		return false
	}
	for _, t := range r.tries[r.mark:] {
		t.over, t.tx, t.until, t.lookup = true, unsent, never, never
		r.sent = slices.DeleteFunc(r.sent, func(o *try) bool { return o == t })
		r.facts = slices.DeleteFunc(r.facts, func(f fact) bool { return f.what == tried && f.leg == t.leg })
	}
	r.unbegin()
	r.settle()
	return true
}

// settle does what a handler wanted to happen once it had returned.
func (r *ref) settle() {
	if !r.hangup || r.ended {
		return
	}
	r.hangup = false
	r.seen[sawHangup]++
	if !r.final { // of an answered call the end is not the plan's
		r.endBefore(480)
	}
}

func (r *ref) callerCancel(reasons string) {
	if r.final {
		return
	}
	r.seen[sawCallerCancel]++
	r.reasons = reasons
	r.gone, r.over = true, true
	r.close(reasons)
	r.letGo()
	r.reply(487)
	r.observe("cancelled", nil)
	r.end()
}

// end is the end of the call: who is done with needs nobody to hear of more 2xx.
func (r *ref) end() {
	r.ended = true
	r.observe("ended", nil)
	for _, t := range r.tries {
		t.let = t.let || t.tx >= completed || t == r.winner
	}
}

// reply is the final response to the caller.
func (r *ref) reply(code int) {
	r.final = true
	r.add(fact{what: finished, code: code})
}

// do does what a handler does beside.
func (r *ref) do(e effect) {
	if e.Progress != 0 && !r.final {
		r.seen[sawProgress]++
		f := r.ringFront()
		f.code = e.Progress
		r.provide(f, e.Progress, false)
	}
	r.hangup = r.hangup || e.Hangup
}

// answer uses up the next answer of the script.
func (r *ref) answer() answer {
	if r.answers == len(r.spec.Answers) {
		return answer{}
	}
	r.answers++
	a := r.spec.Answers[r.answers-1]
	r.do(a.Does)
	return a
}

func (r *ref) observe(what string, t *try) {
	var res *result
	if t != nil {
		res = t.result
	}
	r.asked(what, nil, res)
	if r.effects < len(r.spec.Effects) {
		r.effects++
		r.do(r.spec.Effects[r.effects-1])
	}
}
