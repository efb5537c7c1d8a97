package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// event is something that a shard was told.
type event struct {
	flow flow.Flow
	text string
	err  error
}

// stage is a shard that tells of everything and answers messages with themselves if echo is set.
type stage struct {
	*peer
	t      testing.TB
	addr   []netip.AddrPort
	events chan event
}

func newStage(t testing.TB, c Config, echo bool, change ...func(h *streams)) *stage {
	t.Helper()
	c.Shards = 1
	ps, bound := openConfig(t, c)
	for _, f := range change {
		f(ps[0].streams)
	}
	s := &stage{peer: ps[0], t: t, addr: bound, events: make(chan event, 100_000)}
	s.receive = func(_ clock.Time, f flow.Flow, b []byte) {
		s.events <- event{flow: f, text: string(b)}
		if echo {
			s.Send(f, b)
		}
	}
	s.failed = func(f flow.Flow, err error) { s.events <- event{flow: f, err: err} }
	run(t, ps...)
	return s
}

// next returns the next thing that the shard was told.
func (s *stage) next() event {
	s.t.Helper()
	select {
	case e := <-s.events:
		return e
	case <-time.After(patience):
		s.t.Fatal("the shard is told nothing")
		return event{}
	}
}

// send sends from the shard's goroutine.
func (s *stage) send(f flow.Flow, text string) {
	s.Post(func(clock.Time) { s.Send(f, []byte(text)) })
}

func listens(t testing.TB, list ...string) (ls []Listen) {
	t.Helper()
	for _, l := range list {
		listen, err := ParseListen(l)
		if err != nil {
			t.Fatal(err)
		}
		ls = append(ls, listen)
	}
	return ls
}

func tcpConfig(t testing.TB) Config {
	return Config{Listens: listens(t, "udp:127.0.0.61:0", "tcp:127.0.0.61:0")}
}

// connect opens a connection that gives up after patience.
func connect(t testing.TB, to netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	return limited(t, c)
}

func limited(t testing.TB, c net.Conn) net.Conn {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

func say(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// hear reads exactly that.
func hear(t testing.TB, c io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("heard %q (%v), want %q", b[:n], err, want)
	}
}

// met opens a connection, says something and hears an answer. Where the other side has little patience and the machine is slow, it is tried
// again.
func met(t testing.TB, to netip.AddrPort, says, answer string) net.Conn {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		c := connect(t, to)
		_, _ = io.WriteString(c, says) // the other side may have enough before the end
		b := make([]byte, len(answer))
		n, err := io.ReadFull(c, b)
		if !strings.HasPrefix(answer, string(b[:n])) || time.Now().After(end) {
			t.Fatalf("heard %q (%v), want %q", b[:n], err, answer)
		}
		if err == nil {
			return c
		}
		c.Close()
	}
}

// ended waits until the other side ends the connection.
func ended(t testing.TB, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is not ended")
	}
}

// opened waits until there are n connections.
func (s *stage) opened(n int) {
	s.t.Helper()
	for end := time.Now().Add(patience); s.Connections().Open != n; {
		if time.Now().After(end) {
			s.t.Fatalf("%d connections, want %d", s.Connections().Open, n)
		}
		stats(s.t, s.peer)
	}
}

// A keep-alive is answered at once, before, between and within the parts of messages (RFC 5626 §4.4.1).
func TestRFC_090_KeepAlive(t *testing.T) {
	s := newStage(t, tcpConfig(t), true)
	c := connect(t, s.addr[1])
	say(t, c, "\r\n\r\n")
	hear(t, c, "\r\n")
	say(t, c, "\r\n")
	say(t, c, "\r\n")
	hear(t, c, "\r\n")
	say(t, c, framed("")+"\r\n\r\n"+framed("body"))
	hear(t, c, "\r\n")
	hear(t, c, framed(""))
	hear(t, c, framed("body"))
}

