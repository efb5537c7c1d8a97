package demo

import (
	"net/netip"
	"sync"

	"tandem/engine/message"
	"tandem/engine/trace"
)

// recorder keeps the events of a call and tells when it is over: its plan ended, and every request of the engine has its
// final response.
type recorder struct {
	over chan struct{}

	mu    sync.Mutex
	rec   trace.Recorder
	open  map[string]bool // requests of the engine without a final response, by branch and method
	ended bool
	told  bool // over is closed
	msg   message.Message
}

func newRecorder() *recorder {
	r := &recorder{}
	r.reset()
	return r
}

// reset begins a new call.
func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.Reset()
	r.open, r.ended, r.told = map[string]bool{}, false, false
	r.over = make(chan struct{})
}

// Trace takes an event on the goroutine of the shard.
func (r *recorder) Trace(e trace.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.Trace(e)
	switch {
	case e.Kind == trace.Note:
		r.ended = r.ended || e.Text == "ended"
	case e.Kind == trace.Leg || r.msg.Parse(e.Bytes) != nil:
	case e.Kind == trace.Sent && r.msg.IsRequest() && r.msg.Method() != message.ACK:
		r.open[key(&r.msg)] = true
	case e.Kind == trace.Received && r.msg.Status() >= 200:
		delete(r.open, key(&r.msg))
	}
	if r.ended && len(r.open) == 0 && !r.told {
		r.told = true
		close(r.over)
	}
}

func key(m *message.Message) string { return string(m.TopVia().Branch) + " " + m.Method().String() }

func (r *recorder) events() []trace.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]trace.Event(nil), r.rec.Events()...)
}

// cancelReasons returns the Reasons of the CANCELs that were sent to an address.
func (r *recorder) cancelReasons(to netip.AddrPort) (reasons []string) {
	for _, e := range r.events() {
		var m message.Message
		if e.Kind == trace.Sent && e.Remote == to && m.Parse(e.Bytes) == nil && m.Method() == message.CANCEL && m.IsRequest() {
			reasons = append(reasons, string(m.Get(message.Reason)))
		}
	}
	return reasons
}
