package transaction

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
)

// world is two layers with a network between them that loses, doubles and reorders what is sent by UDP. Everything in
// it is driven by one heap.
type world struct {
	t         *rapid.T
	heap      clock.Heap
	now       clock.Time
	transport flow.Transport
	rng       *rand.Rand
	loss      int // per cent, of datagrams sent before calm
	calm      clock.Time

	client, server end
	calls          map[string]*caller // by branch
	answers        map[string]*callee
}

type end struct {
	layer *Layer
	self  flow.Flow // as the other end sees it
}

// after runs what at the given instant.
func (w *world) after(d time.Duration, what func(now clock.Time)) {
	e := &event{what: what}
	e.timer.Owner = e
	w.heap.Arm(&e.timer, w.now.Add(d))
}

type event struct {
	timer clock.Timer
	what  func(now clock.Time)
}

func (e *event) Fire(now clock.Time, _ uint8) { e.what(now) }

// link is the way from one end to the other.
type link struct {
	w        *world
	from, to *end
}

// maxDelay is how long a datagram may travel. It is less than what the last copy of a request, 31.5 s after the first,
// has until the server that answered the first one at once forgets it.
const maxDelay = 450 * time.Millisecond

func (l *link) Send(_ flow.Flow, b []byte) {
	copies := 1
	if l.w.transport == flow.UDP && l.w.now < l.w.calm {
		switch n := l.w.rng.IntN(100); {
		case n < l.w.loss:
			copies = 0
		case n >= 90:
			copies = 2
		}
	}
	for range copies {
		raw := append([]byte(nil), b...)
		delay := 10 * time.Millisecond
		if l.w.transport == flow.UDP {
			delay = time.Duration(l.w.rng.Int64N(int64(maxDelay)))
		}
		l.w.after(delay, func(now clock.Time) {
			var m message.Message
			if err := m.Parse(raw); err != nil {
				l.w.t.Fatalf("sent: %v", err)
			}
			l.to.layer.Receive(now, &m, l.from.self)
		})
	}
}

// caller is the user of one request. It gives up ringing after three minutes, as Timer C does.
type caller struct {
	w       *world
	invite  bool
	tx      *Client
	outcome string
	finals  int
}

func (c *caller) Response(now clock.Time, tx *Client, m *message.Message) {
	if m.Status() < 200 {
		return
	}
	c.end(m.Status())
	if c.invite && m.Status() < 300 {
		ack := request("ACK", "branch=a"+string(m.TopVia().Branch), "to="+string(m.ToTag()), "callid="+string(m.CallID()))
		tx.Ack(now, []byte(ack), c.w.server.self, m.ToTag())
	}
}

func (c *caller) Failed(_ clock.Time, _ *Client, why Failure) { c.end(why) }

func (c *caller) end(what any) {
	c.finals++
	c.outcome = fmt.Sprint(what)
}

// callee is the user of one request on the other side.
type callee struct {
	w        *world
	tx       *Server
	requests int
	cancels  int
	final    int
	acked    bool
	raw      *message.Message
}

func (a *callee) respond(now clock.Time, code int) {
	b := a.raw.AppendResponse(nil, code, "", []byte("callee"), a.w.client.self.Remote)
	b = message.AppendBody(b, nil)
	if !a.tx.Respond(now, code, b) {
		return
	}
	if code >= 200 {
		a.final = code
	}
	if code/100 == 2 && a.tx.Method() == message.INVITE {
		a.repeat(b, DefaultTimers.T1, now.Add(64*DefaultTimers.T1))
	}
}

// repeat sends a 2xx again until its ACK comes (RFC 3261 §13.3.1.4).
func (a *callee) repeat(b []byte, wait time.Duration, until clock.Time) {
	a.w.after(wait, func(now clock.Time) {
		if a.acked || now >= until {
			return
		}
		a.tx.Resend(b)
		a.repeat(b, min(2*wait, DefaultTimers.T2), until)
	})
}

func (w *world) Request(now clock.Time, tx *Server, m *message.Message, _ flow.Flow) {
	a := w.answers[string(m.CallID())]
	a.tx, a.raw = tx, m.Clone()
	a.requests++
}

func (w *world) Cancel(now clock.Time, tx *Server, m *message.Message) {
	a := w.answers[string(m.CallID())]
	a.cancels++
	a.respond(now, 487)
}

