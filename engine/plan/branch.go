package plan

import "slices"

// branchEvent takes what happened to the branch of result r.
func (e *Executor) branchEvent(r int32, ev *Event) {
	b := &e.results[r]
	switch {
	case ev.Kind == EventAnswer:
		e.answered(r, ev)
	case ev.Kind == EventProvisional:
		if b.state == branchRuns && ev.Code > 100 {
			e.provisional(r, ev)
		}
	case ev.Kind == EventFinal && (ev.Code < 300 || ev.Code > 699):
	case b.state == branchGivenUp:
		// The 487 to our CANCEL, or a final response that crossed it. The step failed when it was given up,
		// its replacement may be running: neither fires an edge nor counts.
		b.state = branchEnded
	case b.state == branchRuns:
		e.branchFailed(r, ev)
	}
}

func (e *Executor) provisional(r int32, ev *Event) {
	b := &e.results[r]
	n := &e.nodes[b.node]
	if n.timerC { // RFC 3261 §16.7 step 2
		n.at = e.now.Add(e.limits.TimerC)
	}
	if ev.Code == 199 || b.step.Rang { // RFC 6228: 199 ends an early dialog
		return
	}
	b.step.Rang, b.step.Elapsed = true, e.now.Sub(n.start)
	for p := b.node; p != none; p = e.nodes[p].parent {
		e.nodes[p].rang = true
	}
	e.ask.Ringing(&b.step)
}

// answered is a 2xx. The first wins even from a branch that was given up: RFC 3261 §16.7 step 5 passes every
// 2xx, a B2BUA one.
func (e *Executor) answered(r int32, ev *Event) {
	b := &e.results[r]
	a := Action{Kind: ActRelease, Branch: ev.Branch, Target: b.step.Target, Pos: b.step.Pos}
	if b.state == branchRuns { // cannot be once the call is decided
		e.pending--
	}
	b.state = branchEnded
	switch {
	case e.winner != 0:
		a.Cause = CauseElsewhere
	case e.gone:
		a.Cause = CauseCaller
	case !e.done:
		e.won(r, ev)
		return
	}
	e.acts = append(e.acts, a)
}

func (e *Executor) won(r int32, ev *Event) {
	s := &e.results[r].step
	s.Outcome, s.Code, s.Phrase, s.Response, s.Synthetic = NoOutcome, ev.Code, ev.Phrase, ev.Response, false
	s.Elapsed = e.now.Sub(e.nodes[e.results[r].node].start)
	e.winner, e.done = ev.Branch, true
	e.acts = append(e.acts, Action{
		Kind: ActAnswer, Branch: ev.Branch, Target: s.Target, Pos: s.Pos,
		Code: ev.Code, Phrase: ev.Phrase, Response: ev.Response,
	})
	for _, r := range e.branches {
		if b := &e.results[r]; b.state == branchGivenUp {
			e.cancel(b, CauseElsewhere)
		}
	}
	e.close(CauseElsewhere)
}

// callerCancel is RFC 3261 §16.10: CANCEL for everything pending. The 487 is the glue's.
func (e *Executor) callerCancel() {
	if e.done {
		return
	}
	e.gone, e.done = true, true
	e.close(CauseCaller)
}

// branchFailed ends a branch that ran.
func (e *Executor) branchFailed(r int32, ev *Event) {
	b := &e.results[r]
	i := b.node
	n := &e.nodes[i]
	b.state = branchEnded
	e.pending--
	s := &b.step
	s.Elapsed = e.now.Sub(n.start)
	switch ev.Kind {
	case EventFinal:
		s.Code, s.Phrase, s.Response = ev.Code, ev.Phrase, ev.Response
		if ev.Code < 400 {
			s.Contacts = byPreference(ev.Contacts)
			e.redirected(i)
			return
		}
		s.Outcome = outcomeOf(ev.Code, s.Rang, s.Target.Registered)
	case EventTimeout:
		s.Code, s.Synthetic, s.Outcome = 408, true, rungOut(s.Rang)
	case EventRefused:
		s.Code, s.Phrase, s.Synthetic, s.Outcome = ev.Code, ev.Phrase, true, outcomeOf(ev.Code, false, false)
	default:
		s.Synthetic, s.Phrase = true, ev.Phrase
		s.Code, s.Outcome = withoutResponse(ev.Kind)
	}
	e.leafFailed(i, r, rankOf(s.Code))
}

// leafFailed lets the result of a step that is no group count and asks who is to be asked.
func (e *Executor) leafFailed(i, r int32, k rank) {
	e.results[r].rank = k
	e.nodes[i].outcome = e.results[r].step.Outcome
	e.record(i, r)
	e.fail(i)
}

func byPreference(cs []Contact) []Contact {
	cs = slices.Clone(cs)
	slices.SortStableFunc(cs, func(a, b Contact) int { return b.Q - a.Q })
	return cs
}

// giveUp cancels the branch of a running target and ends the step.
func (e *Executor) giveUp(i int32, c Cause) {
	n := &e.nodes[i]
	n.state, n.at = ended, never
	b := &e.results[n.result]
	b.state = branchGivenUp
	b.step.Elapsed = e.now.Sub(n.start)
	e.pending--
	e.cancel(b, c)
}

func (e *Executor) cancel(b *result, c Cause) {
	s := &b.step
	e.acts = append(e.acts, Action{Kind: ActCancel, Branch: s.Branch, Target: s.Target, Pos: s.Pos, Cause: c})
}

// ringOut gives up a target whose ring time, or Timer C, is over. It counts as 480; where Timer C found that
// nothing ever came back, as 408 (RFC 3261 §16.8). The glue keeps the CANCEL until a provisional comes.
func (e *Executor) ringOut(i int32) {
	e.giveUp(i, CauseNone)
	n := &e.nodes[i]
	b := &e.results[n.result]
	b.step.Code, b.step.Synthetic, b.step.Outcome = 480, true, rungOut(b.step.Rang)
	if n.timerC && !b.step.Rang {
		b.step.Code = 408
	}
	n.outcome, b.rank = b.step.Outcome, rankOf(b.step.Code)
	e.record(i, n.result)
}
