package engine

import (
	"bytes"
	"strconv"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/transaction"
)

// rel100 is the option tag of reliable provisionals (RFC 3262).
const rel100 = "100rel"

// provisional takes a 101-199 of the branch.
func (b *branch) provisional(m *message.Message) {
	c := b.c
	if c.over || c.winner != nil {
		return // an early dialog made now would belong to nobody
	}
	var d *side
	rseq, reliable := uint32(0), false
	if m.HasToken(message.Require, rel100) {
		rseq, reliable = m.Uint(message.RSeq)
	}
	if m.ToTag() != nil && (reliable || len(m.Body()) > 0 || b.target.EarlyMedia == plan.EarlyAll) {
		d = b.calleeSide(m)
	}
	if d != nil && reliable && !d.received.Accept(rseq) {
		return // RFC 3262 §4: a repeat, or one that came too early
	}
	c.step(plan.Event{Kind: plan.EventProvisional, Branch: b.id, Code: m.Status(), Phrase: string(m.Phrase())})
	if d != nil && reliable && b.target.Prack != plan.PrackOff {
		d.due = rseq
		if !d.agreed && len(m.Body()) > 0 && len(c.invite.Body()) > 0 {
			d.agreed, d.sdp = true, m.Clone() // RFC 3262 §5: its SDP is the answer
		}
	}
	if !c.final && !c.over && c.winner == nil && !b.client.Cancelled() {
		if m.Status() == 199 {
			b.passOver(m)
		} else {
			c.show(b, d, m)
		}
	}
	if d != nil && d.due != 0 && !d.waitsForPrack() {
		d.prack(nil)
	}
}

// waitsForPrack reports whether the callee's PRACK waits for the caller's, which may carry an answer or a new offer.
func (s *side) waitsForPrack() bool {
	if s.peer == nil {
		return false
	}
	waiting, _ := s.peer.reliable.Outstanding()
	return waiting || len(s.peer.queue) > 0
}

// show tells the caller what it may see of a provisional; d is the callee's dialog, if it matters.
func (c *call) show(b *branch, d *side, m *message.Message) {
	body := m.Body()
	var s *side
	switch b.target.EarlyMedia {
	case plan.EarlyNone:
		body = nil
	case plan.EarlyAll:
		if d != nil {
			s = c.join(d)
		} else {
			body = nil // a response without a To tag makes no dialog
		}
	default:
		if len(body) > 0 && c.early == nil && d != nil {
			c.early = c.join(d)
		}
		if d != nil && d.peer != nil {
			s = d.peer
		} else {
			body = nil // of others the caller hears only that it rings
		}
	}
	if s == nil {
		if s = c.ringSide(); s == nil {
			return
		}
	}
	if m.Status() == s.shown && len(body) == 0 {
		return // one 180 for many
	}
	s.shown = m.Status()
	s.provision(b, m, body)
}

// ringSide is the dialog under which the caller hears that something rings, or once it is answered the one of the answer.
func (c *call) ringSide() *side {
	if c.caller != nil {
		return c.caller
	}
	for _, s := range c.sides {
		if s.b == nil {
			return s
		}
	}
	return c.callerSide()
}

// provision sends the caller a provisional that a callee sent, reliably if the caller can and it carries SDP, or if the caller
// wants all of them so (RFC 3262 §3).
func (s *side) provision(from *branch, m *message.Message, body []byte) {
	c := s.c
	reliable := c.invite.HasToken(message.Require, rel100) || len(body) > 0 && c.invite.HasToken(message.Supported, rel100)
	if waiting, _ := s.reliable.Outstanding(); reliable && waiting {
		m = m.Clone() // it outlives its datagram
		if len(body) > 0 {
			body = m.Body()
		}
	}
	s.sendProvisional(m.Status(), reliable, body, func() []byte {
		b := c.invite.AppendResponse(c.sh.buf[:0], m.Status(), string(m.Phrase()), s.dialog.LocalTag, c.source.Remote)
		way := from.back()
		b = c.sh.appendContact(c.invite.AppendRecordRoutes(b), c.source, asksSIPS(c.invite), way.contactOf(m))
		return m.AppendPassed(c.appendAllow(b, m), way.changes(m, append(from.connected(m), withoutBody(body)...)))
	})
}

// announce sends the caller a provisional of our own, reliably if it wants all of them so (RFC 3262 §3).
func (s *side) announce(code int, add func(b []byte) []byte) {
	s.shown = code
	s.sendProvisional(code, s.c.invite.HasToken(message.Require, rel100), nil, func() []byte { return add(s.ownProvisional(code)) })
}