func TestConnectionAnswers(t *testing.T) {
	s := newStage(t, tcpConfig(t), true)
	c := connect(t, s.addr[1])
	one, two := framed(""), framed("body")
	say(t, c, "\r\n\r\n"+one+two[:20])
	hear(t, c, "\r\n"+one)
	say(t, c, two[20:])
	hear(t, c, two)
	f := s.next().flow
	want := flow.Flow{Remote: addrPort(c.LocalAddr()), Conn: f.Conn, Listener: 1, Transport: flow.TCP}
	if f != want || f.Conn == 0 {
		t.Errorf("flow %+v, want %+v", f, want)
	}
	// An answer that names no connection takes the one to the peer.
	s.next()
	f.Conn = 0
	s.send(f, one)
	hear(t, c, one)
	if n := s.Connections(); n.Open != 1 || n.Accepted != 1 || n.Dialled != 0 {
		t.Errorf("%+v", n)
	}
}

// RFC 3261 §18.2.2: what is for a connection that is gone goes to the address beside it, and on that one from then on.
func TestGoneConnection(t *testing.T) {
	s := newStage(t, tcpConfig(t), false)
	there, err := net.Listen("tcp4", "127.0.0.62:0")
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	c := connect(t, s.addr[1])
	say(t, c, framed(""))
	f := s.next().flow
	c.Close()
	if e := s.next(); !errors.Is(e.err, flow.ErrLost) || e.flow != (flow.Flow{Conn: f.Conn}) {
		t.Errorf("told %+v", e)
	}
	f.Remote = addrPort(there.Addr())
	s.send(f, framed("a"))
	s.send(f, framed("b"))
	again, err := there.Accept()
	if err != nil {
		t.Fatal(err)
	}
	hear(t, limited(t, again), framed("a")+framed("b"))
	if from := addrPort(again.RemoteAddr()).Addr(); from != s.addr[1].Addr() {
		t.Errorf("called from %s, want the listener's address", from)
	}
	say(t, again, framed("c"))
	for s.next().text != framed("c") {
		continue // the close is told twice: by connection and by peer
	}
}

func TestRefusedConnection(t *testing.T) {
	s := newStage(t, tcpConfig(t), false)
	there, err := net.Listen("tcp4", "127.0.0.62:0")
	if err != nil {
		t.Fatal(err)
	}
	to := flow.Flow{Remote: addrPort(there.Addr()), Listener: 1, Transport: flow.TCP}
	there.Close()
	s.send(to, framed(""))
	if e := s.next(); !errors.Is(e.err, syscall.ECONNREFUSED) || e.flow != to.Key() {
		t.Errorf("told %+v", e)
	}
	s.opened(0)
	// A WebSocket cannot be made from here, nor a connection from a listener for something else.
	web := flow.Flow{Remote: to.Remote, Listener: 1, Transport: flow.WS}
	s.send(web, framed(""))
	if e := s.next(); !errors.Is(e.err, ErrNoListener) || e.flow != web {
		t.Errorf("told %+v", e)
	}
}

func TestConnectionLimits(t *testing.T) {
	c := tcpConfig(t)
	c.Limits = Limits{Conns: 3, ConnsPerSource: 2}
	s := newStage(t, c, true)
	try := func(ip string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		return d.Dial("tcp", s.addr[1].String())
	}
	from := func(ip string) net.Conn {
		conn, err := try(ip)
		if err != nil {
			t.Fatal(err)
		}
		return limited(t, conn)
	}
	refused := func(ip string) {
		if conn, err := try(ip); err == nil { // else it was reset at once
			ended(t, limited(t, conn))
		}
	}
	good := from("127.0.0.62")
	say(t, good, framed(""))
	hear(t, good, framed(""))
	from("127.0.0.62")
	refused("127.0.0.62") // a third of one source
	from("127.0.0.63")
	s.opened(3)
	refused("127.0.0.64") // a fourth of all
	say(t, good, framed("x"))
	hear(t, good, framed("x"))
	if n := s.Connections(); n.Refused != 2 {
		t.Errorf("%+v", n)
	}
	good.Close()
	s.opened(2)
	again := from("127.0.0.62")
	say(t, again, framed("y"))
	hear(t, again, framed("y"))
}

