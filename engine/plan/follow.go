package plan

import (
	"slices"
	"strings"
)

// redirected is a 3xx of the target i. The route handler decides, else the target's policy. A 3xx counts for
// the best response only where it is passed: the contacts of one that is followed are used up
// (RFC 3261 §16.7 step 4), those of one that is denied are nobody's business.
func (e *Executor) redirected(i int32) {
	if plan := e.whither(i, e.ask.Redirected(&e.results[e.nodes[i].result].step)); plan != nil {
		e.nodes[i].state, e.nodes[i].at = ended, never
		e.replace(i, plan, PlaceRedirected)
	}
}

// whither returns the plan for the redirected target i of which the script said plan. Without one the step has failed.
func (e *Executor) whither(i int32, plan *Node) *Node {
	r := e.nodes[i].result
	policy := e.nodes[i].target.Redirect
	k := uncounted
	switch {
	case plan != nil && plan.Kind != KindFollow:
	case plan != nil || policy == RedirectFollow:
		plan = e.contacts(i)
	case policy == RedirectPass:
		k = rank3xx
	}
	if plan == nil {
		e.results[r].step.Outcome = Failed
		e.leafFailed(i, r, k)
	}
	return plan
}

// contacts returns the plan that follows the 3xx of i, nil if no contact may be tried: by descending q one
// after the other, those of equal q together (RFC 3261 §16.7 step 4, §16.6).
func (e *Executor) contacts(i int32) *Node {
	n := &e.nodes[i]
	var steps, level []*Node
	q := 0
	for _, c := range e.results[n.result].step.Contacts {
		if !e.mayFollow(n.target, c) {
			continue
		}
		e.recursed = append(e.recursed, keyOf(c.Key, c.URI))
		if len(level) > 0 && c.Q != q {
			steps, level = append(steps, together(level)), nil
		}
		q, level = c.Q, append(level, n.contact(c, e.results[n.result].step.Branch))
	}
	if len(level) > 0 {
		steps = append(steps, together(level))
	}
	switch len(steps) {
	case 0:
		return nil
	case 1:
		return steps[0]
	}
	return &Node{Kind: KindSerial, Pos: n.src.Pos, Members: steps}
}

func together(level []*Node) *Node {
	if len(level) == 1 {
		return level[0]
	}
	return &Node{Kind: KindParallel, Pos: level[0].Pos, Members: level}
}

// contact is the step for one contact: the redirecting target with another URI. It may ring as long as the
// step that it stands in for; that step's edges and name are not its own. Nor are its credentials, nor that it is trusted: who redirects must not choose who
// gets to challenge them, and who learns what is private.
func (n *node) contact(c Contact, by BranchID) *Node {
	t := *n.target
	t.URI, t.Key, t.User, t.Registered, t.Binding, t.Params = c.URI, c.Key, c.User, false, nil, "" // the contact has its own
	t.Auth.Login = nil
	if t.Trust == TrustYes {
		t.Trust = TrustNetwork
	}
	t.Redirection = &Redirection{By: by, Mapping: c.Mapping}
	return &Node{Kind: KindTarget, Pos: n.src.Pos, Ring: n.ring, Target: &t, contact: true}
}

// mayFollow reports whether a contact is a URI that this call has not tried, planned or recursed, and no step
// back from sips to sip (RFC 3261 §8.1.3.4, §16.5). Contacts that are no SIP URIs cannot be INVITEd.
func (e *Executor) mayFollow(from *Target, c Contact) bool {
	secure := hasScheme(c.URI, "sips:")
	if !secure && (hasScheme(from.URI, "sips:") || !hasScheme(c.URI, "sip:")) {
		return false
	}
	key := keyOf(c.Key, c.URI)
	return !e.invited(key) && !slices.Contains(e.recursed, key)
}

func hasScheme(uri, scheme string) bool {
	return len(uri) >= len(scheme) && strings.EqualFold(uri[:len(scheme)], scheme)
}
