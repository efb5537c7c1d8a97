package engine

import (
	"bytes"
	"strconv"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// relay is a request inside a dialog on its way from one leg to the other.
type relay struct {
	from, to *side
	req      *message.Message
	source   flow.Flow
	server   *transaction.Server
	client   *transaction.Client
	seq      uint32 // its CSeq number towards `to`
	dropped  bool   // nobody waits for its answer: the call is over, or it was given up
	offer    []byte // that went to `to`
	wait     waiting
}

// inDialog takes a request with a To tag.
func (sh *Shard) inDialog(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	s := sh.dialogFor(m)
	if s == nil {
		if !sh.inParting(now, tx, m, f) {
			sh.inSubscription(now, tx, m, f)
		}
		return
	}
	sh.current = s.c
	if !sh.inOrder(now, s.dialog, tx, m, f) {
		return
	}
	switch m.Method() {
	case message.BYE:
		s.onBye(now, tx, m, f)
	case message.PRACK:
		s.onPrack(now, tx, m, f)
	case message.INVITE, message.UPDATE:
		s.onOffer(now, tx, m, f)
	case message.OPTIONS:
		sh.finish(now, tx, m, f, 200, "Allow", allowed)
	case message.REFER:
		s.onRefer(now, tx, m, f)
	case message.REGISTER, message.PUBLISH:
		sh.finish(now, tx, m, f, 405, "Allow", allowed)
	default:
		s.pass(now, tx, m, f)
	}
}

// inOrder refuses what comes too late in its dialog, or asks for what we do not know (RFC 3261 §12.2.2, §8.2.2.3).
func (sh *Shard) inOrder(now clock.Time, d *leg.Dialog, tx *transaction.Server, m *message.Message, f flow.Flow) bool {
	if !d.Sequence(m.CSeq()) {
		sh.finish(now, tx, m, f, 500)
		return false
	}
	if bad := sh.unknownTags(m, message.Require); bad != "" {
		sh.finish(now, tx, m, f, 420, "Unsupported", bad)
		return false
	}
	return true
}

// forwards returns the Max-Forwards with which a request goes on; one that may not is refused.
func (sh *Shard) forwards(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) (n uint32, ok bool) {
	n, limited := m.Uint(message.MaxForwards)
	switch {
	case !limited:
		return 70, true
	case n == 0:
		sh.finish(now, tx, m, f, 483) // RFC 3261 §16.3 step 3
		return 0, false
	}
	return n - 1, true
}

// onBye takes a BYE: it ends the call, or, from the caller in an early dialog, gives it up (RFC 3261 §15).
func (s *side) onBye(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	c := s.c
	switch {
	case s == c.caller && c.final, s == c.callee && c.final:
		c.sh.finish(now, tx, m, f, 200)
		s.bye(m)
	case s.b == nil:
		c.sh.finish(now, tx, m, f, 200)
		c.cancelled(reasonsOf(m))
	case s == c.callee: // the caller's 2xx still waits for its PRACK
		c.sh.finish(now, tx, m, f, 200)
		c.callee = nil
		c.endBefore(480, "")
	default:
		c.sh.finish(now, tx, m, f, 403) // RFC 3261 §15: a callee must not end an early dialog so
	}
}

// onOffer takes an INVITE or an UPDATE inside the dialog (RFC 3261 §14.2, RFC 3311 §5.2).
func (s *side) onOffer(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	sh, invite := s.c.sh, m.Method() == message.INVITE
	offers := invite || len(m.Body()) > 0
	switch theirs, ours := s.open(); {
	case offers && theirs, invite && !s.c.final:
		sh.finish(now, tx, m, f, 500, "Retry-After", strconv.FormatUint(sh.ids.Uint64()%11, 10))
		return
	case offers && ours:
		sh.finish(now, tx, m, f, 491)
		return
	}
	if code := tooBrief(m); code != 0 {
		sh.finish(now, tx, m, f, code, "Min-SE", strconv.Itoa(leg.MinSE))
		return
	}
	if !offers {
		s.onRefresh(now, tx, m, f)
		return
	}
	if invite {
		tx.Respond(now, 100, message.AppendBody(m.AppendResponse(sh.buf[:0], 100, "", nil, f.Remote), nil))
	}
	if r := s.pass(now, tx, m, f); r != nil {
		s.in, s.peer.out = r, r
	}
}

// open reports whether an offer, or an INVITE, of the peer is not answered yet, or one of ours to it or to the other side.
func (s *side) open() (theirs, ours bool) {
	first := !s.agreed && len(s.c.invite.Body()) > 0 // the offer of the first INVITE
	theirs = s.in != nil || first && s.b == nil
	ours = s.out != nil || s.late != nil || s.refreshing != nil || first && s.b != nil
	if p := s.peer; p != nil {
		ours = ours || p.late != nil || p.refreshing != nil || p.in != nil && p.in != s.out || p.out != nil && p.out != s.in
	}
	return theirs, ours
}

// pass sends a request of this peer, with changes, on to the other one. Methods that we do not know pass too: they mean something
// to the peers, or the other one refuses them.
func (s *side) pass(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, changes ...message.Change) *relay {
	c, sh, to := s.c, s.c.sh, s.peer
	if to == nil {
		sh.finish(now, tx, m, f, 480) // an early dialog that nobody stands behind
		return nil
	}
	forwards, ok := sh.forwards(now, tx, m, f)
	if !ok {
		return nil
	}
	to.follow()
	body := m.Body()
	if m.Method() == message.INVITE || m.Method() == message.UPDATE {
		var err error
		if body, err = to.offered(m); err != nil {
			sh.finish(now, tx, m, f, 488)
			return nil
		}
	}
	r := &relay{from: s, to: to, req: m.Clone(), source: f, server: tx, seq: to.dialog.NextSeq(), offer: body}
	switch m.Method() {
	case message.REFER:
		r.refer()
	case message.NOTIFY, message.SUBSCRIBE:
		changes = append(changes, mapReferID(m, s.referral)...)
	}
	way := to.way()
	b := to.dialog.AppendRequest(sh.buf[:0], string(m.MethodName()), r.seq, sh.via(to.dialog), forwards)
	if m.Has(message.Contact) {
		b = c.sh.appendContact(b, to.dialog.Flow, isSIPS(to.dialog.Target), way.contactOf(m))
	}
	if m.Method() == message.INVITE || m.Method() == message.UPDATE {
		b = c.appendAllow(b, m)
		b = appendTags(b, m, message.Supported)
	}
	b = m.AppendPassed(sh.appendProduct(b, "User-Agent"), way.changes(m, append(changes, to.clip(m)...)))
	sh.buf = message.AppendBody(b, body)
	r.client = sh.inDialogRequest(now, to.dialog, m.Method(), sh.buf, r)
	if m.Method() != message.INVITE {
		r.wait.start(now, sh, tx, r.req, f)
	}
	return r
}

// Response takes what the other peer says and passes it back.
func (r *relay) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	c := r.from.c
	c.sh.current = c
	r.client = tx
	switch code := m.Status(); {
	case r.dropped:
		r.late(now, m)
	case code == 100:
	case code < 200:
		if r.req.Method() == message.INVITE { // RFC 4320 §4.1: none for other methods
			r.send(m)
		}
	case code < 300 && r.req.Method() == message.INVITE:
		r.accepted(now, m)
	default:
		tx.Detach()
		if code < 300 && r.req.Method() == message.UPDATE {
			r.to.dialog.Refresh(m)
			r.from.dialog.Refresh(r.req) // RFC 6141 §4.6: not before it is accepted
		}
		if code != 408 || r.req.Method() == message.INVITE { // RFC 4320 §4.2: others do not get one
			r.send(m)
			r.wait.stop()
		}
		r.done()
		r.dropped = true
		tx.Attend(r) // of a peer that had accepted, and forgot it, the 2xx may be on its way still
		if (code == 481 || code == 408) && !r.subscription() && r.to == r.to.c.sideOf(r.to) {
			r.to.gone() // RFC 3261 §12.2.1.2
		}
	}
}