// Whoever dawdles or says too much is closed, and in nobody's way.
func TestBadPeers(t *testing.T) {
	cert := newAuthority(t).issue(t, "pbx.example")
	c := tcpConfig(t)
	c.Listens = append(c.Listens, listens(t, "tls:127.0.0.61:0", "ws:127.0.0.61:0")...)
	c.Listens[2].Security = &Security{Pairs: []Pair{cert}}
	c.Limits = Limits{Patience: 500 * time.Millisecond}
	s := newStage(t, c, true, func(h *streams) { h.bye = 500 * time.Millisecond })
	for name, p := range map[string]struct {
		listener int
		says     string
	}{
		"nothing at all":       {1, ""},
		"slow header":          {1, "OPTIONS sip:a SIP/2.0\r\nVia: "},
		"slow body":            {1, framed("body")[:len(framed("body"))-1]},
		"half a TLS handshake": {2, "\x16\x03\x01"},
		"no TLS handshake":     {2, ""},
		"half an upgrade":      {3, "GET / HTTP/1.1\r\nHost: x\r\n"},
		"endless upgrade":      {3, "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", maxUpgrade)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := connect(t, s.addr[p.listener])
			_, _ = io.WriteString(bad, p.says) // the other side may have enough before the end
			met(t, s.addr[1], framed(""), framed(""))
			ended(t, bad)
			if p.listener == 1 {
				ended(t, met(t, s.addr[1], p.says, p.says)) // an answer can be given to what there is
			}
		})
	}
	for name, says := range map[string]string{
		"huge length":    "OPTIONS sip:a SIP/2.0\r\nContent-Length: 9999999\r\n\r\n",
		"no length":      "OPTIONS sip:a SIP/2.0\r\n\r\n",
		"endless header": strings.Repeat("A: b\r\n", maxHeader/6+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended(t, met(t, s.addr[1], says, says[:20])) // an answer can be given
		})
	}
}

// A peer that reads nothing costs a queue, and nobody else's time.
func TestDeafPeer(t *testing.T) {
	c := tcpConfig(t)
	c.Limits = Limits{Queue: 1 << 20, Patience: patience} // a slow machine fills no queue in the usual one
	s := newStage(t, c, false)
	deaf, good := connect(t, s.addr[1]), connect(t, s.addr[1])
	say(t, deaf, framed(""))
	f := s.next().flow
	large := framed(strings.Repeat("x", 60_000))
	for range 1000 {
		s.send(f, large)
	}
	say(t, good, framed("good"))
	for answered, overrun := false, false; !answered || !overrun; {
		e := s.next()
		if e.text == framed("good") {
			answered = true
			s.send(e.flow, framed("good"))
		}
		overrun = overrun || e.flow.Conn == f.Conn && errors.Is(e.err, ErrOverrun)
	}
	hear(t, good, framed("good"))
	if n := s.Connections(); n.Overrun == 0 {
		t.Errorf("%+v", n)
	}
}

// What a peer that reads nothing has coming to it takes as much memory as it says: of a ping nothing is kept but its answer.
func TestDeafPeerPings(t *testing.T) {
	s := newStage(t, tcpConfig(t), false)
	c := &conn{hub: s.streams, listener: s.streams.listeners[1], born: time.Now()}
	c.hub.limits.Queue = 1000
	for range c.hub.limits.Queue / len(crlf) {
		if err := c.push(flow.Flow{}, crlf); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.queue.items); n > 0 || len(c.queue.buf) != c.hub.limits.Queue {
		t.Errorf("%d bytes wait, and %d things are noted of them", len(c.queue.buf), n)
	}
	if err := c.push(flow.Flow{}, crlf); !errors.Is(err, ErrOverrun) {
		t.Errorf("one more: %v", err)
	}
}

