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
	byCall map[string][]int  // the legs of a call
	calls  map[string]string // the call of a leg, by Call-IDs
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
	legs{t}.Trace(e)
}

// legs is a trace.Sink that notes on a tape which legs there are, and keeps no event.
type legs struct{ tape *tape }

// Trace notes a leg.
func (l legs) Trace(e trace.Event) {
	if e.Kind == trace.Leg {
		l.tape.leg(leg{e.Call, e.Text, e.User, e.Remote})
	}
}

func (t *tape) leg(l leg) {
	if t.byCall == nil {
		t.byCall, t.calls = make(map[string][]int), make(map[string]string)
	}
	t.byCall[l.call] = append(t.byCall[l.call], len(t.legs))
	t.calls[l.callID] = l.call
	t.legs = append(t.legs, l)
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

// owns reports whether a Call-ID is that of a call or of one of its legs. A leg that leads to another engine is a call there.
func (t *tape) owns(call string, callID []byte) bool {
	for id := string(callID); ; {
		of, isLeg := t.calls[id]
		if id == call || !isLeg || of == id {
			return id == call
		}
		id = of
	}
}

// ids returns the Call-IDs of a call: the caller's, and those of the legs.
func (t *tape) ids(call string) []string {
	ids := []string{call}
	for i := 0; i < len(ids); i++ {
		for _, l := range t.byCall[ids[i]] {
			if id := t.legs[l].callID; !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// wipe forgets everything and keeps the memory.
func (t *tape) wipe() {
	clear(t.events)
	clear(t.legs)
	clear(t.byCall)
	clear(t.calls)
	t.events, t.legs, t.bytes = t.events[:0], t.legs[:0], t.bytes[:0]
}
