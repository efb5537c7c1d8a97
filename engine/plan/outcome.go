package plan

// outcomeOf names the failure that a final response of 300 to 699 is.
func outcomeOf(code int, rang, registered bool) Outcome {
	switch code {
	case 486, 600:
		return Busy
	case 403, 603, 606, 607, 608:
		return Rejected
	case 408:
		return rungOut(rang)
	case 480:
		return ifRang(rang, Offline)
	case 487: // ours are no result of a step: the step failed when it was cancelled
		return ifRang(rang, Failed)
	case 410, 430:
		return Offline
	case 404:
		if registered {
			return Offline
		}
	}
	return Failed
}

// rungOut is the outcome of a step whose time is over.
func rungOut(rang bool) Outcome { return ifRang(rang, Timeout) }

func ifRang(rang bool, otherwise Outcome) Outcome {
	if rang {
		return NoAnswer
	}
	return otherwise
}

// withoutResponse gives the code and the outcome of a branch that ended and no peer said how. Timer B is not
// here: its outcome depends on whether the branch rang.
func withoutResponse(k EventKind) (int, Outcome) {
	switch k {
	case EventTransportError: // RFC 3261 §16.9
		return 503, Failed
	case EventDenied:
		return 403, Denied
	case EventLimited:
		return 480, Limited
	default: // EventOffline
		return 480, Offline
	}
}
