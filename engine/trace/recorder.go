package trace

import (
	"tandem/engine/message"
)

// chunk is how many bytes of messages are kept in one allocation.
const chunk = 1 << 16

// Recorder is a Sink that keeps what it is told, with bytes of its own. It belongs to the goroutine that steps the
// engine; the zero value is ready.
type Recorder struct {
	events []Event
	arena  []byte
	legs   map[string]string // Call-ID of a leg -> Call-ID of the caller's leg
	calls  []string
}

// Trace keeps a copy of e.
func (r *Recorder) Trace(e Event) {
	e.Bytes = r.keep(e.Bytes)
	r.events = append(r.events, e)
	if e.Kind != Leg {
		return
	}
	if r.legs == nil {
		r.legs = make(map[string]string)
	}
	if _, known := r.legs[e.Call]; !known {
		r.legs[e.Call] = e.Call
		r.calls = append(r.calls, e.Call)
	}
	r.legs[e.Text] = e.Call
}

func (r *Recorder) keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	if len(r.arena)+len(b) > cap(r.arena) {
		r.arena = make([]byte, 0, max(chunk, len(b)))
	}
	lo := len(r.arena)
	r.arena = append(r.arena, b...)
	return r.arena[lo:len(r.arena):len(r.arena)]
}

// Events returns everything that was recorded, in order. The slice is the recorder's.
func (r *Recorder) Events() []Event { return r.events }

// Calls returns the Call-IDs of the callers' legs that a Leg event named, in order of appearance.
func (r *Recorder) Calls() []string { return r.calls }

// Call returns the events of one call, in order: its notes, its legs and the messages of its legs, those included
// that came before the leg was announced. id is the Call-ID of the caller's leg.
func (r *Recorder) Call(id string) []Event {
	var out []Event
	var m message.Message
	for _, e := range r.events {
		if e.Kind == Leg || e.Kind == Note || e.Kind == Saw {
			if e.Call == id {
				out = append(out, e)
			}
			continue
		}
		_ = m.Parse(e.Bytes) // what does not parse has no Call-ID and belongs to no call
		if c := string(m.CallID()); c == id || r.legs[c] == id {
			out = append(out, e)
		}
	}
	return out
}

// Reset forgets everything.
func (r *Recorder) Reset() { *r = Recorder{} }
