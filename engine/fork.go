package engine

import (
	"bytes"
	"slices"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/identity"
	"tandem/engine/leg"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// elsewhere is the Reason of a CANCEL or BYE to the losers of an answered call (RFC 3326 §2).
const elsewhere = `SIP;cause=200;text="Call completed elsewhere"`

// branch is one INVITE of the fork.
type branch struct {
	c      *call
	id     plan.BranchID
	target *plan.Target
	share  uint16 // of the call's Max-Breadth
	flow   flow.Flow
	hops   []flow.Hop          // that are tried if this one cannot serve
	tried  []*location.Binding // the flows of a registered phone that have failed
	callID []byte
	tag    []byte              // our From tag
	client *transaction.Client // nil until the target's address is known
	cseq   uint32              // of the INVITE
	answer *message.Message    // the 2xx at hand
	rings  bool                // has had a provisional response beyond 100
	ended  bool                // has its final response, or will have none

	challenge *message.Message // its 401 or 407, if that is the caller's to meet

	offer              []byte // with the codecs that its target takes; nil = the caller's
	diversion, history string // what its INVITE says of diversions; "" = nothing of ours
	mappedFrom, cause  string // of its entry in History-Info: the index that it was found from, the URI

	edge    edge             // the way to its target
	private identity.Privacy // what its callee asks for
	exposed string           // what the caller wants to keep private and cannot

	login *leg.Login // answers its challenges, if that is the leg's to do

	interval, minSE uint32 // of the session, after a 422; 0 = not said
}

// apply carries out the executor's actions.
func (c *call) apply(actions []plan.Action) {
	for i := range actions {
		a := &actions[i]
		switch a.Kind {
		case plan.ActInvite:
			c.startBranch(a)
		case plan.ActCancel:
			c.branches[a.Branch-1].giveUp(a.Cause)
		case plan.ActAnswer:
			c.answered(c.branches[a.Branch-1])
		case plan.ActRelease:
			c.branches[a.Branch-1].release(a.Cause)
		case plan.ActRespond:
			c.fail(a)
		case plan.ActStart:
			c.startOperation(a)
		case plan.ActDrop:
			c.dropOperation(a.Operation)
		}
	}
}

// startBranch sends an INVITE, now or when its target's address is known.
func (c *call) startBranch(a *plan.Action) {
	b := &branch{c: c, id: a.Branch, target: a.Target, share: a.Breadth, cseq: 1, tag: c.sh.ids.AppendTag(nil, 0)}
	c.branches = append(c.branches, b)
	if c.hangup {
		b.ended = true // the call ends as soon as the plan has nothing more to do at once
		return
	}
	if why := b.divert(a.Diverted); why != "" {
		b.refuse(482, why)
		return
	}
	if why := b.chooseCodecs(); why != "" {
		b.refuse(488, why)
		return
	}
	c.announce(a)
	c.towards = a.Target.User
	if a.Target.Binding != nil {
		b.callID, b.login = c.sh.ids.AppendCallID(nil, c.slot), c.sh.login(b.target)
		b.try(a.Target.Binding.Flow)
		return
	}
	c.sh.seek(a.Target.URI, func(_ clock.Time, hops []flow.Hop, why string) {
		c.sh.current = c
		switch {
		case b.ended: // given up meanwhile
		case why != "":
			b.unreachable(why)
		default:
			b.hops = hops
			b.callID, b.login = c.sh.ids.AppendCallID(nil, c.slot), c.sh.login(b.target)
			b.next()
		}
	})
}

// unreachable ends a branch whose INVITE cannot be sent, and says why: the script sees it as branch.phrase.
func (b *branch) unreachable(why string) {
	b.ended = true
	b.c.sh.unreachable(b.c.id, b.target.URI, why)
	b.c.step(plan.Event{Kind: plan.EventTransportError, Branch: b.id, Phrase: why})
}

// refuse ends a branch whose INVITE must not be sent, as if it had been refused with a code.
func (b *branch) refuse(code int, why string) {
	b.ended = true
	b.c.sh.unsent.warn(b.c.sh, "more INVITEs were not sent", "INVITE not sent: "+why, zap.String("call", b.c.id), zap.String("target", b.target.URI))
	b.c.step(plan.Event{Kind: plan.EventRefused, Branch: b.id, Code: code, Phrase: why})
}

// next sends the INVITE to the next place where the target may be. Of one sent before it differs in nothing but what names the
// transaction and the hop (RFC 3263 §4.3).
func (b *branch) next() {
	c, sh := b.c, b.c.sh
	why := ""
	for len(b.hops) > 0 {
		h := b.hops[0]
		b.hops = b.hops[1:]
		if f, ok := sh.flowTo(c.source.Listener, h); ok {
			b.try(f)
			return
		}
		why = "no listener for the address family of " + h.Remote.Addr().String()
	}
	b.unreachable(why)
}

// try sends the INVITE by a flow, unless it would tell what the caller wants to keep private.
func (b *branch) try(f flow.Flow) {
	c := b.c
	b.edge = c.sh.edgeTo(c.invite, c.trusted, b.target, f)
	if why := b.edge.impossible(c.invite); why != "" {
		b.exposed = why
		b.refuse(500, why) // RFC 3323 §5
		return
	}
	b.send(f)
}

func (b *branch) send(f flow.Flow) {
	c, sh := b.c, b.c.sh
	b.flow = f
	legs := sh.cfg.Trace
	if legs == nil {
		legs = sh.cfg.Legs
	}
	if legs != nil {
		legs.Trace(trace.Event{At: sh.now, Kind: trace.Leg, Call: c.id, Remote: f.Remote, Text: string(b.callID), User: b.target.User})
	}
	sh.buf = b.appendInvite(sh.buf[:0])
	b.client = sh.request(sh.now, b.flow, message.INVITE, sh.buf, b.login, b, b)
}

// elsewhere tries the next place if the last one cannot serve (RFC 3263 §4.3) and reports whether there is one.
func (b *branch) elsewhere() bool {
	if b.client.GivenUp() || b.c.over || b.target.Binding != nil { // who has registered is where he has said
		return false
	}
	if b.c.sh.unanswered(b.flow); len(b.hops) == 0 {
		return false
	}
	b.next()
	return true
}

// otherFlow tries another flow of the phone that has registered several, and reports whether there is one (RFC 5626 §7).
func (b *branch) otherFlow() bool {
	old := b.target.Binding
	if old == nil || b.client.GivenUp() || b.c.over {
		return false
	}
	b.tried = append(b.tried, old)
	next := b.c.sh.instead(old, b.tried)
	if next == nil {
		return false
	}
	b.target = b.target.At(next)
	b.try(next.Flow)
	return true
}

// giveUp cancels the branch. The transaction layer waits for the first provisional (RFC 3261 §9.1).
func (b *branch) giveUp(cause plan.Cause) {
	switch {
	case b.ended:
	case b.client == nil:
		b.unsent() // its address is still being looked up
	default:
		b.client.Cancel(b.c.sh.now, b.why(cause)...)
	}
}

// why is what the CANCEL of the branch says. What the script says of it is about an end that no other header explains.
func (b *branch) why(cause plan.Cause) []message.Change {
	fields := message.Reasons(b.c.reasonsFor(cause)...)
	if cause != plan.CauseNone {
		return fields
	}
	for _, h := range b.target.CancelHeaders {
		fields = append(fields, message.Change(h))
	}
	return fields
}

func (c *call) reasonsFor(cause plan.Cause) []string {
	switch cause {
	case plan.CauseElsewhere:
		return []string{elsewhere}
	case plan.CauseCaller:
		return c.reasons
	}
	return nil
}

// release acknowledges and ends the 2xx at hand, which has not won (RFC 3261 §13.2.2.4).
func (b *branch) release(cause plan.Cause) {
	d, err := b.dialog(b.answer)
	if err == nil {
		var answer []byte
		if len(b.c.invite.Body()) == 0 {
			answer = declined(b.answer.Body())
		}
		b.ack(d, b.answer.CSeq(), answer)
		b.c.sh.bye(b.c.sh.now, d, b.c.reasonsFor(cause)...)
	}
}

// Response takes what the branch's INVITE is answered with.
func (b *branch) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	c := b.c
	c.sh.current = c
	b.client = tx
	m = b.withOwnFrom(m)
	b.private |= identity.PrivacyOf(m)
	code := m.Status()
	switch {
	case code == 100:
		return
	case code < 200:
		b.rings = true
		b.provisional(m)
		return
	case code < 300:
		if c.winner == b && bytes.Equal(c.callee.dialog.RemoteTag, m.ToTag()) {
			return // repeated, because its ACK waits for the caller's
		}
		b.answer = m.Clone()
		c.step(plan.Event{Kind: plan.EventAnswer, Branch: b.id, Code: code, Phrase: string(m.Phrase())})
		b.answer = nil
	case code == 422 && b.retrySession(m), code == 503 && b.elsewhere(), (code == 430 || code == 408) && b.otherFlow():
		tx.Detach()
		c.earlyOver(b, code)
	default:
		b.ended = true
		tx.Detach()
		r := m.Clone()
		if (code == 401 || code == 407) && b.target.Auth.Pass {
			b.challenge = r
		}
		c.step(plan.Event{
			Kind: plan.EventFinal, Branch: b.id, Code: code, Phrase: string(m.Phrase()), Response: r, Contacts: contacts(r),
		})
		c.earlyOver(b, code)
	}
	if c.over && code < 300 {
		tx.Detach()
	}
}

