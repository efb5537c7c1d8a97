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
	facts
}

// facts are what the log of a phone is searched by: views of Raw.
type facts struct {
	callID, branch []byte
	method         string
	code           int    // 0 = a request
	known          bool   // what stands here was read
	bad            bool   // it does not parse
	copy           bool   // of an earlier one
	wrong          string // what is malformed in a datagram that was received
}

// Message returns the datagram parsed, and what Parse said.
func (l *Logged) Message() (*message.Message, error) {
	if l.msg == nil {
		l.msg = new(message.Message)
		l.err = l.msg.ParseKept(l.Raw)
	}
	return l.msg, l.err
}

// Request returns the method of a request, "" of anything else. Like Response it is known of what a Phone returned.
func (l *Logged) Request() string {
	if l.bad || l.code > 0 {
		return ""
	}
	return l.method
}

// Response returns the status code of a response and the method that it is to, 0 of anything else.
func (l *Logged) Response() (code int, method string) {
	if l.bad || l.code == 0 {
		return 0, ""
	}
	return l.code, l.method
}

// query is what a test asks for: "CANCEL" requests, "486" responses, "200 INVITE" responses to that method, "" anything.
type query struct {
	any    bool
	code   int
	method string
}

func queryOf(what string) query {
	first, method, _ := strings.Cut(what, " ")
	if first == "" || first[0] < '0' || first[0] > '9' {
		return query{any: what == "", method: what}
	}
	code, err := strconv.Atoi(first)
	if err != nil {
		return query{method: what}
	}
	return query{code: code, method: method}
}

func (q *query) matches(l *Logged) bool {
	switch {
	case q.any:
		return true
	case l.bad:
		return false
	}
	return l.code == q.code && (q.method == "" || q.method == l.method)
}

// diary is what a phone logged. It is read by Call-ID, but only when somebody asks.
type diary struct {
	ink     *ink
	entries []*Logged

	read   int                // so many entries are in byCall
	byCall map[string]*thread // "" = those without a Call-ID
}

// thread are the entries with one Call-ID, in order.
type thread struct {
	callID  string
	entries []*Logged
	room    [8]*Logged
}

func (d *diary) add(at clock.Time, sent bool, peer netip.AddrPort, b []byte) *Logged {
	l := d.ink.entry(b)
	l.At, l.Sent, l.Peer = at, sent, peer
	d.entries = append(d.entries, l)
	return l
}

// ink is what phones write their logs with: memory for bytes and entries, made in chunks that the phones of a network share.
type ink struct {
	chunk []byte
	spare []Logged
	made  int // entries
}

// spareEntries is how many entries are made at a time.
const spareEntries = 32

// entry returns an entry with a copy of the bytes of a datagram.
func (k *ink) entry(b []byte) *Logged {
	if len(k.chunk)+len(b) > cap(k.chunk) {
		k.chunk = make([]byte, 0, max(min(2*cap(k.chunk), 1<<16), 1<<12, len(b)))
	}
	lo := len(k.chunk)
	k.chunk = append(k.chunk, b...)
	if len(k.spare) == 0 {
		k.spare = make([]Logged, min(max(8, k.made), spareEntries))
		k.made += len(k.spare)
	}
	l := &k.spare[0]
	k.spare = k.spare[1:]
	l.Raw = k.chunk[lo:len(k.chunk):len(k.chunk)]
	return l
}

// of returns the entries of a call, in order.
func (d *diary) of(callID string) []*Logged {
	d.index()
	if t := d.byCall[callID]; t != nil {
		return t.entries
	}
	return nil
}

