package transaction

import (
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
)

// Layer holds the transactions of one shard.
type Layer struct {
	// Counters may be read and reset at any time.
	Counters Counters
	// Large returns the flow and the sent-by for a request that is too large for UDP (RFC 3261 §18.1.1), false if there is none.
	// It may be nil.
	Large func(f flow.Flow) (to flow.Flow, sentBy string, ok bool)

	// Doubts reports whether it is not known that what is sent on a flow reaches its source. The refusal of an INVITE, of which it has
	// heard nothing yet, is then sent once for each copy of the INVITE and not kept (RFC 3261 §8.2.7). It may be nil.
	Doubts func(f flow.Flow) bool

	heap   *clock.Heap
	out    Sender
	user   User
	timers Timers
	seed   uint64 // of the To tags that the layer makes itself

	clients map[string]*Client
	servers map[string]*Server
	origins map[uint64]struct{}  // of the servers' requests outside dialogs
	waiting map[flow.Flow]*queue // clients that have heard nothing yet, by the flow's Key
	spare   *queue               // an empty one, to be used again

	onlyUDP map[netip.AddrPort]clock.Time // peers that refuse large requests otherwise, until then

	d, ik, jlm linger // the finished ones, by the timers that end them

	shelf  shelf           // of messages that are kept
	key    []byte          // of the lookup at hand
	build  []byte          // message being built
	parsed message.Message // request of ours being read
}

// New returns an empty layer. Timers that are zero take their default.
func New(heap *clock.Heap, out Sender, ids *ident.Source, user User, timers Timers) *Layer {
	timers.T1 = or(timers.T1, DefaultTimers.T1)
	timers.T2 = or(timers.T2, DefaultTimers.T2)
	timers.T4 = or(timers.T4, DefaultTimers.T4)
	l := &Layer{
		heap: heap, out: out, user: user, timers: timers, seed: ids.Uint64(),
		clients: map[string]*Client{},
		servers: map[string]*Server{},
		origins: map[uint64]struct{}{},
		waiting: map[flow.Flow]*queue{},
	}
	// RFC 6026 §8.4: Timer D is at least 32 s, since the server's T1 is not known
	l.d.init(heap, max(64*timers.T1, 32*time.Second))
	l.ik.init(heap, timers.T4)
	l.jlm.init(heap, 64*timers.T1)
	return l
}

