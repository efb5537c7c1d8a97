package transaction

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
)

func newQuiet() (*Layer, *quiet, *clock.Heap) {
	q, heap := &quiet{}, &clock.Heap{}
	return New(heap, q, ident.NewSource([32]byte{1}, 0), q, DefaultTimers), q, heap
}

var benchFlow = flow.Flow{Remote: peer}

// repeat is what comes again and again: a message and how to bring a layer to where it is a copy.
type repeat struct {
	name  string
	setUp func(t testing.TB, l *Layer, q *quiet) *message.Message
}

func responseTo(t testing.TB, req string, code int, tag string) *message.Message {
	b := parse(t, req).AppendResponse(nil, code, "", []byte(tag), peer)
	return parse(t, string(message.AppendBody(b, nil)))
}

var repeats = []repeat{
	{"INVITE in Proceeding", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		m := parse(t, request("INVITE"))
		l.Receive(0, m, benchFlow)
		q.server.Respond(0, 180, answer(180))
		return m
	}},
	{"INVITE in Completed", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		m := parse(t, request("INVITE"))
		l.Receive(0, m, benchFlow)
		q.server.Respond(0, 486, answer(486))
		return m
	}},
	{"INVITE in Accepted", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		m := parse(t, request("INVITE"))
		l.Receive(0, m, benchFlow)
		q.server.Respond(0, 200, answer(200))
		return m
	}},
	{"INVITE of RFC 2543", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		m := parse(t, request("INVITE", "branch=1"))
		l.Receive(0, m, benchFlow)
		q.server.Respond(0, 180, answer(180))
		return m
	}},
	{"OPTIONS", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		m := parse(t, request("OPTIONS"))
		l.Receive(0, m, benchFlow)
		q.server.Respond(0, 200, answer(200))
		return m
	}},
	{"CANCEL", func(t testing.TB, l *Layer, _ *quiet) *message.Message {
		l.Receive(0, parse(t, request("INVITE")), benchFlow)
		m := parse(t, request("CANCEL"))
		l.Receive(0, m, benchFlow)
		return m
	}},
	{"stray CANCEL", func(t testing.TB, _ *Layer, _ *quiet) *message.Message {
		return parse(t, request("CANCEL"))
	}},
	{"ACK in Confirmed", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		l.Receive(0, parse(t, request("INVITE")), benchFlow)
		q.server.Respond(0, 486, answer(486))
		return parse(t, request("ACK"))
	}},
	{"2xx", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		c := l.Request(0, benchFlow, message.INVITE, []byte(request("INVITE")), q)
		m := responseTo(t, request("INVITE"), 200, "a")
		l.Receive(0, m, benchFlow)
		c.Ack(0, []byte(request("ACK", "branch=z9hG4bKack")), benchFlow, []byte("a"))
		return m
	}},
	{"486", func(t testing.TB, l *Layer, q *quiet) *message.Message {
		l.Request(0, benchFlow, message.INVITE, []byte(request("INVITE")), q)
		m := responseTo(t, request("INVITE"), 486, "a")
		l.Receive(0, m, benchFlow)
		return m
	}},
	{"stray response", func(t testing.TB, _ *Layer, _ *quiet) *message.Message {
		return responseTo(t, request("INVITE"), 486, "a")
	}},
}