// sendProvisional sends what write returns as it is sent, and the body. There is one reliable provisional at a time: another one
// waits.
func (s *side) sendProvisional(code int, reliable bool, body []byte, write func() []byte) {
	c := s.c
	if waiting, _ := s.reliable.Outstanding(); reliable && waiting {
		s.queue = append(s.queue, func() { s.sendProvisional(code, reliable, body, write) })
		return
	}
	b := write()
	if reliable {
		b = s.appendReliable(b)
	}
	c.send(code, b, body)
	if reliable {
		s.reliable.Sent(c.sh.now, append([]byte(nil), c.sh.buf...), len(body) > 0, c.sh.cfg.Timers.T1)
		s.agreed = s.agreed || len(body) > 0 && len(c.invite.Body()) > 0
	}
}

func (s *side) appendReliable(b []byte) []byte {
	sh := s.c.sh
	if !s.reliable.Started() {
		s.reliable.Start(&sh.heap, s, s.c.invite.CSeq(), uint32(sh.ids.Uint64()>>34)+1) // RFC 3262 §3: 1 to 2^31-1
	}
	b = append(b, "Require: "+rel100+"\r\nRSeq: "...)
	return append(strconv.AppendUint(b, uint64(s.reliable.NextRSeq()), 10), "\r\n"...)
}

// ResendProvisional sends a reliable provisional again.
func (s *side) ResendProvisional(_ clock.Time, b []byte) {
	s.c.sh.current = s.c
	s.c.server.Respond(s.c.sh.now, s.shown, b)
}

// Unpracked refuses an INVITE whose caller does not acknowledge reliable provisionals (RFC 3262 §3).
func (s *side) Unpracked(clock.Time) {
	s.c.sh.current = s.c
	s.c.endBefore(504, "")
}

// Free lets the next provisional, or the 2xx, go.
func (s *side) Free(clock.Time) {
	for len(s.queue) > 0 {
		if waiting, _ := s.reliable.Outstanding(); waiting {
			return
		}
		next := s.queue[0]
		s.queue = s.queue[1:]
		next()
	}
}

// onPrack takes the caller's PRACK (RFC 3262 §3). One with an offer or an answer goes on to the callee; any other is answered at
// once, and the callee's own PRACK sent.
func (s *side) onPrack(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	c := s.c
	rack, ok := rackOf(m)
	if !ok || !s.reliable.Prack(rack) {
		c.sh.finish(now, tx, m, f, 481)
		return
	}
	d := s.peer
	if len(m.Body()) == 0 || d == nil || d.due == 0 {
		c.sh.finish(now, tx, m, f, 200)
		if d != nil && d.due != 0 {
			d.prack(nil)
		}
	} else if body, err := d.prackBody(m); err != nil {
		c.sh.finish(now, tx, m, f, 488)
		d.prack(nil)
	} else {
		d.prack(&relay{from: s, to: d, req: m.Clone(), source: f, server: tx, offer: body})
	}
	s.reliable.Release(now)
}

// prackBody returns the body of the caller's PRACK on its way to the callee. It is the answer if the callee has made the offer, else an offer (RFC 3262 §5).
func (s *side) prackBody(m *message.Message) ([]byte, error) {
	if !s.agreed && len(s.c.invite.Body()) == 0 {
		return m.Body(), nil
	}
	return s.offered(m)
}

// ownProvisional is the start of a provisional of our own under this dialog's tag. It makes a dialog, and so gives back the
// caller's Record-Routes (RFC 3261 §12.1.1).
func (s *side) ownProvisional(code int) []byte {
	c := s.c
	b := c.invite.AppendResponse(c.sh.buf[:0], code, "", s.dialog.LocalTag, c.source.Remote)
	return c.sh.appendContact(c.invite.AppendRecordRoutes(b), c.source, asksSIPS(c.invite), nil)
}

// tag199 is the option tag of 199 Early Dialog Terminated (RFC 6228).
const tag199 = "199"

// wants199 reports whether the caller is to be told of early dialogs that are over (RFC 6228 §6).
func (c *call) wants199() bool {
	return !c.final && c.winner == nil && c.invite.HasToken(message.Supported, tag199) && !c.invite.HasToken(message.Require, rel100)
}

// earlyOver ends the early dialogs of a branch whose INVITE was refused: no PRACK goes there any more, and the caller is told if the
// call is not over with them.
func (c *call) earlyOver(b *branch, code int) {
	reason := "SIP;cause=" + strconv.Itoa(code)
	for _, s := range c.sides {
		if s.b != b {
			continue
		}
		s.due = 0
		if c.wants199() {
			s.earlyEnded(reason)
		}
	}
}

