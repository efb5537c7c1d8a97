package seeds

import (
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// txn is a transaction as it looks from outside: of the engine, which is the client then, or of a peer.
type txn struct {
	leg    *leg
	client bool
	msg    message.Message // the request
	at     clock.Time      // when it was sent first and
	last   clock.Time      // last
	again  clock.Time      // when its next copy, or that of its final response, is due
	gap    time.Duration
	copies int
	resent int // by the engine, on the clock

	heard       clock.Time // the latest response to the engine's request; -1 without one
	provisional clock.Time // the first one; -1 without one
	line        []byte     // the latest provisional response of the engine
	code        int        // of the final response, 0 without one
	tag         string     // its To tag
	final       []byte
	finalAt     clock.Time
	ackedAt     clock.Time // -1 without ACK

	cancel     *txn
	cancelAt   clock.Time
	wanted     bool // the peer cancelled it, or the request that it passes on
	reasons    string
	origin     *txn          // of the other leg, that it passes on
	relay      *txn          // on the other leg, that passes it on
	expect     int           // the code of the response that is due
	sub        *subscription // that it is in
	mute       bool          // there is to be no response
	loose      bool          // of an early dialog: whatever it is answered with, or not, is right
	failedAt   clock.Time    // could not be delivered; -1 if it could
	outlives   bool          // its 2xx waits for the ACK although the call is over
	challenged bool          // its sender has to say who he is: nothing is kept of it
	stale      bool          // what he said was good before
	leftAt     clock.Time    // when the peer's own BYE ended that; -1 if none did
}

// txnOf returns the transaction that a message belongs to, taken for one with the given method.
func (k *book) txnOf(m *message.Message, method string) *txn {
	k.key = append(append(append(k.key[:0], m.TopVia().Branch...), '\n'), method...)
	return k.txns[string(k.key)]
}

// newTxn starts the transaction of a request; txnOf has just missed it.
func (k *book) newTxn(m *message.Message, l *leg, client bool) *txn {
	now := k.w.net.Now()
	t := &txn{leg: l, client: client, at: now, last: now, copies: 1, heard: -1, provisional: -1, ackedAt: -1, failedAt: -1, leftAt: -1}
	_ = t.msg.Parse(k.keep(m.Bytes())) // it was parsed before
	k.txns[string(k.key)] = t
	k.list = append(k.list, t)
	return t
}

// forgotten reports whether a copy of a request is a new request to the engine: its transaction is over (RFC 3261 §17.2),
// nobody answered what it was passed on as (RFC 4320 §4.2), or it never had one, being a CANCEL that overtook its INVITE.
func (t *txn) forgotten(now clock.Time) bool {
	invite := t.msg.Method() == message.INVITE
	switch {
	case t.challenged:
		return true
	case t.code == 0:
		return t.relay != nil && !invite && now > t.at.Add(64*t1)
	case invite && t.code >= 300 && t.ackedAt >= 0:
		return now > rounded(t.ackedAt.Add(t4))
	case invite && t.code >= 300:
		return now > t.finalAt.Add(64*t1)
	case t.msg.Method() == message.CANCEL && t.code == 481:
		return true
	}
	return now > rounded(t.finalAt.Add(64*t1))
}

// gaveUp returns when the engine gave up a request that had no final response, -1 if it did not: it could not be delivered, nothing
// came (Timers B and F), or no final response came after its CANCEL (RFC 3261 §9.1).
func (t *txn) gaveUp(now clock.Time) clock.Time {
	quiet := t.heard < 0 || t.msg.Method() != message.INVITE
	switch {
	case t.failedAt >= 0:
		return t.failedAt
	case quiet && now > t.at.Add(64*t1):
		return t.at.Add(64 * t1)
	case t.cancel != nil && now > t.cancelAt.Add(64*t1):
		return t.cancelAt.Add(64 * t1)
	}
	return -1
}

// late reports whether a response comes when its INVITE is forgotten.
func (t *txn) late(now clock.Time) bool {
	return t.msg.Method() == message.INVITE && t.code != 0 && now > rounded(t.finalAt.Add(64*t1))
}
