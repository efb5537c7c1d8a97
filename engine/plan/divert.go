package plan

// Divert says that whom a plan rings is called in place of somebody else (RFC 5806, RFC 7044 §9). It stands on a group of one member, the plan.
type Divert struct {
	// By is who diverts: a URI, or a user at the host of the Request-URI that came in; "" = who was called, by the caller or by the diversion before.
	By string
	// Reason is one of DivertReasons; "" = how the step before has failed.
	Reason string
	// Max is how many diversions a call may have, this one included, those before it came in among them; 0 = DefaultDiversions.
	Max int
	// Announce tells the caller, 181, once; Dialect is as in Target.
	Announce bool
	Dialect  string
}

// DefaultDiversions is how many diversions a call may have: more is taken for a loop.
const DefaultDiversions = 5

// DivertReasons are the reasons that a diversion has in plans (RFC 5806 §4).
var DivertReasons = []string{"user-busy", "no-answer", "unavailable", "unconditional", "deflection"}

// Diversion is one diversion of a call on its way to a target.
type Diversion struct {
	// Divert is as the script wrote it, Reason why in the end.
	Divert *Divert
	Reason string
	// By is the target that diverts: a URI, or the user that a step was for; "" = whom the caller called.
	By string
	// From is the branch to By; 0 = the INVITE that came in.
	From BranchID
}

// diverting is a Divert as it runs.
type diverting struct {
	Diversion
	outer     int32 // the step whose Divert is around this one
	announced bool
}

// beginDivert notes why and from whom the plan of step i is diverted.
func (e *Executor) beginDivert(i int32) {
	d := diverting{Diversion: Diversion{Divert: e.nodes[i].src.Divert}, outer: e.nodes[i].outer}
	outcome, r := e.failedBefore(i)
	d.Reason = d.Divert.Reason
	if d.Reason == "" {
		d.Reason = e.divertReason(outcome, r)
	}
	if r != none && d.outer != none && e.within(e.results[r].node, d.outer) && e.results[r].step.Target != nil {
		d.By, d.From = e.results[r].step.Target.identity(), e.results[r].step.Branch
	}
	e.diverted = append(e.diverted, d)
	e.nodes[i].divert = int32(len(e.diverted) - 1)
}

// within reports whether the step i was called for the diversion of step d.
func (e *Executor) within(i, d int32) bool {
	for at := e.nodes[i].diverter; at != none; at = e.nodes[at].outer {
		if at == d {
			return true
		}
	}
	return false
}

// failedBefore returns how the step failed in whose place, or after which, the step i begins, and its best result; none if nothing has failed.
func (e *Executor) failedBefore(i int32) (Outcome, int32) {
	for ; i != none; i = e.nodes[i].parent {
		n := &e.nodes[i]
		if n.replaces != none {
			return e.failure(n.replaces)
		}
		if n.parent == none {
			break
		}
		if p := &e.nodes[n.parent]; p.src.Kind == KindSerial {
			last := none
			for c := p.first; c != i && c != none; c = e.nodes[c].next {
				if e.nodes[c].best != none || e.nodes[c].outcome != NoOutcome {
					last = c
				}
			}
			if last != none {
				return e.failure(last)
			}
		}
	}
	if e.round > 0 && e.best != none {
		return e.results[e.best].step.Outcome, e.best
	}
	return NoOutcome, none
}

func (e *Executor) failure(i int32) (Outcome, int32) {
	n := &e.nodes[i]
	if n.best != none {
		return n.outcome, n.best
	}
	return n.outcome, n.result
}

// divertReason is the reason of RFC 5806 §4 for how a step has failed; r is its result.
func (e *Executor) divertReason(o Outcome, r int32) string {
	if r != none && e.results[r].step.Code/100 == 3 {
		return "deflection"
	}
	switch o {
	case NoOutcome:
		return "unconditional"
	case Busy:
		return "user-busy"
	case NoAnswer, Timeout:
		return "no-answer"
	case Rejected:
		return "deflection"
	default:
		return "unavailable"
	}
}

// diversions returns the diversions on the way to the target i, the first one first, and the innermost if it is to be announced now.
func (e *Executor) diversions(i int32) (all []Diversion, announce *Divert) {
	for at := e.nodes[i].diverter; at != none; at = e.nodes[at].outer {
		d := &e.diverted[e.nodes[at].divert]
		if len(all) == 0 && d.Divert.Announce && !d.announced {
			d.announced, announce = true, d.Divert
		}
		all = append(all, d.Diversion)
	}
	for a, b := 0, len(all)-1; a < b; a, b = a+1, b-1 {
		all[a], all[b] = all[b], all[a]
	}
	return all, announce
}
