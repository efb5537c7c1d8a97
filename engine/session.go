package engine

import (
	"bytes"
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// timerTag is the option tag of session timers (RFC 4028).
const timerTag = "timer"

// tooBrief returns 422 if a request asks for a session interval under our minimum from one that could choose another
// (RFC 4028 §9), else 0.
func tooBrief(m *message.Message) int {
	se, ok := leg.ParseSessionExpires(m)
	if ok && se.Seconds < leg.MinSE && m.HasToken(message.Supported, timerTag) {
		return 422
	}
	return 0
}

// agreeSession appends the session interval that a 2xx of ours grants the peer, and starts the timer (RFC 4028 §9). The side that
// asked refreshes, unless it wants us to.
func (s *side) agreeSession(b []byte, request *message.Message) []byte {
	se, ok := leg.ParseSessionExpires(request)
	if !ok {
		return b
	}
	interval := max(se.Seconds, leg.MinSE)
	who, name := leg.Theirs, "uac"
	if se.Refresher == "uas" || !request.HasToken(message.Supported, timerTag) {
		who, name = leg.Ours, "uas"
	}
	s.startSession(interval, who)
	if who == leg.Theirs {
		b = append(b, "Require: "+timerTag+"\r\n"...)
	}
	return appendSessionExpires(b, interval, name)
}

func appendSessionExpires(b []byte, seconds uint32, refresher string) []byte {
	b = strconv.AppendUint(append(b, "Session-Expires: "...), uint64(seconds), 10)
	if refresher != "" {
		b = append(append(b, ";refresher="...), refresher...)
	}
	return append(b, "\r\n"...)
}

// sessionAgreed takes what the peer's 2xx says of the session interval (RFC 4028 §7.2).
func (s *side) sessionAgreed(response *message.Message) {
	se, ok := leg.ParseSessionExpires(response)
	if !ok {
		s.session.Stop() // RFC 4028 §7.2: none was agreed
		return
	}
	who := leg.Ours
	if se.Refresher == "uas" {
		who = leg.Theirs
	}
	s.startSession(max(se.Seconds, leg.MinSE), who)
}

func (s *side) startSession(seconds uint32, who leg.Refresher) {
	sh := s.c.sh
	s.session.Start(sh.now, &sh.heap, s, time.Duration(seconds)*time.Second, who)
}

// Refresh refreshes the session of this leg, of which the other one hears nothing: UPDATE without an offer if the peer takes it, else
// a re-INVITE with the offer that stands (RFC 4028 §7.4).
func (s *side) Refresh(now clock.Time) {
	c, sh := s.c, s.c.sh
	sh.current = c
	if s.in != nil || s.out != nil || s.late != nil {
		s.session.Retry(now, s.backOff()) // an offer is under way
		return
	}
	method, body := message.UPDATE, []byte(nil)
	if !s.updates {
		method, body = message.INVITE, s.said
	}
	s.follow()
	seq := s.dialog.NextSeq()
	b := s.dialog.AppendRequest(sh.buf[:0], method.String(), seq, sh.via(s.dialog), 70)
	b = c.sh.appendContact(b, s.dialog.Flow, isSIPS(s.dialog.Target), nil)
	b = append(b, "Supported: "+timerTag+"\r\n"...)
	b = appendSessionExpires(b, uint32(s.session.Interval/time.Second), "uac")
	if len(body) > 0 {
		b = append(b, "Content-Type: application/sdp\r\n"...)
	}
	sh.buf = message.AppendBody(sh.appendProduct(b, "User-Agent"), body)
	r := &refresh{s: s, seq: seq}
	r.client = sh.inDialogRequest(now, s.dialog, method, sh.buf, r)
	if method == message.INVITE {
		s.refreshing = r
	}
}

// Expired ends a call one of whose sessions was not refreshed (RFC 4028 §10).
func (s *side) Expired(clock.Time) {
	s.c.sh.current = s.c
	s.c.note("session expired: no refresh in time", nil)
	s.c.byeBoth("Session timer expired")
	s.c.conclude()
}

// refresh hears what became of a refresh of ours.
type refresh struct {
	s      *side
	seq    uint32
	client *transaction.Client
}

// done says that nothing more is awaited.
func (r *refresh) done() {
	if r.s.refreshing == r {
		r.s.refreshing = nil
	}
}

// ack acknowledges the 2xx to a re-INVITE.
func (r *refresh) ack(now clock.Time, tx *transaction.Client, m *message.Message) {
	if m.Method() == message.INVITE {
		d := r.s.dialog
		tx.Ack(now, r.s.c.sh.ack(d, r.seq, nil, nil), d.Flow, d.RemoteTag)
	}
}

// Response starts the timer anew, or ends the call if the peer has lost its dialog (RFC 4028 §7.4).
func (r *refresh) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	s := r.s
	code := m.Status()
	if code < 200 {
		return
	}
	r.done()
	s.c.sh.current = s.c
	if code >= 300 {
		tx.Attend(r) // its 2xx may be on its way still
	}
	switch {
	case s.c.over:
		if code < 300 {
			r.ack(now, tx, m)
			tx.Detach()
		}
	case code < 300:
		r.ack(now, tx, m)
		s.dialog.Refresh(m)
		s.sessionAgreed(m)
	case code == 481 || code == 408:
		s.gone()
	case code == 491:
		s.session.Retry(now, s.backOff())
	default:
		if n, ok := m.Uint(message.RetryAfter); ok { // RFC 3261 §14.2: their offer was under way
			s.session.Retry(now, time.Duration(n)*time.Second)
		}
	}
}