// A peer that ends its own side hears the answers to what it has asked; no request goes there any more.
func TestHalfClosed(t *testing.T) {
	for name, c := range map[string]struct{ says, hears string }{
		"a request":               {framed("body"), "SIP/2.0 200 OK\r\n\r\n"},
		"two requests":            {framed("") + framed("body"), "SIP/2.0 200 OK\r\n\r\nSIP/2.0 200 OK\r\n\r\n"},
		"a request without end":   {framed("body")[:30], "SIP/2.0 200 OK\r\n\r\n"},
		"nothing":                 {"", ""},
		"an ACK":                  {"ACK sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n", ""},
		"a response":              {"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"what is none of SIP's":   {"GET / HTTP/1.0\r\n", ""},
		"a request and a ping":    {"\r\n\r\n" + framed(""), "\r\nSIP/2.0 200 OK\r\n\r\n"},
		"one that is provisional": {framed("ring"), "SIP/2.0 180 Ringing\r\n\r\nSIP/2.0 200 OK\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, tcpConfig(t), false, func(h *streams) { h.bye = patience })
			conn := connect(t, s.addr[1])
			say(t, conn, c.says)
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			var asked []event
			for told := c.says == ""; !told; { // the end, even while answers are owed
				e := s.next()
				if told = e.err != nil; !told {
					asked = append(asked, e)
				}
			}
			for _, e := range asked {
				if strings.Contains(e.text, "ring") {
					s.send(e.flow, "SIP/2.0 180 Ringing\r\n\r\n")
				}
				if strings.Contains(c.hears, "200") {
					s.send(e.flow, "SIP/2.0 200 OK\r\n\r\n")
				}
			}
			hear(t, conn, c.hears)
			ended(t, conn)
			s.opened(0)
			for told := c.says == ""; !told; { // by the peer's address, too
				e := s.next()
				told = e.err != nil && e.flow.Conn == 0
			}
			for stats(t, s.peer); len(s.events) > 0; {
				if e := <-s.events; e.err != nil {
					t.Errorf("the end was told again: %v", e.flow)
				}
			}
		})
	}
}

func TestIdleConnectionEnds(t *testing.T) {
	for name, l := range map[string]Limits{
		"idle": {Idle: 100 * time.Millisecond},
		"old":  {Lifetime: time.Millisecond, Idle: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tcpConfig(t)
			c.Limits = l
			s := newStage(t, c, true, func(h *streams) { h.pause = 100 * time.Millisecond })
			ended(t, met(t, s.addr[1], framed(""), framed("")))
			s.opened(0)
		})
	}
}

// exhausted is a listener without file descriptors, for some time.
type exhausted struct {
	net.Listener
	times int
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.times--; l.times < 0 {
		return nil, net.ErrClosed
	}
	return nil, syscall.EMFILE
}

// Who takes all file descriptors does not fill the log, too.
func TestNoDescriptors(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	h := &streams{log: zap.New(core)}
	h.accept(&streamListener{Listener: &exhausted{times: 3}})
	if n := logs.Len(); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// What is sent in the last turn leaves before the connection is closed.
func TestLastWords(t *testing.T) {
	ps, bound := openConfig(t, Config{Listens: listens(t, "tcp:127.0.0.61:0"), Shards: 1})
	ctx, cancel := context.WithCancel(context.Background())
	ps[0].receive = func(_ clock.Time, f flow.Flow, b []byte) {
		cancel()
		for range 100 {
			ps[0].Send(f, b)
		}
	}
	done := make(chan error)
	go func() { done <- ps[0].Run(ctx, clock.NewWall(), ps[0]) }()
	c := connect(t, bound[0])
	say(t, c, framed("bye"))
	hear(t, c, strings.Repeat(framed("bye"), 100))
	ended(t, c)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Connections come and go; nothing of them stays.
func TestChurn(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 1000
	}
	c := tcpConfig(t)
	c.Shards = 1
	s := newStage(t, c, true)
	conns := make(chan net.Conn, 8)
	go func() {
		defer close(conns)
		for i := range n {
			conn, err := net.Dial("tcp", s.addr[1].String())
			if err != nil {
				t.Error(err)
				return
			}
			if i%2 == 0 {
				_ = conn.(*net.TCPConn).SetLinger(0)
			}
			conns <- conn
		}
	}()
	one := "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n" // a response: the echo of a request would leave that unanswered
	for conn := range conns {
		_ = conn.SetDeadline(time.Now().Add(patience))
		say(t, conn, one)
		hear(t, conn, one)
		conn.Close()
	}
	s.opened(0)
	h := s.streams
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns)+len(h.peers)+len(h.sources) > 0 || int(h.accepted.Load()) != n {
		t.Errorf("left: %d connections, %d peers, %d sources; %d accepted", len(h.conns), len(h.peers), len(h.sources), h.accepted.Load())
	}
}

var nopLog = zap.NewNop()