// A copy costs no allocation, whoever sends it.
func TestCopiesDoNotAllocate(t *testing.T) {
	for _, c := range repeats {
		l, q, _ := newQuiet()
		m := c.setUp(t, l, q)
		if n := testing.AllocsPerRun(100, func() { l.Receive(0, m, benchFlow) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// Nor does a copy that a timer sends.
func TestTimersDoNotAllocate(t *testing.T) {
	for _, method := range []message.Method{message.INVITE, message.BYE} {
		l, q, heap := newQuiet()
		for i := range 50 {
			b := request(method.String(), "branch=z9hG4bK"+strconv.Itoa(i))
			l.Request(0, benchFlow, method, []byte(b), q)
		}
		if n := testing.AllocsPerRun(5, func() {
			now, _ := heap.Next()
			heap.Run(now)
		}); n != 0 {
			t.Errorf("%v: %v allocations", method, n)
		}
		if q.sent < 6*50 {
			t.Errorf("%v: %d sent", method, q.sent)
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	for _, c := range repeats {
		b.Run(strings.ReplaceAll(c.name, " ", "_"), func(b *testing.B) {
			l, q, _ := newQuiet()
			m := c.setUp(b, l, q)
			b.ReportAllocs()
			for b.Loop() {
				l.Receive(0, m, benchFlow)
			}
		})
	}
}

// exchange is a client layer and a server layer back to back.
type exchange struct {
	client, server *Layer
	c, s           *quiet
	ch, sh         *clock.Heap
	now            clock.Time
	request        []byte
	ack, ok        []byte
	m              message.Message
}

func newExchange(method string) *exchange {
	e := &exchange{}
	e.client, e.c, e.ch = newQuiet()
	e.server, e.s, e.sh = newQuiet()
	e.request = []byte(request(method, "branch=z9hG4bK0000000000000000"))
	e.ack = []byte(request("ACK", "branch=z9hG4bKa000000000000000"))
	return e
}

// step lets a millisecond pass and returns the next request.
func (e *exchange) step() []byte {
	e.now += clock.Time(time.Millisecond)
	e.ch.Run(e.now)
	e.sh.Run(e.now)
	at := strings.Index(string(e.request[:200]), "z9hG4bK") + 7
	n := strconv.AppendInt(make([]byte, 0, 20), int64(e.now), 10)
	copy(e.request[at:], n)
	return e.request
}

func (e *exchange) deliver(l *Layer, b []byte) {
	_ = e.m.Parse(b)
	l.Receive(e.now, &e.m, benchFlow)
}

func (e *exchange) respond(code int) {
	_ = e.m.Parse(e.request)
	e.ok = message.AppendBody(e.m.AppendResponse(e.ok[:0], code, "", []byte("tag"), peer), nil)
	e.s.server.Respond(e.now, code, e.ok)
	e.deliver(e.client, e.ok)
}

// BenchmarkInvite is a whole accepted INVITE on both sides, in a layer that remembers half a minute of them.
func BenchmarkInvite(b *testing.B) {
	e := newExchange("INVITE")
	b.ReportAllocs()
	for b.Loop() {
		c := e.client.Request(e.now, benchFlow, message.INVITE, e.step(), e.c)
		e.deliver(e.server, e.c.last)
		e.respond(100)
		e.respond(180)
		e.respond(200)
		c.Ack(e.now, e.ack, benchFlow, []byte("tag"))
		c.Detach()
	}
}

// BenchmarkRejected is a whole rejected INVITE on both sides.
func BenchmarkRejected(b *testing.B) {
	e := newExchange("INVITE")
	b.ReportAllocs()
	for b.Loop() {
		e.client.Request(e.now, benchFlow, message.INVITE, e.step(), e.c)
		e.deliver(e.server, e.c.last)
		e.respond(100)
		e.respond(486)
		e.deliver(e.server, e.c.last)
	}
}

// BenchmarkPlain is a whole request other than INVITE on both sides.
func BenchmarkPlain(b *testing.B) {
	e := newExchange("BYE")
	b.ReportAllocs()
	for b.Loop() {
		e.client.Request(e.now, benchFlow, message.BYE, e.step(), e.c)
		e.deliver(e.server, e.c.last)
		e.respond(200)
	}
}

// BenchmarkFinished says how much memory a finished transaction holds, table and queue included.
func BenchmarkFinished(b *testing.B) {
	for _, method := range []string{"INVITE", "BYE"} {
		b.Run(method, func(b *testing.B) {
			e := newExchange(method)
			before := heapAlloc()
			const n = 20000
			for b.Loop() {
				for range n {
					c := e.client.Request(e.now, benchFlow, parse(b, string(e.request)).Method(), e.step(), e.c)
					e.deliver(e.server, e.c.last)
					e.respond(200)
					c.Ack(e.now, e.ack, benchFlow, []byte("tag"))
					c.Detach()
				}
			}
			c, s := len(e.client.clients), len(e.server.servers)
			b.ReportMetric(float64(heapAlloc()-before)/float64(c+s), "B/transaction")
			runtime.KeepAlive(e)
		})
	}
}

func heapAlloc() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
