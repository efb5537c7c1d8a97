package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// call is one call: the caller's leg, the branches of its fork and, once answered, the callee's leg.
type call struct {
	sh     *Shard
	id     string // the caller's Call-ID
	key    string // in sh.calls
	slot   uint16
	script Script
	data   any
	date   time.Time

	invite   *message.Message
	replaced string // what its Replaces means to the far side
	bounds   bounds
	source   flow.Flow
	user     string              // of ours, whose credentials the caller has; "" = none were asked for
	trusted  bool                // the caller belongs to the trust domain
	server   *transaction.Server // of the caller's INVITE
	tag      []byte              // our To tag towards the caller

	exec       *plan.Executor
	timer      clock.Timer // the executor's deadline, or the next sign of life to the caller
	limit      clock.Timer // the longest that the call may last
	sign       clock.Time  // when the caller is to hear a provisional again
	events     []plan.Event
	stepping   bool
	operations []operation // that the plan awaits
	waiting    int         // targets for which there is no room yet
	branches   []*branch   // by BranchID-1
	reasons    []string    // of the caller's CANCEL

	towards    string  // the user of the last target
	tagged     bool    // tag is in use
	sides      []*side // every dialog of the call
	early      *side   // the caller's dialog that shows early media, under policy EarlyFirst
	winner     *branch
	caller     *side // both legs of an answered call
	callee     *side
	urgent     *urgent // it is a call for help
	givenUp    bool    // by the caller, which has only its 487 to come
	final      bool    // the caller's INVITE has its final response
	over       bool    // ended, and the script was told
	aborted    bool    // ended by a bug: neither the script nor the plan is asked any more
	hangup     bool    // the script asked for the end
	hangupText string
}

// newCall starts a call and carries out what the script decides.
// user is whom the caller has identified himself as, "" = nobody; replaced, if any, is the dialog that the INVITE replaces, for its Replaces header.
func (sh *Shard) newCall(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, user, replaced string) {
	script := sh.scripts.Acquire(sh.index, m.CallID())
	bounds, code := sh.bound(m, f, script.Generation())
	if code != 0 {
		script.Release(nil)
		sh.refuseBound(now, tx, m, f, code)
		return
	}
	c := &call{
		sh: sh, id: string(m.CallID()), key: callKey(m), slot: ident.Slot(m.CallID()),
		invite: m.Clone(), source: f, server: tx, date: sh.cfg.Clock.Date(),
		tag:    sh.tagFor(nil, m, f),
		script: script, user: user, replaced: replaced, bounds: bounds, trusted: sh.trusts(f),
	}
	sh.readable(m)
	if !c.trusted {
		sh.unbelieved(m, f)
	}
	c.timer.Owner, c.limit.Owner, c.limit.Kind = c, c, kindLimit
	c.sign = now.Add(signOfLife)
	sh.calls[c.key], sh.current = c, c
	sh.held += c.size()
	c.helping()
	sh.stats.Calls++
	tx.SetToTag(c.tag)
	c.exec = plan.NewExecutor(c, bounds.limits(sh.cfg.Limits))
	c.stepping = true // what invite asks for waits until it has returned
	decision := c.script.Invite(c)
	if c.hangup {
		decision = &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 480, Phrase: c.hangupText}}
	}
	c.note("invite → ", decision)
	c.trying(decision)
	c.apply(c.exec.Start(now, decision))
	c.stepping = false
	c.settle()
}

// trying answers 100 unless something better goes out at once (RFC 3261 §17.2.1). It carries no tag: it makes no dialog.
func (c *call) trying(decision *plan.Node) {
	if decision == nil || decision.Kind == plan.KindReject || decision.Kind == plan.KindRedirect || len(c.sides) > 0 {
		return
	}
	b := c.invite.AppendResponse(c.sh.buf[:0], 100, "", nil, c.source.Remote)
	c.sh.buf = message.AppendBody(b, nil)
	c.server.Respond(c.sh.now, 100, c.sh.buf)
}

// step gives the executor an event and does what it says. Events that come up meanwhile wait their turn.
func (c *call) step(ev plan.Event) {
	if c.aborted {
		if ev.Kind == plan.EventAnswer {
			c.branches[ev.Branch-1].release(plan.CauseNone)
		}
		return
	}
	c.events = append(c.events, ev)
	c.drain()
}

func (c *call) drain() {
	if c.stepping {
		return
	}
	c.stepping = true
	for i := 0; i < len(c.events); i++ {
		c.apply(c.exec.Step(c.sh.now, c.events[i]))
	}
	c.events = c.events[:0]
	c.stepping = false
	c.settle()
}

// settle sets the call's timer and sees to what a handler asked for.
func (c *call) settle() {
	if len(c.events) > 0 {
		c.drain()
		return
	}
	if c.hangup && !c.over {
		c.end(c.hangupText)
	}
	c.noteWaiting()
	at, ok := c.exec.Deadline()
	if !c.final && (!ok || c.sign < at) {
		at, ok = c.sign, true
	}
	switch {
	case !ok || c.over:
		c.sh.heap.Stop(&c.timer)
	case !c.timer.Armed() || c.timer.At() != at:
		c.sh.heap.Arm(&c.timer, at)
	}
}