// withOwnFrom returns a response with the From that the branch sent. A peer that gives back another one (against RFC 3261
// §8.2.6.2) must not choose the tag that our dialog is known by.
func (b *branch) withOwnFrom(m *message.Message) *message.Message {
	if bytes.Equal(m.FromTag(), b.tag) {
		return m
	}
	out := message.AppendStatusLine(nil, m.Status(), string(m.Phrase()))
	for i := range m.Len() {
		switch id, name, v := m.Field(i); id {
		case message.ContentLength:
		case message.From:
			out = appendFrom(out, b.c.invite, b.target, b.tag, b.edge.anonymous(b.c.invite))
		default:
			out = message.AppendField(out, name, v)
		}
	}
	own := new(message.Message)
	_ = own.Parse(message.AppendBody(out, m.Body())) // what was parsed before can be parsed again
	return own
}

// Failed takes the end of an INVITE that no final response came to.
func (b *branch) Failed(_ clock.Time, _ *transaction.Client, why transaction.Failure) {
	b.c.sh.current = b.c
	if b.elsewhere() || b.otherFlow() {
		return
	}
	b.ended = true
	kind, phrase := plan.EventTimeout, ""
	if why == transaction.TransportError {
		kind, phrase = plan.EventTransportError, b.c.sh.undelivered(b.flow)
		if b.target.Binding != nil {
			kind = plan.EventOffline // RFC 5626 §5.3: the flow of the phone is gone
		}
		b.c.sh.unreachable(b.c.id, b.target.URI, phrase)
	}
	b.c.step(plan.Event{Kind: kind, Branch: b.id, Phrase: phrase})
}

