package engine

import (
	"bytes"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// side is one dialog of a call: towards the caller, or towards a callee of one branch. It is early until a 2xx confirms
// it (RFC 3261 §12).
type side struct {
	c      *call
	b      *branch // nil towards the caller
	dialog *leg.Dialog
	peer   *side             // the dialog on the other side that it is joined with; nil as long as nothing is shown
	phone  *location.Binding // by which the peer is reached that has registered, nil if it has not

	// What we answer: an INVITE of this peer.
	reliable leg.Reliable // our reliable provisionals
	queue    []func()     // what waits for their PRACK
	shown    int          // the last provisional code that went out under this tag
	answer   leg.Answer   // our 2xx, until its ACK
	accepted *transaction.Server
	ok       []byte // the 2xx
	parting  []byte // our BYE, if it waits for that ACK

	// What we ask: an INVITE of ours.
	received leg.Received     // the peer's reliable provisionals
	due      uint32           // the RSeq whose PRACK waits for the other side's, 0 = none
	sdp      *message.Message // the reliable provisional that answered the first offer; its 2xx need not do so again
	late     *lateAck         // the INVITE whose ACK waits for the other side's

	referrals []referral // the REFERs that this peer was sent

	session    leg.SessionTimer
	refreshing *refresh // the re-INVITE that refreshes the session, until it is answered
	updates    bool     // the peer takes UPDATE
	said       []byte   // the session description that it was sent last, unless it takes UPDATE

	in, out *relay // the offer, or the INVITE, inside the dialog that this peer made, that we made to it
	agreed  bool   // the offer of the first INVITE is answered
	ended   bool   // it was early, and the caller was told that it is over
}

// lateAck is an ACK that waits for the other side's: the INVITE had no offer (RFC 3261 §13.2.1).
type lateAck struct {
	client *transaction.Client
	seq    uint32
	offer  []byte // of the 2xx
}

// dialogKey names a dialog of ours: by our tag and the peer's, since all callees behind one branch see the same tag of ours.
func dialogKey(dst, local, remote []byte) []byte {
	return append(append(append(dst[:0], local...), 0), remote...)
}

// enter makes a dialog known to the shard.
func (c *call) enter(s *side) *side {
	c.sides = append(c.sides, s)
	c.sh.dialogs[string(dialogKey(c.sh.key, s.dialog.LocalTag, s.dialog.RemoteTag))] = s
	return s
}

// leave takes a dialog out of the shard and stops what goes on in it.
func (s *side) leave() {
	if s.parting == nil {
		s.answer.Stop()
	}
	s.reliable.Stop()
	s.session.Stop()
	s.queue = nil
	delete(s.c.sh.dialogs, string(dialogKey(s.c.sh.key, s.dialog.LocalTag, s.dialog.RemoteTag)))
}

// dialogFor returns the dialog that a request belongs to, nil if there is none (RFC 3261 §12.2.2).
func (sh *Shard) dialogFor(m *message.Message) *side {
	sh.key = dialogKey(sh.key, m.ToTag(), m.FromTag())
	s := sh.dialogs[string(sh.key)]
	if s == nil || !bytes.Equal(s.dialog.CallID, m.CallID()) {
		return nil
	}
	return s
}

// callerSide returns a dialog towards the caller that nothing is joined with: the first one, or one under a new tag.
func (c *call) callerSide() *side {
	for _, s := range c.sides {
		if s.b == nil && s.peer == nil {
			return s
		}
	}
	tag := c.tag
	if c.tagged {
		tag = c.sh.ids.AppendTag(nil, 0)
	}
	c.tagged = true
	d, err := leg.NewUAS(c.invite, tag, c.source, c.sh.ways)
	if err != nil {
		panic("an INVITE without a usable Contact was let through: " + err.Error()) // inspect refuses it
	}
	return c.enter(&side{c: c, dialog: d, phone: c.sh.phoneOf(c.user, c.source)})
}

// calleeSide returns the dialog of the branch that a response belongs to, made anew if the response is its first.
func (b *branch) calleeSide(m *message.Message) *side {
	c := b.c
	key := dialogKey(c.sh.key, m.FromTag(), m.ToTag())
	c.sh.key = key
	if s := c.sh.dialogs[string(key)]; s != nil && s.b == b {
		s.dialog.LocalSeq = max(s.dialog.LocalSeq, b.cseq) // the INVITE went out again, and the peer has kept its tag
		return s
	}
	d, err := leg.NewUAC(m, b.flow, []byte(b.target.URI), b.c.sh.ways)
	if err != nil {
		panic("a target without a URI: " + err.Error()) // startBranch has parsed it
	}
	d.Login = b.login
	s := c.enter(&side{c: c, b: b, dialog: d})
	if to := b.target.Binding; to != nil && len(to.Path) == 0 {
		s.phone = to
	}
	return s
}

// join shows a callee's dialog to the caller.
func (c *call) join(callee *side) *side {
	if callee.peer == nil {
		callee.peer = c.callerSide()
		callee.peer.peer = callee
	}
	return callee.peer
}

// acceptWith sends this peer the 2xx to its INVITE and repeats it until the ACK.
func (s *side) acceptWith(tx *transaction.Server, invite *message.Message, code int, b, body []byte) {
	sh := s.c.sh
	b = s.agreeSession(b, invite)
	s.saidTo(body)
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), body)
	s.accepted, s.ok = tx, bytes.Clone(sh.buf)
	tx.Respond(sh.now, code, s.ok)
	s.answer.Start(sh.now, &sh.heap, s, invite.CSeq(), sh.cfg.Timers.T1, sh.cfg.Timers.T2)
}

