package sim

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/trace"
)

// Logged is a datagram that a phone sent or received.
type Logged struct {
	At   clock.Time
	Sent bool
	Peer netip.AddrPort
	// Raw is the datagram as it was on the wire.
	Raw []byte

	msg *message.Message
	err error
}

// Message returns the datagram parsed, and what Parse said.
func (l *Logged) Message() (*message.Message, error) {
	if l.msg == nil {
		l.msg = new(message.Message)
		l.err = l.msg.Parse(bytes.Clone(l.Raw)) // a copy, since Parse unfolds in place
	}
	return l.msg, l.err
}

// is reports whether it is what a test asks for: "CANCEL" a request, "486" a response, "200 INVITE" a response to
// that method, "" anything.
func (l *Logged) is(what string) bool {
	m, err := l.Message()
	if err != nil {
		return what == ""
	}
	code, method, both := strings.Cut(what, " ")
	switch {
	case what == "":
		return true
	case m.IsRequest():
		return string(m.MethodName()) == what
	}
	return strconv.Itoa(m.Status()) == code && (!both || string(m.MethodName()) == method)
}

// diary is what a phone logged. Raw bytes are kept in chunks.
type diary struct {
	entries []*Logged
	chunk   []byte
}

func (d *diary) add(at clock.Time, sent bool, peer netip.AddrPort, b []byte) {
	if len(d.chunk)+len(b) > cap(d.chunk) {
		d.chunk = make([]byte, 0, max(min(2*cap(d.chunk), 1<<16), 1<<12, len(b)))
	}
	lo := len(d.chunk)
	d.chunk = append(d.chunk, b...)
	d.entries = append(d.entries, &Logged{At: at, Sent: sent, Peer: peer, Raw: d.chunk[lo:len(d.chunk):len(d.chunk)]})
}

// pick returns the entries of one direction that are what a test asks for, copies left out; callID "" is any.
func (d *diary) pick(sent bool, what, callID string) []*Logged {
	var out []*Logged
	seen := make(map[string]bool)
	for _, l := range d.entries {
		if l.Sent != sent || !l.is(what) || seen[string(l.Raw)] {
			continue
		}
		if m, _ := l.Message(); callID != "" && string(m.CallID()) != callID {
			continue
		}
		seen[string(l.Raw)] = true
		out = append(out, l)
	}
	return out
}

// Log returns all that the phone sent and received, retransmissions included, in order.
func (p *Phone) Log() []*Logged { return p.diary.entries }

// Received returns the messages that the phone received, copies left out: what is "CANCEL" for requests, "486" for
// responses, "200 INVITE" for responses to a method, "" for all.
func (p *Phone) Received(what string) []*Logged { return p.diary.pick(false, what, "") }

// Sent returns the messages that the phone sent, copies left out; what is as for Received.
func (p *Phone) Sent(what string) []*Logged { return p.diary.pick(true, what, "") }

// Events returns the log as trace events, for a ladder with the phone in the engine's place.
func (p *Phone) Events() []trace.Event {
	out := make([]trace.Event, 0, len(p.diary.entries))
	for _, l := range p.diary.entries {
		e := trace.Event{At: l.At, Kind: trace.Received, Remote: l.Peer, Bytes: l.Raw}
		if l.Sent {
			e.Kind = trace.Sent
		}
		out = append(out, e)
	}
	return out
}

// Forget drops the log and the calls that are over, for runs of many calls.
func (p *Phone) Forget() {
	p.diary, p.exchanges = diary{}, nil
	p.ignored = make(map[string]bool)
	p.calls = slices.DeleteFunc(p.calls, func(c *Call) bool { return !c.open() })
	p.incoming = slices.DeleteFunc(p.incoming, func(c *Incoming) bool { return !c.open() })
	p.sessions = make(map[string][]*session)
	for _, c := range p.calls {
		p.enter(&c.session)
	}
	for _, c := range p.incoming {
		p.enter(&c.session)
	}
}
