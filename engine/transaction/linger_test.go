package transaction

import (
	"fmt"
	"testing"
	"time"
	"unsafe"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Finished transactions share timers: a heap of tens of thousands would be slow for the ones at work.
func TestFinishedShareOneTimer(t *testing.T) {
	r := newRig(t, flow.UDP)
	r.inUser = func(string) { r.server.Respond(r.now, 200, answer(200)) }
	for i := range 500 {
		r.now += clock.Time(7 * time.Millisecond)
		r.do([]string{"<", "OPTIONS", fmt.Sprint("branch=z9hG4bK", i)})
	}
	if _, n := r.layer.Len(); n != 500 || r.heap.Len() != 1 {
		t.Errorf("%d transactions hold %d timers", n, r.heap.Len())
	}
	wakes := 0
	for r.heap.Len() > 0 {
		r.now, _ = r.heap.Next()
		r.heap.Run(r.now)
		wakes++
	}
	if wakes > 37 {
		t.Errorf("%d wake-ups for 3.5 s of finished transactions", wakes)
	}
	r.empty()
}

// Forgetting takes from the middle of the queue, and its timer with the last one.
func TestForgetFinished(t *testing.T) {
	r := newRig(t, flow.UDP)
	var all []*Server
	r.inUser = func(string) { all = append(all, r.server) }
	for i := range 5 {
		r.do([]string{"<", "OPTIONS", fmt.Sprint("branch=z9hG4bK", i)})
		r.server.Respond(r.now, 404, answer(404))
	}
	for _, i := range []int{2, 0, 4, 1} {
		all[i].Forget()
		if r.heap.Len() != 1 {
			t.Fatalf("%d timers", r.heap.Len())
		}
	}
	if all[3].State() != Completed {
		t.Fatalf("the one left is %v", all[3].State())
	}
	all[3].Forget()
	r.empty()
}

// A finished transaction is a few hundred bytes, whatever its messages were.
func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(Client{}); n > 288 {
		t.Errorf("a client has %d bytes", n)
	}
	if n := unsafe.Sizeof(Server{}); n > 256 {
		t.Errorf("a server has %d bytes", n)
	}
}

// quiet is a user that wants nothing and a sender that sends nowhere.
type quiet struct {
	server *Server
	sent   int
	last   []byte
}

func (q *quiet) Send(_ flow.Flow, b []byte)                                       { q.sent++; q.last = append(q.last[:0], b...) }
func (q *quiet) Request(_ clock.Time, s *Server, _ *message.Message, _ flow.Flow) { q.server = s }
func (q *quiet) Cancel(clock.Time, *Server, *message.Message)                     {}
func (q *quiet) Ack(clock.Time, *message.Message, flow.Flow)                      {}
func (q *quiet) Stray(clock.Time, *message.Message, flow.Flow)                    {}
func (q *quiet) Unacknowledged(clock.Time, *message.Message, flow.Flow)           {}
func (q *quiet) Response(clock.Time, *Client, *message.Message)                   {}
func (q *quiet) Failed(clock.Time, *Client, Failure)                              {}