// kindLimit marks the timer of the longest duration.
const kindLimit = 1

// signOfLife is how long a caller may be left without a provisional (RFC 3261 §13.3.1.1).
const signOfLife = time.Minute

// Fire wakes the plan, tells the caller that the call is still on, or ends it at its longest duration.
func (c *call) Fire(now clock.Time, kind uint8) {
	c.sh.current = c
	if kind == kindLimit {
		c.note("longest duration reached", nil)
		c.byeBoth("Maximum duration")
		c.conclude()
		return
	}
	if now >= c.sign && !c.final {
		c.signOfLife(now)
	}
	c.step(plan.Event{Kind: plan.EventTick})
}

// signOfLife sends the caller once more what it heard last.
func (c *call) signOfLife(now clock.Time) {
	c.sign = now.Add(signOfLife)
	s := c.ringSide()
	if waiting, _ := s.reliable.Outstanding(); waiting || c.invite.HasToken(message.Require, rel100) {
		return // what is repeated reliably is a sign enough; another one would need a PRACK
	}
	if s.shown == 0 {
		s.shown = 183
	}
	c.send(s.shown, s.ownProvisional(s.shown), nil)
}

// conclude tells the script that the call is over and lets go of everything but the branches that still wait for
// their final response.
func (c *call) conclude() {
	if c.over {
		return
	}
	c.over = true
	c.script.Ended(c)
	c.note("ended", nil)
	c.forget()
}

// forget takes the call out of the shard.
func (c *call) forget() {
	c.over = true
	if c.sh.calls[c.key] == c {
		delete(c.sh.calls, c.key)
		c.sh.held -= c.size()
		c.helped()
		c.sh.drained()
	}
	c.sh.heap.Stop(&c.timer)
	c.sh.heap.Stop(&c.limit)
	for _, b := range c.branches {
		if b.client != nil && (b.ended || b == c.winner) {
			b.client.Detach() // it absorbs copies for 32 s more and needs no call for that
		}
	}
	for _, s := range c.sides {
		s.leave()
		if c.final && (s == c.caller || s == c.callee) {
			c.sh.past.add(s.dialog)
		}
	}
	c.dropOperations()
	if c.script != nil {
		c.script.Release(c)
		c.script = nil
	}
}

// abort ends a call that a bug has hit: 500 to the caller, or BYE to both sides.
func (c *call) abort() {
	c.aborted, c.events = true, nil
	if !c.final {
		c.respond(500, "", nil)
	}
	for _, b := range c.branches {
		b.giveUp(plan.CauseNone)
	}
	c.dropOperations()
	c.byeBoth("")
	if !c.over {
		c.forget()
	}
}

// end carries out call:hangup.
func (c *call) end(phrase string) {
	c.hangup = false
	switch {
	case c.callee != nil && c.final:
		c.byeBoth(phrase)
		c.conclude()
	case !c.final:
		c.endBefore(480, phrase)
	}
}

// stop ends the call because the engine stops.
func (c *call) stop() {
	if c.callee != nil && c.final {
		c.byeBoth("Tandem is stopping")
		c.conclude()
		return
	}
	if !c.final {
		c.endBefore(503, "")
	}
}

// endBefore ends a call that has no answer yet, from our side.
func (c *call) endBefore(code int, phrase string) {
	c.step(plan.Event{Kind: plan.EventCallerCancel})
	c.byeBoth("") // a winner whose 2xx still waits for the caller's PRACK
	c.respond(code, phrase, nil)
	c.conclude()
}

// respond sends the caller's INVITE a final response of our own; add appends fields.
func (c *call) respond(code int, phrase string, add func(b []byte) []byte) {
	b := c.invite.AppendResponse(c.sh.buf[:0], code, phrase, c.tag, c.source.Remote)
	if add != nil {
		b = add(b)
	}
	c.send(code, b, nil)
}

// send completes a response to the caller's INVITE and sends it.
func (c *call) send(code int, b, body []byte) {
	b = message.AppendBody(c.sh.appendProduct(b, "Server"), body)
	c.sh.buf = b
	if code >= 200 {
		c.final = true
	}
	if code >= 300 && len(body) == 0 {
		b = c.sh.layer.Modest(c.invite, c.source, b)
	}
	c.server.Respond(c.sh.now, code, b)
}

// note traces a decision and the plan that came of it.
func (c *call) note(text string, n *plan.Node) {
	if c.sh.cfg.Trace != nil {
		c.sh.note(c, decided(text, n))
	}
}

func decided(text string, n *plan.Node) trace.Event {
	if n == nil {
		return trace.Event{Text: text}
	}
	return trace.Event{Text: text + n.String(), Pos: n.Pos}
}

// The Call that scripts see.

// ID returns the Call-ID of the caller's leg.
func (c *call) ID() string { return c.id }

// Request returns the caller's INVITE.
func (c *call) Request() *message.Message { return c.invite }

