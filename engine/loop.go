package engine

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/engine/transaction"
)

// What keeps a request that comes back from going round for ever, or from becoming more with every round. Max-Forwards, carried
// across (RFC 7332 §5), ends every loop late. Via ends those early in which nobody took ours away (RFC 5393 §4.2): the branch
// of what we send ends in marks, one for this pass of the request and one for every earlier pass that its Vias tell of. A
// proxy would leave its earlier Vias in place; we carry over what matters of them. Max-Breadth bounds how many branches
// all rounds together keep alive (RFC 5393 §5.3, RFC 7332 §6); plan.Limits.Breadth does it for one call.

const (
	maxBreadth = 60 // RFC 5393 §5.3.3: recommended for requests that bring none, and as the most that is taken
	maxPasses  = 70 // as many hops as Max-Forwards allows a request that starts with what RFC 3261 §8.1.1.6 recommends
)

// markSize is the length of a mark: 40 bits. RFC 5393 §4.2.4 finds 32 enough.
const markSize = 8

// markText writes marks in the characters of ident's identifiers.
var markText = base32.NewEncoding(markLetters).WithPadding(base32.NoPadding)

const markLetters = "abcdefghijklmnopqrstuvwxyz234567"

// bounds is what a request brought along of how far it may go.
type bounds struct {
	breadth int // Max-Breadth
	mark    [markSize]byte
	earlier []byte // the marks of earlier passes
}

// loopKey makes the key of the marks from an engine's seed. With a key, a mark tells nobody what it was made of: it covers
// identities that may be withheld from who sees our Via (RFC 3323). Another process has another key: it does not know the marks
// of this one, as if they were of another element, and finds a loop one round later.
func loopKey(seed [32]byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte("loop "), seed[:]...))
}

// bound reads how far a request may go; a code other than 0 refuses it.
func (sh *Shard) bound(m *message.Message, from flow.Flow, generation uint64) (b bounds, code int) {
	b.breadth, code = sh.breadth(m)
	if code != 0 {
		return b, code
	}
	sh.putMark(&b.mark, m, from, generation)
	b.earlier = sh.passes(m)
	for rest := b.earlier; len(rest) > 0; rest = rest[markSize:] {
		if string(rest[:markSize]) == string(b.mark[:]) {
			return b, 482 // RFC 5393 §4.2.2
		}
	}
	if len(b.earlier) >= maxPasses*markSize {
		return b, 483
	}
	return b, 0
}

// refuseBound answers a request that may go no further.
func (sh *Shard) refuseBound(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow, code int) {
	why := "Max-Breadth is no number"
	switch code {
	case 440:
		why = "Max-Breadth leaves room for no branch at all"
	case 482:
		why = "loop: the request was here before, and nothing that decides its way has changed"
	case 483:
		why = "the request was here " + strconv.Itoa(maxPasses) + " times before"
	}
	if code > 440 { // made by scripts, here or elsewhere: somebody has to put it right
		sh.looped.warn(sh, "more requests came in loops", why, zap.ByteString("call", m.CallID()), zap.ByteString("to", m.RequestURI()))
	}
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: now, Kind: trace.Note, Call: string(m.CallID()), Text: why})
	}
	sh.finish(now, tx, m, f, code)
}

// breadth is RFC 5393 §5.3.3: what a request may fork into; a code other than 0 refuses it.
func (sh *Shard) breadth(m *message.Message) (n, code int) {
	most := cmp.Or(sh.cfg.Limits.Breadth, maxBreadth)
	if !m.Has(message.MaxBreadth) {
		return most, 0
	}
	v := m.Get(message.MaxBreadth)
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, 400
		}
		n = min(n*10+int(c-'0'), most)
	}
	switch {
	case len(v) == 0:
		return 0, 400
	case n == 0:
		return 0, 440 // no branch could have any of it
	}
	return n, 0
}

// limits are those of the plan of a request.
func (b *bounds) limits(l plan.Limits) plan.Limits {
	l.Breadth = b.breadth
	return l
}

// appendBreadth appends the Max-Breadth of a branch.
func appendBreadth[T ~int | ~uint16](dst []byte, breadth T) []byte {
	return append(message.AppendUint(append(dst, "Max-Breadth: "...), breadth), "\r\n"...)
}

// appendMarks ends a branch parameter, of which the first part is there: RFC 5393 §4.2.1.
func (b *bounds) appendMarks(branch []byte) []byte {
	return append(append(append(branch, '-'), b.mark[:]...), b.earlier...)
}

// putMark makes the mark of a request: of everything that scripts commonly decide by, and of nothing else, so that it is
// the same when the request comes back (RFC 5393 §4.2.1). Where it came from is part of it: a request that goes to another
// element and back is routed by that, and has not looped. Call-ID is not: it is another one on every leg.
func (sh *Shard) putMark(mark *[markSize]byte, m *message.Message, from flow.Flow, generation uint64) {
	b := sh.buf[:0]
	b = append(b, sh.loopKey[:]...)
	b = binary.BigEndian.AppendUint64(b, generation)
	source := from.Remote.Addr().As16()
	b = appendPart(append(b, source[:]...), m.RequestURI())
	for _, id := range [...]message.ID{message.From, message.To} {
		na, _ := message.ParseNameAddr(m.Get(id)) // Validate has read it
		b = appendPart(b, na.URI)
	}
	for i := range m.Len() {
		switch id, _, v := m.Field(i); id {
		case message.Route, message.Diversion, message.HistoryInfo, message.PAssertedIdentity:
			b = appendPart(append(b, byte(id)), v)
		}
	}
	sum := sha256.Sum256(b)
	sh.buf = b
	markText.Encode(mark[:], sum[:markSize*5/8])
}

// appendPart appends something so that it cannot run into what follows.
func appendPart(dst, part []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(part))), part...)
}

// passes returns the marks in the Vias of ours that a request carries.
func (sh *Shard) passes(m *message.Message) (marks []byte) {
	m.EachVia(func(v message.ViaValue) bool {
		if sh.ours(&v) {
			marks = append(marks, marksOf(v.Branch)...)
		}
		return true
	})
	return marks
}

// marksOf returns the marks at the end of a branch parameter, nil if they are none that we can have made.
func marksOf(branch []byte) []byte {
	if !bytes.HasPrefix(branch, []byte(ident.Cookie)) {
		return nil
	}
	_, marks, _ := bytes.Cut(branch, []byte{'-'})
	if len(marks)%markSize != 0 || len(bytes.Trim(marks, markLetters)) > 0 {
		return nil
	}
	return marks
}

// unsent ends a branch that was given up before its INVITE: the plan is not to wait for its final response.
func (b *branch) unsent() {
	b.ended = true
	b.c.step(plan.Event{Kind: plan.EventTransportError, Branch: b.id})
}

// noteWaiting traces that targets wait for others to end.
func (c *call) noteWaiting() {
	n := c.exec.Waiting()
	if n > c.waiting && c.sh.cfg.Trace != nil {
		c.note(strconv.Itoa(n)+" of the plan's targets wait for a branch to end: Max-Breadth is "+strconv.Itoa(c.bounds.breadth), nil)
	}
	c.waiting = n
}
