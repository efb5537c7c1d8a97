package engine

import (
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"tandem/engine/identity"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// divert notes what the INVITE of the branch says of its diversions: Diversion before those that came in (RFC 5806 §5), History-Info after them (RFC 7044
// §9.2). It returns why the call must not be diverted so, "" if it may.
func (b *branch) divert(all []plan.Diversion) (problem string) {
	if len(all) == 0 {
		return ""
	}
	chain := b.c.chain(all)
	received := identities(b.c.invite, "Diversion")
	history := identities(b.c.invite, "History-Info")
	if problem := b.c.loops(chain, received, history, all[len(all)-1].Divert.Max); problem != "" {
		return problem
	}
	if !b.sets("Diversion") {
		var texts []string
		for _, d := range slices.Backward(chain) {
			texts = append(texts, d.entry.String())
		}
		b.diversion = strings.Join(texts, ", ")
	}
	if !b.sets("History-Info") {
		b.history = b.targets(history, chain)
	}
	return ""
}

// sets reports whether the script sets a header itself, or takes it away.
func (b *branch) sets(name string) bool {
	return slices.ContainsFunc(b.target.Headers, func(h plan.Header) bool { return strings.EqualFold(h.Name, name) })
}

// diversion is a diversion of the call as it is written.
type diversion struct {
	entry  identity.Entry
	reason string
	from   plan.BranchID
}

// chain returns the diversions that are to be told, the first one first. Who diverts a second time takes the first time back.
func (c *call) chain(all []plan.Diversion) (chain []diversion) {
	for i := range all {
		d := &all[i]
		e := identity.Diversion{By: c.diverter(d), Reason: d.Reason, Counter: 1}.Entry()
		from := d.From
		if at := slices.IndexFunc(chain, func(o diversion) bool { return sameParty(o.entry, e) }); at >= 0 {
			chain, from = chain[:at], chain[at].from
		}
		chain = append(chain, diversion{e, d.Reason, from})
	}
	return chain
}

// diverter returns the URI of who diverts.
func (c *call) diverter(d *plan.Diversion) string {
	u, err := message.ParseURI(c.invite.RequestURI())
	by := d.Divert.By
	switch {
	case by == "" && strings.Contains(d.By, ":"):
		return d.By
	case by == "" && d.By != "": // a user
		by = escape(d.By, userPlain)
	case by == "":
		return strings.TrimSuffix(string(c.invite.RequestURI()), string(u.Headers))
	case strings.Contains(by, ":"):
		return by
	}
	if err != nil || len(u.Host) == 0 {
		return "sip:" + by + "@" + c.sh.cfg.Locals[c.source.Listener].SentBy
	}
	host := string(u.Host)
	if u.Port != 0 {
		host += ":" + strconv.Itoa(int(u.Port))
	}
	return "sip:" + by + "@" + host
}

// userPlain is what the user part of a URI has besides letters and digits unescaped (RFC 3261 §25.1).
const userPlain = "-_.!~*'()&=+$,"

func userOf(uri string) string {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return ""
	}
	return string(message.AppendUnescaped(nil, u.User))
}

func identities(m *message.Message, header string) []identity.Entry {
	var values []string
	for _, v := range m.AppendValues(nil, header) {
		values = append(values, string(v))
	}
	return identity.Parse(values...)
}

// sameParty compares who diverts: user and host.
func sameParty(a, b identity.Entry) bool {
	u, err1 := message.ParseURI([]byte(a.URI()))
	v, err2 := message.ParseURI([]byte(b.URI()))
	return err1 == nil && err2 == nil && string(u.User) == string(v.User) && strings.EqualFold(string(u.Host), string(v.Host))
}

