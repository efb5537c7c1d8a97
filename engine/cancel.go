package engine

import (
	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/transaction"
)

// Cancel takes the CANCEL of an INVITE that has no final response yet; the layer has answered the CANCEL.
func (sh *Shard) Cancel(now clock.Time, invite *transaction.Server, m *message.Message) {
	if c := sh.calls[callKey(m)]; c != nil && c.server == invite {
		sh.current = c
		c.cancelled(reasonsOf(m))
		return
	}
	if s := sh.dialogFor(m); s != nil && s.in != nil && s.in.server == invite {
		sh.current = s.c
		s.in.client.Cancel(sh.now, message.Reasons(reasonsOf(m)...)...) // its 487 comes back through the relay
		return
	}
	if p, ok := invite.Owner.(*pending); ok {
		p.cancel(now, sh, invite)
	}
}

// cancelled ends a call that its caller gave up.
func (c *call) cancelled(reasons []string) {
	if c.final {
		return // RFC 3261 §9.2: no effect
	}
	c.reasons = reasons
	c.step(plan.Event{Kind: plan.EventCallerCancel})
	c.byeBoth("") // a winner whose 2xx still waits for the caller's PRACK
	c.givenUp = true
	r := c.script.Cancelled(c)
	if r == nil {
		r = &plan.Reply{}
	}
	c.respond(487, r.Phrase, func(b []byte) []byte { return appendHeaders(b, r.Headers) })
	c.note("cancelled by the caller", nil)
	c.conclude()
}

func reasonsOf(m *message.Message) []string {
	var list []string
	for i := range m.Len() {
		if id, _, v := m.Field(i); id == message.Reason {
			list = append(list, string(v))
		}
	}
	return list
}
