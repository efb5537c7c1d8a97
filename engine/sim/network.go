// Package sim is a virtual network with scripted phones on it: SIP without sockets and without waiting.
//
// A Network owns a virtual clock, the datagrams under way and the nodes attached to it: the engine's shards and
// Phones. One goroutine steps them all, always in the same order, so that the same seed gives the same run. A Phone
// is a user agent (RFC 3261 §8, §12-15) that does with calls what a test tells it; it is a Node like a shard and runs
// on real sockets as well. Check says what went against the rules that hold in every call.
package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// Node is what can be attached to a network: a shard of the engine, or a Phone.
type Node interface {
	// Receive takes a datagram; b is valid during the call.
	Receive(now clock.Time, f flow.Flow, b []byte)
	// Tick runs what is due.
	Tick(now clock.Time)
	// Next returns the node's earliest deadline, if it has one.
	Next() (clock.Time, bool)
	// SendFailed tells that what was sent by f could not be delivered, as ICMP does.
	SendFailed(now clock.Time, f flow.Flow, err error)
}

// Sender takes what a node sends. It copies b.
type Sender interface {
	Send(f flow.Flow, b []byte)
}

// Latency is how long a datagram is under way unless the network is told otherwise.
const Latency = time.Millisecond

// maxAtOnce bounds the steps at one instant: more mean that nodes keep each other busy without end.
const maxAtOnce = 1 << 20

// ErrStuck is returned when virtual time stands still although nodes are busy.
var ErrStuck = errors.New("virtual time does not advance")

// Network carries datagrams between nodes in virtual time. It belongs to one goroutine, which runs the nodes too.
type Network struct {
	clk      *clock.Virtual
	rng      *rand.Rand
	queue    queue
	stations []*station
	hosts    map[netip.AddrPort]*host
	latency  time.Duration
	all      Faults
	links    map[netip.AddrPort]Faults
	reach    map[netip.AddrPort]Reach
	refused  map[place]bool
	lose     func(Datagram) bool
	watch    []func(Datagram)
	ink      ink // of the phones
	stats    Stats
	atOnce   int
	instant  bool      // what is sent arrives at once
	instants []*packet // that are about to
}

// station is one node with the addresses that it sends from.
type station struct {
	net       *Network
	node      Node
	listeners []Listener
}

// Listener is a local address of a node.
type Listener struct {
	Addr      netip.AddrPort
	Transport flow.Transport
}

// place is where a datagram arrives: an address and a transport.
type place struct {
	addr      netip.AddrPort
	transport flow.Transport
}

// host is what listens at an address: a phone for every transport, the engine for some.
type host struct {
	phone *site
	by    [flow.WSS + 1]*site
}

// site is what listens at a place.
type site struct {
	listener uint8
	stations []*station
	pick     func(b []byte) int
}

// NewNetwork returns a network at instant 0, which is date start. The seed decides what is lost, doubled and delayed.
func NewNetwork(start time.Time, seed uint64) *Network {
	return &Network{
		clk:     clock.NewVirtual(start),
		rng:     rand.New(rand.NewPCG(seed, 0x7a6e64656d)),
		hosts:   make(map[netip.AddrPort]*host),
		latency: Latency,
		links:   make(map[netip.AddrPort]Faults),
		reach:   make(map[netip.AddrPort]Reach),
		refused: make(map[place]bool),
	}
}

// Clock returns the network's clock. Only the network moves it.
func (n *Network) Clock() *clock.Virtual { return n.clk }

// Now returns the virtual instant.
func (n *Network) Now() clock.Time { return n.clk.Now() }

// Attach connects the node that build returns at addr, for every transport. A node attached at the same address before loses it.
func (n *Network) Attach(addr netip.AddrPort, build func(out Sender) Node) Node {
	st := n.station([]Listener{{Addr: addr}}, build)
	n.host(addr).phone = &site{stations: []*station{st}}
	return st.node
}

// AttachPhone connects a phone at the address of its configuration.
func (n *Network) AttachPhone(c PhoneConfig) *Phone {
	var p *Phone
	n.Attach(c.Addr, func(out Sender) Node {
		p = NewPhone(c, out)
		p.diary.ink = &n.ink
		return p
	})
	return p
}

// Phones returns the phones on the network in the order in which they were attached.
func (n *Network) Phones() []*Phone {
	var phones []*Phone
	for _, s := range n.stations {
		if p, ok := s.node.(*Phone); ok {
			phones = append(phones, p)
		}
	}
	return phones
}

// Names returns the names of the phones by address, for ladders.
func (n *Network) Names() map[netip.AddrPort]string {
	names := make(map[netip.AddrPort]string)
	for _, p := range n.Phones() {
		names[p.cfg.Addr] = p.name
	}
	return names
}

