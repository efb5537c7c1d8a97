package engine

import (
	"crypto/sha256"
	"encoding/binary"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/guard"
	"tandem/engine/message"
)

// hears reports whether bytes from a source are to be read at all.
func (sh *Shard) hears(now clock.Time, f flow.Flow) bool {
	return sh.cfg.Guard.Look(f.Listener, f.Remote.Addr()) != guard.Denied && !sh.guard.Banned(now, f.Remote.Addr())
}

// countUnheard counts a message that is not heard.
func (sh *Shard) countUnheard(f flow.Flow) {
	if sh.cfg.Guard.Look(f.Listener, f.Remote.Addr()) == guard.Denied {
		sh.stats.Denied++
	} else {
		sh.stats.Banned++
	}
}

// takes reports whether a request is to be handled: not that of a scanner, nor one too many. Who sends one is not heard for a while,
// and gets no answer: it would show that there is somebody.
func (sh *Shard) takes(m *message.Message, f flow.Flow) bool {
	a := f.Remote.Addr()
	switch {
	case sh.cfg.Guard.Look(f.Listener, a) == guard.Allowed:
		return true
	case !sh.guard.Trusted(sh.now, a) && sh.guard.Scans(m.Get(message.UserAgent)):
		sh.ban(f, guard.Scanner)
		return false
	case !sh.guard.Spend(sh.now, a) && !sh.letsPass(m, f):
		sh.ban(f, guard.TooMany)
		return false
	}
	return true
}

// ban keeps a source from all shards.
func (sh *Shard) ban(f flow.Flow, why string) {
	sh.stats.Bans++
	a := f.Remote.Addr()
	sh.bans.warn(sh, "more sources were banned", "source banned",
		zap.Stringer("source", guard.Source(a)), zap.String("why", why), zap.Duration("for", sh.cfg.Guard.Ban))
	sh.guard.Ban(sh.now, a, why)
	sh.toSiblings(func(o *Shard) {
		if o.guard != nil { // else it goes by other rules already
			o.guard.Ban(o.now, a, why)
		}
	})
}

// toSiblings has a function run on every other shard.
func (sh *Shard) toSiblings(fn func(o *Shard)) {
	for i, o := range sh.siblings {
		switch {
		case o == sh:
		case sh.cfg.Post != nil:
			sh.cfg.Post(i, func(now clock.Time) { o.now = now; fn(o) })
		default:
			o.now = max(o.now, sh.now)
			fn(o)
		}
	}
}

// allows reports whether a list says that a source is trusted, or there are no lists.
func (sh *Shard) allows(f flow.Flow) bool {
	return sh.cfg.Guard == nil || sh.cfg.Guard.Look(f.Listener, f.Remote.Addr()) == guard.Allowed
}

// doubts reports whether nothing shows yet that a source gets what we send: whoever makes its address up would have us send to somebody
// else. What comes on a connection has shown it.
func (sh *Shard) doubts(f flow.Flow) bool {
	return sh.guard != nil && !f.Transport.Reliable() && sh.cfg.Guard.Look(f.Listener, f.Remote.Addr()) != guard.Allowed &&
		!sh.guard.Trusted(sh.now, f.Remote.Addr())
}

// trust notes that a source gets what we send: it has said what only our messages tell.
func (sh *Shard) trust(f flow.Flow) {
	if sh.guard != nil && !f.Transport.Reliable() {
		sh.guard.Trust(sh.now, f.Remote.Addr())
	}
}

// tagFor returns the To tag for a request outside a dialog: the same for its copies as long as its source is doubted, since what is kept
// of them is nothing (RFC 3261 §8.2.7), and one that nobody else can tell.
func (sh *Shard) tagFor(dst []byte, m *message.Message, f flow.Flow) []byte {
	if !sh.doubts(f) || m.ToTag() != nil {
		return sh.ids.AppendTag(dst, 0)
	}
	return sh.provingTag(dst, m, f)
}

// provingTag appends a tag whose bearer has got it from us.
func (sh *Shard) provingTag(dst []byte, m *message.Message, f flow.Flow) []byte {
	b := append(make([]byte, 0, 256), sh.loopKey[:]...)
	source := f.Remote.Addr().As16()
	b = append(b, source[:]...)
	for _, part := range [...][]byte{m.CallID(), m.FromTag(), m.TopVia().Branch} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	sum := sha256.Sum256(b)
	return markText.AppendEncode(dst, sum[:10])
}

// proves reports whether an ACK bears the tag of a response that was kept no state of.
func (sh *Shard) proves(m *message.Message, f flow.Flow) bool {
	var tag [32]byte
	return sh.guard != nil && string(sh.provingTag(tag[:0], m, f)) == string(m.ToTag())
}
