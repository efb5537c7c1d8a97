package seeds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

var (
	self  = netip.MustParseAddrPort("192.0.2.1:5060")
	start = time.Date(2026, 11, 23, 9, 15, 0, 0, time.UTC)
)

// world is one run: the engine's shards and the parties on a virtual network, and the book of what passes between.
type world struct {
	spec   *Spec
	net    *sim.Network
	eng    *engine.Engine
	out    sim.Sender // of the parties
	heap   clock.Heap // theirs
	sites  []netip.AddrPort
	site   map[netip.AddrPort]uint8
	book   book
	msg    message.Message // that a party received
	held   []*held         // free
	twist  twist
	spoilt func(b []byte) // writes down what a twist adds
	ops    *sim.Operations
	users  users
	log    bytes.Buffer // of the engine, where somebody looks at it
}

// twist spoils what the engine does, before it is written down, to show that it would be found out: it returns what
// is sent in place of b, nil for nothing.
type twist func(w *world, m *message.Message, b []byte) []byte

// newWorld builds everything and sets the calls going. The sink may be nil.
func newWorld(spec *Spec, shards int, sink trace.Sink) *world {
	w := &world{spec: spec, net: sim.NewNetwork(start, spec.Seed), site: make(map[netip.AddrPort]uint8)}
	w.book = book{w: w, legs: make(map[string]*leg), txns: make(map[string]*txn)}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[8:], spec.Seed)
	log := zap.NewNop()
	if sink != nil {
		log = zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "M", LineEnding: "\n"}), zapcore.AddSync(&w.log), zap.ErrorLevel))
	}
	w.eng = engine.New(engine.Config{
		Clock: w.net.Clock(), Seed: seed, Locals: []engine.Local{{SentBy: self.String(), Addr: self.Addr()}},
		Limits: spec.Limits, Resolver: w, Operations: w, Trace: sink, Log: log, Rules: w.rules(), Contacts: w,
	}, script{w}, shards)
	w.net.AttachEngine([]sim.Listener{{Addr: self}}, shards, w.eng.ShardOf, func(i int, out sim.Sender) sim.Node {
		t := &tap{w: w, shard: w.eng.Shards()[i], n: i, out: out}
		t.shard.Connect(t)
		return t
	})
	w.ops = w.net.AttachOperations(func(op *plan.Operation) sim.Outcome { return op.Work.(job).step.Work.outcome() })
	w.settle()
	for i := range spec.Calls {
		w.place(i)
	}
	for i := range spec.Requests {
		w.placeOutside(i)
	}
	for i := range spec.Reloads {
		w.at(clock.Time(spec.Reloads[i].At), func() { w.reload(&spec.Reloads[i]) })
	}
	return w
}

// settle attaches the parties, which are one node with many addresses, and has ports close when they are to.
func (w *world) settle() {
	for i := range w.spec.Calls {
		w.attach(w.spec.callerAddr(i), w.spec.Calls[i].RefuseAt)
		for p := range w.spec.Phones {
			w.attach(w.spec.phoneAddr(i, p), w.spec.Phones[p].RefuseAt)
		}
	}
	for i := range w.spec.Requests {
		r := &w.spec.Requests[i]
		w.attach(outsideAddr(i, -1), r.RefuseAt)
		for p := range r.Peers {
			w.attach(outsideAddr(i, p), r.Peers[p].RefuseAt)
		}
	}
	for p := range w.spec.Phones {
		if at := w.spec.Phones[p].RestartAt; at > 0 {
			w.at(clock.Time(at), func() { w.restart(p) })
		}
	}
	listeners := make([]sim.Listener, len(w.sites))
	for i := range w.sites {
		listeners[i].Addr = w.sites[i]
	}
	w.net.AttachEngine(listeners, 1, func([]byte) int { return 0 }, func(_ int, out sim.Sender) sim.Node {
		w.out = out
		return parties{w}
	})
}

func (w *world) attach(a netip.AddrPort, refuse time.Duration) {
	if _, there := w.site[a]; there {
		return
	}
	w.site[a] = uint8(len(w.sites))
	w.sites = append(w.sites, a)
	if refuse > 0 {
		w.at(clock.Time(refuse), func() { w.net.SetReach(a, sim.Refusing) })
	}
}

// restart has a phone forget everything.
func (w *world) restart(phone int) {
	for _, c := range w.book.calls {
		for _, l := range c.legs {
			if l.n > 0 && l.phone == phone && l.party != nil {
				l.party.gone = true
			}
		}
	}
}

// at has something done at an instant.
func (w *world) at(t clock.Time, do func()) {
	d := &deed{do: do}
	d.timer.Owner = d
	w.heap.Arm(&d.timer, max(t, w.net.Now()))
}

func (w *world) after(d time.Duration, do func()) { w.at(w.net.Now().Add(d), do) }

type deed struct {
	timer clock.Timer
	do    func()
}

