package engine

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"go.uber.org/zap"

	"tandem/engine/flow"
	"tandem/engine/identity"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// edge is a way from one party to another: what may be said of who is there depends on which of them belong to the trust domain (RFC 3325 §5).
type edge struct {
	from, to bool             // the sender, and the one it goes to, are trusted
	private  identity.Privacy // what the sender's party asked for in other messages of the dialog
	adds     string           // values of Privacy that the script adds to those of the sender
}

// trusts reports whether a peer belongs to the trust domain.
func (sh *Shard) trusts(f flow.Flow) bool { return within(sh.cfg.Trusted, f) }

// within reports whether a peer is in one of some networks.
func within(networks []netip.Prefix, f flow.Flow) bool {
	a := f.Remote.Addr().Unmap()
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// trustsTarget reports whether who is called at f for a target belongs to the trust domain: the script may say so.
func (sh *Shard) trustsTarget(t *plan.Target, f flow.Flow) bool {
	switch t.Trust {
	case plan.TrustYes:
		return true
	case plan.TrustNo:
		return false
	}
	return sh.trusts(f)
}

// edgeTo is the way of a request that begins a dialog, or has none, to a target at f.
func (sh *Shard) edgeTo(m *message.Message, from bool, t *plan.Target, f flow.Flow) edge {
	return edge{from: from, to: sh.trustsTarget(t, f), private: identity.PrivacyOf(m), adds: t.Privacy}
}

// wants is what the message asks for, and the dialog that it belongs to; "none" is all that counts (RFC 3323 §4.2).
func (e *edge) wants(m *message.Message) identity.Privacy {
	own := identity.PrivacyOf(m)
	if e.none(own) {
		return 0
	}
	return (own | e.private | identity.ParsePrivacy(e.adds)) &^ identity.PrivacyNone
}

// none reports whether a message that asks for its own values wants no privacy.
func (e *edge) none(own identity.Privacy) bool {
	return (own|e.private)&identity.PrivacyNone != 0 && own&^identity.PrivacyNone == 0
}

// anonymous reports whether From must not show who sent the message (RFC 3323 §5.3).
func (e *edge) anonymous(m *message.Message) bool {
	return !e.to && e.wants(m)&identity.PrivacyUser != 0
}

// contactOf is the message if its Contact may show whose it is, else nil (RFC 3323 §5.1).
func (e *edge) contactOf(m *message.Message) *message.Message {
	if !e.to && e.wants(m)&(identity.PrivacyUser|identity.PrivacyHeader) != 0 {
		return nil
	}
	return m
}

// way is the way of a message to this peer from the one on the other side.
func (s *side) way() edge {
	if s.b != nil {
		return s.b.edge
	}
	if s.peer == nil || s.peer.b == nil {
		return edge{to: s.c.trusted}
	}
	return s.peer.b.back()
}

// back is the way of a message from the branch's callee to the caller.
func (b *branch) back() edge { return edge{from: b.edge.to, to: b.c.trusted, private: b.private} }

// passing are the changes of a message on its way to this peer.
func (s *side) passing(m *message.Message) []message.Change {
	e := s.way()
	return e.changes(m, s.clip(m))
}

// contactOf is a message on its way to this peer if its Contact may show whose it is, else nil.
func (s *side) contactOf(m *message.Message) *message.Message {
	e := s.way()
	return e.contactOf(m)
}

// branchOf returns the branch that a response came from.
func (c *call) branchOf(m *message.Message) *branch {
	for _, b := range c.branches {
		if bytes.Equal(b.callID, m.CallID()) {
			return b
		}
	}
	return nil
}

// impossible says why a request must not go this way: privacy that is critical and cannot be had (RFC 3323 §5); "" if it may.
func (e *edge) impossible(m *message.Message) string {
	if e.to || e.wants(m)&identity.PrivacyCritical == 0 {
		return ""
	}
	words := identity.Impossible(privacyText(m))
	if len(words) == 0 {
		return ""
	}
	return "Privacy Failure: " + strings.Join(words, ", ")
}

// privacyText is the value of the Privacy fields of a message.
func privacyText(m *message.Message) string {
	var values []string
	for _, v := range m.AppendValues(nil, "Privacy") {
		values = append(values, string(v))
	}
	return strings.Join(values, ";")
}

// changes are those that a message needs on this way, the script's own included.
func (e *edge) changes(m *message.Message, script []message.Change) []message.Change {
	var has [4]bool // the fields about identity
	for i := range m.Len() {
		if id, _, _ := m.Field(i); id >= message.PAssertedIdentity && id <= message.Privacy {
			has[id-message.PAssertedIdentity] = true
		}
	}
	w := wayOf{e: e, m: m, script: script}
	w.private = e.wants(m)
	w.assert(has[0], has[2])
	if has[1] {
		w.take("P-Preferred-Identity") // RFC 3325 §6
	}
	w.keepPrivate(has[3], has[0] || has[2])
	if len(w.own) == 0 {
		return script
	}
	return append(w.own, w.script...)
}

// wayOf is a message on its way over an edge.
type wayOf struct {
	e       *edge
	m       *message.Message
	private identity.Privacy
	own     []message.Change // come before those of the script
	script  []message.Change
}

// sets reports whether the script sets a field, or takes it away: what it says counts.
func (w *wayOf) sets(name string) bool {
	return slices.ContainsFunc(w.script, func(c message.Change) bool { return strings.EqualFold(c.Name, name) })
}

// set sets a field, unless the script does; "" takes it away.
func (w *wayOf) set(name, value string) {
	if !w.sets(name) {
		w.own = append(w.own, message.Change{Name: name, Value: value, Remove: value == ""})
	}
}

// take takes a field away, unless the script sets it.
func (w *wayOf) take(name string) { w.set(name, "") }

// withhold takes a field away, whatever the script says.
func (w *wayOf) withhold(name string) {
	w.script = slices.DeleteFunc(slices.Clone(w.script), func(c message.Change) bool { return strings.EqualFold(c.Name, name) })
	w.own = append(w.own, message.Change{Name: name, Remove: true})
}

// assert sees to the identities that a network asserts: those of senders that are not trusted go no further (RFC 3325 §5), those of trusted ones not to
// who is not, if the sender wants that (§7). Remote-Party-ID is older and means the same.
func (w *wayOf) assert(asserted, party bool) {
	anonymous := !w.e.to && w.private&identity.Anonymous != 0
	switch {
	case anonymous:
		w.withhold("P-Asserted-Identity")
		w.withhold("Remote-Party-ID")
	case !w.e.from:
		if asserted {
			w.take("P-Asserted-Identity")
		}
		if party {
			w.take("Remote-Party-ID")
		}
	case !w.e.to && party && !w.e.none(identity.PrivacyOf(w.m)) && privateParty(w.m):
		w.take("Remote-Party-ID")
	}
}

// privateParty reports whether a Remote-Party-ID asks not to be shown.
func privateParty(m *message.Message) bool {
	private := false
	m.Each(message.RemotePartyID, func(v []byte) bool {
		na, err := message.ParseNameAddr(v)
		p, ok := message.Param(na.Params, "privacy")
		private = err != nil || ok && !strings.EqualFold(string(p), "off")
		return !private
	})
	return private
}

// personal are the fields that go with the privacy of a user, informational those of header privacy too (RFC 3323 §5.1, §5.3). User-Agent and Server
// never pass. Identity names in clear text the caller whom it signs, and From, which it signs, is another one; "id" leaves it (RFC 8224 §11).
var (
	personal      = []string{"Subject", "Reply-To", "In-Reply-To", "Identity"}
	informational = []string{"Call-Info", "Organization"}
)

// keepPrivate sees to what the sender wants to keep from those who are not trusted, and tells trusted ones that it does.
func (w *wayOf) keepPrivate(asked, asserts bool) {
	if w.e.to {
		if w.e.adds != "" && !w.e.none(identity.PrivacyOf(w.m)) && (w.m.ToTag() == nil || asserts) {
			w.set("Privacy", joinPrivacy(privacyText(w.m), w.e.adds))
		}
		return
	}
	if w.private&identity.PrivacyUser != 0 {
		w.takeAll(personal)
	}
	if w.private&(identity.PrivacyUser|identity.PrivacyHeader) != 0 {
		w.takeAll(informational)
	}
	w.history("History-Info", allPrivate(w.private))
	w.history("Diversion", allPrivate(w.private))
	if w.private != 0 && (asked || w.e.adds != "" && w.m.ToTag() == nil) {
		w.set("Privacy", identity.AfterPrivacy(joinPrivacy(privacyText(w.m), w.e.adds)))
	}
}

// joinPrivacy adds the values that are missing.
func joinPrivacy(value, adds string) string {
	have := identity.ParsePrivacy(value)
	for word := range strings.SplitSeq(adds, ";") {
		switch {
		case word == "" || have&identity.ParsePrivacy(word) != 0:
		case value == "":
			value = word
		default:
			value += ";" + word
		}
	}
	return value
}

func (w *wayOf) takeAll(names []string) {
	for _, name := range names {
		if len(w.m.AppendValues(nil, name)) > 0 {
			w.take(name)
		}
	}
}

// allPrivate reports whether every entry of a history is private (RFC 7044 §10.1.2).
func allPrivate(p identity.Privacy) bool {
	return p&(identity.PrivacyHeader|identity.PrivacyHistory) != 0
}

// history makes the entries of a field anonymous that are private. What the script has set is the script's.
func (w *wayOf) history(name string, all bool) {
	values := w.m.AppendValues(nil, name)
	if len(values) == 0 || w.sets(name) {
		return
	}
	var received []string
	for _, v := range values {
		received = append(received, string(v))
	}
	if !all && !slices.ContainsFunc(received, maybePrivate) {
		return
	}
	entries := identity.Parse(received...)
	out := identity.Shown(entries, all)
	if slices.EqualFunc(entries, out, func(a, b identity.Entry) bool { return a.String() == b.String() }) {
		return
	}
	w.set(name, joinEntries(out))
}

// told is what is told of diversions of our own to whom a message goes: they are as private as those that came in it.
func (e *edge) told(m *message.Message, entries string) string {
	if e.to || !allPrivate(e.wants(m)) {
		return entries
	}
	return joinEntries(identity.Shown(identity.Parse(entries), true))
}

// maybePrivate reports whether entries can say that they are private: it saves reading those of most calls.
func maybePrivate(value string) bool {
	return strings.Contains(value, "?") || strings.Contains(strings.ToLower(value), "privacy")
}

func joinEntries(entries []identity.Entry) string {
	var texts []string
	for _, e := range entries {
		texts = append(texts, e.String())
	}
	return strings.Join(texts, ", ")
}

// unbelieved logs once that identities which a source asserts are not believed: whoever has set up a trunk wonders where they go.
func (sh *Shard) unbelieved(m *message.Message, f flow.Flow) {
	if sh.disbelief || !m.Has(message.PAssertedIdentity) && !m.Has(message.RemotePartyID) {
		return
	}
	sh.disbelief = true
	sh.toSiblings(func(o *Shard) { o.disbelief = true })
	sh.cfg.Log.Warn("P-Asserted-Identity and Remote-Party-ID of a source that is not trusted go no further; if it is, name its network in trusted. This is said once",
		zap.Stringer("source", f.Remote.Addr()))
}
