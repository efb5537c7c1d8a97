package plan

import "time"

// Options is a set of the options that a group can give its members.
type Options uint32

// The options.
const (
	OptRing Options = 1 << iota
	OptDelay
	OptOn
	OptOn6xx
	OptRedirect
	OptHeaders
	OptEarlyMedia
	OptPrack
	OptSend181
	OptDialect
	OptMaxDuration
	OptAuth
	OptParams
	OptTo
	OptFrom
	OptDisplay
	OptClip
	OptCodecs
	OptCancelHeaders
	OptColp
	OptTrust
	OptPrivacy
	OptOrder
)

// Each holds the options that a group gives its members where they leave them unset; each is taken whole. Ring, Delay and On
// are for the members as written, targets and groups alike, and for what a function or an await that stands as a member returns: not
// for the members of members, where a delay would count twice and an edge be asked twice. Those of targets go to every
// target within, the nearest group's first. None are for replacements (or an `on` given here would apply to the plan that
// it gave).
type Each struct {
	Ring  time.Duration
	Delay time.Duration
	On    *Edges
	// Target holds the options of targets: everything but URI, Key, User, Registered, Registrant and Binding.
	Target Target
	// Said are the options that are set, for those that are set to their zero value.
	Said Options
}

// taking is a node that takes options; its sets are those of Node.
type taking struct{ said, weak Options }

// take sets an option to what a group gives, unless the node has one of its own. It reports whether it did.
func take[T comparable](t *taking, o Options, own *T, given T, said Options) bool {
	var zero T
	if given == zero && said&o == 0 || t.weak&o == 0 && (*own != zero || t.said&o != 0) {
		return false
	}
	*own = given
	t.said |= o
	t.weak &^= o
	return true
}

// inherit fills in what the member n leaves unset. A function or an await takes nothing: what it returns does.
func (e *Executor) inherit(n *node) {
	if n.src.Kind == KindDeferred || n.src.Kind == KindAwait {
		return
	}
	t := taking{n.src.Said, n.src.Weak}
	p := &e.nodes[n.parent]
	if each := p.src.Each; each != nil {
		take(&t, OptRing, &n.ring, each.Ring, each.Said)
		take(&t, OptDelay, &n.delay, each.Delay, each.Said)
		take(&t, OptOn, &n.on, each.On, each.Said)
	}
	if n.target == nil {
		return
	}
	u, changed := *n.target, false
	for ; ; p = &e.nodes[p.parent] {
		if each := p.src.Each; each != nil && u.takeAll(&t, each) {
			changed = true
		}
		if !p.inherits {
			break
		}
	}
	if changed {
		c := u
		n.target = &c
	}
}

// takeAll takes the options of a target.
func (t *Target) takeAll(k *taking, each *Each) bool {
	g, said := &each.Target, each.Said
	changed := take(k, OptOn6xx, &t.On6xx, g.On6xx, said)
	changed = take(k, OptRedirect, &t.Redirect, g.Redirect, said) || changed
	changed = take(k, OptEarlyMedia, &t.EarlyMedia, g.EarlyMedia, said) || changed
	changed = take(k, OptPrack, &t.Prack, g.Prack, said) || changed
	changed = take(k, OptSend181, &t.Send181, g.Send181, said) || changed
	changed = take(k, OptDialect, &t.Dialect, g.Dialect, said) || changed
	changed = take(k, OptCodecs, &t.Codecs, g.Codecs, said) || changed
	changed = take(k, OptMaxDuration, &t.MaxDuration, g.MaxDuration, said) || changed
	changed = take(k, OptOrder, &t.ByQ, g.ByQ, said) || changed
	changed = take(k, OptAuth, &t.Auth, g.Auth, said) || changed
	changed = t.takeAddresses(k, each) || changed
	if g.Headers != nil && (t.Headers == nil || k.weak&OptHeaders != 0) {
		t.Headers, changed = g.Headers, true
		k.weak &^= OptHeaders
	}
	if g.CancelHeaders != nil && (t.CancelHeaders == nil || k.weak&OptCancelHeaders != 0) {
		t.CancelHeaders, changed = g.CancelHeaders, true
		k.weak &^= OptCancelHeaders
	}
	return changed
}

// takeAddresses takes what the target's INVITE says of who calls whom.
func (t *Target) takeAddresses(k *taking, each *Each) bool {
	g, said := &each.Target, each.Said
	changed := take(k, OptParams, &t.Params, g.Params, said)
	changed = take(k, OptTo, &t.To, g.To, said) || changed
	changed = take(k, OptFrom, &t.From, g.From, said) || changed
	changed = take(k, OptDisplay, &t.Display, g.Display, said) || changed
	changed = take(k, OptTrust, &t.Trust, g.Trust, said) || changed
	changed = take(k, OptPrivacy, &t.Privacy, g.Privacy, said) || changed
	changed = take(k, OptColp, &t.Colp, g.Colp, said) || changed
	return take(k, OptClip, &t.Clip, g.Clip, said) || changed
}