// backOff is how long to wait after two offers met: who made the Call-ID waits longer (RFC 3261 §14.1).
func (s *side) backOff() time.Duration {
	d := time.Duration(s.c.sh.ids.Uint64()%191) * 10 * time.Millisecond
	if s.b != nil {
		return d + 2100*time.Millisecond
	}
	return d
}

// Failed ends the call: the peer answers nothing.
func (r *refresh) Failed(_ clock.Time, tx *transaction.Client, _ transaction.Failure) {
	r.done()
	if !r.s.c.over {
		r.s.c.sh.current = r.s.c
		r.s.gone()
	}
	tx.Attend(r)
}

// onRefresh answers an UPDATE without an offer, which refreshes the session of this leg only.
func (s *side) onRefresh(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	sh := s.c.sh
	s.dialog.Refresh(m)
	b := m.AppendResponse(sh.buf[:0], 200, "", nil, f.Remote)
	b = s.c.sh.appendContact(b, f, asksSIPS(m), nil)
	b = s.agreeSession(b, m)
	sh.buf = message.AppendBody(sh.appendProduct(b, "Server"), nil)
	tx.Respond(now, 200, sh.buf)
}

// retrySession sends the branch's INVITE again with the interval that a 422 asks for (RFC 4028 §7.4): same Call-ID, next CSeq. It is
// done once, and is no failure of the branch. A branch that was given up meanwhile stays so, also if its CANCEL never went out.
func (b *branch) retrySession(m *message.Message) bool {
	min, ok := m.Uint(message.MinSE)
	if !ok || b.interval != 0 || b.client.GivenUp() || b.c.over {
		return false
	}
	b.interval, b.minSE = max(min, leg.DefaultSE), min
	b.cseq++
	sh := b.c.sh
	sh.buf = b.appendInvite(sh.buf[:0])
	b.client = sh.request(sh.now, b.flow, message.INVITE, sh.buf, b.login, b, b)
	return true
}

// appendSession appends what the branch's INVITE says of session timers. An interval is asked for if the caller did so too: it knows
// that its network needs one.
func (b *branch) appendSession(dst []byte) []byte {
	se, ok := leg.ParseSessionExpires(b.c.invite)
	switch {
	case b.interval != 0:
		dst = strconv.AppendUint(append(dst, "Min-SE: "...), uint64(b.minSE), 10)
		return appendSessionExpires(append(dst, "\r\n"...), b.interval, "")
	case ok:
		return appendSessionExpires(dst, max(se.Seconds, leg.MinSE), "")
	}
	return dst
}

// saidTo keeps the session description that this peer was sent last, for a refresh by re-INVITE.
func (s *side) saidTo(body []byte) {
	if len(body) > 0 && !s.updates {
		s.said = bytes.Clone(body)
	}
}
