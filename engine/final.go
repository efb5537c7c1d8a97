package engine

import (
	"bytes"
	"slices"
	"strconv"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/trace"
)

// fail ends the caller's INVITE without an answer.
func (c *call) fail(a *plan.Action) {
	if c.final {
		return
	}
	if c.sh.cfg.Trace != nil {
		c.note("final "+strconv.Itoa(a.Code), nil)
	}
	switch m, _ := a.Response.(*message.Message); {
	case c.hangup:
		c.hangup = false
		c.respond(480, c.hangupText, nil)
	case a.Reply != nil:
		c.script.Replied(c, a.Reply.Code)
		c.respond(a.Reply.Code, a.Reply.Phrase, func(b []byte) []byte {
			for _, ct := range a.Reply.Contacts {
				b = appendReplyContact(b, ct)
			}
			return appendHeaders(b, a.Reply.Headers)
		})
	case m != nil && a.Code == m.Status():
		c.passFinal(m)
	case a.Branch != 0 && c.branches[a.Branch-1].exposed != "":
		c.respond(a.Code, c.branches[a.Branch-1].exposed, nil) // RFC 3323 §5: the phrase names it
	default:
		c.respond(a.Code, a.Phrase, nil)
	}
	c.conclude()
}

func appendReplyContact(b []byte, ct plan.Contact) []byte {
	b = append(append(append(b, "Contact: <"...), ct.URI...), '>')
	if ct.Q < 1000 {
		b = message.AppendQ(append(b, ";q="...), ct.Q)
	}
	return append(b, "\r\n"...)
}

// passedFields are the fields of a leg that a final response means for the caller all the same.
var passedFields = [...]message.ID{message.Contact, message.WWWAuthenticate, message.ProxyAuthenticate, message.Unsupported}

// passFinal gives the caller the response of a branch. What a Retry-After says holds for that branch only.
func (c *call) passFinal(m *message.Message) {
	c.respondWith(m.Status(), string(m.Phrase()), m)
}

func (c *call) respondWith(code int, phrase string, m *message.Message) {
	b := c.invite.AppendResponse(c.sh.buf[:0], code, phrase, c.tag, c.source.Remote)
	for i := range m.Len() {
		id, _, v := m.Field(i)
		if slices.Contains(passedFields[:], id) || code == 422 && id == message.MinSE { // RFC 4028 §6
			b = message.AppendField(b, id.String(), v)
		}
	}
	if code == 401 || code == 407 {
		b = c.appendChallenges(b, m)
	}
	changes := noRetryAfter
	if from := c.branchOf(m); from != nil {
		way := from.back()
		changes = way.changes(m, noRetryAfter)
	}
	b = m.AppendPassed(b, changes)
	c.send(code, b, m.Body())
}

// appendChallenges appends the challenges of the branches other than the one whose response m is: the caller may have to meet all
// of them (RFC 3261 §16.7 step 7).
func (c *call) appendChallenges(b []byte, m *message.Message) []byte {
	for _, o := range c.branches {
		if o.challenge == nil || o.challenge == m {
			continue
		}
		for i := range o.challenge.Len() {
			if id, _, v := o.challenge.Field(i); id == message.WWWAuthenticate || id == message.ProxyAuthenticate {
				b = message.AppendField(b, id.String(), v)
			}
		}
	}
	return b
}

var noRetryAfter = []message.Change{{Name: "Retry-After", Remove: true}}

// Unacknowledged takes the end of the wait for the ACK to a refusal (RFC 3261 §17.2.1, Timer H). The call that it ended may be gone.
func (sh *Shard) Unacknowledged(_ clock.Time, m *message.Message, f flow.Flow) {
	call := string(m.CallID())
	sh.key = dialogKey(sh.key, m.ToTag(), m.FromTag())
	if s := sh.dialogs[string(sh.key)]; s != nil && bytes.Equal(s.dialog.CallID, m.CallID()) {
		call = s.c.id
	}
	sh.noAck(call, m.Status(), f)
}

// noAck tells that a final response to an INVITE was sent as often as it may be and never acknowledged.
func (sh *Shard) noAck(call string, code int, f flow.Flow) {
	const why = "no ACK: the peer does not get our final response, or its ACK does not get here"
	sh.unacked.warn(sh, "more final responses were not acknowledged", why,
		zap.String("call", call), zap.Int("code", code), zap.Stringer("peer", f.Remote))
	if sh.cfg.Trace != nil {
		sh.cfg.Trace.Trace(trace.Event{At: sh.now, Kind: trace.Note, Call: call, Text: strconv.Itoa(code) + " to " + f.Remote.String() + ": " + why})
	}
}
