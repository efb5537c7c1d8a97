package engine

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"

	"tandem/engine/clock"
	"tandem/engine/flow"
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
	flow   flow.Flow
	callID []byte
	tag    []byte              // our From tag
	client *transaction.Client // nil until the target's address is known
	cseq   uint32              // of the INVITE
	answer *message.Message    // the 2xx at hand
	ended  bool                // has its final response, or will have none

	challenge *message.Message // its 401 or 407, if that is the caller's to meet

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
		}
	}
}

// startBranch sends an INVITE, now or when its target's address is known.
func (c *call) startBranch(a *plan.Action) {
	b := &branch{c: c, id: a.Branch, target: a.Target, cseq: 1, tag: c.sh.ids.AppendTag(nil, 0)}
	c.branches = append(c.branches, b)
	if c.hangup {
		b.ended = true // the call ends as soon as the plan has nothing more to do at once
		return
	}
	if a.Target.Send181 && !c.final {
		c.forwarding(a.Target)
	}
	c.towards = a.Target.User
	u, err := message.ParseURI([]byte(a.Target.URI))
	if err != nil {
		b.unreachable()
		return
	}
	if addr, ok := u.Addr(); ok {
		b.send(addr)
		return
	}
	if c.sh.cfg.Resolver == nil {
		b.unreachable()
		return
	}
	c.sh.cfg.Resolver.Resolve(c.sh.index, &u, func(now clock.Time, addr netip.AddrPort, err error) {
		defer c.sh.rescue()
		c.sh.now, c.sh.current = now, c
		switch {
		case b.ended: // given up meanwhile
		case err != nil:
			b.unreachable()
		default:
			b.send(addr)
		}
	})
}

// unreachable ends a branch whose INVITE cannot be sent.
func (b *branch) unreachable() {
	b.ended = true
	b.c.step(plan.Event{Kind: plan.EventTransportError, Branch: b.id})
}

func (b *branch) send(to netip.AddrPort) {
	c, sh := b.c, b.c.sh
	local, ok := sh.listenerFor(c.source.Listener, to.Addr())
	if !ok {
		b.unreachable()
		return
	}
	b.flow = flow.Flow{Remote: to, Listener: local, Transport: sh.cfg.Locals[local].Transport}
	b.callID = sh.ids.AppendCallID(nil, c.slot)
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: sh.now, Kind: trace.Leg, Call: c.id, Remote: to, Text: string(b.callID), User: b.target.User})
	}
	sh.buf = b.appendInvite(sh.buf[:0])
	b.client = sh.layer.Request(sh.now, b.flow, message.INVITE, sh.buf, b)
}

// listenerFor returns the listener that an address is reached by: the one preferred if it speaks the address's
// family, else the first that does.
func (sh *Shard) listenerFor(preferred uint8, to netip.Addr) (uint8, bool) {
	locals := sh.cfg.Locals
	if locals[preferred].Addr.Is4() == to.Is4() {
		return preferred, true
	}
	for i := range locals {
		if locals[i].Addr.Is4() == to.Is4() {
			return uint8(i), true
		}
	}
	return 0, false
}

// appendInvite builds the INVITE of the branch: what belongs to the leg is new, everything else is the caller's.
func (b *branch) appendInvite(dst []byte) []byte {
	c, sh := b.c, b.c.sh
	uri := requestURI(b.target.URI)
	local := &sh.cfg.Locals[b.flow.Listener]
	var id [48]byte
	dst = message.AppendRequestLine(dst, "INVITE", uri)
	dst = message.AppendVia(dst, local.Transport.String(), local.SentBy, sh.ids.AppendBranch(id[:0], 0))
	dst = appendFrom(dst, c.invite.Get(message.From), b.tag)
	dst = append(append(append(dst, "To: <"...), uri...), ">\r\n"...)
	dst = message.AppendField(dst, "Call-ID", b.callID)
	dst = message.AppendUint(append(dst, "CSeq: "...), b.cseq)
	dst = append(dst, " INVITE\r\nMax-Forwards: "...)
	dst = append(message.AppendUint(dst, c.maxForwards()), "\r\n"...)
	dst = c.sh.appendContact(dst, b.flow, c.invite)
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
	if c.replaced != "" {
		dst = message.AppendField(dst, "Replaces", c.replaced)
	}
	dst = sh.appendProduct(dst, "User-Agent")
	dst = c.invite.AppendPassed(dst, changes(b.target.Headers))
	return message.AppendBody(dst, c.invite.Body())
}