func or(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

// Len returns how many client and server transactions there are, finished ones that still absorb copies included.
func (l *Layer) Len() (clients, servers int) { return len(l.clients), len(l.servers) }

// Receive takes a message that was parsed and validated. It is valid only during the call.
func (l *Layer) Receive(now clock.Time, m *message.Message, f flow.Flow) {
	switch {
	case !m.IsRequest():
		l.receiveResponse(now, m, f)
	case m.Method() == message.ACK:
		l.receiveAck(now, m, f)
	case m.Method() == message.CANCEL:
		l.receiveCancel(now, m, f)
	default:
		l.receiveRequest(now, m, f)
	}
}

func (l *Layer) receiveResponse(now clock.Time, m *message.Message, f flow.Flow) {
	c := l.client(m)
	switch {
	case c == nil: // a 2xx too: only the branch of a transaction shows that somebody of ours asked for it
		l.Counters.Strays++ // RFC 6026 §8.9: silently discarded
	case c.method == message.INVITE:
		inviteClient{c}.response(now, m, f)
	default:
		plainClient{c}.response(now, m)
	}
}

func (l *Layer) receiveRequest(now clock.Time, m *message.Message, f flow.Flow) {
	if s := l.server(m, f, m.MethodName()); s != nil {
		s.repeated()
		return
	}
	l.user.Request(now, l.newServer(m, f, l.key), m, f)
}

func (l *Layer) receiveAck(now clock.Time, m *message.Message, f flow.Flow) {
	if s := l.acknowledged(m, f); s != nil && s.state != Accepted {
		inviteServer{s}.ack(now)
		return
	}
	// RFC 6026 §7.1: in the Accepted state too, the ACK is the user's
	l.user.Ack(now, m, f)
}

// receiveCancel answers a CANCEL (RFC 3261 §9.2). One that cancels nothing leaves nothing behind.
func (l *Layer) receiveCancel(now clock.Time, m *message.Message, f flow.Flow) {
	if s := l.server(m, f, m.MethodName()); s != nil {
		s.repeated()
		return
	}
	target := l.cancelled(m, f)
	if target == nil {
		l.Counters.StrayCancels++
		l.out.Send(ReplyFlow(m, f), l.Modest(m, f, l.answer(m, 481, "", f)))
		return
	}
	l.key = appendServerKey(l.key[:0], m, f, m.MethodName())
	s := l.newServer(m, f, l.key)
	s.Respond(now, 200, l.answer(m, 200, target.toTag, f))
	if target.method == message.INVITE && target.state == Proceeding {
		l.user.Cancel(now, target, m)
	}
}

// answer builds a response of the layer's own. Without a tag it makes one from the key of the request, the same for
// every copy of it (RFC 3261 §8.2.7).
func (l *Layer) answer(m *message.Message, code int, tag string, f flow.Flow) []byte {
	var made [16]byte
	to := append(made[:0], tag...)
	if tag == "" {
		l.key = appendServerKey(l.key[:0], m, f, m.MethodName())
		to = appendHash(to, l.seed, l.key)
	}
	l.build = message.AppendBody(m.AppendResponse(l.build[:0], code, "", to, f.Remote), nil)
	return l.build
}

// Modest shortens a response without a body that is more than half as long again as its request, if it is not known whether it reaches the
// source: who makes an address up is not to have more sent there than he sends.
func (l *Layer) Modest(m *message.Message, f flow.Flow, b []byte) []byte {
	if most := len(m.Bytes()) * 3 / 2; len(b) > most && l.Doubts != nil && l.Doubts(f) {
		return message.Shorten(b, most)
	}
	return b
}

// hash is FNV-1a with a secret start.
func hash(start uint64, b []byte) uint64 {
	h := uint64(14695981039346656037) ^ start
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// originOf returns what a request has in common with its copies by other paths (RFC 3261 §8.2.2.2), hashed; never 0.
func (l *Layer) originOf(m *message.Message) uint64 {
	l.key = append(append(l.key[:0], m.CallID()...), endOfPart)
	l.key = append(append(l.key, m.FromTag()...), endOfPart)
	l.key = append(message.AppendUint(l.key, m.CSeq()), m.MethodName()...)
	return hash(l.seed, l.key) | 1
}

// appendHash appends 16 hexadecimal digits made from key.
func appendHash(dst []byte, seed uint64, key []byte) []byte {
	const digits = "0123456789abcdef"
	h := hash(seed, key)
	for range 16 {
		dst = append(dst, digits[h&15])
		h >>= 4
	}
	return dst
}

// SendFailed takes the news that what was sent on f did not arrive: an ICMP error, a connection refused or lost. Client
// transactions on that flow that have heard nothing yet fail, the oldest first (RFC 3261 §17.1.4). Server transactions
// stay and go on absorbing copies (RFC 6026 §7.1).
func (l *Layer) SendFailed(now clock.Time, f flow.Flow) {
	for _, c := range l.unheard(f) {
		c.fail(now, TransportError)
	}
}

// Lost takes the news that a connection is gone that there was: a peer may end one that rests in the moment in which it is used again. Client
// transactions on it that have heard nothing yet are sent once more, on another connection: to a peer that has got the request it is a copy
// (RFC 3261 §17.2.3). Those that were before, that nobody wants any more, or that no other connection leads to, fail.
func (l *Layer) Lost(now clock.Time, f flow.Flow) {
	for _, c := range l.unheard(f) {
		if c.again || c.GivenUp() || c.flow.Fixed || c.flow.Transport.Web() || !c.reliable() {
			c.fail(now, TransportError)
			continue
		}
		c.leave()
		c.again, c.flow.Conn = true, 0
		l.waitingOn(c.flow).push(&c.tx)
		l.Counters.RequestsResent++
		c.send(c.bytes)
	}
}

// unheard returns the clients that wait for a first response on f, the oldest first. A user may send again on the same flow meanwhile: that one
// is not among them.
func (l *Layer) unheard(f flow.Flow) (list []*Client) {
	q := l.waiting[f.Key()]
	if q == nil {
		return nil
	}
	for t := q.first; t != nil; t = t.next {
		list = append(list, t.timer.Owner.(*Client))
	}
	return list
}
