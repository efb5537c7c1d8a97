package engine

import (
	"net/netip"

	"tandem/engine/auth"
	"tandem/engine/clock"
	"tandem/engine/guard"
	"tandem/engine/location"
)

// Rules are the part of a Config that may become another while calls are up. What they point to is never changed: a shard takes other Rules as a whole,
// between two events.
type Rules struct {
	// MaxCalls, MaxTransactions and MaxBytes bound what the engine keeps: past them new calls are answered 503 with Retry-After;
	// calls that are up go on. MaxBytes is compared with an estimate of what calls and transactions hold. 0 = no bound. Each
	// shard has an equal share.
	MaxCalls, MaxTransactions, MaxBytes int
	// Guard says which sources are heard; nil = all, and all are trusted. Scripts are then asked once about an INVITE, not once for
	// each copy of one that is refused.
	Guard *guard.Config
	// Auth says who may identify himself, and whose requests outside dialogs need that; nil = nobody is asked for credentials. Sources that a list of Guard allows, or
	// that are Trusted, are asked for a REGISTER only, those that are exempt for nothing.
	Auth *auth.Config
	// Register bounds what users register; nil = nobody registers, and REGISTER is answered 405.
	Register *location.Limits
	// Trusted are the networks of peers in the trust domain (RFC 3324 §2.3): the identities that others assert go no further, and what a party wants to keep
	// private goes to nobody else. A target may say otherwise.
	Trusted []netip.Prefix
	// Emergency are the emergency numbers, as they stand in the user part of a Request-URI without visual separators. Calls to them, and to urn:service:sos, pass
	// MaxCalls and the other bounds, Guard and Drain, as many at a time as Reserve says, 0 = DefaultReserve; each shard has an equal share. None = no call is one.
	Emergency []string
	Reserve   int
}

// Adopt has the shard go by other rules from now on. Calls and what they were begun with stay, and so do bans, nonces and contacts, but those of whom the rules
// do not have as a user any more. Bounds that are smaller now hold for what is new.
func (sh *Shard) Adopt(now clock.Time, r Rules) {
	defer sh.rescue()
	sh.now, sh.current = now, nil
	sh.goBy(r)
}

// goBy sets what follows from the rules.
func (sh *Shard) goBy(r Rules) {
	sh.cfg.Rules = r
	sh.help.adopt(r.Emergency, r.Reserve, sh.shards)
	sh.auth = nil
	if r.Auth != nil {
		sh.auth = auth.NewChecker(r.Auth, sh.cfg.Seed, sh.ids.Uint64, sh.memory)
	}
	switch {
	case r.Guard == nil:
		sh.guard, sh.layer.Doubts = nil, nil
	case sh.guard == nil:
		sh.guard, sh.layer.Doubts = guard.New(r.Guard, sh.shards), sh.doubts
	default:
		sh.guard.Adopt(r.Guard)
	}
	sh.allow = allowed
	if r.Register != nil {
		sh.allow += ", REGISTER"
		sh.registrar.Limit(*r.Register)
	}
	sh.registrar.Retain(sh.hasUser)
}

// hasUser reports whether a user may have contacts.
func (sh *Shard) hasUser(name string) bool {
	return sh.cfg.Register != nil && (sh.cfg.Auth == nil || sh.cfg.Auth.Users.Has([]byte(name)))
}
