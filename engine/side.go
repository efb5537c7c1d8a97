package engine

import (
	"bytes"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/transaction"
)

// side is one leg of an answered call and what goes on in it.
type side struct {
	c      *call
	dialog *leg.Dialog
	peer   *side

	answer   leg.Answer // our 2xx to an INVITE of this peer, until its ACK
	accepted *transaction.Server
	ok       []byte // the 2xx

	in, out *relay   // the INVITE inside the dialog that this peer sent, that we sent to it
	late    *lateAck // our INVITE to this peer whose ACK carries the other side's answer
}

// lateAck is an ACK that waits for the other side's: the INVITE had no offer (RFC 3261 §13.2.1).
type lateAck struct {
	client *transaction.Client
	seq    uint32
}

// dialog makes the callee's dialog from its 2xx.
func (b *branch) dialog(m *message.Message) (*leg.Dialog, error) {
	return leg.NewUAC(m, b.flow, []byte(b.target.URI))
}

// ack acknowledges a 2xx to the branch's INVITE.
func (b *branch) ack(d *leg.Dialog) {
	b.client.Ack(b.c.sh.now, b.c.sh.ack(d, d.LocalSeq, nil, nil), d.Flow, d.RemoteTag)
}

// answered joins the winner to the caller.
func (c *call) answered(b *branch) {
	sh, m := c.sh, b.answer
	c.winner = b
	sh.stats.Answered++
	callee, err := b.dialog(m)
	if err != nil {
		c.respond(502, "", nil)
		c.conclude()
		return
	}
	if c.early != nil && (c.early != b || !bytes.Equal(c.earlyTag, m.ToTag())) {
		c.tag = sh.ids.AppendTag(nil, 0) // the caller saw somebody else's early media under the old one
	}
	caller, err := leg.NewUAS(c.invite, c.tag, c.source)
	if err != nil {
		c.respond(400, "", nil) // inspect lets no INVITE without Contact through
		c.conclude()
		return
	}
	c.caller, c.callee = &side{c: c, dialog: caller}, &side{c: c, dialog: callee}
	c.caller.peer, c.callee.peer = c.callee, c.caller
	if len(c.invite.Body()) == 0 {
		c.callee.late = &lateAck{b.client, callee.LocalSeq} // the ACK has to carry the caller's answer
	} else {
		b.ack(callee)
	}
	sh.dialogs[string(caller.LocalTag)], sh.dialogs[string(callee.LocalTag)] = c.caller, c.callee

	out := c.invite.AppendResponse(sh.buf[:0], m.Status(), string(m.Phrase()), c.tag, c.source.Remote)
	out = c.appendContact(c.invite.AppendRecordRoutes(out), c.source, m)
	c.final = true
	c.caller.accept(c.server, c.invite.CSeq(), m.Status(), appendAnswer(out, m), m.Body())
	c.script.Answered(c, c.exec.Branch(b.id))
	c.note("answered", nil)
}

// appendAnswer appends what a 2xx to an INVITE carries beside what is the leg's own.
func appendAnswer(out []byte, m *message.Message) []byte {
	out = append(out, "Allow: "+allowed+"\r\n"...)
	out = appendTags(out, m, message.Supported)
	return m.AppendPassed(out, nil)
}

// accept sends this peer the 2xx to its INVITE and repeats it until the ACK.
func (s *side) accept(tx *transaction.Server, seq uint32, code int, b, body []byte) {
	sh := s.c.sh
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), body)
	s.accepted, s.ok = tx, bytes.Clone(sh.buf)
	tx.Respond(sh.now, code, s.ok)
	s.answer.Start(sh.now, &sh.heap, s, seq, sh.cfg.Timers.T1, sh.cfg.Timers.T2)
}

// Resend sends the 2xx again.
func (s *side) Resend(clock.Time) {
	s.c.sh.current = s.c
	s.accepted.Resend(s.ok)
}

