package luatest

import (
	"net/netip"
	"slices"

	"tandem/engine/trace"
)

// tape keeps what an engine traces: a trace.Sink whose memory is used again by the networks that follow.
type tape struct {
	events []trace.Event
	bytes  []byte // of the messages, a chunk of them
	legs   []leg
}

// leg is an INVITE that the engine sent for a call, named by the Call-ID of the caller's leg.
type leg struct {
	call, callID string
	user         string // of its Request-URI
	to           netip.AddrPort
}

// tapeChunk is how many bytes of messages are kept in one allocation.
const tapeChunk = 1 << 16

// Trace keeps an event.
func (t *tape) Trace(e trace.Event) {
	e.Bytes = t.keep(e.Bytes)
	t.events = append(t.events, e)
	if e.Kind == trace.Leg {
		t.legs = append(t.legs, leg{e.Call, e.Text, e.User, e.Remote})
	}
}

func (t *tape) keep(b []byte) []byte {
	if len(t.bytes)+len(b) > cap(t.bytes) {
		t.bytes = make([]byte, 0, max(tapeChunk, len(b)))
	}
	lo := len(t.bytes)
	t.bytes = append(t.bytes, b...)
	return t.bytes[lo:len(t.bytes):len(t.bytes)]
}

// call returns the events of one call.
func (t *tape) call(id string) []trace.Event {
	var r trace.Recorder
	for _, e := range t.events {
		r.Trace(e)
	}
	return r.Call(id)
}

// owns reports whether a Call-ID is that of a call or of one of its legs.
func (t *tape) owns(call, callID string) bool {
	return call == callID || slices.ContainsFunc(t.legs, func(l leg) bool { return l.call == call && l.callID == callID })
}

// wipe forgets everything and keeps the memory.
func (t *tape) wipe() {
	clear(t.events)
	clear(t.legs)
	t.events, t.legs, t.bytes = t.events[:0], t.legs[:0], t.bytes[:0]
}
