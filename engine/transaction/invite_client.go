package transaction

import (
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// inviteClient is the machine of RFC 6026 figure 5, which replaces RFC 3261 figure 5.
type inviteClient struct{ *Client }

func (c inviteClient) start(now clock.Time) {
	c.state = Calling
	c.send(c.bytes)
	c.begin(now, timerA, timerB)
}

func (c inviteClient) response(now clock.Time, m *message.Message, f flow.Flow) {
	class := m.Status() / 100
	switch {
	case c.state == Calling && class == 1:
		c.proceed(now, m)
	case c.state == Proceeding && class == 1:
		c.tell(now, m)
	case (c.state == Calling || c.state == Proceeding) && class == 2:
		c.accept(now, m, f)
	case c.state == Calling || c.state == Proceeding:
		c.complete(now, m)
	case c.state == Accepted && class == 2:
		c.acceptAgain(now, m, f)
	case c.state == Completed && class == 2:
		c.acceptAgain(now, m, f) // a fork further on was accepted: RFC 3261 §13.2.2.4
	case c.state == Completed && class > 2:
		c.layer.Counters.AcksResent++
		c.send(c.bytes)
	default:
		c.layer.Counters.ResponsesIgnored++
	}
}

func (c inviteClient) fire(now clock.Time, kind uint8) {
	if kind == timerB {
		c.fail(now, Timeout)
		return
	}
	c.layer.Counters.RequestsResent++
	c.send(c.bytes)
	c.interval *= 2
	c.schedule(now, timerA, timerB)
}

// proceed takes the first provisional: no more copies, no Timer B. From now on the user decides how long to wait.
func (c inviteClient) proceed(now clock.Time, m *message.Message) {
	c.layer.heap.Stop(&c.timer)
	c.leave()
	c.state = Proceeding
	if c.cancel == cancelWanted {
		c.sendCancel(now)
	}
	c.tell(now, m)
}

func (c inviteClient) sendCancel(now clock.Time) {
	l := c.layer
	l.build = c.request().AppendCancel(l.build[:0], c.why...)
	c.cancel, c.why = cancelSent, nil
	c.until, c.interval = now.Add(64*l.timers.T1), 0 // RFC 3261 §9.1: the time in which a final must come
	c.schedule(now, timerB, timerB)
	l.Request(now, c.flow, message.CANCEL, l.build, nil)
}

func (c inviteClient) accept(now clock.Time, m *message.Message, f flow.Flow) {
	c.state = Accepted
	c.drop()
	c.why = nil
	c.finish(now, &c.layer.jlm) // Timer M
	c.tellAccept(now, m, f)
}

// acceptAgain takes another 2xx: a copy, which gets its ACK again (RFC 3261 §13.2.2.4), or one from another branch.
func (c inviteClient) acceptAgain(now clock.Time, m *message.Message, f flow.Flow) {
	if a := c.ackTo(m.ToTag()); a != nil {
		c.layer.Counters.AcksResent++
		c.layer.out.Send(a.flow, a.bytes)
		return
	}
	c.tellAccept(now, m, f)
}

func (c inviteClient) tellAccept(now clock.Time, m *message.Message, f flow.Flow) {
	if c.user == nil {
		c.layer.user.Stray(now, m, f)
		return
	}
	c.user.Response(now, c.Client, m)
}

// complete acknowledges a rejection. Of the request only the ACK is kept.
func (c inviteClient) complete(now clock.Time, m *message.Message) {
	l := c.layer
	l.build = c.request().AppendAck(l.build[:0], m) // RFC 3261 §17.1.1.3
	c.send(l.build)
	c.state = Completed
	c.drop()
	if !c.reliable() {
		c.keep(l.build)
	}
	c.conclude(now, &l.d, m)
}

// request returns the INVITE as sent, which register found to be well-formed.
func (c inviteClient) request() *message.Message {
	_ = c.layer.parsed.Parse(c.bytes)
	return &c.layer.parsed
}
