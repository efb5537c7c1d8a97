package seeds

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// book is what passes the border between the engine and the network, and what is against the rules in it.
type book struct {
	w          *world
	calls      []*callBook     // by number
	outside    []*callBook     // the requests outside calls, likewise
	past       []*callBook     // that came a second time
	legs       map[string]*leg // by Call-ID
	txns       map[string]*txn // by branch and method
	list       []*txn
	msg        message.Message
	key        []byte
	arena      []byte
	acquired   int
	released   int
	operations int // that somebody waits for
	found      []string
	digest     uint64
	seen       sights
	current    *txn       // the request that the engine is at
	due        []due      // what it has to do at once
	busyAt     clock.Time // when a datagram passed last
}

// callBook is the part of a call.
type callBook struct {
	n        int
	life     int // how often it came before
	spec     *callSpec
	outside  *requestSpec // nil for a call
	legs     []*leg       // the caller's, then those of the branches in the order of their INVITEs
	inputs   []input
	facts    []fact
	invite   *txn      // that the script was asked about
	tags     []string  // the engine's, by first use
	tag      string    // and in the final one
	replaced *callBook // the call that its INVITE replaces
	replaces string    // how callees are to be told of it
	winner   *dialog
	pending  *dialog // the winner while its 2xx waits for the caller's PRACK
	promises []promise
	endAt    clock.Time // when the answered call ended, -1 if it did not
	over     bool       // the script was told of the end

	endedBy *leg       // whose BYE ended it, nil for ours
	reasons string     // that the BYEs at the end are to carry
	hungAt  clock.Time // when the script hung up last
	settled bool
}

// leg is one Call-ID.
type leg struct {
	call     *callBook
	n        int
	callID   string
	shard    int
	remote   netip.AddrPort
	phone    int
	nth      int    // INVITE of the call to that phone
	tag      string // the engine's
	target   string // of the INVITE
	invite   *txn
	requests []*txn // of the engine
	accepted []*txn // INVITEs of the peer that it answered 2xx
	dialogs  []*dialog
	fate     [2]int          // datagrams out and in
	peerSeq  uint32          // of the peer's requests
	reinvite *txn            // the peer's latest that was passed on
	errand   *errand         // of a request outside calls, the latest on its sender's leg
	subs     []*subscription // that its target's notifiers made
	closed   bool            // its target refused the request
	late     *txn            // whose ACK has to bring what the other side's will
	early    []*txn          // the peer's offers in early dialogs that were passed on
	parting  *txn            // the INVITE of the peer whose 2xx has to be acknowledged before the BYE that ends the call
	party    *party
	media    []string // descriptions in its provisionals
	heard    []heard  // what the peer said of its dialogs
}

// heard is a dialog that a peer's responses name.
type heard struct {
	tag     string
	targets []string // the Contacts of its responses
	seq     uint32   // of its requests
	outSeq  uint32   // of the engine's
}

// dialog is a dialog on the leg of a branch, made by a 2xx.
type dialog struct {
	leg      *leg
	invite   *txn     // that its 2xx answers; nil on the caller's leg
	tag      string   // the peer's
	local    string   // ours, as the peer says: where nobody waited for its 2xx nothing else is known
	to, from []byte   // To and From of the engine's requests
	target   string   // the peer's Contact
	early    []string // the Contacts of the early dialog, if the 2xx has none
	body     string   // of the 2xx
	at       clock.Time
	copiedAt clock.Time
	seq      uint32 // of the engine
	acks     []ackOf
	byes     int // of the engine
	byeAt    clock.Time
	unasked  bool // its INVITE had been given up
	left     bool // the peer hung up before the call was up
}

// ackOf is the ACK that the engine sent to the 2xx of an INVITE.
type ackOf struct {
	cseq  uint32
	bytes []byte
	at    clock.Time
}

// input is something that the engine was told and that a call depends on.
type input struct {
	at        clock.Time
	kind      inputKind
	leg       int
	code      int
	tag       string
	body      bool
	rseq      uint32
	contacts  []pointer
	challenge bool
	text      string // Reasons of a CANCEL
}

type inputKind uint8

const (
	inCancel inputKind = iota
	inResponse
	inStray // a 2xx to an INVITE that was refused and made again
	inFailed
	inEnd // of an answered call
	inPrack
	inCalleeGone // the callee hung up before the caller had its 2xx
)

// bad notes that something went against a rule.
func (k *book) bad(c *callBook, format string, args ...any) {
	if len(k.found) >= 8 {
		return
	}
	s := fmt.Sprintf("%s: ", time.Duration(k.w.net.Now()))
	switch {
	case c == nil:
	case c.outside != nil:
		s += fmt.Sprintf("request %d: ", c.n)
	default:
		s += fmt.Sprintf("call %d: ", c.n)
	}
	k.found = append(k.found, s+fmt.Sprintf(format, args...))
}

// keep copies bytes that outlive the datagram.
func (k *book) keep(b []byte) []byte {
	if len(k.arena)+len(b) > cap(k.arena) {
		k.arena = make([]byte, 0, max(1<<16, len(b)))
	}
	lo := len(k.arena)
	k.arena = append(k.arena, b...)
	return k.arena[lo:len(k.arena):len(k.arena)]
}

// mix adds a datagram to the digest of the run.
func (k *book) mix(dir byte, shard int, f flow.Flow, b []byte) {
	k.busyAt = k.w.net.Now()
	h := k.digest ^ uint64(dir)<<8 ^ uint64(shard)<<16 ^ uint64(k.w.net.Now())<<20 ^ uint64(f.Remote.Port())
	for len(b) >= 8 {
		h = (h ^ le64(b)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
		b = b[8:]
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	k.digest = h
}

func le64(b []byte) uint64 {
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func (c *callBook) add(f fact) { c.facts = append(c.facts, f) }

// asked notes that the script was asked or told something.
func (c *callBook) asked(w *world, what string, s *plan.Step) {
	f := fact{at: w.net.Now(), what: asked, text: what, step: stepFact{none: true}}
	if s != nil {
		f.code, f.more, f.step = s.Code, s.Group, stepFact{
			elapsed: s.Elapsed, outcome: s.Outcome, attempt: s.Attempt, rang: s.Rang, synthetic: s.Synthetic,
		}
		f.step.phone, f.step.line = targetOf(s.Target)
	}
	if what == "invite" {
		c.invite = w.book.current
		w.book.replacing(c)
	}
	if c.over {
		w.book.bad(c, "the script was asked %q after the end", what)
	}
	if what == "ended" {
		c.over = true
	}
	c.add(f)
}

// exhausted notes that the script was asked at the end of a plan.
func (c *callBook) exhausted(w *world, best *plan.Step, round int) {
	c.asked(w, "exhausted", nil)
	f := &c.facts[len(c.facts)-1]
	f.code, f.x, f.step.outcome = best.Code, int64(round), best.Outcome
}

// targetOf reads phone and line back from a target, -1 for none.
func targetOf(t *plan.Target) (phone, line int) {
	if t == nil {
		return -1, 0
	}
	return pointed(t.URI)
}

// pointed reads phone and line back from a URI of Spec.uri.
func pointed(uri string) (phone, line int) {
	s, ok := strings.CutPrefix(uri, "sip:p")
	user, rest, _ := strings.Cut(s, "@")
	phone, err := strconv.Atoi(user)
	if !ok || err != nil {
		return -1, 0
	}
	if _, l, ok := strings.Cut(rest, ";line="); ok {
		line, _ = strconv.Atoi(l)
	}
	return phone, line
}
