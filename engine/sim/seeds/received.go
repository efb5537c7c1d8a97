package seeds

import (
	"slices"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// received writes down a datagram that the engine gets.
func (k *book) received(shard int, f flow.Flow, b []byte) {
	k.mix('i', shard, f, b)
	m := &k.msg
	if m.Parse(b) != nil || m.Validate() != nil {
		k.seen[sawBroken]++
		return
	}
	switch {
	case !m.IsRequest():
		k.gotResponse(m)
	case m.Method() == message.ACK:
		k.gotAck(m)
	default:
		k.gotRequest(shard, m)
	}
}

func (k *book) gotRequest(shard int, m *message.Message) {
	now := k.w.net.Now()
	if t := k.txnOf(m, string(m.MethodName())); t != nil && !t.forgotten(now) {
		t.copies++
		t.last = now
		return
	}
	l := k.legs[string(m.CallID())]
	if l == nil {
		k.bad(nil, "a party made up a leg: %s", m.Bytes())
		return
	}
	initial := m.Method() == message.INVITE && m.ToTag() == nil
	if first := l.call.invite; initial && l.call.over && (first.forgotten(now) || first.msg.CSeq() != m.CSeq()) {
		l = k.renew(l)
	}
	k.txnOf(m, string(m.MethodName()))
	t := k.newTxn(m, l, false)
	l.shard = shard
	k.current = t
	switch {
	case l.call.outside != nil:
		k.gotOutside(t)
	case initial && (l.call.invite != nil || k.merged(t)):
		k.owe(t, 482) // RFC 3261 §8.2.2.2
	case initial && k.asked(t):
	case initial && m.Has(message.Replaces) && l.call.replaced.over:
		k.seen[sawReplacesOver]++
		k.owe(t, 603) // RFC 3891 §3
	case m.Method() == message.CANCEL:
		k.gotCancel(m, l)
	case m.ToTag() != nil:
		k.gotInDialog(t)
	}
}

// merged reports whether the INVITE that begins a call came by another path, and that one is not forgotten, although nothing came of it but a refusal.
func (k *book) merged(t *txn) bool {
	now := k.w.net.Now()
	return k.w.spec.Users && slices.ContainsFunc(k.list, func(o *txn) bool {
		same := o != t && !o.client && o.leg == t.leg && o.msg.Method() == message.INVITE && o.msg.ToTag() == nil
		return same && o.msg.CSeq() == t.msg.CSeq() && !o.forgotten(now)
	})
}

// renew starts the book of a call anew: its INVITE came by a second path when the first was over already, and to the
// engine that is another call.
func (k *book) renew(l *leg) *leg {
	old := l.call
	c := &callBook{n: old.n, life: old.life + 1, spec: old.spec, endAt: -1, hungAt: -1, replaced: old.replaced}
	fresh := &leg{call: c, callID: l.callID, party: l.party}
	c.legs = []*leg{fresh}
	l.party.leg = fresh
	k.legs[l.callID] = fresh
	k.calls[c.n] = c
	k.past = append(k.past, old)
	return fresh
}

// gotCancel notes a CANCEL that ends something: of an INVITE without a final response.
func (k *book) gotCancel(m *message.Message, l *leg) {
	t := k.txnOf(m, "INVITE")
	switch {
	case t == nil || t.forgotten(k.w.net.Now()):
		k.owe(k.current, 481)
		return
	case t.code != 0:
	case t == l.call.invite:
		l.call.inputs = append(l.call.inputs, input{at: k.w.net.Now(), kind: inCancel, text: reasonsOf(m)})
	case t.relay != nil:
		t.relay.wanted, t.relay.reasons = true, reasonsOf(m)
	}
	k.owe(k.current, 200) // RFC 3261 §9.2
}

func reasonsOf(m *message.Message) (all string) {
	for i := range m.Len() {
		if id, _, v := m.Field(i); id == message.Reason {
			all += string(v) + "|"
		}
	}
	return all
}

// gotAck notes an ACK: to a refusal by its branch, to a 2xx by its dialog.
func (k *book) gotAck(m *message.Message) {
	now := k.w.net.Now()
	if t := k.txnOf(m, "INVITE"); t != nil {
		if t.code >= 300 && t.ackedAt < 0 {
			t.ackedAt = now
		}
		return
	}
	l := k.legs[string(m.CallID())]
	if l == nil {
		return
	}
	for _, t := range l.accepted {
		if t.msg.CSeq() == m.CSeq() && t.ackedAt < 0 && t.tag == string(m.ToTag()) {
			t.ackedAt = now
			if l.parting == t {
				k.due = append(k.due, due{t: t, bye: true})
			}
			if l.call.endAt < 0 && l.call.winner != nil {
				k.gotLateAnswer(t, m)
			}
		}
	}
}

func (k *book) gotResponse(m *message.Message) {
	t := k.txnOf(m, string(m.MethodName()))
	if t == nil || !t.client || string(m.CallID()) != t.leg.callID {
		return // it is dropped: answering it would let anybody aim our requests
	}
	now, code := k.w.net.Now(), m.Status()
	if t.late(now) {
		return
	}
	if t.code == 0 && t.gaveUp(now) >= 0 {
		k.gotUnasked(t, m)
		return
	}
	t.heard = now
	switch {
	case code < 200:
		if t.provisional < 0 && t.code == 0 {
			t.provisional = now
		}
	case t.code == 0:
		t.code, t.finalAt, t.tag = code, now, string(m.ToTag())
		switch {
		case t.leg.errand != nil:
			k.gotOutsideResponse(t, m)
		case t.origin != nil:
			k.gotRelayed(t, m)
		}
		if (t.msg.Method() == message.UPDATE || t != t.leg.invite) && code < 300 {
			t.leg.refresh(m)
		}
	}
	if t.msg.Method() == message.INVITE {
		k.gotInvited(t, m)
	}
}

// gotUnasked notes a response to a request that was given up. A 2xx to an INVITE makes a dialog all the same, that has to be
// ended as long as the engine knows the INVITE. One inside a dialog is acknowledged, that dialog goes on or has its BYE.
func (k *book) gotUnasked(t *txn, m *message.Message) {
	now := k.w.net.Now()
	if m.Status()/100 != 2 || m.Method() != message.INVITE || now > rounded(t.gaveUp(now).Add(64*t1)) {
		return
	}
	if t != t.leg.invite {
		if d := k.dialogOf(t.leg, m); d != nil {
			k.due = append(k.due, due{t: t, d: d, ack: true, alone: true})
		}
		return
	}
	k.gotInvited(t, m)
	t.leg.dialogs[len(t.leg.dialogs)-1].unasked = true
}

// gotInvited notes a response to an INVITE: a final one is to be acknowledged.
func (k *book) gotInvited(t *txn, m *message.Message) {
	now, c, code := k.w.net.Now(), t.leg.call, m.Status()
	initial := t == t.leg.invite
	if code > 100 && code < 200 && m.ToTag() != nil && initial && !c.over && c.winner == nil {
		t.leg.hear(m)
		if len(m.Body()) > 0 {
			t.leg.media = append(t.leg.media, string(m.Body()))
		}
	}
	if initial {
		in := input{at: now, kind: inResponse, leg: t.leg.n, code: code, tag: string(m.ToTag()), body: len(m.Body()) > 0, rseq: rseqOf(m)}
		if code/100 == 3 {
			in.contacts = pointersOf(m)
		}
		in.challenge = m.Has(message.WWWAuthenticate) || m.Has(message.ProxyAuthenticate)
		c.inputs = append(c.inputs, in)
	}
	switch {
	case code < 200:
	case code >= 300 && t.code >= 300 && now < t.finalAt.Add(64*t1):
		k.oweAck(t, nil)
	case code < 300 && (initial || t.leg.remade(t)):
		if !initial {
			c.inputs = append(c.inputs, input{at: now, kind: inStray, leg: t.leg.n, code: code, tag: string(m.ToTag())})
		}
		k.oweAck(t, k.gotAnswer(t, m))
	case code < 300:
		k.oweAck(t, k.dialogOf(t.leg, m))
	}
}

// remade reports whether an INVITE of a branch was made again with another interval, or with credentials. Its own 2xx, that a restarted
// phone may still send to a copy, is one too many like any 2xx behind a refusal (RFC 3261 §13.2.2.4): the branch waits for that to the
// later INVITE.
func (l *leg) remade(t *txn) bool { return l.n > 0 && t != l.invite && t.msg.ToTag() == nil }

// hear notes an early dialog of a peer. It is one to the engine if there is a session description in it, a reliable provisional, or
// if the plan wants to show all.
func (l *leg) hear(m *message.Message) {
	h := l.heardOf(m.ToTag())
	if h == nil {
		l.heard = append(l.heard, heard{tag: string(m.ToTag())})
		h = &l.heard[len(l.heard)-1]
	}
	if uri := contactOf(m, l.target); !slices.Contains(h.targets, uri) {
		h.targets = append(h.targets, uri)
	}
}

func (l *leg) heardOf(tag []byte) *heard {
	for i := range l.heard {
		if l.heard[i].tag == string(tag) {
			return &l.heard[i]
		}
	}
	return nil
}

// gotAnswer notes a 2xx to a branch's INVITE: from now on its dialog is to be acknowledged and, one day, ended.
func (k *book) gotAnswer(t *txn, m *message.Message) *dialog {
	if d := k.dialogOf(t.leg, m); d != nil {
		return d
	}
	now, l := k.w.net.Now(), t.leg
	d := &dialog{leg: l, invite: t, tag: string(m.ToTag()), local: string(m.FromTag()), target: contactOf(m, l.target), body: string(m.Body()), at: now, copiedAt: now, byeAt: -1}
	if h := l.heardOf(m.ToTag()); h != nil {
		d.seq = h.outSeq
	}
	d.to, d.from = k.keep(m.Get(message.To)), l.invite.msg.Get(message.From)
	if !m.Has(message.Contact) {
		if h := l.heardOf(m.ToTag()); h != nil {
			d.early = h.targets
		}
		if na, err := message.ParseNameAddr(m.Get(message.To)); err == nil { // of one that nobody waits for nothing else is known
			d.early = append(d.early[:len(d.early):len(d.early)], string(na.URI))
		}
	}
	l.dialogs = append(l.dialogs, d)
	return d
}

// dialogOf returns the dialog that a 2xx on the leg of a branch is in.
func (k *book) dialogOf(l *leg, m *message.Message) *dialog {
	for _, d := range l.dialogs {
		if d.tag == string(m.ToTag()) {
			d.copiedAt, d.local = k.w.net.Now(), string(m.FromTag())
			if d.strange() { // each copy is answered by what it says itself, but for a BYE that waits in the dialog that was up
				if d == l.call.winner {
					d.early = append(d.early[:len(d.early):len(d.early)], d.target)
				}
				d.target = contactOf(m, l.target)
			}
			return d
		}
	}
	return nil
}

func pointersOf(m *message.Message) (list []pointer) {
	m.Each(message.Contact, func(v []byte) bool {
		na, err := message.ParseNameAddr(v)
		if err != nil {
			return true
		}
		p := pointer{}
		p.Phone, p.Line = pointed(string(na.URI))
		if q, ok := message.Param(na.Params, "q"); ok {
			p.Less = 1000 - message.ParseQ(q)
		}
		list = append(list, p)
		return true
	})
	return list
}

// undelivered notes that a shard learns that what it sent to an address did not arrive: every request of its that has
// heard nothing from there fails (RFC 3261 §17.1.4), the oldest first. Of branches that fail so at one instant and with one code the contract
// ranks none before the others; a branch whose INVITE was made again is younger than its leg.
func (k *book) undelivered(shard int, f flow.Flow) {
	k.mix('u', shard, f, nil)
	k.seen[sawRefusedPort]++
	now := k.w.net.Now()
	for _, t := range k.list {
		if l := t.leg; !t.client || l.shard != shard || l.remote != f.Remote {
			continue
		}
		if t.heard < 0 && t.failedAt < 0 && now < t.at.Add(64*t1) {
			k.failed(t)
		}
	}
}

func (k *book) failed(t *txn) {
	now, c := k.w.net.Now(), t.leg.call
	t.failedAt = now
	if t == t.leg.invite {
		c.inputs = append(c.inputs, input{at: now, kind: inFailed, leg: t.leg.n})
	}
	if t.leg.errand != nil {
		k.failedOutside(t)
		return
	}
	if o := t.origin; o != nil && o.code == 0 && !o.loose {
		k.owe(o, 503)
	}
}