// subscription reports whether the request belongs to a subscription: what becomes of that leaves the call alone (RFC 5057 §5.1).
func (r *relay) subscription() bool {
	return r.req.Method() == message.NOTIFY || r.req.Method() == message.SUBSCRIBE
}

// drop gives up an INVITE, or an offer, whose call is over. An INVITE is cancelled: its transaction would wait for ever for a peer
// that only rings.
func (r *relay) drop() {
	r.dropped = true
	r.client.Cancel(r.from.c.sh.now)
}

// late takes a response to a request that was dropped. A 2xx to INVITE is acknowledged; its dialog has had its BYE.
func (r *relay) late(now clock.Time, m *message.Message) {
	if m.Status() < 200 {
		return
	}
	if m.Status() < 300 && r.req.Method() == message.INVITE {
		r.to.dialog.Refresh(m)
		var answer []byte
		if len(r.req.Body()) == 0 {
			answer = declined(m.Body())
		}
		r.client.Ack(now, r.from.c.sh.ack(r.to.dialog, r.seq, nil, answer), r.to.dialog.Flow, r.to.dialog.RemoteTag)
	}
	r.client.Detach()
}

// sideOf returns s if it is one of the two legs of the answered call.
func (c *call) sideOf(s *side) *side {
	if c.final && !c.over && (s == c.caller || s == c.callee) {
		return s
	}
	return nil
}