// AttachEngine connects nodes that share their addresses, the shards of an engine. Listener i of their flows is
// listeners[i]; pick says which shard a datagram is for.
func (n *Network) AttachEngine(listeners []Listener, shards int, pick func(b []byte) int, build func(shard int, out Sender) Node) []Node {
	all := make([]*station, shards)
	nodes := make([]Node, shards)
	for i := range all {
		all[i] = n.station(listeners, func(out Sender) Node { return build(i, out) })
		nodes[i] = all[i].node
	}
	for i, l := range listeners {
		n.host(l.Addr).by[l.Transport] = &site{listener: uint8(i), stations: all, pick: pick}
	}
	return nodes
}

func (n *Network) station(listeners []Listener, build func(out Sender) Node) *station {
	st := &station{net: n, listeners: listeners}
	st.node = build(st)
	n.stations = append(n.stations, st)
	return st
}

// host returns what listens at an address, something new if nothing does.
func (n *Network) host(addr netip.AddrPort) *host {
	h := n.hosts[addr]
	if h == nil {
		h = &host{}
		n.hosts[addr] = h
	}
	return h
}

// site returns what listens at an address for a transport, nil if nothing does.
func (n *Network) site(addr netip.AddrPort, t flow.Transport) *site {
	h := n.hosts[addr]
	switch {
	case h == nil:
		return nil
	case h.by[t] != nil:
		return h.by[t]
	}
	return h.phone
}

// Run runs everything that happens up to and including an instant and leaves the clock there.
func (n *Network) Run(until clock.Time) error {
	for {
		more, err := n.step(until, false)
		if err != nil {
			return err
		}
		if !more {
			n.clk.Set(until)
			return nil
		}
	}
}

// RunToQuiescence runs until no datagram is under way and no node waits for anything but what goes on for ever (Rester). It is an error if that takes
// more than maxVirtual from now.
func (n *Network) RunToQuiescence(maxVirtual time.Duration) error {
	limit := n.Now().Add(maxVirtual)
	for {
		more, err := n.step(limit, true)
		if err != nil {
			return err
		}
		if !more {
			return n.quiet(maxVirtual)
		}
	}
}

func (n *Network) quiet(after time.Duration) error {
	if t, st, ok := n.earliest(); ok && !n.rests(st) {
		return fmt.Errorf("not quiet after %s of virtual time: the next event is due at %s", after, time.Duration(t))
	}
	return nil
}

// earliest returns when the next thing happens and, if it is no datagram, to whom. Of what is due at once datagrams
// come first, by sequence, then nodes in the order in which they were attached.
func (n *Network) earliest() (at clock.Time, st *station, ok bool) {
	if len(n.queue.heap) > 0 {
		at, ok = n.queue.heap[0].at, true
	}
	for _, s := range n.stations {
		if t, waits := s.node.Next(); waits && (!ok || t < at) {
			at, st, ok = t, s, true
		}
	}
	return at, st, ok
}

// Rester is a Node that may have deadlines which go on for ever: registrations that end, and are refreshed.
type Rester interface {
	// Rests reports whether it waits for nothing else.
	Rests() bool
}

// rests reports whether what comes next, at st, is a deadline of those that go on for ever, and so are all.
func (n *Network) rests(st *station) bool {
	if st == nil || len(n.queue.heap) > 0 || !st.rests() {
		return false
	}
	for _, s := range n.stations {
		if _, waits := s.node.Next(); waits && !s.rests() {
			return false
		}
	}
	return true
}

func (s *station) rests() bool {
	r, ok := s.node.(Rester)
	return ok && r.Rests()
}

// step runs the next thing that happens unless it is due after limit, or, if it is to stop at rest, nothing has an end.
func (n *Network) step(limit clock.Time, stop bool) (bool, error) {
	at, st, ok := n.earliest()
	if !ok || at > limit || stop && n.rests(st) {
		return false, nil
	}
	now := n.Now()
	if at > now {
		n.clk.Set(at)
		now, n.atOnce = at, 0
	}
	if n.atOnce++; n.atOnce > maxAtOnce {
		return false, fmt.Errorf("%w: %d steps at %s", ErrStuck, maxAtOnce, time.Duration(now))
	}
	if st != nil {
		st.node.Tick(now)
		return true, nil
	}
	p := n.queue.pop()
	n.deliver(now, p)
	n.queue.release(p)
	return true, nil
}

// deliver hands a datagram to the node at its destination, or tells the sender that there is none.
func (n *Network) deliver(now clock.Time, p *packet) {
	remote := p.flow.Remote
	to := n.site(remote, p.flow.Transport)
	reach := n.reach[remote]
	switch {
	case reach == Blackhole:
		n.stats.Lost++
	case to == nil || reach == Refusing || n.refused[place{remote, p.flow.Transport}]:
		n.stats.Refused++
		p.from.node.SendFailed(now, p.flow, syscall.ECONNREFUSED)
	default:
		st := to.stations[0]
		if to.pick != nil {
			st = to.stations[to.pick(p.buf)]
		}
		n.stats.Delivered++
		st.node.Receive(now, flow.Flow{Remote: p.source, Listener: to.listener, Transport: p.flow.Transport}, p.buf)
	}
}