// Source returns where the INVITE came from.
func (c *call) Source() flow.Flow { return c.source }

// User is whose credentials the caller has.
func (c *call) User() string { return c.user }

// Emergency reports whether it is a call for help.
func (c *call) Emergency() bool { return c.sh.emergency(c.invite) }

// Trusted reports whether the caller belongs to the trust domain.
func (c *call) Trusted() bool { return c.trusted }

// Date returns when the INVITE came.
func (c *call) Date() time.Time { return c.date }

// Best returns the best response so far.
func (c *call) Best() *plan.Step { return c.exec.Best() }

// Round counts how often the plan was exhausted.
func (c *call) Round() int { return c.exec.Round() }

// Pending counts the branches that run.
func (c *call) Pending() int { return c.exec.Pending() }

// Data returns what SetData kept.
func (c *call) Data() any { return c.data }

// SetData keeps the script host's state of the call.
func (c *call) SetData(v any) { c.data = v }

// errFinal says that a call can have no more provisional responses.
var errFinal = errors.New("the call has had its final response")

// Move lets another script take the remaining events.
func (c *call) Move(to Script) {
	c.script = to
	c.exec.Forget()
}

// Progress sends the caller a provisional response.
func (c *call) Progress(code int, headers []plan.Header) error {
	switch {
	case c.final, c.givenUp:
		return errFinal
	case code < 101 || code > 199:
		return fmt.Errorf("code %d is not provisional: 101 to 199", code)
	}
	c.ringSide().announce(code, func(b []byte) []byte { return appendHeaders(b, headers) })
	return nil
}

// Hangup ends the call as soon as the handler that asked for it has returned.
func (c *call) Hangup(phrase string) {
	if c.givenUp {
		return // it is over as it is
	}
	c.hangup, c.hangupText = true, phrase
	if !c.stepping {
		c.settle()
	}
}

func appendHeaders(b []byte, headers []plan.Header) []byte {
	for _, h := range headers {
		if !h.Remove {
			b = message.AppendField(b, h.Name, h.Value)
		}
	}
	return b
}

// The plan.Asker that the executor asks.

// decide asks the script for a plan, unless it has hung up: then the plan goes on by itself until it has nothing to do at once,
// nothing comes of that, and the call ends.
func (c *call) decide(ask func() *plan.Node) *plan.Node {
	if c.hangup {
		return nil
	}
	n := ask()
	if c.hangup {
		return nil
	}
	return n
}

// Deferred calls a function of the plan.
func (c *call) Deferred(fn plan.Callback, failed *plan.Step) *plan.Node {
	n := c.decide(func() *plan.Node { return c.script.Deferred(c, fn, failed) })
	c.noteStep("function", failed, n)
	return n
}

// Handler asks the route handler of an outcome.
func (c *call) Handler(o plan.Outcome, failed *plan.Step) *plan.Node {
	n := c.decide(func() *plan.Node { return c.script.Handler(c, o, failed) })
	c.noteStep(o.String(), failed, n)
	return n
}

// Redirected asks the route handler for a 3xx.
func (c *call) Redirected(s *plan.Step) *plan.Node {
	n := c.decide(func() *plan.Node { return c.script.Redirected(c, s) })
	c.noteStep("redirected", s, n)
	return n
}

// Exhausted asks the route handler at the end of the plan.
func (c *call) Exhausted(best *plan.Step, round int) *plan.Node {
	n := c.decide(func() *plan.Node { return c.script.Exhausted(c, best, round) })
	c.note("exhausted → ", n)
	return n
}

// Ringing tells the script of a branch that rings.
func (c *call) Ringing(s *plan.Step) { c.script.Ringing(c, s) }

// Taken traces an edge that is a plan.
func (c *call) Taken(failed *plan.Step, n *plan.Node) {
	c.noteStep("on."+failed.Outcome.String(), failed, n)
}

// Bound logs that a limit of the plan was met.
func (c *call) Bound(what string, pos plan.Pos) {
	c.sh.bounded.warn(c.sh, "more plans stopped at a limit", "plan stopped at a limit: "+what, zap.String("call", c.id), zap.Stringer("at", pos))
	if c.sh.cfg.Trace != nil {
		c.sh.note(c, trace.Event{Text: "limit: " + what, Pos: pos})
	}
}

func (c *call) noteStep(who string, s *plan.Step, n *plan.Node) {
	if c.sh.cfg.Trace == nil {
		return
	}
	e := trace.Event{Text: who}
	if s != nil && s.Target != nil {
		e.Text += " of " + s.Target.User
	}
	if s != nil && s.Code != 0 {
		e.Text += fmt.Sprintf(" (%d)", s.Code)
	}
	if s != nil && (who == "function" || strings.HasPrefix(who, "on.")) {
		e.Edge, e.Step = s.Outcome.String(), s.Pos
	}
	if n == nil {
		e.Text += ": nothing decided"
	} else {
		e.Text, e.Pos = e.Text+" → "+n.String(), n.Pos
	}
	c.sh.note(c, e)
}
