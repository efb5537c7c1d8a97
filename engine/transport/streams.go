package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tandem/engine/flow"
)

// The errors of connections.
var (
	// ErrNoConnection is what a message fails with whose connection is gone and cannot be made anew: a WebSocket is the
	// client's to open (RFC 7118 §5).
	ErrNoConnection = errors.New("the connection is gone and cannot be made from here")
	// ErrOverrun is what a connection ends with whose peer does not read what it is sent.
	ErrOverrun = errors.New("the peer does not read")
	// ErrStopped is what a connection ends with when the shards stop.
	ErrStopped = errors.New("stopped")
)

const (
	acceptPause = 50 * time.Millisecond // before accepting again where that has failed, by want of file descriptors
	// acceptSilence is how often that is said.
	acceptSilence = 10 * time.Second
	lastWords     = 3 * time.Second // in which what was sent before a stop may leave
)

// streams is the connections of all shards. Each has a goroutine that reads and, while there is something to write, one that
// writes; a shard waits for neither.
type streams struct {
	shards    []*Shard
	pick      func(b []byte) int
	admits    func(listener uint8, a netip.Addr) bool // may be nil
	limits    Limits
	bye       time.Duration // as the constants of these names, which tests have other ideas of
	pause     time.Duration
	log       *zap.Logger
	listeners []*streamListener // by listener; nil for UDP
	dialTLS   tlsDialer
	gate      gate

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup

	mu      sync.RWMutex
	conns   map[uint32]*conn
	peers   map[peerKey]*conn // where what names no connection goes
	sources map[netip.Prefix]int
	last    uint32
	ended   atomic.Bool // set under mu

	accepted, dialled, refused, failed, broken, overrun atomic.Uint64
}

// streamListener is a listening socket.
type streamListener struct {
	net.Listener
	index  uint8
	listen Listen
	cert   *identity // for TLS and WSS
}

// peerKey is what a connection has to have in common with a flow that names none.
type peerKey struct {
	remote    netip.AddrPort
	name      string
	transport flow.Transport
}

func keyOf(f flow.Flow) peerKey { return peerKey{f.Remote, f.Name, f.Transport} }

// openStreams binds the listeners that are not for UDP and notes their addresses in bound.
func openStreams(c Config, bound []netip.AddrPort, given [][]*os.File) (*streams, error) {
	h := &streams{
		pick: c.Pick, admits: c.Admit, limits: c.Limits.withDefaults(), bye: bye, pause: pause, log: c.Log, gate: newGate(), dialTLS: tlsDialer{roots: c.Roots},
		listeners: make([]*streamListener, len(c.Listens)),
		conns:     map[uint32]*conn{}, peers: map[peerKey]*conn{}, sources: map[netip.Prefix]int{},
	}
	if h.log == nil {
		h.log = zap.NewNop()
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	for i, l := range c.Listens {
		if l.Transport == flow.UDP {
			continue
		}
		sl, err := bindStream(l, uint8(i), given[i], h.log)
		if err != nil {
			h.closeListeners()
			return nil, err
		}
		h.listeners[i] = sl
		bound[i] = netip.AddrPortFrom(l.Addr.Addr(), uint16(sl.Addr().(*net.TCPAddr).Port))
	}
	return h, nil
}

func bindStream(l Listen, index uint8, given []*os.File, log *zap.Logger) (*streamListener, error) {
	sl := &streamListener{index: index, listen: l}
	if l.Transport.Secure() {
		if l.Security == nil || len(l.Security.Pairs) == 0 {
			return nil, fmt.Errorf("listen %s: no certificate: name the files of one and of its key", l)
		}
		var err error
		if sl.cert, err = newIdentity(*l.Security, log); err != nil {
			return nil, fmt.Errorf("listen %s: %w", l, err)
		}
	}
	var err error
	if sl.Listener, err = listenTCP(l, given); err != nil {
		return nil, explainBind(l, err)
	}
	return sl, nil
}

// listenTCP binds a listener, or takes the one that was handed over.
func listenTCP(l Listen, given []*os.File) (net.Listener, error) {
	switch len(given) {
	case 0:
		network := "tcp4"
		if l.Addr.Addr().Is6() {
			network = "tcp6"
		}
		return net.ListenTCP(network, net.TCPAddrFromAddrPort(l.Addr))
	case 1:
		return net.FileListener(given[0])
	}
	return nil, fmt.Errorf("%d sockets were handed over for one address; hand over one", len(given))
}

func (h *streams) closeListeners() {
	for _, l := range h.listeners {
		if l != nil {
			_ = l.Close() // it is not used any more
		}
	}
}

// run accepts connections until end.
func (h *streams) run() {
	for _, l := range h.listeners {
		if l != nil {
			h.done.Go(func() { h.accept(l) })
		}
	}
}

// end closes everything and waits for it. What was sent before leaves, if the peer takes it in time.
func (h *streams) end() {
	h.closeListeners()
	h.mu.Lock()
	h.ended.Store(true)
	all := make([]*conn, 0, len(h.conns))
	for _, c := range h.conns {
		all = append(all, c)
	}
	h.mu.Unlock()
	until := time.Now().Add(lastWords)
	for _, c := range all {
		c.finish(until)
	}
	drained := make(chan struct{})
	go func() { h.done.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(2 * lastWords):
		for _, c := range all {
			c.close(ErrStopped)
		}
		<-drained
	}
	h.stop()
}

func (h *streams) accept(l *streamListener) {
	var told time.Time
	for {
		raw, err := l.Accept()
		switch {
		case err == nil:
			h.welcome(l, raw)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			if now := time.Now(); now.Sub(told) >= acceptSilence {
				told = now
				h.log.Warn("no connection can be accepted; without file descriptors raise LimitNOFILE, or ulimit -n", zap.String("listener", l.listen.String()), zap.Error(err))
			}
			time.Sleep(acceptPause)
		}
	}
}

// welcome takes a connection of a peer, or closes it if there are too many.
func (h *streams) welcome(l *streamListener, raw net.Conn) {
	c := &conn{hub: h, listener: l, raw: raw, remote: addrPort(raw.RemoteAddr()), inbound: true, born: time.Now()}
	c.heard.Store(c.born.UnixNano())
	if !h.admit(c) {
		h.refused.Add(1)
		if tcp, ok := raw.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // with a reset: nothing of it is to stay here
		}
		_ = raw.Close()
		return
	}
	h.accepted.Add(1)
	h.done.Go(c.serve)
}

