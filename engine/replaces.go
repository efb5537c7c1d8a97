package engine

import (
	"bytes"
	"slices"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/transaction"
)

// replaces is the value of a Replaces header (RFC 3891 §6.1).
type replaces struct {
	callID, toTag, fromTag []byte
	early                  bool // early-only
}

// parseReplaces reads a Replaces value; ok is false if it names no dialog.
func parseReplaces(v []byte) (r replaces, ok bool) {
	id, params := v, []byte(nil)
	if i := bytes.IndexByte(v, ';'); i >= 0 {
		id, params = v[:i], v[i:]
	}
	r.callID = bytes.TrimSpace(id)
	r.toTag, _ = message.Param(params, "to-tag")
	r.fromTag, _ = message.Param(params, "from-tag")
	_, r.early = message.Param(params, "early-only")
	return r, len(r.callID) > 0 && len(r.toTag) > 0 && len(r.fromTag) > 0
}

// mapped is what became of a Replaces value: the dialog as the far side sees it, or the status code of a refusal.
type mapped struct {
	value string
	code  int
}

// mapReplaces finds the dialog that a Replaces value names among this shard's and returns it as the far side of that call sees it, so
// that it means something to who gets it (RFC 3891 §3).
func (sh *Shard) mapReplaces(r replaces) mapped {
	sh.key = dialogKey(sh.key, r.toTag, r.fromTag)
	if s := sh.dialogs[string(sh.key)]; s != nil && bytes.Equal(s.dialog.CallID, r.callID) {
		if r.early && s.c.final {
			return mapped{code: 486} // RFC 3891 §3: an answered call is not replaced early-only
		}
		if s.peer == nil {
			return mapped{code: 481}
		}
		d := s.peer.dialog
		v := string(d.CallID) + ";to-tag=" + string(d.RemoteTag) + ";from-tag=" + string(d.LocalTag)
		if r.early {
			v += ";early-only"
		}
		return mapped{value: v}
	}
	// The tags the other way round: it is named as the far side sees it already.
	sh.key = dialogKey(sh.key, r.fromTag, r.toTag)
	if s := sh.dialogs[string(sh.key)]; s != nil && bytes.Equal(s.dialog.CallID, r.callID) {
		v := string(r.callID) + ";to-tag=" + string(r.toTag) + ";from-tag=" + string(r.fromTag)
		return mapped{value: v}
	}
	if sh.past.has(r.callID, r.toTag, r.fromTag) || sh.past.has(r.callID, r.fromTag, r.toTag) {
		return mapped{code: 603} // RFC 3891 §3: it was confirmed, and is over
	}
	return mapped{code: 481}
}

// past remembers the latest confirmed dialogs that are over, by their hashes.
type past struct {
	dialogs [512]uint64
	next    int
}

func (p *past) add(d *leg.Dialog) {
	p.dialogs[p.next%len(p.dialogs)] = dialogHash(d.CallID, d.LocalTag, d.RemoteTag)
	p.next++
}

func (p *past) has(callID, local, remote []byte) bool {
	return slices.Contains(p.dialogs[:], dialogHash(callID, local, remote))
}

// dialogHash is FNV-1a of what names a dialog, never 0.
func dialogHash(callID, local, remote []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, part := range [...][]byte{callID, local, remote} {
		for _, c := range part {
			h = (h ^ uint64(c)) * 1099511628211
		}
		h *= 1099511628211
	}
	return h | 1
}

// askReplaces maps a Replaces value on the shard that owns its dialog and gives the result to done on this one.
func (sh *Shard) askReplaces(r replaces, done func(now clock.Time, m mapped)) {
	owner := int(ident.Slot(r.callID)) % sh.shards
	r.callID, r.toTag, r.fromTag = bytes.Clone(r.callID), bytes.Clone(r.toTag), bytes.Clone(r.fromTag)
	var m mapped
	sh.ask(owner, func(o *Shard, _ clock.Time) { m = o.mapReplaces(r) }, func(now clock.Time) { done(now, m) })
}

// ask runs do on the shard that owns something, and done on this one when that has ended.
func (sh *Shard) ask(owner int, do func(o *Shard, now clock.Time), done func(now clock.Time)) {
	o := sh.siblings[owner]
	if o == sh || sh.cfg.Post == nil {
		do(o, sh.now)
		done(sh.now)
		return
	}
	sh.cfg.Post(owner, func(now clock.Time) {
		o.now = now
		o.alone(func() { do(o, now) })
		sh.cfg.Post(sh.index, func(now clock.Time) {
			sh.now = now
			sh.alone(func() { done(now) })
		})
	})
}

