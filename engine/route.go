package engine

import (
	"net/netip"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// seek finds where a target is (RFC 3263 §4) and calls done with the places to try, the best one first, or with the reason why there
// is none: at once if the target says it by number, else when a look-up has ended. What asks for TLS never goes without
// (RFC 3261 §26.2.2).
func (sh *Shard) seek(uri string, done func(now clock.Time, hops []flow.Hop, why string)) {
	u, err := message.ParseURI([]byte(uri))
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
		done(sh.now, nil, "not a SIP URI")
		return
	}
	name, given := message.Param(u.Params, "transport")
	t, ok := flow.Of(u.Secure(), string(name))
	if !ok {
		done(sh.now, nil, u.Scheme+" with transport="+string(name)+" is not spoken")
		return
	}
	a, numeric := u.Addr()
	if (numeric || given || u.Secure()) && !sh.speaks(t) {
		t := strings.ToLower(t.String())
		done(sh.now, nil, "no listener for "+t+": listen on one, --listen "+t+":IP:PORT")
		return
	}
	switch {
	case numeric:
		done(sh.now, []flow.Hop{{Remote: a, Transport: t}}, "")
	case sh.cfg.Resolver == nil:
		done(sh.now, nil, "no names are looked up here")
	default:
		sh.resolve(uri, done)
	}
}

// resolve looks up the host of a SIP URI. It reads the URI again: those of seek, which mostly names a number, are not to outlive it.
func (sh *Shard) resolve(uri string, done func(now clock.Time, hops []flow.Hop, why string)) {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		done(sh.now, nil, err.Error())
		return
	}
	sh.cfg.Resolver.Resolve(sh.index, &u, func(now clock.Time, hops []flow.Hop, err error) {
		defer sh.rescue()
		sh.now, sh.current = now, nil
		if err != nil {
			done(now, nil, err.Error())
			return
		}
		done(now, hops, "")
	})
}

// speaks reports whether there is a listener for a transport.
func (sh *Shard) speaks(t flow.Transport) bool {
	for i := range sh.cfg.Locals {
		if sh.cfg.Locals[i].Transport == t {
			return true
		}
	}
	return false
}

// flowTo returns the flow to a hop; preferred is the listener that the caller came by.
func (sh *Shard) flowTo(preferred uint8, h flow.Hop) (flow.Flow, bool) {
	return sh.choose(flow.Flow{Remote: h.Remote, Name: h.Name, Listener: preferred, Transport: h.Transport})
}

// find looks up where requests inside a dialog go (RFC 3261 §12.2.1.1, RFC 3263 §4). Without an answer they go where the peer was heard
// from.
func (sh *Shard) find(uri string, listener uint8, found func(f flow.Flow)) {
	if sh.cfg.Resolver == nil {
		return
	}
	sh.seek(uri, func(_ clock.Time, hops []flow.Hop, _ string) {
		for _, h := range hops {
			if f, ok := sh.flowTo(listener, h); ok {
				found(f)
				return
			}
		}
	})
}

// choose returns a flow from the listener that its remote address is reached by: of those for its transport and family the one
// with the closest network that holds the address, then one without networks; the flow's own one before its equals.
func (sh *Shard) choose(f flow.Flow) (flow.Flow, bool) {
	if f.Fixed || f.Conn != 0 && sh.cfg.Locals[f.Listener].Transport == f.Transport {
		return f, true
	}
	best, at := -1, f.Listener
	for i := range sh.cfg.Locals {
		own := &sh.cfg.Locals[i]
		if own.Transport != f.Transport || own.Addr.Is4() != f.Remote.Addr().Is4() {
			continue
		}
		score := 2 * closeness(own.Networks, f.Remote.Addr())
		if i == int(f.Listener) {
			score++
		}
		if score > best {
			best, at = score, uint8(i)
		}
	}
	if f.Listener != at {
		f.Listener, f.Local = at, 0
	}
	return f, best >= 0
}

// closeness is how well networks fit an address: 0 if none holds it, 1 if there are none, else by the longest prefix.
func closeness(networks []netip.Prefix, a netip.Addr) int {
	if len(networks) == 0 {
		return 1
	}
	n := 0
	for _, p := range networks {
		if p.Contains(a) {
			n = max(n, 2+p.Bits())
		}
	}
	return n
}

// unanswered tells the resolver that a hop did not answer: others of its target are tried first for a while.
func (sh *Shard) unanswered(f flow.Flow) {
	if sh.cfg.Unanswered != nil {
		sh.cfg.Unanswered(flow.Hop{Remote: f.Remote, Transport: f.Transport, Name: f.Name})
	}
}

// large returns the way of a request that is too large for UDP (RFC 3261 §18.1.1).
func (sh *Shard) large(f flow.Flow) (to flow.Flow, sentBy string, ok bool) {
	if f.Fixed {
		return f, "", false
	}
	f.Transport = flow.TCP
	to, ok = sh.choose(f)
	return to, sh.cfg.Locals[to.Listener].SentBy, ok
}
