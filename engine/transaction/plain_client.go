package transaction

import (
	"tandem/engine/clock"
	"tandem/engine/message"
)

// plainClient is the machine of RFC 3261 figure 6, for every request but INVITE.
type plainClient struct{ *Client }

func (c plainClient) start(now clock.Time) {
	c.state = Trying
	c.send(c.bytes)
	c.begin(now, timerE, timerF)
}

func (c plainClient) response(now clock.Time, m *message.Message) {
	provisional := m.Status() < 200
	switch {
	case c.state == Completed:
		c.layer.Counters.ResponsesIgnored++
	case provisional:
		c.leave()
		c.state = Proceeding
		c.tell(now, m)
	default:
		c.state = Completed
		c.drop()
		c.conclude(now, &c.layer.ik, m) // Timer K
	}
}

func (c plainClient) fire(now clock.Time, kind uint8) {
	if kind == timerF {
		c.fail(now, Timeout)
		return
	}
	c.layer.Counters.RequestsResent++
	c.send(c.bytes)
	c.interval = min(2*c.interval, c.layer.timers.T2)
	if c.state == Proceeding {
		c.interval = c.layer.timers.T2 // RFC 3261 §17.1.2.2: copies go on, to fetch a final that got lost
	}
	c.schedule(now, timerE, timerF)
}