// requestURI returns the URI of a target without what must not stand in a Request-URI: headers and the method parameter (RFC 3261
// §16.6 step 2, §19.1.1).
func requestURI(uri string) string {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return uri
	}
	uri = uri[:len(uri)-len(u.Headers)]
	if _, ok := message.Param(u.Params, "method"); !ok {
		return uri
	}
	out := []byte(uri[:len(uri)-len(u.Params)])
	message.EachParam(u.Params, func(k, v []byte) bool {
		if !bytes.EqualFold(k, []byte("method")) {
			out = append(append(out, ';'), k...)
			if len(v) > 0 {
				out = append(append(out, '='), v...)
			}
		}
		return true
	})
	return string(out)
}

// maxForwards is what the next hop may still use up (RFC 3261 §16.6 step 3; carried across by RFC 7332 §2).
func (c *call) maxForwards() uint32 {
	if n, ok := c.invite.Uint(message.MaxForwards); ok {
		return n - 1
	}
	return 70
}

// appendFrom appends the caller's From under a tag of ours.
func appendFrom(dst, from, tag []byte) []byte {
	na, err := message.ParseNameAddr(from)
	if err != nil {
		na = message.NameAddr{URI: []byte("sip:anonymous@anonymous.invalid")}
	}
	dst = append(dst, "From: "...)
	if len(na.Display) > 0 {
		dst = append(append(dst, na.Display...), ' ')
	}
	dst = append(append(append(dst, '<'), na.URI...), ">;tag="...)
	dst = append(dst, tag...)
	message.EachParam(na.Params, func(k, v []byte) bool {
		if string(bytes.ToLower(k)) != "tag" {
			dst = append(append(dst, ';'), k...)
			if len(v) > 0 {
				dst = append(append(dst, '='), v...)
			}
		}
		return true
	})
	return append(dst, "\r\n"...)
}

// appendContact appends our Contact on a flow, with the user part of the peer's own and the parameters that say what it is.
func (sh *Shard) appendContact(dst []byte, f flow.Flow, peer *message.Message) []byte {
	local := &sh.cfg.Locals[f.Listener]
	dst = append(dst, "Contact: <sip:"...)
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
	if local.Transport != flow.UDP {
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

func changes(headers []plan.Header) []message.Change {
	if len(headers) == 0 {
		return nil
	}
	out := make([]message.Change, len(headers))
	for i, h := range headers {
		out[i] = message.Change(h)
	}
	return out
}

// giveUp cancels the branch. The transaction layer waits for the first provisional (RFC 3261 §9.1).
func (b *branch) giveUp(cause plan.Cause) {
	switch {
	case b.ended:
	case b.client == nil:
		b.ended = true // its address is still being looked up
	default:
		b.client.Cancel(b.c.sh.now, b.c.reasonsFor(cause)...)
	}
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
		b.c.sh.bye(b.c.sh.now, d, nil, b.c.reasonsFor(cause)...)
	}
}

// Response takes what the branch's INVITE is answered with.
func (b *branch) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	c := b.c
	c.sh.current = c
	b.client = tx
	m = b.withOwnFrom(m)
	code := m.Status()
	switch {
	case code == 100:
		return
	case code < 200:
		b.provisional(m)
		return
	case code < 300:
		if c.winner == b && bytes.Equal(c.callee.dialog.RemoteTag, m.ToTag()) {
			return // repeated, because its ACK waits for the caller's
		}
		b.answer = m.Clone()
		c.step(plan.Event{Kind: plan.EventAnswer, Branch: b.id, Code: code, Phrase: string(m.Phrase())})
		b.answer = nil
	case code == 422 && b.retrySession(m):
		tx.Detach()
	default:
		b.ended = true
		tx.Detach()
		r := m.Clone()
		if (code == 401 || code == 407) && b.target.PassAuth {
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
			out = appendFrom(out, b.c.invite.Get(message.From), b.tag)
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
	b.ended = true
	kind := plan.EventTimeout
	if why == transaction.TransportError {
		kind = plan.EventTransportError
	}
	b.c.step(plan.Event{Kind: kind, Branch: b.id})
}

// withoutBody drops what describes a body that is not sent.
func withoutBody(body []byte) []message.Change {
	if len(body) > 0 {
		return nil
	}
	return noBody
}

var noBody = []message.Change{{Name: "Content-Type", Remove: true}, {Name: "Content-Disposition", Remove: true}, {Name: "Content-Encoding", Remove: true}}

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
			URI: string(na.URI), Key: string(u.AppendKey(nil)), User: string(message.AppendUnescaped(nil, u.User)), Q: q,
		})
		return true
	})
	slices.SortStableFunc(list, func(a, b plan.Contact) int { return b.Q - a.Q })
	return list
}