// alone runs what is about no call of this shard.
func (sh *Shard) alone(fn func()) {
	defer sh.rescue()
	sh.current = nil
	fn()
}

// replacing starts a call whose INVITE replaces a dialog: the INVITE that goes out names it as the far side sees it. One that
// names none of ours is refused (RFC 3891 §3).
func (sh *Shard) replacing(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, user string) {
	r, ok := parseReplaces(m.Get(message.Replaces))
	if !ok {
		sh.finish(now, tx, m, f, 400)
		return
	}
	own := m.Clone()
	p := &pending{invite: own, flow: f}
	tx.Owner = p
	sh.askReplaces(r, func(now clock.Time, to mapped) {
		switch {
		case p.over:
		case to.code != 0:
			sh.finish(now, tx, own, f, to.code)
		default:
			sh.newCall(now, tx, own, f, user, to.value)
		}
	})
}

// pending is an INVITE about which another shard is being asked.
type pending struct {
	invite *message.Message
	flow   flow.Flow
	over   bool
}

// cancel answers the INVITE: nothing is to come of it any more (RFC 3261 §9.2).
func (p *pending) cancel(now clock.Time, sh *Shard, tx *transaction.Server) {
	p.over = true
	sh.finish(now, tx, p.invite, p.flow, 487)
}

// onRefer passes a REFER. A Replaces in its Refer-To that names one of our dialogs becomes that dialog as the far side sees it.
func (s *side) onRefer(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	v := m.AppendValues(nil, "Refer-To")
	var na message.NameAddr
	var err error
	if len(v) == 1 {
		na, err = message.ParseNameAddr(v[0])
	}
	if len(v) != 1 || err != nil {
		s.c.sh.finish(now, tx, m, f, 400) // RFC 3515 §2.4.1
		return
	}
	who := "caller"
	if s.b != nil {
		who = "callee"
	}
	n := s.c.script.Refer(s.c, who, string(na.URI))
	s.c.note("refer of the "+who+" → ", n)
	if n != nil && n.Kind != plan.KindPass {
		s.c.sh.answerReply(now, tx, m, f, n)
		return
	}
	own := m.Clone()
	s.c.sh.referTo(own, func(now clock.Time, changes []message.Change) {
		if s.c.sh.dialogFor(own) != s { // it has ended while another shard was asked
			s.c.sh.finish(now, tx, own, f, 481)
			return
		}
		s.c.sh.current = s.c
		s.pass(now, tx, own, f, changes...)
	})
}

// referTo gives done the change that makes a Replaces in the Refer-To of m, which is kept, name a dialog of ours as the far side sees
// it; none if it names no dialog that goes through us.
func (sh *Shard) referTo(m *message.Message, done func(now clock.Time, changes []message.Change)) {
	v := m.AppendValues(nil, "Refer-To")
	if len(v) != 1 {
		done(sh.now, nil)
		return
	}
	na, err := message.ParseNameAddr(v[0])
	head, value, tail, ok := cutReplaces(string(na.URI))
	r, valid := parseReplaces([]byte(value))
	if err != nil || !ok || !valid {
		done(sh.now, nil)
		return
	}
	sh.askReplaces(r, func(now clock.Time, to mapped) {
		if to.code != 0 {
			done(now, nil)
			return
		}
		uri := head + escapeHeader(to.value) + tail
		done(now, []message.Change{{Name: "Refer-To", Value: "<" + uri + ">" + string(na.Params)}})
	})
}

// cutReplaces cuts a URI round the value of the header Replaces in it and returns that unescaped.
func cutReplaces(uri string) (head, value, tail string, ok bool) {
	q := strings.IndexByte(uri, '?')
	if q < 0 {
		return uri, "", "", false
	}
	for at := q + 1; at < len(uri); {
		end := strings.IndexByte(uri[at:], '&')
		if end < 0 {
			end = len(uri) - at
		}
		if name, v, _ := strings.Cut(uri[at:at+end], "="); strings.EqualFold(name, "Replaces") {
			start := at + len(name) + 1
			return uri[:start], string(message.AppendUnescaped(nil, []byte(v))), uri[at+end:], true
		}
		at += end + 1
	}
	return uri, "", "", false
}

// escapeHeader escapes a header value for a URI (RFC 3261 §25.1, hvalue).
func escapeHeader(v string) string { return escape(v, "-_.!~*'()[]/?:+$") }

// escape escapes what is neither a letter, nor a digit, nor one of plain.
func escape(v, plain string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