// Resend sends the 2xx again.
func (s *side) Resend(clock.Time) {
	s.c.sh.current = s.c
	s.accepted.Resend(s.ok)
}

// Lapsed ends a call whose 2xx was never acknowledged (RFC 3261 §13.3.1.4).
func (s *side) Lapsed(clock.Time) {
	s.c.sh.current = s.c
	s.c.sh.noAck(s.c.id, 200, s.dialog.Flow)
	if s.parting != nil {
		s.farewell()
		return
	}
	s.c.byeBoth("")
	s.c.conclude()
}

// Ack takes the ACK to a 2xx of ours.
func (sh *Shard) Ack(now clock.Time, m *message.Message, f flow.Flow) {
	s := sh.dialogFor(m)
	if s == nil {
		s = sh.partingFor(m)
	}
	if s != nil || sh.proves(m, f) {
		sh.trust(f)
	}
	if s == nil || !s.answer.Waiting(m.CSeq()) {
		return
	}
	sh.current = s.c
	s.answer.Stop()
	s.accepted, s.ok = nil, nil
	switch {
	case s.parting != nil:
		s.farewell()
	case s.peer != nil:
		s.peer.sendLate(now, m)
	}
}

// sendLate sends the ACK that waited for the other side's; m is that. If none came it takes nothing of the offer.
func (s *side) sendLate(now clock.Time, m *message.Message) {
	if s.late == nil {
		return
	}
	s.follow()
	late := s.late
	body := declined(late.offer)
	var changes []message.Change
	if m != nil {
		body, changes = m.Body(), s.passing(m)
	}
	s.late, s.agreed = nil, true
	late.client.Ack(now, s.c.sh.ack(s.dialog, late.seq, m, body, changes...), s.dialog.Flow, s.dialog.RemoteTag)
}

// bye takes a BYE of this peer and sends one on.
func (s *side) bye(m *message.Message) {
	c := s.c
	s.sendLate(c.sh.now, nil) // it need not have waited for our ACK
	s.answer.Stop()
	s.close()
	s.peer.sendLate(c.sh.now, nil)
	s.peer.close()
	s.peer.part(m, s.peer.passing(m))
	c.conclude()
}

// byeBoth ends both legs of an answered call.
func (c *call) byeBoth(phrase string) {
	var reasons []string
	if phrase != "" {
		reasons = []string{`SIP;cause=200;text=` + message.Quote(phrase)}
	}
	for _, s := range []*side{c.caller, c.callee} {
		if s == nil || s == c.caller && !c.final {
			continue // the caller has no 2xx yet: its INVITE gets a final response
		}
		s.sendLate(c.sh.now, nil)
		s.close()
		s.part(nil, nil, reasons...)
	}
}

// close stops what goes on in the dialog but for a 2xx of ours: a pending INVITE of the peer is answered 487 (RFC 3261 §15.1.2).
func (s *side) close() {
	s.reliable.Stop()
	s.session.Stop()
	if s.in != nil {
		s.in.drop()
		s.in.reply(487, "")
	}
	if s.out != nil {
		s.out.drop()
		s.out = nil
	}
	if s.refreshing != nil {
		s.refreshing.client.Cancel(s.c.sh.now) // it would wait for ever for a peer that only rings
	}
}