// fail ends the caller's INVITE without an answer.
func (c *call) fail(a *plan.Action) {
	if c.final {
		return
	}
	if c.sh.cfg.Trace != nil {
		c.note("final "+strconv.Itoa(a.Code), nil)
	}
	switch m, _ := a.Response.(*message.Message); {
	case c.hangup:
		c.hangup = false
		c.respond(480, c.hangupText, nil)
	case a.Reply != nil:
		c.respond(a.Reply.Code, a.Reply.Phrase, func(b []byte) []byte {
			for _, ct := range a.Reply.Contacts {
				b = appendReplyContact(b, ct)
			}
			return appendHeaders(b, a.Reply.Headers)
		})
	case m != nil && a.Code == m.Status():
		c.passFinal(m)
	default:
		c.respond(a.Code, a.Phrase, nil)
	}
	c.conclude()
}

func appendReplyContact(b []byte, ct plan.Contact) []byte {
	b = append(append(append(b, "Contact: <"...), ct.URI...), '>')
	if ct.Q < 1000 {
		b = message.AppendQ(append(b, ";q="...), ct.Q)
	}
	return append(b, "\r\n"...)
}

// passed are the fields of a leg that a final response means for the caller all the same.
var passedFields = [...]message.ID{message.Contact, message.WWWAuthenticate, message.ProxyAuthenticate, message.Unsupported}

// passFinal gives the caller the response of a branch. What a Retry-After says holds for that branch only.
func (c *call) passFinal(m *message.Message) {
	c.respondWith(m.Status(), string(m.Phrase()), m)
}

func (c *call) respondWith(code int, phrase string, m *message.Message) {
	b := c.invite.AppendResponse(c.sh.buf[:0], code, phrase, c.tag, c.source.Remote)
	for i := range m.Len() {
		id, _, v := m.Field(i)
		if slices.Contains(passedFields[:], id) {
			b = message.AppendField(b, id.String(), v)
		}
	}
	if code == 401 || code == 407 {
		b = c.appendChallenges(b, m)
	}
	b = m.AppendPassed(b, noRetryAfter)
	c.send(code, b, m.Body())
}

// appendChallenges appends the challenges of the branches other than the one whose response m is: the caller may have to meet all
// of them (RFC 3261 §16.7 step 7).
func (c *call) appendChallenges(b []byte, m *message.Message) []byte {
	for _, o := range c.branches {
		if o.challenge == nil || o.challenge == m {
			continue
		}
		for i := range o.challenge.Len() {
			if id, _, v := o.challenge.Field(i); id == message.WWWAuthenticate || id == message.ProxyAuthenticate {
				b = message.AppendField(b, id.String(), v)
			}
		}
	}
	return b
}

var noRetryAfter = []message.Change{{Name: "Retry-After", Remove: true}}