// withoutBody drops what describes a body that is not sent.
func withoutBody(body []byte) []message.Change {
	if len(body) > 0 {
		return nil
	}
	return noBody
}

var noBody = []message.Change{{Name: "Content-Type", Remove: true}, {Name: "Content-Disposition", Remove: true}, {Name: "Content-Encoding", Remove: true}}

// mapping is how the contact of a 3xx was found, as its parameters say (RFC 7044 §10.4: np means nothing there).
func mapping(params []byte) string {
	for _, kind := range [...]string{"rc", "mp"} {
		if _, ok := message.Param(params, kind); ok {
			return kind
		}
	}
	return ""
}

// contacts returns the contacts of a 3xx by descending q.
func contacts(m *message.Message) []plan.Contact {
	if m.Status() >= 400 {
		return nil
	}
	var list []plan.Contact
	m.Each(message.Contact, func(e []byte) bool {
		na, err := message.ParseNameAddr(e)
		if err != nil {
			return true
		}
		u, err := message.ParseURI(na.URI)
		if err != nil {
			return true
		}
		q := 1000
		if v, ok := message.Param(na.Params, "q"); ok {
			q = message.ParseQ(v)
		}
		list = append(list, plan.Contact{
			Mapping: mapping(na.Params), URI: string(na.URI), Key: string(u.AppendKey(nil)), User: string(message.AppendUnescaped(nil, u.User)), Q: q,
		})
		return true
	})
	slices.SortStableFunc(list, func(a, b plan.Contact) int { return b.Q - a.Q })
	return list
}
