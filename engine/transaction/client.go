package transaction

import (
	"slices"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Client is a client transaction: a request of ours and what is heard of it.
type Client struct {
	tx
	user   ClientUser // nil: nobody asks
	cancel cancelling
	why    []message.Change // fields of the CANCEL that is wanted
	acks   []ack            // to the 2xx responses, one per dialog
	small  *small           // nil unless the request was too large for UDP
	again  bool             // it was sent once more because its connection was lost
}

type cancelling uint8

const (
	notCancelled cancelling = iota
	cancelWanted            // it waits for a provisional
	cancelSent
)

// ack is an ACK to a 2xx, kept for its copies.
type ack struct {
	toTag string
	flow  flow.Flow
	bytes []byte
}

// Request sends a request on f and starts its client transaction: INVITE or not by the method, which is b's. b is
// copied; its topmost Via carries a branch that no other request has. A request that cannot be one (too large, a
// branch in use) fails with TransportError as soon as the heap runs. The user may be nil.
func (l *Layer) Request(now clock.Time, f flow.Flow, method message.Method, b []byte, user ClientUser) *Client {
	c := &Client{user: user}
	c.layer, c.flow, c.method = l, f, method
	c.keep(b)
	c.timer.Owner = c
	l.Counters.Requests++
	if !c.register() {
		c.state, c.until = Trying, now
		c.schedule(now, unsent, unsent)
		return c
	}
	c.enlarge(now)
	c.start(now)
	return c
}

// register enters the client in the layer's table, if its request can be told from others.
func (c *Client) register() bool {
	l := c.layer
	o, ok := message.ReadOutline(c.bytes)
	if !ok {
		if l.parsed.Parse(c.bytes) != nil {
			return false
		}
		o = l.parsed.Outline()
	}
	if o.Method != c.method || o.Branch == nil {
		return false
	}
	l.key = appendClientKey(l.key[:0], o.Branch, o.CallID, o.Name)
	if l.clients[string(l.key)] != nil {
		return false
	}
	c.key = string(l.key)
	l.clients[c.key] = c
	return true
}

// waitingOn returns the queue of those that wait for a first response on f.
func (l *Layer) waitingOn(f flow.Flow) *queue {
	q := l.waiting[f.Key()]
	if q == nil {
		if q = l.spare; q == nil {
			q = &queue{}
		}
		l.spare = nil
		l.waiting[f.Key()] = q
	}
	return q
}

// Cancelled reports whether a CANCEL was sent.
func (c *Client) Cancelled() bool { return c.cancel == cancelSent }

// GivenUp reports whether Cancel was called: a CANCEL was sent, or waits for a provisional.
func (c *Client) GivenUp() bool { return c.cancel != notCancelled }

// Cancel cancels an INVITE (RFC 3261 §9.1): at once if a provisional came, else as soon as one comes, never after a
// final. The CANCEL carries fields that say why, Reason among them (RFC 3326), which must be fit to be written
// (message.ValidValue). Called again before it was sent it replaces the fields, later it does nothing. If no final
// response comes within 64*T1 after it, the transaction fails with Timeout.
func (c *Client) Cancel(now clock.Time, fields ...message.Change) {
	if c.method != message.INVITE || c.cancel == cancelSent || c.state != Calling && c.state != Proceeding {
		return
	}
	c.cancel, c.why = cancelWanted, slices.Clone(fields)
	if c.state == Proceeding {
		inviteClient{c}.sendCancel(now)
	}
}

// Ack sends the ACK to a 2xx on f, which need not be the flow of the INVITE, and keeps a copy: a repeated 2xx with
// that To tag is answered with it and not told to the user. It does nothing before a 2xx came.
func (c *Client) Ack(_ clock.Time, b []byte, f flow.Flow, toTag []byte) {
	if c.state == Accepted || c.state == Completed {
		kept := ack{toTag: string(toTag), flow: f, bytes: c.layer.shelf.keep(b)}
		if old := c.ackTo(toTag); old != nil {
			c.layer.shelf.drop(old.bytes)
			*old = kept
		} else {
			c.acks = append(c.acks, kept)
		}
	}
	if c.state == Accepted || c.state == Completed || c.state == Terminated {
		c.layer.out.Send(f, b)
	}
}

// ackTo returns the kept ACK to the 2xx with a To tag.
func (c *Client) ackTo(tag []byte) *ack {
	for i := range c.acks {
		if c.acks[i].toTag == string(tag) {
			return &c.acks[i]
		}
	}
	return nil
}

// Detach says that the user is gone. The transaction goes on by itself: copies are absorbed, a rejection is
// acknowledged, a CANCEL that is wanted goes out. A 2xx goes to User.Stray, unless a kept ACK answers it.
func (c *Client) Detach() { c.user = nil }

// Attend has a user told of a 2xx that comes all the same to an INVITE that has failed or was refused, in place of User.Stray.
func (c *Client) Attend(user ClientUser) {
	if c.method == message.INVITE && (c.state == Accepted || c.state == Completed) {
		c.user = user
	}
}

// Fire is called by the heap.
func (c *Client) Fire(now clock.Time, kind uint8) {
	switch {
	case kind == over:
		c.terminate()
	case kind == unsent:
		c.fail(now, TransportError)
	case c.method == message.INVITE:
		inviteClient{c}.fire(now, kind)
	default:
		plainClient{c}.fire(now, kind)
	}
}

func (c *Client) tell(now clock.Time, m *message.Message) {
	if c.user != nil {
		c.user.Response(now, c, m)
	}
}

// conclude leaves the rest to l and tells of the only final response; the user is not needed after it.
func (c *Client) conclude(now clock.Time, l *linger, m *message.Message) {
	user := c.user
	c.user, c.why = nil, nil
	c.finish(now, l)
	if user != nil {
		user.Response(now, c, m)
	}
}

func (c *Client) fail(now clock.Time, why Failure) {
	if why == TransportError && c.shrink(now) {
		return
	}
	if why == Timeout {
		c.layer.Counters.Timeouts++
	} else {
		c.layer.Counters.TransportErrors++
	}
	user := c.user
	if c.method == message.INVITE && c.key != "" {
		// The peer may have got the INVITE all the same: its 2xx is still one that was asked for.
		c.drop()
		c.user, c.why, c.state = nil, nil, Accepted
		c.finish(now, &c.layer.jlm)
	} else {
		c.terminate()
	}
	if user != nil {
		user.Failed(now, c, why)
	}
}

func (c *Client) terminate() {
	c.end()
	if c.key != "" {
		delete(c.layer.clients, c.key)
	}
	for i := range c.acks {
		c.layer.shelf.drop(c.acks[i].bytes)
	}
	c.user, c.why, c.acks = nil, nil, nil
}