func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// sourceOf returns what counts as one source: an IPv4 address or an IPv6 /64, of which one host commonly has all.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // cannot fail for these
	return p
}

// admit enters a connection of a peer in the tables, if the limits let it.
func (h *streams) admit(c *conn) bool {
	if h.admits != nil && !h.admits(c.listener.index, c.remote.Addr()) {
		return false
	}
	from := sourceOf(c.remote.Addr())
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended.Load() || len(h.conns) >= h.limits.Conns || h.sources[from] >= h.limits.ConnsPerSource {
		return false
	}
	h.sources[from]++
	h.enter(c)
	return true
}

func (h *streams) enter(c *conn) {
	for {
		h.last++
		if _, taken := h.conns[h.last]; h.last != 0 && !taken {
			break
		}
	}
	c.id = h.last
	h.conns[c.id] = c
	if c.inbound && c.listener.listen.Transport == flow.TLS {
		return // whoever connected has not shown whom a message for that address may be told to: RFC 5923 §8
	}
	if k := keyOf(c.flow()); h.peers[k] == nil {
		h.peers[k] = c
	}
}

// unlist leaves a connection to those who name it.
func (h *streams) unlist(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := keyOf(c.flow()); h.peers[k] == c {
		delete(h.peers, k)
	}
}

// forget takes a connection out of the tables.
func (h *streams) forget(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c.id)
	if k := keyOf(c.flow()); h.peers[k] == c {
		delete(h.peers, k)
	}
	if !c.inbound {
		return
	}
	from := sourceOf(c.remote.Addr())
	if h.sources[from]--; h.sources[from] == 0 {
		delete(h.sources, from)
	}
}

// send queues a message on the connection that its flow names, else on one to the same peer, else on a new one
// (RFC 3261 §18.1.1, §18.2.2). It does not wait.
func (h *streams) send(f flow.Flow, b []byte) error {
	h.mu.RLock()
	c := h.conns[f.Conn]
	if c == nil && !f.Fixed {
		c = h.peers[keyOf(f)]
	}
	h.mu.RUnlock()
	if c != nil {
		if err := c.push(f, b); !errors.Is(err, errGone) {
			return err
		}
	}
	if f.Fixed || f.Transport != flow.TCP && f.Transport != flow.TLS {
		return ErrNoConnection
	}
	return h.dial(f, b)
}

// dial begins a connection, unless another shard just has.
func (h *streams) dial(f flow.Flow, b []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended.Load() {
		return ErrStopped
	}
	if c := h.peers[keyOf(f)]; c != nil && c.join(f, b) {
		return nil
	}
	c := &conn{hub: h, listener: h.listeners[f.Listener], remote: f.Remote, name: f.Name, born: time.Now()}
	c.heard.Store(c.born.UnixNano())
	delete(h.peers, keyOf(c.flow())) // one that is about to be forgotten
	h.enter(c)
	c.put(f, b, false)
	h.dialled.Add(1)
	h.done.Go(c.dial)
	return nil
}

// deliver hands a message to its shard. One that is busy makes the connection wait, and nobody else.
func (h *streams) deliver(c *conn, b []byte) {
	s := h.shards[0]
	if h.pick != nil {
		s = h.shards[h.pick(b)]
	}
	for pause := time.Millisecond; !s.mail.forward(c.flow(), b, nil); pause = min(2*pause, 50*time.Millisecond) {
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(pause):
		}
		if c.gone.Load() || s.halted.Load() {
			return
		}
	}
	s.counts.in.Add(1)
	s.wake()
}

// report tells every shard that what was sent on a flow did not arrive: any of them may have used it.
func (h *streams) report(f flow.Flow, err error) {
	if h.ended.Load() {
		return // nobody is left to do anything about it
	}
	for _, s := range h.shards {
		s.forward(f, nil, err)
	}
}

func (h *streams) stats() ConnStats {
	h.mu.RLock()
	n := len(h.conns)
	h.mu.RUnlock()
	return ConnStats{
		Open: n, Accepted: h.accepted.Load(), Dialled: h.dialled.Load(), Refused: h.refused.Load(),
		Failed: h.failed.Load(), Broken: h.broken.Load(), Overrun: h.overrun.Load(),
	}
}