func (d *deed) Fire(clock.Time, uint8) { d.do() }

var errUnknown = errors.New("no such host")

// Resolve finds phones that are known by name.
func (w *world) Resolve(_ int, u *message.URI, done func(now clock.Time, hops []flow.Hop, err error)) {
	var phone, call int
	host := string(u.Host)
	for p := range w.spec.Phones {
		for c := range w.spec.Calls {
			if uri, err := message.ParseURI([]byte(w.spec.uri(c, p, 0))); err == nil && string(uri.Host) == host {
				phone, call = p, c
			}
		}
	}
	p := &w.spec.Phones[phone]
	w.after(max(p.Lookup, time.Nanosecond), func() {
		if p.Unknown {
			done(w.net.Now(), nil, errUnknown)
			return
		}
		done(w.net.Now(), []flow.Hop{{Remote: w.spec.phoneAddr(call, phone)}}, nil)
	})
}

// tap stands between a shard and the network and writes down what passes.
type tap struct {
	w     *world
	shard *engine.Shard
	n     int
	out   sim.Sender
}

func (t *tap) Receive(now clock.Time, f flow.Flow, b []byte) {
	t.w.book.received(t.n, f, b)
	t.shard.Receive(now, f, b)
	t.w.book.settled()
}

func (t *tap) Tick(now clock.Time) {
	t.w.book.woken(now)
	t.shard.Tick(now)
	t.w.book.settled()
}

func (t *tap) Next() (clock.Time, bool) { return t.shard.Next() }

func (t *tap) SendFailed(now clock.Time, f flow.Flow, err error) {
	t.w.book.undelivered(t.n, f)
	t.shard.SendFailed(now, f, err)
	t.w.book.settled()
}

func (t *tap) Send(f flow.Flow, b []byte) {
	if t.w.twist != nil {
		var m message.Message
		if m.Parse(b) == nil {
			t.w.spoilt = func(b []byte) { t.w.book.sent(t.n, f, b) }
			if b = t.w.twist(t.w, &m, b); b == nil {
				return
			}
		}
	}
	l := t.w.book.sent(t.n, f, b)
	t.w.carry(t.out, f, b, l, 0)
}

// carry puts a datagram on its way: it may be lost, doubled, late. What becomes of it depends on the leg, the direction
// and its number there, not on what other calls do.
func (w *world) carry(out sim.Sender, f flow.Flow, b []byte, l *leg, dir int) {
	if l == nil {
		out.Send(f, b)
		return
	}
	l.fate[dir]++
	dice := dice(w.spec.Seed ^ uint64(l.call.n)<<56 ^ uint64(l.n)<<44 ^ uint64(dir)<<40 ^ uint64(l.fate[dir]))
	all, link := &w.spec.Weather, &weather{}
	switch {
	case l.n == 0:
	case l.call.outside != nil:
		link = &l.call.outside.Peers[l.phone].Weather
	case l.phone < len(w.spec.Phones):
		link = &w.spec.Phones[l.phone].Weather
	}
	if dice.percent(all.Loss) || dice.percent(link.Loss) {
		return
	}
	copies := 1
	if dice.percent(all.Dup) || dice.percent(link.Dup) {
		copies = 2
	}
	for range copies {
		d := all.Delay + link.Delay + dice.upTo(all.Jitter+link.Jitter)
		if d == 0 {
			out.Send(f, b)
			continue
		}
		w.hold(out, f, b, d)
	}
}

// held is a datagram that is late.
type held struct {
	w     *world
	timer clock.Timer
	out   sim.Sender
	f     flow.Flow
	b     []byte
}

func (w *world) hold(out sim.Sender, f flow.Flow, b []byte, d time.Duration) {
	var h *held
	if n := len(w.held); n > 0 {
		h, w.held = w.held[n-1], w.held[:n-1]
	} else {
		h = &held{w: w}
		h.timer.Owner = h
	}
	h.out, h.f, h.b = out, f, append(h.b[:0], b...)
	w.heap.Arm(&h.timer, w.net.Now().Add(d))
}

func (h *held) Fire(clock.Time, uint8) {
	h.out.Send(h.f, h.b)
	h.w.held = append(h.w.held, h)
}

// dice is a small random source (splitmix64).
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *dice) percent(p int) bool { return p > 0 && int(d.next()%100) < p }

func (d *dice) upTo(max time.Duration) time.Duration {
	if max <= 0 {
		return 0
	}
	return time.Duration(d.next() % uint64(max+1))
}

// parties is the node of all callers and phones.
type parties struct{ w *world }

func (p parties) Tick(now clock.Time)                         { p.w.heap.Run(now) }
func (p parties) Next() (clock.Time, bool)                    { return p.w.heap.Next() }
func (p parties) SendFailed(clock.Time, flow.Flow, error)     {}
func (p parties) Receive(_ clock.Time, f flow.Flow, b []byte) { p.w.deliver(f, b) }