func (w *world) Ack(_ clock.Time, m *message.Message, _ flow.Flow) {
	w.answers[string(m.CallID())].acked = true
}
func (w *world) Stray(clock.Time, *message.Message, flow.Flow)          {}
func (w *world) Unacknowledged(clock.Time, *message.Message, flow.Flow) {}

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, calls: map[string]*caller{}, answers: map[string]*callee{},
		transport: rapid.SampledFrom([]flow.Transport{flow.UDP, flow.UDP, flow.UDP, flow.TCP}).Draw(t, "transport"),
		rng:       rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)),
		loss:      rapid.IntRange(0, 90).Draw(t, "loss"),
		calm:      clock.Time(rapid.IntRange(0, 400).Draw(t, "calm")) * clock.Time(time.Second),
	}
	w.client.self = flow.Flow{Remote: peer, Transport: w.transport}
	w.server.self = flow.Flow{Remote: other, Transport: w.transport}
	ids := ident.NewSource([32]byte{7}, 0)
	w.client.layer = New(&w.heap, &link{w, &w.client, &w.server}, ids, w, DefaultTimers)
	w.server.layer = New(&w.heap, &link{w, &w.server, &w.client}, ids, w, DefaultTimers)
	return w
}

// place sends request number i and plans what both users do about it.
func (w *world) place(i int) (*caller, *callee) {
	draw := func(name string, limit int) time.Duration {
		return time.Duration(rapid.IntRange(0, limit).Draw(w.t, name)) * time.Millisecond
	}
	method := rapid.SampledFrom([]message.Method{message.INVITE, message.INVITE, message.BYE}).Draw(w.t, "method")
	id := fmt.Sprint("call", i)
	c, a := &caller{w: w, invite: method == message.INVITE}, &callee{w: w}
	w.calls[id], w.answers[id] = c, a
	start := draw("start", 3000)
	w.after(start, func(now clock.Time) {
		b := request(method.String(), "branch=z9hG4bK"+id, "callid="+id)
		c.tx = w.client.layer.Request(now, w.server.self, method, []byte(b), c)
	})
	w.plan(a, start, method)
	if c.invite {
		if rapid.Bool().Draw(w.t, "cancels") {
			w.after(start+draw("cancel", 60000), func(now clock.Time) { c.tx.Cancel(now) })
		}
		w.after(start+3*time.Minute, func(now clock.Time) { c.tx.Cancel(now) })
	}
	return c, a
}

// plan draws what the callee answers and when: it looks every 20 ms whether the request has come.
func (w *world) plan(a *callee, start time.Duration, method message.Method) {
	type step struct {
		after time.Duration
		code  int
	}
	var steps []step
	if method == message.INVITE {
		for range rapid.IntRange(0, 3).Draw(w.t, "provisionals") {
			steps = append(steps, step{
				time.Duration(rapid.IntRange(0, 20000).Draw(w.t, "after")) * time.Millisecond,
				rapid.SampledFrom([]int{100, 180, 183}).Draw(w.t, "code"),
			})
		}
	}
	final := rapid.SampledFrom([]int{200, 200, 302, 404, 486, 603}).Draw(w.t, "final")
	steps = append(steps, step{time.Duration(rapid.IntRange(0, 40000).Draw(w.t, "after")) * time.Millisecond, final})
	var wait func(now clock.Time)
	tries := 0
	wait = func(now clock.Time) {
		if tries++; a.tx == nil {
			if tries < 2500 {
				w.after(20*time.Millisecond, wait)
			}
			return
		}
		for _, s := range steps {
			w.after(s.after, func(now clock.Time) { a.respond(now, s.code) })
		}
	}
	w.after(start, wait)
}

func (w *world) run() {
	for {
		next, ok := w.heap.Next()
		if !ok {
			return
		}
		if w.now = next; next > clock.Time(time.Hour) {
			w.t.Fatal("it does not end")
		}
		w.heap.Run(next)
	}
}

// However bad the network: a caller hears of exactly one end, a callee of at most one request, both of the same answer,
// and nothing is left.
func TestLossyPair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		n := rapid.IntRange(1, 4).Draw(t, "requests")
		var calls []*caller
		var answers []*callee
		for i := range n {
			c, a := w.place(i)
			calls, answers = append(calls, c), append(answers, a)
		}
		w.run()
		for i := range n {
			checkOutcome(t, i, calls[i], answers[i])
		}
		for name, l := range map[string]*Layer{"client": w.client.layer, "server": w.server.layer} {
			if c, s := l.Len(); c+s+len(l.waiting) > 0 {
				t.Errorf("%s side: %d clients, %d servers, %d waited for", name, c, s, len(l.waiting))
			}
		}
	})
}

func checkOutcome(t *rapid.T, i int, c *caller, a *callee) {
	if c.finals != 1 {
		t.Errorf("call %d: the caller was told %d ends", i, c.finals)
	}
	if a.requests > 1 || a.cancels > 1 {
		t.Errorf("call %d: the callee was told %d requests and %d CANCELs", i, a.requests, a.cancels)
	}
	if c.outcome != Timeout.String() && c.outcome != fmt.Sprint(a.final) {
		t.Errorf("call %d: answered %d, heard %s", i, a.final, c.outcome)
	}
	if a.tx != nil && a.tx.State() != Terminated || c.tx.State() != Terminated {
		t.Errorf("call %d: left", i)
	}
}
