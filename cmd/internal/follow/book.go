package follow

import (
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/trace"
)

const (
	// maxCalls bounds the calls that are gathered at a time; past it new ones are missed.
	maxCalls = 512
	// maxBytes bounds the messages that are kept of a call; past it they are counted.
	maxBytes = 64 << 10
	// quiet is how long nothing happens in a call that has ended: what one event leads to is not told apart from it.
	quiet = 100 * time.Millisecond
	// linger is how long a call that is over may wait for what its last requests are answered with, and one that was asked for credentials for them.
	linger = 2 * time.Second
	// longest is how long a call may last: the end of one of older was among what was lost.
	longest = 24 * time.Hour
)

// book holds the calls that have not ended.
type book struct {
	calls  map[string]*open // by the Call-ID of each of their legs
	order  []*open          // as they began
	missed uint64
	msg    message.Message
}

// open is a call that has not ended.
type open struct {
	c     *Call
	zero  clock.Time
	via   string // the branch of its INVITE
	legs  []string
	bytes int
	last  clock.Time           // of the events
	over  clock.Time           // when it was over, 0 = it is not
	asks  bool                 // its INVITE was answered by asking for credentials: the next one goes on with it
	asked map[request]progress // its requests
	open  int                  // how many of them are not done
}

// request is one that was sent or received.
type request struct {
	callID string
	cseq   uint32
	method string
}

// progress is how far a request is.
type progress uint8

const (
	waits        progress = iota + 1 // for its final response
	acknowledged                     // waits for the ACK
	done
)

func newBook() *book { return &book{calls: make(map[string]*open)} }

// add takes an event.
func (b *book) add(it *item) {
	e := &it.e
	switch e.Kind {
	case trace.Leg:
		if o := b.calls[e.Call]; o != nil && b.calls[e.Text] == nil {
			b.calls[e.Text] = o
			o.legs = append(o.legs, e.Text)
			o.name(e.Remote, e.User)
		}
	case trace.Note:
		if o := b.calls[e.Call]; o != nil {
			o.keep(e)
			o.asks = o.asks || e.Text == trace.Challenged
		}
	case trace.Received, trace.Sent:
		if b.msg.Parse(e.Bytes) == nil {
			b.message(e, it.date)
		}
	}
}

func (b *book) message(e *trace.Event, date time.Time) {
	m := &b.msg
	id := string(m.CallID())
	if e.Kind == trace.Received && m.IsRequest() && m.Method() == message.INVITE && len(m.ToTag()) == 0 {
		b.begin(id, e, date)
	}
	if o := b.calls[id]; o != nil {
		o.keep(e)
		o.follow(m, e)
	}
}

// begin begins a call, unless its INVITE is a copy of one that began it. One that is tried again under the same Call-ID is a call of its own, unless it was asked for
// credentials.
func (b *book) begin(id string, e *trace.Event, date time.Time) {
	m := &b.msg
	via := string(m.TopVia().Branch)
	was := b.calls[id]
	switch {
	case was == nil:
	case was.via == via || was.over == 0:
		return
	case was.asks:
		was.via, was.asks, was.over, was.c.Final = via, false, 0, 0
		return
	}
	if len(b.order) >= maxCalls {
		b.missed++
		return
	}
	na, _ := message.ParseNameAddr(m.Get(message.From)) // what it is not is not shown
	o := &open{
		c:    &Call{ID: id, From: string(na.URI), To: string(m.RequestURI()), Began: date, Names: map[string]string{}},
		zero: e.At, via: via, legs: []string{id}, asked: make(map[request]progress),
	}
	o.name(e.Remote, "caller")
	b.calls[id] = o
	b.order = append(b.order, o)
}

// name says who is at an address; one where several are has no name.
func (o *open) name(at netip.AddrPort, who string) {
	if was, known := o.c.Names[at.String()]; known && was != who {
		who = ""
	}
	o.c.Names[at.String()] = who
}

// keep appends an event to what is told of the call.
func (o *open) keep(e *trace.Event) {
	o.last = e.At
	if o.bytes += len(e.Bytes) + len(e.Text); o.bytes > maxBytes {
		o.c.Lost++
		return
	}
	o.c.Events = append(o.c.Events, newEvent(e, o.zero))
}

// follow sees how far a message takes the call.
func (o *open) follow(m *message.Message, e *trace.Event) {
	cseq, method := m.CSeq(), string(m.MethodName())
	r := request{string(m.CallID()), cseq, method}
	own := r.callID == o.c.ID
	switch {
	case m.IsRequest() && m.Method() == message.ACK:
		r.method = message.INVITE.String()
		o.advance(r, done)
	case m.IsRequest():
		o.advance(r, waits)
	case m.Status() < 200:
	case m.Method() == message.INVITE:
		o.advance(r, acknowledged)
		if own && e.Kind == trace.Sent && o.c.Final == 0 {
			if o.c.Final = m.Status(); o.c.Final >= 300 {
				o.end(e.At)
			}
		}
	default:
		o.advance(r, done)
	}
	if own && m.IsRequest() && m.Method() == message.BYE {
		o.end(e.At) // both legs of an answered call end by BYE
	}
}

func (o *open) end(at clock.Time) {
	if o.over == 0 {
		o.over = max(at, 1)
	}
}

// advance notes how far a request is; copies take it nowhere.
func (o *open) advance(r request, to progress) {
	was := o.asked[r]
	if to <= was || was == 0 && to != waits {
		return
	}
	if was == 0 {
		o.open++
	}
	if to == done {
		o.open--
	}
	o.asked[r] = to
}

// ended takes out the calls that have ended.
func (b *book) ended(now clock.Time) (list []*Call) {
	return b.takeOut(func(o *open) bool {
		return o.over != 0 && now.Sub(o.last) > quiet && (o.open == 0 && !o.asks || now.Sub(o.over) > linger)
	}, now)
}

// all takes out the calls that are over, whatever they wait for.
func (b *book) all(now clock.Time) []*Call {
	return b.takeOut(func(o *open) bool { return o.over != 0 }, now)
}

func (b *book) takeOut(ended func(o *open) bool, now clock.Time) (list []*Call) {
	left := b.order[:0]
	for _, o := range b.order {
		switch {
		case ended(o):
			list = append(list, o.c)
		case now.Sub(o.zero) <= longest:
			left = append(left, o)
			continue
		}
		for _, id := range o.legs {
			if b.calls[id] == o {
				delete(b.calls, id)
			}
		}
	}
	clear(b.order[len(left):])
	b.order = left
	if len(list) > 0 {
		list[0].Missed, b.missed = b.missed, 0
	}
	return list
}
