//go:build !linux || tandem_portable

package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tandem/engine/flow"
)

// port is where there is no SO_REUSEPORT that spreads datagrams, nor calls that move many: one
// socket per listener, which all shards send from. The first shard runs a reader for each, which
// hands datagrams to the shards by the peer's address. It is slower and the rest is the same.
type port struct {
	hub   *hub
	timer *time.Timer
	wakes chan struct{}

	slept  bool
	failed []failure
}

// hub is the sockets, shared by the shards of an Open.
type hub struct {
	conns   []*net.UDPConn // by listener; nil if it is not for UDP
	open    atomic.Int32   // ports not closed yet
	readers sync.WaitGroup
	first   *port
}

const (
	bufferBytes = 4 << 20               // of the socket, each way
	errorPause  = 10 * time.Millisecond // before reading a socket again that has failed
)

// listenUDP binds a socket, or takes the one that was handed over.
func listenUDP(network string, l Listen, given []*os.File) (*net.UDPConn, error) {
	switch len(given) {
	case 0:
		return net.ListenUDP(network, net.UDPAddrFromAddrPort(l.Addr))
	case 1:
		c, err := net.FilePacketConn(given[0])
		if err != nil {
			return nil, err
		}
		return c.(*net.UDPConn), nil
	}
	return nil, fmt.Errorf("%d sockets were handed over for one address; hand over one", len(given))
}

func openPorts(listens []Listen, n int, given [][]*os.File) ([]*port, []netip.AddrPort, error) {
	h := &hub{}
	bound := make([]netip.AddrPort, len(listens))
	for i, l := range listens {
		if l.Transport != flow.UDP {
			h.conns = append(h.conns, nil)
			continue
		}
		network := "udp4"
		if l.Addr.Addr().Is6() {
			network = "udp6"
		}
		c, err := listenUDP(network, l, given[i])
		if err != nil {
			_ = h.close() // the first error is the one to tell
			return nil, nil, explainBind(l, err)
		}
		_ = c.SetReadBuffer(bufferBytes) // smaller ones work too
		_ = c.SetWriteBuffer(bufferBytes)
		h.conns = append(h.conns, c)
		bound[i] = netip.AddrPortFrom(l.Addr.Addr(), uint16(c.LocalAddr().(*net.UDPAddr).Port))
	}
	h.open.Store(int32(n))
	ports := make([]*port, n)
	for i := range ports {
		t := time.NewTimer(time.Hour)
		t.Stop()
		ports[i] = &port{hub: h, timer: t, wakes: make(chan struct{}, 1)}
	}
	h.first = ports[0]
	return ports, bound, nil
}

// start starts the readers, if this is the first shard.
func (p *port) start(shards []*Shard, index int) {
	if index != 0 {
		return
	}
	for i, c := range p.hub.conns {
		if c == nil {
			continue
		}
		p.hub.readers.Go(func() { read(c, uint8(i), shards) })
	}
}

func (p *port) deafen() { p.stop() }

// stop ends the readers, if this is the first shard.
func (p *port) stop() {
	if p.hub.first != p {
		return
	}
	for _, c := range p.hub.conns {
		if c == nil {
			continue
		}
		_ = c.SetReadDeadline(farPast) // fails only when closed, which ends the reader too
	}
	p.hub.readers.Wait()
}

func read(c *net.UDPConn, listener uint8, shards []*Shard) {
	buf := make([]byte, MaxDatagram+1)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // of ICMP, or of one datagram
			time.Sleep(errorPause)
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		s := shards[hash(from)%uint32(len(shards))]
		if s.forward(flow.Flow{Remote: from, Listener: listener, Transport: flow.UDP}, buf[:n], nil) {
			s.counts.in.Add(1)
		}
	}
}

// hash is FNV-1a.
func hash(a netip.AddrPort) uint32 {
	h := uint32(2166136261)
	for _, c := range a.Addr().As16() {
		h = (h ^ uint32(c)) * 16777619
	}
	return (h^uint32(a.Port()&0xff))*16777619 ^ uint32(a.Port()>>8)
}

// recv only sleeps; datagrams come through the mailbox.
func (p *port) recv(sleep bool) (n int, expired bool, err error) {
	if p.slept = sleep; !sleep {
		return 0, false, nil
	}
	select {
	case <-p.wakes:
		return 0, false, nil
	case <-p.timer.C:
		return 0, true, nil
	}
}

func (p *port) more() bool                       { return false }
func (p *port) datagram(int) (flow.Flow, []byte) { return flow.Flow{}, nil }
func (p *port) arm(d time.Duration)              { p.timer.Reset(max(d, 0)) }
func (p *port) disarm()                          { p.timer.Stop() }
func (p *port) kernelDrops() uint64              { return 0 } // not known

func (p *port) wake() {
	select {
	case p.wakes <- struct{}{}:
	default:
	}
}

// send sends a listener's queue, waiting for a full socket as the net package does.
func (p *port) send(listener int, q *queue) (sent, refused, dropped int) {
	c := p.hub.conns[listener]
	for i := range q.items {
		f := q.items[i].flow
		_, err := c.WriteToUDPAddrPort(q.datagram(i), f.Remote)
		if err == nil {
			sent++
			continue
		}
		refused++
		p.failed = append(p.failed, failure{flow: f, err: err})
	}
	return sent, refused, dropped
}

// close closes the sockets with the last port.
func (p *port) close() error {
	p.timer.Stop()
	if p.hub.open.Add(-1) > 0 {
		return nil
	}
	return p.hub.close()
}

func (h *hub) close() (err error) {
	for _, c := range h.conns {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}
