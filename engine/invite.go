package engine

import (
	"bytes"
	"strings"

	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// appendInvite builds the INVITE of the branch: what belongs to the leg is new, everything else is the caller's.
func (b *branch) appendInvite(dst []byte) []byte {
	c, sh := b.c, b.c.sh
	uri := requestURI(b.target)
	local := &sh.cfg.Locals[b.flow.Listener]
	var id [48]byte
	dst = message.AppendRequestLine(dst, "INVITE", uri)
	dst = message.AppendVia(dst, local.Transport.String(), local.SentBy, c.bounds.appendMarks(sh.ids.AppendBranch(id[:0], 0)))
	dst = appendPath(dst, b.target)
	dst = appendFrom(dst, c.invite, b.target, b.tag, b.edge.anonymous(c.invite))
	dst = appendTo(dst, c.invite, b.target, uri)
	dst = message.AppendField(dst, "Call-ID", b.callID)
	dst = message.AppendUint(append(dst, "CSeq: "...), b.cseq)
	dst = append(dst, " INVITE\r\nMax-Forwards: "...)
	dst = appendBreadth(append(message.AppendUint(dst, c.maxForwards()), "\r\n"...), b.share)
	dst = c.sh.appendContact(dst, b.flow, isSIPS(uri), b.edge.contactOf(c.invite))
	dst = c.appendAllow(dst, c.invite)
	own100, own := b.offers100rel(), [3]string{timerTag}
	supported := own[:1]
	if own100 == plan.PrackSupported {
		supported = append(supported, rel100)
	}
	if c.wants199() {
		supported = append(supported, tag199)
	}
	dst = appendTags(dst, c.invite, message.Supported, supported...)
	if own100 == plan.PrackRequired {
		dst = appendTags(dst, c.invite, message.Require, rel100)
	} else {
		dst = appendTags(dst, c.invite, message.Require)
	}
	dst = b.appendSession(dst)
	if b.login != nil {
		dst = b.login.Append(dst, "INVITE", []byte(uri))
	}
	if b.target.Auth.Pass { // the caller answers the target's challenge
		dst = sh.appendCredentials(dst, c.invite)
	}
	if c.replaced != "" {
		dst = message.AppendField(dst, "Replaces", c.replaced)
	}
	dst = sh.appendProduct(dst, "User-Agent")
	if b.diversion != "" {
		dst = message.AppendField(dst, "Diversion", b.edge.told(c.invite, b.diversion))
	}
	dst = c.invite.AppendPassed(dst, b.edge.changes(c.invite, changes(b.target)))
	if b.history != "" {
		dst = message.AppendField(dst, "History-Info", b.edge.told(c.invite, b.history))
	}
	return message.AppendBody(dst, b.body())
}

// maxForwards is what the next hop may still use up (RFC 3261 §16.6 step 3; carried across by RFC 7332 §2).
func (c *call) maxForwards() uint32 {
	if n, ok := c.invite.Uint(message.MaxForwards); ok {
		return n - 1
	}
	return 70
}

// isSIPS reports whether a URI is a SIPS URI: a Contact in a request to it has to be one too (RFC 3261 §8.1.1.8).
func isSIPS[T ~string | ~[]byte](uri T) bool {
	return len(uri) > 5 && strings.EqualFold(string(uri[:5]), "sips:")
}

// asksSIPS reports whether the Contact in a response to a request has to be a SIPS URI: by its Request-URI, its top Record-Route, or its
// Contact where nobody records a route (RFC 3261 §12.1.1).
func asksSIPS(m *message.Message) bool {
	if isSIPS(m.RequestURI()) {
		return true
	}
	id := message.RecordRoute
	if !m.Has(id) {
		id = message.Contact
	}
	secure := false
	m.Each(id, func(v []byte) bool {
		na, err := message.ParseNameAddr(v)
		secure = err == nil && isSIPS(na.URI)
		return false // the first one says it
	})
	return secure
}

// appendContact appends our Contact on a flow, with the user part of the peer's own and the parameters that say what it is.
func (sh *Shard) appendContact(dst []byte, f flow.Flow, secure bool, peer *message.Message) []byte {
	local := &sh.cfg.Locals[f.Listener]
	secure = secure && local.Transport.Secure()
	if secure {
		dst = append(dst, "Contact: <sips:"...)
	} else {
		dst = append(dst, "Contact: <sip:"...)
	}
	var na message.NameAddr
	if peer != nil {
		if v := peer.Get(message.Contact); v != nil {
			na, _ = message.ParseNameAddr(v)
		}
	}
	if u, err := message.ParseURI(na.URI); err == nil && u.User != nil {
		dst = append(append(dst, u.User...), '@')
	}
	dst = append(dst, local.SentBy...)
	switch {
	case secure && local.Transport == flow.TLS: // what sips means (RFC 5630 §3.1.3)
	case secure:
		dst = append(dst, ";transport=ws"...) // RFC 7118 §5.2: over TLS, by the scheme
	case local.Transport != flow.UDP:
		dst = append(append(dst, ";transport="...), bytes.ToLower([]byte(local.Transport.String()))...)
	}
	dst = append(dst, '>')
	for _, p := range [...]string{"isfocus", "automata", "actor"} {
		if v, ok := message.Param(na.Params, p); ok {
			dst = append(append(dst, ';'), p...)
			if len(v) > 0 {
				dst = append(append(dst, '='), v...)
			}
		}
	}
	return append(dst, "\r\n"...)
}

// offers100rel says how the branch's INVITE speaks of reliable provisionals: as the script wants it, but never on an INVITE
// without an offer unless the caller can answer in its PRACK (RFC 3262 §5).
func (b *branch) offers100rel() plan.Prack {
	c, p := b.c, b.target.Prack
	late := len(c.invite.Body()) == 0
	switch {
	case p == plan.PrackOff:
		return p
	case late && !c.invite.HasToken(message.Supported, rel100) && !c.invite.HasToken(message.Require, rel100):
		return plan.PrackOff
	case p == plan.PrackRequired:
		return p
	}
	return plan.PrackSupported
}

// appendTags appends the option tags of a field that pass from leg to leg, and our own.
func appendTags(dst []byte, m *message.Message, id message.ID, own ...string) []byte {
	start := len(dst)
	add := func(tag []byte) {
		if len(dst) == start {
			dst = append(append(dst, id.String()...), ": "...)
		} else {
			dst = append(dst, ", "...)
		}
		dst = append(dst, tag...)
	}
	for _, tag := range own {
		add([]byte(tag))
	}
	m.Each(id, func(tag []byte) bool {
		if passes(tag) {
			add(tag)
		}
		return true
	})
	if len(dst) > start {
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// appendAllow appends the methods that we take on a leg: UPDATE only if the peer on the other one takes it too.
func (c *call) appendAllow(dst []byte, other *message.Message) []byte {
	dst = append(dst, "Allow: "+allowed...)
	if other.HasToken(message.Allow, "UPDATE") {
		dst = append(dst, ", UPDATE"...)
	}
	return append(dst, "\r\n"...)
}

// changes are the header fields that the script sets for a target, or takes away.
func changes(t *plan.Target) []message.Change {
	out := clipped(t)
	for _, h := range t.Headers {
		if t.Clip == nil || !strings.EqualFold(h.Name, t.Clip.Name) {
			out = append(out, message.Change(h))
		}
	}
	return out
}
