package plan

// rank orders results: the lowest is the best response, equal ones in the order in which they came.
type rank uint8

// The ranks. RFC 3261 §16.7 step 6 leaves the choice within a class to the element; 4xx that say how to repair
// the request come first, then those about the callee, last the one that says nothing.
const (
	rank6xx rank = iota
	rank3xx
	rank415
	rank420
	rank484
	rank486
	rank480
	rank4xx
	rank408
	rank5xx
	uncounted // a 3xx that is not passed: known to the script, never a response
)

func rankOf(code int) rank {
	switch code {
	case 408:
		return rank408
	case 415:
		return rank415
	case 420:
		return rank420
	case 480:
		return rank480
	case 484:
		return rank484
	case 486:
		return rank486
	}
	return [...]rank{3: rank3xx, 4: rank4xx, 5: rank5xx, 6: rank6xx}[code/100]
}

// record lets the result r count for node i and everything around it.
func (e *Executor) record(i, r int32) {
	for p := i; p != none; p = e.nodes[p].parent {
		e.better(&e.nodes[p].best, r)
	}
	e.better(&e.best, r)
}

func (e *Executor) better(best *int32, r int32) {
	if *best == none || e.results[r].rank < e.results[*best].rank {
		*best = r
	}
}

// respondBest is RFC 3261 §16.7 step 6: the best response ends the caller's INVITE.
func (e *Executor) respondBest() {
	s := e.Best()
	if s == nil {
		e.finish(Action{Kind: ActRespond, Code: 480})
		return
	}
	a := Action{Kind: ActRespond, Branch: s.Branch, Target: s.Target, Pos: s.Pos, Code: s.Code}
	switch {
	case s.Code == 503: // of a peer or of a transport error; RFC 3261 §16.7 step 6
		a.Code = 500
	case (s.Code == 401 || s.Code == 407) && !s.Target.Auth.Pass: // a challenge that is not the caller's to meet
		a.Code = 403
	case !s.Synthetic:
		a.Phrase, a.Response = s.Phrase, s.Response
	}
	e.finish(a)
}