// passOver passes the 199 of a callee, if the caller was shown the dialog that it is about.
func (b *branch) passOver(m *message.Message) {
	c := b.c
	key := dialogKey(c.sh.key, m.FromTag(), m.ToTag())
	c.sh.key = key
	if s := c.sh.dialogs[string(key)]; s != nil && s.b == b && c.wants199() {
		s.earlyEnded(reasonsOf(m)...)
	}
}

// earlyEnded tells the caller, once, that a callee's early dialog which it was shown is over. A 199 has neither Contact nor
// Record-Route (RFC 6228 §6).
func (s *side) earlyEnded(reasons ...string) {
	if s.peer == nil || s.ended {
		return
	}
	s.ended = true
	c := s.c
	b := c.invite.AppendResponse(c.sh.buf[:0], 199, "", s.peer.dialog.LocalTag, c.source.Remote)
	for _, r := range reasons {
		b = message.AppendField(b, "Reason", r)
	}
	c.send(199, b, nil)
}

// announce tells the caller that the call is forwarded (rows M2 and M3), if the target or its diversion wants that.
func (c *call) announce(a *plan.Action) {
	t := a.Target
	if c.final || !t.Send181 && a.Announce == nil {
		return
	}
	from, dialect := c.towards, t.Dialect
	if n := len(a.Diverted); n > 0 {
		from = userOf(c.diverter(&a.Diverted[n-1]))
	}
	if a.Announce != nil && dialect == "" {
		dialect = a.Announce.Dialect
	}
	if from == "" {
		if u, err := message.ParseURI(c.invite.RequestURI()); err == nil {
			from = string(message.AppendUnescaped(nil, u.User))
		}
	}
	info := "<sip:" + escapeUser(t.User) + "@" + c.sh.cfg.Locals[c.source.Listener].SentBy + ">;purpose=forwarding;username=" + message.Quote(from)
	if dialect == "minisipserver" {
		info = "purpose=forwarding, username=" + message.Quote(from) + ", contact=" + message.Quote(t.User)
	}
	c.ringSide().announce(181, func(b []byte) []byte { return message.AppendField(b, "Call-Info", info) })
}

// escapeUser escapes a user part (RFC 3261 §25.1, user).
func escapeUser(u string) string { return escape(u, "-_.!~*'()&=+$,;?/") }

// rackOf reads a RAck header (RFC 3262 §7.2).
func rackOf(m *message.Message) (leg.RAck, bool) {
	f := bytes.Fields(m.Get(message.RAck))
	if len(f) != 3 {
		return leg.RAck{}, false
	}
	rseq, err1 := strconv.ParseUint(string(f[0]), 10, 32)
	cseq, err2 := strconv.ParseUint(string(f[1]), 10, 32)
	r := leg.RAck{RSeq: uint32(rseq), CSeq: uint32(cseq), Invite: string(f[2]) == "INVITE"}
	return r, err1 == nil && err2 == nil
}

// prack acknowledges the reliable provisional that is due (RFC 3262 §4); r, if any, is the caller's PRACK on its way here.
func (s *side) prack(r *relay) {
	sh := s.c.sh
	seq := s.dialog.NextSeq()
	b := s.dialog.AppendRequest(sh.buf[:0], "PRACK", seq, sh.via(s.dialog), 70)
	b = strconv.AppendUint(append(b, "RAck: "...), uint64(s.due), 10)
	b = message.AppendUint(append(b, ' '), s.b.cseq)
	b = append(b, " INVITE\r\n"...)
	s.due = 0
	var user transaction.ClientUser = pracked{s}
	var body []byte
	if r != nil {
		r.seq, user = seq, r
		b = r.req.AppendPassed(b, s.passing(r.req))
		body = r.offer
		s.agreed = true
	}
	sh.buf = message.AppendBody(sh.appendProduct(b, "User-Agent"), body)
	tx := sh.inDialogRequest(sh.now, s.dialog, message.PRACK, sh.buf, user)
	if r != nil {
		r.client = tx
		r.wait.start(sh.now, sh, r.server, r.req, r.source)
	}
}

// pracked hears what became of a PRACK of ours. A refusal leaves the call up (row M7): the diagnosis is in the trace.
type pracked struct{ s *side }

// Response notes a refusal.
func (p pracked) Response(_ clock.Time, _ *transaction.Client, m *message.Message) {
	if m.Status() >= 300 {
		p.s.c.note("PRACK refused with "+strconv.Itoa(m.Status())+": the callee wants 100rel but not its PRACK; prack = \"off\" keeps it from trying", nil)
	}
}

// Failed notes that no answer came.
func (p pracked) Failed(clock.Time, *transaction.Client, transaction.Failure) {
	p.s.c.note("PRACK was not answered", nil)
}
