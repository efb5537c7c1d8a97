package seeds

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// promise is a reliable provisional of the engine's to the caller (RFC 3262 §3).
type promise struct {
	tag     string
	rseq    uint32
	bytes   []byte
	at      clock.Time
	again   clock.Time
	gap     time.Duration
	kept    bool // its PRACK came
	silent  bool // the final response went out: it is not sent again, yet its PRACK is taken (RFC 3262 §3)
	dropped bool // the dialog is over
}

// rseqOf returns the RSeq of a reliable provisional, 0 for another one.
func rseqOf(m *message.Message) uint32 {
	if !m.HasToken(message.Require, "100rel") {
		return 0
	}
	n, _ := m.Uint(message.RSeq)
	return n
}

// promiseDue reports whether a reliable provisional is to be sent again now.
func (c *callBook) promiseDue(m *message.Message, now clock.Time) bool {
	return slices.ContainsFunc(c.promises, func(p promise) bool { return now == p.again && bytes.Equal(p.bytes, m.Bytes()) })
}

// promised checks a reliable provisional: sent again at the right time, or a new one whose predecessor was acknowledged. It
// reports whether it is a new one.
func (k *book) promised(c *callBook, m *message.Message, rseq uint32) bool {
	now := k.w.net.Now()
	var last *promise
	for i := range c.promises {
		p := &c.promises[i]
		if p.tag != string(m.ToTag()) {
			continue
		}
		last = p
		if !bytes.Equal(p.bytes, m.Bytes()) {
			continue
		}
		if p.kept || p.silent || now != p.again || now >= p.at.Add(64*t1) {
			k.bad(c, "a reliable provisional sent again at the wrong time")
		}
		p.gap *= 2
		p.again = now.Add(p.gap)
		return false
	}
	if last != nil && (!last.kept || rseq != last.rseq+1) {
		k.bad(c, "reliable provisional %d after %d, acknowledged %v", rseq, last.rseq, last.kept)
	}
	c.promises = append(c.promises, promise{
		tag: string(m.ToTag()), rseq: rseq, bytes: k.keep(m.Bytes()), at: now, again: now.Add(t1), gap: t1,
	})
	return true
}

// gotPrack notes a PRACK of the caller: it is answered 200 if a provisional waits for it.
func (k *book) gotPrack(t *txn) {
	c, m := t.leg.call, &t.msg
	if c.live(t.leg, m) && m.CSeq() < t.leg.peerSeq {
		k.owe(t, 500)
		return
	}
	if c.live(t.leg, m) {
		t.leg.peerSeq = m.CSeq()
	}
	for i := range c.promises {
		p := &c.promises[i]
		rack := fmt.Sprintf("%d %d INVITE", p.rseq, c.invite.msg.CSeq())
		if p.kept || p.dropped || c.over || p.tag != string(m.ToTag()) || string(m.Get(message.RAck)) != rack {
			continue
		}
		if t.loose = c.pending != nil; !t.loose {
			k.owe(t, 200)
		}
		p.kept = true
		for n, tag := range c.tags {
			if tag == p.tag {
				c.inputs = append(c.inputs, input{at: k.w.net.Now(), kind: inPrack, leg: n})
			}
		}
		return
	}
	k.owe(t, 481)
}

// sentPrack checks a PRACK of the engine's (RFC 3262 §7.2).
func (k *book) sentPrack(l *leg, m *message.Message) {
	t := k.begun(l, m)
	h := l.heardOf(m.ToTag())
	var rseq, cseq uint32
	var method string
	n, _ := fmt.Sscan(string(m.Get(message.RAck)), &rseq, &cseq, &method)
	switch {
	case h == nil || string(m.FromTag()) != l.tag:
		k.bad(l.call, "leg %d: a PRACK in no dialog: %q", l.n, m.Bytes())
		return
	case n != 3 || cseq != l.invite.msg.CSeq() || method != "INVITE":
		k.bad(l.call, "leg %d: RAck %q", l.n, m.Get(message.RAck))
	case !slices.Contains(h.targets, string(m.RequestURI())):
		k.bad(l.call, "leg %d: PRACK to %s, not to a Contact of %s", l.n, m.RequestURI(), h.targets)
	case m.CSeq() <= max(h.outSeq, l.invite.msg.CSeq()):
		k.bad(l.call, "leg %d: PRACK with CSeq %d after %d", l.n, m.CSeq(), h.outSeq)
	}
	h.outSeq = m.CSeq()
	l.call.add(fact{at: t.at, what: pracked, leg: l.n, x: int64(rseq), text: h.tag})
}

// pends takes a 2xx as that of the winner although the caller has nothing of it yet: it waits for a PRACK.
func (c *callBook) pends(d *dialog) bool {
	if c.pending == nil && c.winner == nil && !c.over && c.invite.code == 0 {
		for i := range c.promises {
			if !c.promises[i].kept && !c.promises[i].dropped {
				c.pending = d
			}
		}
	}
	return c.pending == d
}
