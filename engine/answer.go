package engine

import (
	"bytes"

	"tandem/engine/leg"
	"tandem/engine/message"
)

// dialog makes a dialog of its own from a 2xx that does not win. Its numbers go on from those of its early dialog (RFC 3261
// §12.2.1.1).
func (b *branch) dialog(m *message.Message) (*leg.Dialog, error) {
	d, err := leg.NewUAC(m, b.flow, []byte(b.target.URI), b.c.sh.ways)
	if err != nil {
		return nil, err
	}
	d.Login = b.login
	for _, s := range b.c.sides {
		if s.b == b && bytes.Equal(s.dialog.RemoteTag, d.RemoteTag) {
			d.LocalSeq = max(d.LocalSeq, s.dialog.LocalSeq)
		}
	}
	return d, nil
}

// ack acknowledges a 2xx to the branch's INVITE, with an answer if there has to be one.
func (b *branch) ack(d *leg.Dialog, seq uint32, answer []byte) {
	b.client.Ack(b.c.sh.now, b.c.sh.ack(d, seq, nil, answer), d.Flow, d.RemoteTag)
}

// declined is the answer to an offer that takes none of its media (RFC 3264 §6), nil if it offers none.
func declined(offer []byte) []byte {
	var out []byte
	for line := range bytes.Lines(offer) {
		f := bytes.Fields(line)
		if len(f) < 4 || !bytes.HasPrefix(line, []byte("m=")) {
			continue
		}
		if out == nil {
			out = append(out, "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"...)
		}
		f[1] = []byte("0")
		out = append(append(out, bytes.Join(f, []byte(" "))...), "\r\n"...)
	}
	return out
}

// answered joins the winner to the caller.
func (c *call) answered(b *branch) {
	sh, m := c.sh, b.answer
	c.winner = b
	sh.stats.Answered++
	d := b.calleeSide(m)
	d.dialog.Confirm(m)
	if len(c.invite.Body()) == 0 && !d.agreed {
		d.late = &lateAck{b.client, m.CSeq(), m.Body()} // the ACK has to carry the caller's answer
	} else {
		b.ack(d.dialog, m.CSeq(), nil)
	}
	d.agreed = d.agreed || d.late == nil
	d.updates = m.HasToken(message.Allow, "UPDATE")
	d.saidTo(d.b.body())
	d.sessionAgreed(m)
	// The caller's dialog is the winner's own, else one that nobody's SDP was shown under, else one under a new tag.
	c.caller, c.callee = c.join(d), d
	c.caller.updates = c.invite.HasToken(message.Allow, "UPDATE")
	for _, s := range c.sides {
		if s != c.caller && s != c.callee {
			s.leave() // RFC 3261 §13.2.2.4: the other early dialogs are over
		}
	}
	c.script.Answered(c, c.exec.Branch(b.id))
	c.note("answered", nil)
	if c.callee == nil || c.over {
		return
	}
	c.caller.queue = nil
	if _, media := c.caller.reliable.Outstanding(); media {
		c.caller.queue = append(c.caller.queue, func() { c.answerCaller(m) }) // RFC 3262 §5: not before the PRACK
		return
	}
	c.answerCaller(m)
}

// answerCaller sends the caller the winner's 2xx.
func (c *call) answerCaller(m *message.Message) {
	s := c.caller
	s.reliable.Silence()
	out := c.invite.AppendResponse(c.sh.buf[:0], m.Status(), string(m.Phrase()), s.dialog.LocalTag, c.source.Remote)
	out = c.sh.appendContact(c.invite.AppendRecordRoutes(out), c.source, asksSIPS(c.invite), s.contactOf(m))
	out = c.appendAnswer(out, m, s.passing(m)...)
	body := m.Body()
	if sdp := c.callee.sdp; sdp != nil && len(body) == 0 && !s.agreed {
		// RFC 3261 §13.2.1: what the caller saw of the answer, if anything, was not reliable.
		out, body = message.AppendField(out, "Content-Type", sdp.Get(message.ContentType)), sdp.Body()
	}
	c.callee.sdp = nil
	c.final = true
	if d := c.winner.target.MaxDuration; d > 0 && !c.Emergency() {
		c.sh.heap.Arm(&c.limit, c.sh.now.Add(d))
	}
	c.sh.heap.Stop(&c.timer) // the plan is done and the caller needs no more signs of life
	s.agreed = s.agreed || len(c.invite.Body()) > 0
	s.acceptWith(c.server, c.invite, m.Status(), out, body)
}

// appendAnswer appends what a 2xx to an INVITE carries beside what is the leg's own.
func (c *call) appendAnswer(out []byte, m *message.Message, changes ...message.Change) []byte {
	out = c.appendAllow(out, m)
	out = appendTags(out, m, message.Supported)
	return m.AppendPassed(out, changes)
}