// index reads the entries that were added since.
func (d *diary) index() {
	if d.read == len(d.entries) {
		return
	}
	if d.byCall == nil {
		d.byCall = make(map[string]*thread)
	}
	var m message.Message
	var t *thread
	for _, l := range d.entries[d.read:] {
		l.know(&m)
		if t == nil || t.callID != string(l.callID) { // mostly it is the one before
			t = d.thread(l.callID)
		}
		l.copy = slices.ContainsFunc(t.entries, func(e *Logged) bool { return e.Sent == l.Sent && bytes.Equal(e.Raw, l.Raw) })
		t.entries = append(t.entries, l)
	}
	d.read = len(d.entries)
}

// parse parses an entry into m, which refers to it.
func (l *Logged) parse(m *message.Message) error {
	err := m.ParseKept(l.Raw)
	if l.known, l.bad = true, err != nil; err == nil {
		l.note(m.Outline())
	}
	return err
}

// thread returns the entries with a Call-ID, none at first.
func (d *diary) thread(callID []byte) *thread {
	t := d.byCall[string(callID)]
	if t == nil {
		t = &thread{callID: string(callID)}
		t.entries = t.room[:0]
		d.byCall[t.callID] = t
	}
	return t
}

// know reads what an entry is searched by, if that is not done. It may use m.
func (l *Logged) know(m *message.Message) {
	if l.known {
		return
	}
	if o, ok := message.ReadOutline(l.Raw); ok {
		l.note(o)
		return
	}
	_ = l.parse(m) // it says so in l.bad
}

func (l *Logged) note(o message.Outline) {
	l.known, l.callID, l.branch, l.method, l.code = true, o.CallID, o.Branch, o.Method.String(), o.Status
	if l.method == "" {
		l.method = string(o.Name)
	}
}

// pick appends the entries of one direction that are what a test asks for, copies left out; callID "" is any.
func (d *diary) pick(out []*Logged, sent bool, what, callID string) []*Logged {
	d.index()
	from := d.entries
	if callID != "" {
		from = d.of(callID)
	}
	q := queryOf(what)
	for _, l := range from {
		if l.Sent == sent && !l.copy && q.matches(l) {
			out = append(out, l)
		}
	}
	return out
}

// Log returns all that the phone sent and received, retransmissions included, in order.
func (p *Phone) Log() []*Logged {
	p.diary.index()
	return p.diary.entries
}

// Copies returns messages that the phone sent or received and all their copies, in order.
func (p *Phone) Copies(of []*Logged) (all []*Logged) {
	for _, l := range p.Log() {
		if slices.ContainsFunc(of, func(e *Logged) bool { return e.Sent == l.Sent && bytes.Equal(e.Raw, l.Raw) }) {
			all = append(all, l)
		}
	}
	return all
}

// Received returns the messages that the phone received, copies left out: what is "CANCEL" for requests, "486" for
// responses, "200 INVITE" for responses to a method, "" for all.
func (p *Phone) Received(what string) []*Logged { return p.diary.pick(nil, false, what, "") }

// Sent returns the messages that the phone sent, copies left out; what is as for Received.
func (p *Phone) Sent(what string) []*Logged { return p.diary.pick(nil, true, what, "") }

// Logged returns the messages with a Call-ID ("" = any) that the phone sent or received, copies left out; what is as for
// Received.
func (p *Phone) Logged(sent bool, what, callID string) []*Logged {
	return p.diary.pick(nil, sent, what, callID)
}

// AppendLogged appends what Logged returns.
func (p *Phone) AppendLogged(dst []*Logged, sent bool, what, callID string) []*Logged {
	return p.diary.pick(dst, sent, what, callID)
}

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
	p.diary, p.exchanges = diary{ink: p.diary.ink}, nil
	p.ignored = make(map[string]bool)
	p.calls = slices.DeleteFunc(p.calls, func(c *Call) bool { return !c.open() })
	p.incoming = slices.DeleteFunc(p.incoming, func(c *Incoming) bool { return !c.open() })
	p.sessions = make(map[string]*session)
	for _, c := range p.calls {
		p.enter(&c.session)
	}
	for _, c := range p.incoming {
		p.enter(&c.session)
	}
}
