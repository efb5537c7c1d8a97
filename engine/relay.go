package engine

import (
	"strconv"

	"tandem/engine/clock"
	"tandem/engine/flow"
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
}

// inDialog takes a request with a To tag.
func (sh *Shard) inDialog(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	s := sh.dialogFor(m)
	if s == nil {
		sh.finish(now, tx, m, f, 481) // RFC 3261 §12.2.2
		return
	}
	sh.current = s.c
	if !s.dialog.Sequence(m.CSeq()) {
		sh.finish(now, tx, m, f, 500)
		return
	}
	if bad := unknownTags(m, message.Require); bad != "" {
		sh.finish(now, tx, m, f, 420, "Unsupported", bad)
		return
	}
	switch m.Method() {
	case message.BYE:
		sh.finish(now, tx, m, f, 200)
		s.bye(m)
	case message.INVITE:
		s.reinvite(now, tx, m, f)
	case message.INFO, message.MESSAGE:
		s.pass(now, tx, m, f)
	case message.OPTIONS:
		sh.finish(now, tx, m, f, 200, "Allow", allowed)
	default:
		sh.finish(now, tx, m, f, 405, "Allow", allowed)
	}
}

// reinvite takes an INVITE inside the dialog (RFC 3261 §14.2).
func (s *side) reinvite(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	sh := s.c.sh
	switch {
	case s.in != nil:
		sh.finish(now, tx, m, f, 500, "Retry-After", strconv.FormatUint(sh.ids.Uint64()%11, 10))
	case s.out != nil, s.late != nil, s.peer.in != nil, s.peer.out != nil:
		sh.finish(now, tx, m, f, 491)
	default:
		s.dialog.Refresh(m)
		tx.Respond(now, 100, message.AppendBody(m.AppendResponse(sh.buf[:0], 100, "", nil, f.Remote), nil))
		s.in = s.pass(now, tx, m, f)
		s.peer.out = s.in
	}
}

// pass sends a request of this peer on to the other one.
func (s *side) pass(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) *relay {
	c, sh, to := s.c, s.c.sh, s.peer
	forwards := uint32(70)
	if n, ok := m.Uint(message.MaxForwards); ok {
		if n == 0 {
			sh.finish(now, tx, m, f, 483)
			return nil
		}
		forwards = n - 1
	}
	r := &relay{from: s, to: to, req: m.Clone(), source: f, server: tx, seq: to.dialog.NextSeq()}
	b := to.dialog.AppendRequest(sh.buf[:0], string(m.MethodName()), r.seq, sh.via(to.dialog), forwards)
	if m.Method() == message.INVITE {
		b = c.appendContact(b, to.dialog.Flow, m)
		b = append(b, "Allow: "+allowed+"\r\n"...)
		b = appendTags(b, m, message.Supported)
	}
	b = m.AppendPassed(sh.appendProduct(b, "User-Agent"), nil)
	sh.buf = message.AppendBody(b, m.Body())
	r.client = sh.layer.Request(now, to.dialog.Flow, m.Method(), sh.buf, r)
	return r
}

// Response takes what the other peer says and passes it back.
func (r *relay) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	c := r.from.c
	c.sh.current = c
	r.client = tx
	switch code := m.Status(); {
	case code == 100:
	case code < 200:
		if r.req.Method() == message.INVITE { // RFC 4320 §4.1: none for other methods
			r.send(m)
		}
	case code < 300 && r.req.Method() == message.INVITE:
		r.accepted(now, m)
	default:
		tx.Detach()
		r.send(m)
		r.done()
	}
}

// accepted passes the 2xx to an INVITE.
func (r *relay) accepted(now clock.Time, m *message.Message) {
	sh := r.from.c.sh
	if r.to.out != r {
		return // a repeated 2xx before the ACK, which waits for the other side's
	}
	r.to.dialog.Refresh(m)
	if len(r.req.Body()) == 0 {
		r.to.late = &lateAck{r.client, r.seq}
	} else {
		r.client.Ack(now, sh.ack(r.to.dialog, r.seq, nil, nil), r.to.dialog.Flow, r.to.dialog.RemoteTag)
	}
	b := r.req.AppendResponse(sh.buf[:0], m.Status(), string(m.Phrase()), nil, r.source.Remote)
	b = r.from.c.appendContact(b, r.source, m)
	r.from.accept(r.server, r.req.CSeq(), m.Status(), appendAnswer(b, m), m.Body())
	r.done()
}

// send passes a response that needs nothing of ours. A challenge is not for this peer, which cannot know the credentials.
func (r *relay) send(m *message.Message) {
	sh := r.from.c.sh
	code, phrase := m.Status(), string(m.Phrase())
	if code == 401 || code == 407 {
		code, phrase = 403, ""
	}
	b := r.req.AppendResponse(sh.buf[:0], code, phrase, nil, r.source.Remote)
	b = m.AppendPassed(sh.appendProduct(b, "Server"), nil)
	sh.buf = message.AppendBody(b, m.Body())
	r.server.Respond(sh.now, code, sh.buf)
}

// reply answers the request ourselves.
func (r *relay) reply(code int, phrase string) {
	sh := r.from.c.sh
	b := r.req.AppendResponse(sh.buf[:0], code, phrase, nil, r.source.Remote)
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	r.server.Respond(sh.now, code, sh.buf)
	r.done()
}

// Failed takes the end of a request that no final response came to. Only INVITE is answered: others would get a 408 that
// their sender has given up on already (RFC 4320 §4.2).
func (r *relay) Failed(_ clock.Time, _ *transaction.Client, why transaction.Failure) {
	r.from.c.sh.current = r.from.c
	switch {
	case r.req.Method() != message.INVITE:
		r.server.Forget()
	case r.from.in != r: // answered already
	case why == transaction.TransportError:
		r.reply(503, "")
	default:
		r.reply(408, "")
	}
}

func (r *relay) done() {
	if r.from.in == r {
		r.from.in = nil
	}
	if r.to.out == r {
		r.to.out = nil
	}
}
