package sim

import (
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// Faults are what a network does to datagrams. They are drawn from the network's seed. Reliable transports are
// delayed but lose, double and reorder nothing.
type Faults struct {
	// Delay is added to the latency.
	Delay time.Duration
	// Jitter is the largest random delay on top; datagrams may overtake each other.
	Jitter time.Duration
	// Loss and Duplicate are probabilities, 0 to 1.
	Loss, Duplicate float64
}

// Reach says what becomes of datagrams to an address.
type Reach uint8

// The ways in which an address is reached or not.
const (
	Up        Reach = iota // delivered; refused where nothing is attached
	Refusing               // the sender is told after the latency, as by an ICMP port unreachable
	Blackhole              // nobody hears of it again
)

// Datagram is a datagram as it is sent.
type Datagram struct {
	At        clock.Time
	From, To  netip.AddrPort
	Transport flow.Transport
	// Bytes are valid during the call.
	Bytes []byte
	// Lost says that the network drops it.
	Lost bool
}

// Stats count datagrams: Sent is what nodes sent; every one of those and of Duplicated ends as Delivered, Lost or Refused.
type Stats struct{ Sent, Delivered, Lost, Duplicated, Refused int }

// Stats returns the counters.
func (n *Network) Stats() Stats { return n.stats }

// SetLatency sets how long a datagram is under way where nothing else is said.
func (n *Network) SetLatency(d time.Duration) { n.latency = d }

// Impair sets the faults of every link.
func (n *Network) Impair(f Faults) { n.all = f }

// ImpairAddr sets the faults, on top of those of every link, of what goes to and comes from addr.
func (n *Network) ImpairAddr(addr netip.AddrPort, f Faults) { n.links[addr] = f }

// SetReach says what becomes of datagrams to addr from now on, those under way included.
func (n *Network) SetReach(addr netip.AddrPort, r Reach) { n.reach[addr] = r }

// Refuse makes an address refuse one transport, as if nothing listened there.
func (n *Network) Refuse(addr netip.AddrPort, t flow.Transport) { n.refused[place{addr, t}] = true }

// Lose sets a function that picks datagrams to drop, beside those lost by chance (nil = none).
func (n *Network) Lose(pick func(Datagram) bool) { n.lose = pick }

// Watch adds a function that is told of every datagram when it is sent.
func (n *Network) Watch(see func(Datagram)) { n.watch = append(n.watch, see) }

// Send puts a datagram on the network, from the listener that f names to its remote address.
func (s *station) Send(f flow.Flow, b []byte) {
	n := s.net
	d := Datagram{At: n.Now(), From: s.source(f), To: f.Remote, Transport: f.Transport, Bytes: b}
	n.stats.Sent++
	from, to := n.links[d.From], n.links[d.To]
	d.Lost = !n.instant && n.lost(&d, from.Loss, to.Loss)
	for _, see := range n.watch {
		see(d)
	}
	if d.Lost {
		n.stats.Lost++
		return
	}
	if n.instant {
		n.instants = append(n.instants, n.packet(s, f, &d))
		return
	}
	n.enqueue(s, f, &d, from, to)
	if n.chance(f, n.all.Duplicate) || n.chance(f, from.Duplicate) || n.chance(f, to.Duplicate) {
		n.stats.Duplicated++
		n.enqueue(s, f, &d, from, to)
	}
}

// source is the address that the listener of f sends from.
func (s *station) source(f flow.Flow) netip.AddrPort {
	return s.listeners[min(int(f.Listener), len(s.listeners)-1)].Addr
}

func (n *Network) lost(d *Datagram, from, to float64) bool {
	f := flow.Flow{Transport: d.Transport}
	return n.lose != nil && n.lose(*d) || n.chance(f, n.all.Loss) || n.chance(f, from) || n.chance(f, to)
}

// chance draws only where there is something to draw, so that a network without faults is the same for every seed.
func (n *Network) chance(f flow.Flow, p float64) bool {
	return p > 0 && !f.Transport.Reliable() && n.rng.Float64() < p
}

func (n *Network) enqueue(s *station, f flow.Flow, d *Datagram, from, to Faults) {
	delay := n.latency + n.all.Delay + from.Delay + to.Delay
	if j := n.all.Jitter + from.Jitter + to.Jitter; j > 0 && !f.Transport.Reliable() {
		delay += time.Duration(n.rng.Int64N(int64(j) + 1))
	}
	p := n.packet(s, f, d)
	p.at = d.At.Add(delay)
	n.queue.push(p)
}

// packet is a datagram under way that arrives at once.
func (n *Network) packet(s *station, f flow.Flow, d *Datagram) *packet {
	p := n.queue.take()
	p.at, p.from, p.flow, p.source = d.At, s, f, d.From
	p.buf = append(p.buf[:0], d.Bytes...)
	return p
}

// AtOnce lets what do sends, and what is sent in answer, arrive without loss and without taking time. Nothing else that is due happens.
func (n *Network) AtOnce(do func(now clock.Time)) {
	n.instant = true
	do(n.Now())
	for len(n.instants) > 0 {
		p := n.instants[0]
		n.instants = n.instants[1:]
		n.deliver(n.Now(), p)
		n.queue.release(p)
	}
	n.instant = false
}

// roundTrip is the shortest time in which addr can get an answer to what it sends.
func (n *Network) roundTrip(addr netip.AddrPort) time.Duration {
	return 2 * (n.latency + n.all.Delay + n.links[addr].Delay)
}

// cut reports whether nothing reaches addr.
func (n *Network) cut(addr netip.AddrPort) bool { return n.reach[addr] != Up }

// packet is a datagram under way.
type packet struct {
	at     clock.Time
	seq    uint64
	from   *station
	flow   flow.Flow // as it was sent
	source netip.AddrPort
	buf    []byte
}

// queue orders packets by time, equal times by the order of sending, and keeps used ones with their buffers.
type queue struct {
	heap []*packet
	free []*packet
	seq  uint64
}

func (q *queue) take() *packet {
	if n := len(q.free); n > 0 {
		p := q.free[n-1]
		q.free = q.free[:n-1]
		return p
	}
	return &packet{}
}

func (q *queue) release(p *packet) { q.free = append(q.free, p) }

func (q *queue) before(i, j int) bool {
	a, b := q.heap[i], q.heap[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *queue) push(p *packet) {
	q.seq++
	p.seq = q.seq
	q.heap = append(q.heap, p)
	for i := len(q.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !q.before(i, up) {
			return
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

func (q *queue) pop() *packet {
	p, last := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[last]
	q.heap[last] = nil
	q.heap = q.heap[:last]
	for i := 0; ; {
		c := 2*i + 1
		if c >= last {
			return p
		}
		if c+1 < last && q.before(c+1, c) {
			c++
		}
		if !q.before(c, i) {
			return p
		}
		q.heap[i], q.heap[c] = q.heap[c], q.heap[i]
		i = c
	}
}