// Lapsed ends a call whose 2xx was never acknowledged (RFC 3261 §13.3.1.4).
func (s *side) Lapsed(clock.Time) {
	s.c.sh.current = s.c
	s.c.byeBoth("")
	s.c.conclude()
}

// Cancel takes the CANCEL of an INVITE that has no final response yet; the layer has answered the CANCEL.
func (sh *Shard) Cancel(_ clock.Time, invite *transaction.Server, m *message.Message) {
	if c := sh.calls[callKey(m)]; c != nil && c.server == invite {
		sh.current = c
		c.cancelled(m)
		return
	}
	if s := sh.dialogs[string(m.ToTag())]; s != nil && s.in != nil && s.in.server == invite {
		sh.current = s.c
		s.in.client.Cancel(sh.now, reasonsOf(m)...) // its 487 comes back through the relay
	}
}

// cancelled ends a call that its caller gave up.
func (c *call) cancelled(m *message.Message) {
	if c.final {
		return // RFC 3261 §9.2: no effect
	}
	c.reasons = reasonsOf(m)
	c.step(plan.Event{Kind: plan.EventCallerCancel})
	c.respond(487, "", nil)
	c.script.Cancelled(c)
	c.note("cancelled by the caller", nil)
	c.conclude()
}

func reasonsOf(m *message.Message) []string {
	var list []string
	for i := range m.Len() {
		if id, _, v := m.Field(i); id == message.Reason {
			list = append(list, string(v))
		}
	}
	return list
}

// Ack takes the ACK to a 2xx of ours.
func (sh *Shard) Ack(now clock.Time, m *message.Message, _ flow.Flow) {
	s := sh.dialogFor(m)
	if s == nil || !s.answer.Waiting(m.CSeq()) {
		return
	}
	sh.current = s.c
	s.answer.Stop()
	s.accepted, s.ok = nil, nil
	s.peer.sendLate(now, m)
}

// sendLate sends the ACK that waited for the other side's; m is that, nil if none came.
func (s *side) sendLate(now clock.Time, m *message.Message) {
	if s.late == nil {
		return
	}
	var body []byte
	if m != nil {
		body = m.Body()
	}
	late := s.late
	s.late = nil
	late.client.Ack(now, s.c.sh.ack(s.dialog, late.seq, m, body), s.dialog.Flow, s.dialog.RemoteTag)
}

// dialogFor returns the leg that a request belongs to, nil if there is none (RFC 3261 §12.2.2).
func (sh *Shard) dialogFor(m *message.Message) *side {
	s := sh.dialogs[string(m.ToTag())]
	if s == nil || !bytes.Equal(s.dialog.CallID, m.CallID()) || !bytes.Equal(s.dialog.RemoteTag, m.FromTag()) {
		return nil
	}
	return s
}

// bye takes a BYE of this peer and sends one on.
func (s *side) bye(m *message.Message) {
	c := s.c
	s.close()
	s.peer.sendLate(c.sh.now, nil)
	s.peer.close()
	c.sh.bye(c.sh.now, s.peer.dialog, m)
	c.conclude()
}

// byeBoth ends both legs of an answered call.
func (c *call) byeBoth(phrase string) {
	var reasons []string
	if phrase != "" {
		reasons = []string{`SIP;cause=200;text=` + message.Quote(phrase)}
	}
	for _, s := range []*side{c.caller, c.callee} {
		if s == nil {
			continue
		}
		s.sendLate(c.sh.now, nil)
		s.close()
		c.sh.bye(c.sh.now, s.dialog, nil, reasons...)
	}
}

// close stops what goes on in the leg: a pending INVITE of the peer is answered 487 (RFC 3261 §15.1.2).
func (s *side) close() {
	s.answer.Stop()
	if s.in != nil {
		s.in.client.Detach()
		s.in.reply(487, "")
	}
	if s.out != nil {
		s.out.client.Detach()
		s.out = nil
	}
}