// gone ends a call one of whose peers knows nothing of its dialog any more.
func (s *side) gone() {
	s.c.byeBoth("")
	s.c.conclude()
}

// accepted passes the 2xx to an INVITE.
func (r *relay) accepted(now clock.Time, m *message.Message) {
	sh := r.from.c.sh
	if r.to.out != r {
		return // a repeated 2xx before the ACK, which waits for the other side's
	}
	r.to.dialog.Refresh(m)
	r.from.dialog.Refresh(r.req) // RFC 6141 §4.6: not before it is accepted
	r.to.saidTo(r.offer)
	if len(r.req.Body()) == 0 {
		r.to.late = &lateAck{r.client, r.seq, bytes.Clone(m.Body())}
	} else {
		r.client.Ack(now, sh.ack(r.to.dialog, r.seq, nil, nil), r.to.dialog.Flow, r.to.dialog.RemoteTag)
	}
	b := r.req.AppendResponse(sh.buf[:0], m.Status(), string(m.Phrase()), nil, r.source.Remote)
	b = sh.appendContact(b, r.source, asksSIPS(r.req), r.from.contactOf(m))
	r.from.acceptWith(r.server, r.req, m.Status(), r.from.c.appendAnswer(b, m, r.from.passing(m)...), r.from.lateOffer(r.req, m))
	r.done()
}

// send passes a response that needs nothing of ours.
func (r *relay) send(m *message.Message) {
	r.from.c.sh.passBack(r.server, r.req, r.source, nil, m, r.from.way(), func(b []byte) []byte {
		if m.Status()/100 == 2 && r.req.Method() == message.UPDATE {
			b = r.from.agreeSession(b, r.req)
		}
		return b
	}, r.from.clip(m)...)
}

// passBack answers a request, under our To tag if it had none, as the other side did: with m as it may go this way, changes of the script, and what add appends. A challenge is
// not for this peer, which cannot know the credentials.
func (sh *Shard) passBack(tx *transaction.Server, req *message.Message, source flow.Flow, tag []byte, m *message.Message, way edge, add func(b []byte) []byte, script ...message.Change) {
	code, phrase := m.Status(), string(m.Phrase())
	if code == 401 || code == 407 {
		code, phrase = 403, ""
	}
	b := req.AppendResponse(sh.buf[:0], code, phrase, tag, source.Remote)
	if m.Has(message.Contact) && code < 300 {
		b = sh.appendContact(b, source, asksSIPS(req), way.contactOf(m))
	}
	if add != nil {
		b = add(b)
	}
	b = m.AppendPassed(sh.appendProduct(b, "Server"), way.changes(m, script))
	sh.buf = message.AppendBody(b, m.Body())
	tx.Respond(sh.now, code, sh.buf)
}

// reply answers the request ourselves.
func (r *relay) reply(code int, phrase string) {
	sh := r.from.c.sh
	b := r.req.AppendResponse(sh.buf[:0], code, phrase, nil, r.source.Remote)
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	r.server.Respond(sh.now, code, sh.buf)
	r.wait.stop()
	r.done()
}

// Failed takes the end of a request that no final response came to. In time only INVITE is answered: others would get a 408 that
// their sender has given up on already (RFC 4320 §4.2).
func (r *relay) Failed(_ clock.Time, tx *transaction.Client, why transaction.Failure) {
	r.from.c.sh.current = r.from.c
	switch {
	case r.dropped:
	case why == transaction.TransportError:
		r.reply(503, "")
	case r.req.Method() != message.INVITE:
		r.done()
	default:
		r.reply(408, "")
	}
	r.dropped = true
	tx.Attend(r)
}

func (r *relay) done() {
	if r.from.in == r {
		r.from.in = nil
	}
	if r.to.out == r {
		r.to.out = nil
	}
}
