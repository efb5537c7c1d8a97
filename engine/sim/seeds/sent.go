package seeds

import (
	"bytes"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// sent writes down a datagram that the engine sends and returns the leg that it is on.
func (k *book) sent(shard int, f flow.Flow, b []byte) *leg {
	k.mix('o', shard, f, b)
	m := &k.msg
	if err := m.Parse(b); err != nil {
		k.bad(nil, "%v: %q", err, b)
		return nil
	}
	if what := malformed(m, b); what != "" {
		k.bad(nil, "%s: %q", what, b)
	}
	if !m.IsRequest() {
		return k.sentResponse(m, f)
	}
	l := k.legs[string(m.CallID())]
	switch {
	case m.Method() == message.INVITE && (l == nil || l.n > 0 && (m.CSeq() == l.invite.msg.CSeq() || l.invite.sentAgain())):
		return k.sentInvite(shard, m, f)
	case l == nil && outsideOf(m) >= 0:
		return k.sentOutside(shard, m, f)
	case l == nil:
		k.bad(nil, "a request on no leg: %q", b)
		return nil
	}
	l.shard, l.remote = shard, f.Remote
	if l.errand != nil {
		k.sentInSubscription(l, m)
		return l
	}
	switch m.Method() {
	case message.ACK:
		k.sentAck(l, m)
	case message.CANCEL:
		k.sentCancel(l, m)
	default:
		k.sentInDialog(l, m)
	}
	return l
}

var crlf2 = []byte("\r\n\r\n")

// malformed returns what is wrong with the form of a message, "" for nothing.
func malformed(m *message.Message, b []byte) string {
	head := b[:len(b)-len(m.Body())]
	length, ok := m.Uint(message.ContentLength)
	switch err := m.Validate(); {
	case err != nil:
		return err.Error()
	case bytes.Count(head, []byte{'\n'}) != bytes.Count(head, []byte("\r\n")):
		return "a line that does not end in CRLF" // RFC 3261 §7
	case !bytes.HasSuffix(head, crlf2):
		return "octets after the body"
	case !ok || int(length) != len(m.Body()):
		return "Content-Length is not that of the body"
	case m.IsRequest() && !m.Has(message.MaxForwards):
		return "no Max-Forwards" // RFC 3261 §8.1.1
	case !m.IsRequest() && m.Status() > 100 && len(m.ToTag()) == 0:
		return "no To tag" // RFC 3261 §8.2.6.2
	case m.Method() == message.INVITE && (m.IsRequest() || m.Status()/100 == 2) && !m.Has(message.Contact):
		return "no Contact" // RFC 3261 §8.1.1.8, §12.1.1
	}
	return ""
}

// copied checks a copy of a request: the same bytes at the time that RFC 3261 §17.1 gives, and not after it was
// answered.
func (k *book) copied(t *txn, m *message.Message) {
	now := k.w.net.Now()
	invite := t.msg.Method() == message.INVITE
	switch {
	case !bytes.Equal(m.Bytes(), t.msg.Bytes()):
		k.bad(t.leg.call, "a copy that is none: %q of %q", m.Bytes(), t.msg.Bytes())
	case t.code != 0 || invite && t.provisional >= 0:
		k.bad(t.leg.call, "leg %d: %s sent again after a response", t.leg.n, m.MethodName())
	case now != t.again && t.provisional < 0:
		k.bad(t.leg.call, "leg %d: %s sent again at the wrong time", t.leg.n, m.MethodName())
	case now >= t.at.Add(64*t1) || t.failedAt >= 0:
		k.bad(t.leg.call, "leg %d: %s sent again after it failed", t.leg.n, m.MethodName())
	}
	t.copies++
	t.resent++
	t.last = now
	t.gap *= 2
	if !invite {
		t.gap = min(t.gap, t2)
	}
	t.again = now.Add(t.gap)
}

// begun starts a transaction of the engine.
func (k *book) begun(l *leg, m *message.Message) *txn {
	t := k.newTxn(m, l, true)
	t.gap = t1
	t.again = t.at.Add(t1)
	l.requests = append(l.requests, t)
	via := m.TopVia()
	if !via.Unique() || string(via.Host) != self.Addr().String() || via.Port != self.Port() {
		k.bad(l.call, "leg %d: Via %q is not the engine's", l.n, m.Get(message.Via))
	}
	return t
}

// sentInvite checks the INVITE of a branch, which makes a leg.
func (k *book) sentInvite(shard int, m *message.Message, f flow.Flow) *leg {
	if t := k.txnOf(m, "INVITE"); t != nil {
		k.copied(t, m)
		return t.leg
	}
	n, ok := callOf(m)
	if !ok || n >= len(k.calls) || k.calls[n].invite == nil {
		k.bad(nil, "an INVITE of no call: %q", m.Bytes())
		return nil
	}
	c := k.calls[n]
	id := string(m.CallID())
	if l := k.legs[id]; l != nil && l.call == c && l.n > 0 && l.invite.sentAgain() && m.CSeq() == l.invite.msg.CSeq()+1 {
		k.sentAgain(l, m)
		return l
	}
	l := &leg{
		call: c, n: len(c.legs), callID: id, shard: shard, remote: f.Remote, tag: string(m.FromTag()), target: string(m.RequestURI()),
	}
	if k.legs[id] != nil {
		k.bad(c, "leg %d: its Call-ID is used already", l.n)
	}
	var line int
	l.phone, line = pointed(l.target)
	for _, o := range c.legs[1:] {
		if o.phone == l.phone {
			l.nth++
		}
	}
	c.legs = append(c.legs, l)
	k.legs[id] = l
	k.txnOf(m, "INVITE")
	l.invite = k.begun(l, m)
	c.add(fact{at: l.invite.at, what: tried, leg: l.n, code: l.phone, x: int64(line)})
	k.checkInvite(l, m)
	return l
}

// sentAgain reports whether an INVITE that was refused so may follow with another interval, or with credentials.
func (t *txn) sentAgain() bool { return t.code == 422 || t.code == 401 || t.code == 407 }

// sentAgain checks the INVITE that follows a 422 (RFC 4028 §7.4) or a challenge (RFC 3261 §22.2): the same but for its number and the
// interval or the credentials.
func (k *book) sentAgain(l *leg, m *message.Message) {
	k.txnOf(m, "INVITE")
	first, code := &l.invite.msg, l.invite.code
	l.invite = k.begun(l, m)
	l.call.add(fact{at: l.invite.at, what: tried, leg: l.n, code: l.phone, text: "again"})
	k.checkInvite(l, m)
	if !bytes.Equal(first.Get(message.From), m.Get(message.From)) || !bytes.Equal(first.RequestURI(), m.RequestURI()) || code == 422 && string(m.Get(message.MinSE)) != "600" {
		k.bad(l.call, "leg %d: %q does not follow from the %d", l.n, m.Bytes(), code)
	}
	if code != 422 {
		k.checkCredentials(l, m, code)
	}
}

func (k *book) checkInvite(l *leg, m *message.Message) {
	c, in := l.call, &l.call.invite.msg
	k.checkOwnCredentials(l, m)
	forwards, _ := m.Uint(message.MaxForwards)
	switch {
	case c.over || c.invite.code != 0:
		k.bad(c, "leg %d: an INVITE after the end", l.n)
	case !bytes.Equal(m.Body(), in.Body()):
		k.bad(c, "leg %d: the description is not the caller's", l.n)
	case l.tag == string(in.FromTag()) || l.callID == string(in.CallID()):
		k.bad(c, "leg %d: shares an identifier with the caller's", l.n)
	case forwards != 69:
		k.bad(c, "leg %d: Max-Forwards %d", l.n, forwards)
	case m.Has(message.RecordRoute) || m.Has(message.Route):
		k.bad(c, "leg %d: a route of the other leg", l.n)
	case len(m.AppendValues(nil, "Via")) != 1:
		k.bad(c, "leg %d: a Via of the other leg", l.n)
	case len(m.AppendValues(nil, "Subject")) != 1:
		k.bad(c, "leg %d: a field did not pass", l.n)
	case string(m.Get(message.Replaces)) != c.replaces:
		k.bad(c, "leg %d: Replaces %q, expected %q", l.n, m.Get(message.Replaces), c.replaces)
	}
}

// sentCancel checks RFC 3261 §9.1.
func (k *book) sentCancel(l *leg, m *message.Message) {
	t := k.txnOf(m, "INVITE")
	if t == nil || !t.client {
		k.bad(l.call, "leg %d: a CANCEL of nothing", l.n)
		return
	}
	if t.cancel != nil {
		k.copied(t.cancel, m)
		return
	}
	now := k.w.net.Now()
	switch r := &t.msg; {
	case t.provisional < 0:
		k.bad(l.call, "leg %d: CANCEL before a provisional response", l.n)
	case t.code != 0:
		k.bad(l.call, "leg %d: CANCEL after the final response", l.n)
	case !bytes.Equal(r.RequestURI(), m.RequestURI()), !bytes.Equal(r.Get(message.To), m.Get(message.To)),
		!bytes.Equal(r.Get(message.From), m.Get(message.From)), r.CSeq() != m.CSeq(), !bytes.Equal(r.Get(message.Route), m.Get(message.Route)):
		k.bad(l.call, "leg %d: the CANCEL is not that of its INVITE: %q", l.n, m.Bytes())
	}
	k.txnOf(m, "CANCEL")
	t.cancel, t.cancelAt = k.begun(l, m), now
	if t == l.invite {
		l.call.add(fact{at: now, what: given, leg: l.n, text: reasonsOf(m)})
		return
	}
	if !t.wanted {
		k.due = append(k.due, due{t: t, end: true})
		return
	}
	if t.reasons != reasonsOf(m) {
		k.bad(l.call, "leg %d: CANCEL of a re-INVITE with %q, wanted with %q", l.n, reasonsOf(m), t.reasons)
	}
}

// sentAck checks an ACK: of a refusal by its branch (RFC 3261 §17.1.1.3), of a 2xx by its dialog (§13.2.2.4).
func (k *book) sentAck(l *leg, m *message.Message) {
	now := k.w.net.Now()
	if t := k.txnOf(m, "INVITE"); t != nil {
		switch {
		case t.code < 300:
			k.bad(l.call, "leg %d: the ACK of a refusal that did not come", l.n)
		case t.heard != now:
			k.bad(l.call, "leg %d: an ACK without reason", l.n)
		case string(m.ToTag()) != t.tag || !bytes.Equal(m.RequestURI(), t.msg.RequestURI()) || m.CSeq() != t.msg.CSeq():
			k.bad(l.call, "leg %d: ACK %q to the refusal %s of %q", l.n, m.Bytes(), t.tag, t.msg.Bytes())
		}
		t.ackedAt = now
		return
	}
	d := k.dialogTo(l, m)
	if d == nil {
		k.bad(l.call, "leg %d: an ACK in no dialog: %q", l.n, m.Bytes())
		return
	}
	for i := range d.acks {
		if a := &d.acks[i]; a.cseq == m.CSeq() {
			if !bytes.Equal(a.bytes, m.Bytes()) && d.copiedAt < d.at.Add(64*t1) && !d.strange() {
				k.bad(l.call, "leg %d: two different ACKs to one 2xx", l.n)
			}
			a.at = now
			return
		}
	}
	k.checkInDialog(d, m)
	d.acks = append(d.acks, ackOf{m.CSeq(), k.keep(m.Bytes()), now})
	if l.n > 0 && m.CSeq() == d.invite.msg.CSeq() && d.at == now && (d != l.call.winner || !l.call.spec.LateOffer) {
		l.call.add(fact{at: now, what: acked, leg: l.n, text: d.tag})
	}
}

// strange reports whether the copies of the 2xx are answered without a transaction, each anew.
func (d *dialog) strange() bool {
	l := d.leg
	return l.n > 0 && (d.unasked || d.invite.code >= 300 || l.call.over)
}

// dialogTo returns the dialog that a request of the engine is in.
func (k *book) dialogTo(l *leg, m *message.Message) *dialog {
	for _, d := range l.dialogs {
		ours := string(m.FromTag()) == l.tag || d.strange() && string(m.FromTag()) == d.local
		if ours && d.tag == string(m.ToTag()) {
			return d
		}
	}
	return nil
}