// loops says why a call with such diversions would go in a circle: somebody diverts it who has done so before it came here, or there are more than may be, by the
// plan or by what an entry allows (RFC 5806 §4, limit).
func (c *call) loops(chain []diversion, received, history []identity.Entry, most int) (problem string) {
	if len(received) == 0 {
		received = identity.ToDiversion(history)
	}
	all := received
	for _, d := range chain {
		if i := slices.IndexFunc(received, func(e identity.Entry) bool { return e.Err() == nil && sameParty(e, d.entry) }); i >= 0 {
			return "the call goes in a circle: " + d.entry.URI() + " has diverted it before"
		}
		if identity.Exceeded(all) {
			return "the call was diverted as often as a Diversion allows (limit)"
		}
		all = append([]identity.Entry{d.entry}, all...)
	}
	if most == 0 {
		most = plan.DefaultDiversions
	}
	if n := identity.Diversions(all); n > most {
		return "the call was diverted " + strconv.Itoa(n) + " times, at most " + strconv.Itoa(most) + " are allowed"
	}
	return ""
}

// targets returns the History-Info entries that come after those of the received INVITE: who was called, which branches have failed, and the target. The target's
// URI says why it is called, in its cause parameter (RFC 4458, RFC 7544 §3).
func (b *branch) targets(received []identity.Entry, chain []diversion) string {
	c := b.c
	all := identity.Received(received, string(c.invite.RequestURI()))
	root := all
	for _, o := range c.branches[:b.id-1] {
		s := c.exec.Branch(o.id)
		if s == nil || s.Code < 300 || o.callID == nil { // it runs, or was never sent
			continue
		}
		all = append(all, o.entry(root).Failed(failure(s)))
	}
	last := chain[len(chain)-1]
	b.mappedFrom, b.cause = indexOf(root), requestURI(b.target)+";cause="+strconv.Itoa(identity.Cause(last.reason))
	if last.from != 0 {
		b.mappedFrom = branchIndex(root, last.from)
	}
	all = append(all, b.entry(root))
	var texts []string
	for _, e := range all[len(received):] {
		texts = append(texts, e.String())
	}
	return strings.Join(texts, ", ")
}

// entry is that of the branch's request in a history: how its target was found from which other one (RFC 7044 §10.4).
func (b *branch) entry(root []identity.Entry) identity.Entry {
	uri, n := requestURI(b.target), int(b.id)
	switch r := b.target.Redirection; {
	case r != nil && r.Mapping == "": // who redirects is the only one to know
		return identity.Forward(root, n, "", uri)
	case r != nil:
		return identity.Forward(root, n, "", uri).WithParam(r.Mapping, branchIndex(root, r.By))
	case b.mappedFrom != "":
		return identity.Forward(root, n, "", b.cause).WithParam("mp", b.mappedFrom)
	case uri == string(b.c.invite.RequestURI()):
		return identity.Forward(root, n, identity.Unchanged, uri)
	}
	return identity.Forward(root, n, identity.SameUser, uri)
}

// branchIndex is the index of a branch's request.
func branchIndex(root []identity.Entry, b plan.BranchID) string {
	return string(identity.Index(indexOf(root)).Child(int(b)))
}

// readable logs that a Diversion or History-Info of a call has an entry that nobody can read: it passes as it is, and a script sees it marked so.
func (sh *Shard) readable(m *message.Message) {
	for _, id := range [...]message.ID{message.Diversion, message.HistoryInfo} {
		m.Each(id, func(e []byte) bool {
			na, err := message.ParseNameAddr(e)
			if err == nil {
				_, err = message.ParseURI(na.URI)
			}
			if err != nil {
				sh.malformed.warn(sh, "more identity entries could not be read", id.String()+" has an entry that cannot be read; it is kept as it is",
					zap.ByteString("call", m.CallID()), zap.ByteString("entry", e))
			}
			return err == nil
		})
	}
}

// indexOf is the index of the last entry of a history that has one.
func indexOf(history []identity.Entry) string {
	for _, e := range slices.Backward(history) {
		if i := e.Index(); e.Err() == nil && i != "" {
			return string(i)
		}
	}
	return ""
}

// failure is the Reason for how a branch has failed: one that did not answer in time has failed with 408 (RFC 7044 §10.2).
func failure(s *plan.Step) identity.Reason {
	code, phrase := s.Code, s.Phrase
	if s.Synthetic && (s.Outcome == plan.NoAnswer || s.Outcome == plan.Timeout) {
		code, phrase = 408, ""
	}
	if phrase == "" || s.Synthetic {
		phrase = message.Phrase(code)
	}
	return identity.Reason{Protocol: "SIP", Cause: code, Text: phrase}
}
