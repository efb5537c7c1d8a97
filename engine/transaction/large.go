package transaction

import (
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

const (
	// largest is the most bytes of a request that goes by UDP: the MTU of the path is not known (RFC 3261 §18.1.1).
	largest = 1300
	// onlyUDP is how long a peer that has refused the other transport is not asked again, and maxOnlyUDP how many such peers are
	// remembered.
	onlyUDP    = 10 * time.Minute
	maxOnlyUDP = 10_000
)

// small is a request as it goes by UDP after all if the other transport is refused.
type small struct {
	flow  flow.Flow
	bytes []byte
}

// enlarge moves a request that is too large for UDP to the transport for such, if the peer is not known to refuse it
// (RFC 3261 §18.1.1).
func (c *Client) enlarge(now clock.Time) {
	l := c.layer
	if len(c.bytes) <= largest || c.flow.Transport.Reliable() || l.Large == nil {
		return
	}
	if until, refused := l.onlyUDP[c.flow.Remote]; refused && now < until {
		return
	}
	to, sentBy, ok := l.Large(c.flow)
	m := &l.parsed
	if !ok || m.Parse(c.bytes) != nil || m.TopVia().Host == nil {
		return
	}
	c.small = &small{c.flow, c.bytes}
	c.flow, c.bytes = to, m.AppendVia(nil, to.Transport.String(), sentBy)
}

// shrink sends the request by UDP after all, if nothing was heard of it on the other transport. It is the same transaction: only
// its Via says another transport.
func (c *Client) shrink(now clock.Time) bool {
	if c.small == nil || c.state != Calling && c.state != Trying {
		return false
	}
	l, refused := c.layer, c.flow.Remote
	if len(l.onlyUDP) >= maxOnlyUDP {
		clear(l.onlyUDP)
	}
	if l.onlyUDP == nil {
		l.onlyUDP = map[netip.AddrPort]clock.Time{}
	}
	l.onlyUDP[refused] = now.Add(onlyUDP)
	l.heap.Stop(&c.timer)
	c.leave()
	c.flow, c.bytes, c.small = c.small.flow, c.small.bytes, nil
	c.start(now)
	return true
}

// start sends the request for the first time on its flow.
func (c *Client) start(now clock.Time) {
	c.layer.waitingOn(c.flow).push(&c.tx)
	if c.method == message.INVITE {
		inviteClient{c}.start(now)
	} else {
		plainClient{c}.start(now)
	}
}
