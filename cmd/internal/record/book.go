package record

import (
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/trace"
	"tandem/luaapi/replay"
)

const (
	// maxOpen bounds the calls that are being set up; past it new ones are not recorded.
	maxOpen = 100_000
	// longest is how long a call may be set up: the response that ends one of older may be among the events that were lost.
	longest = time.Hour
)

// book holds the calls that are being set up.
type book struct {
	privacy bool
	key     [16]byte // of the words that stand for callers
	calls   map[string]*open
	order   []*open         // as they began; those that are over too, until they are the first
	legs    map[string]*leg // by Call-ID
	msg     message.Message

	recorded map[string]string // the branch of the INVITE by Call-ID, of calls of which a copy may still come
	copies   []recorded        // the same, the first to be forgotten first
}

// recorded is a call whose record is made.
type recorded struct {
	id, via string
	at      clock.Time
}

// lastCopy is how long copies of an INVITE may come after its final response: as long as its transaction lasts (RFC 6026 §7.1: Timer L, 64*T1).
const lastCopy = 32 * time.Second

// open is a call that has no final response yet.
type open struct {
	r    *replay.Record
	zero clock.Time
	via  string   // the branch of its INVITE
	legs []string // Call-IDs
	// answers is how many bytes of answers its record has.
	answers int
	over    bool // its record is made, or never will be
}

// leg is an INVITE that went out, or is about to.
type leg struct {
	call *open
	l    *replay.Leg
}

func newBook(privacy bool) *book {
	b := &book{privacy: privacy, calls: make(map[string]*open), legs: make(map[string]*leg), recorded: make(map[string]string)}
	crand.Read(b.key[:]) // it never fails
	return b
}

// add takes an event and returns the record of a call that it completes.
func (b *book) add(it *item) *replay.Record {
	e := &it.e
	switch e.Kind {
	case trace.Leg:
		if c := b.calls[e.Call]; c != nil {
			l := &leg{call: c, l: &replay.Leg{At: c.at(e.At), Remote: e.Remote.String()}}
			b.legs[e.Text] = l
			c.legs = append(c.legs, e.Text)
			c.r.Legs = append(c.r.Legs, l.l)
		}
	case trace.Note:
		if c := b.calls[e.Call]; c != nil {
			b.note(c, e)
		}
	case trace.Received:
		b.received(e, it.date)
	case trace.Sent:
		return b.sent(e)
	}
	return nil
}

// maxAnswers is how many bytes of answers are kept of a call.
const maxAnswers = 64 << 10

// note takes a decision, and what was awaited for it.
func (b *book) note(c *open, e *trace.Event) {
	if e.Text == trace.Challenged {
		b.forget(c)
		return
	}
	if !b.privacy {
		c.r.User = e.User
	}
	text := e.Text
	if e.Came != nil {
		a := replay.Of(e.Came, maxAnswers-c.answers, b.privacy)
		a.At = c.at(e.At)
		c.answers += a.Size()
		c.r.Awaited = append(c.r.Awaited, a)
		text = strings.Replace(text, e.Came.Operation.Name, a.Name, 1)
	}
	c.r.Decisions = append(c.r.Decisions, replay.Decision{At: c.at(e.At), Text: text, Where: e.Pos.String()})
}

// at is an instant in seconds since the INVITE came, to the millisecond.
func (c *open) at(t clock.Time) float64 { return math.Round(t.Sub(c.zero).Seconds()*1000) / 1000 }

func (b *book) received(e *trace.Event, date time.Time) {
	m := &b.msg
	if m.Parse(e.Bytes) != nil {
		return
	}
	switch {
	case m.IsRequest() && m.Method() == message.INVITE && len(m.ToTag()) == 0:
		if b.calls[string(m.CallID())] == nil && len(b.calls) < maxOpen && !b.copied(m, e.At) {
			b.begin(m, e, date)
		}
	case m.IsRequest() && m.Method() == message.CANCEL:
		if c := b.calls[string(m.CallID())]; c != nil && c.r.Cancelled == nil {
			at := c.at(e.At)
			c.r.Cancelled = &at
		}
	case !m.IsRequest() && m.Method() == message.INVITE && m.Status() > 100:
		if l := b.legs[string(m.CallID())]; l != nil {
			l.response(m, e.At)
		}
	}
}

// copied reports whether an INVITE is a copy of one whose record is made.
func (b *book) copied(m *message.Message, now clock.Time) bool {
	for len(b.copies) > 0 && (now.Sub(b.copies[0].at) > lastCopy || len(b.copies) > maxOpen) {
		if first := b.copies[0]; b.recorded[first.id] == first.via {
			delete(b.recorded, first.id)
		}
		b.copies = b.copies[1:]
	}
	via, ok := b.recorded[string(m.CallID())]
	return ok && via == string(m.TopVia().Branch)
}

func (b *book) begin(m *message.Message, e *trace.Event, date time.Time) {
	r := replay.Incoming(m)
	r.At, r.Source = date, e.Remote.String()
	if b.privacy {
		r.From, r.Source, r.Headers = b.mask(r.From), "", nil
	}
	c := &open{r: r, zero: e.At, via: string(m.TopVia().Branch)}
	b.calls[r.ID] = c
	b.order = append(b.order, c)
	b.age(e.At)
}

// age forgets calls of which no end was heard.
func (b *book) age(now clock.Time) {
	for len(b.order) > 0 && (b.order[0].over || now.Sub(b.order[0].zero) > longest) {
		if c := b.order[0]; !c.over {
			b.forget(c)
		}
		b.order = b.order[1:]
	}
}

// forget lets go of a call and returns its record.
func (b *book) forget(c *open) *replay.Record {
	r := c.r
	delete(b.calls, r.ID)
	for _, l := range c.legs {
		delete(b.legs, l)
	}
	*c = open{over: true} // its place in the order is small
	if b.privacy {
		r.ID = "call-" + b.word(r.ID, 8) // many callers put their address into it
	}
	return r
}

// mask is a word for a caller: the same for the same caller while this engine runs.
func (b *book) mask(from string) string {
	return "sip:caller-" + b.word(from, 4) + "@anonymous.invalid"
}

// word stands for a text: n bytes in hexadecimal.
func (b *book) word(text string, n int) string {
	h := hmac.New(sha256.New, b.key[:])
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil)[:n])
}

func (l *leg) response(m *message.Message, at clock.Time) {
	r := replay.Response{At: l.call.at(at), Code: m.Status()}
	if r.Code/100 == 3 {
		r.Contact = string(m.Get(message.Contact))
	}
	if n := len(l.l.Responses); n > 0 && l.l.Responses[n-1] == r {
		return // it came by another shard
	}
	l.l.Responses = append(l.l.Responses, r)
}

// sent takes the INVITE of a leg, and the final response that completes a record.
func (b *book) sent(e *trace.Event) *replay.Record {
	m := &b.msg
	if m.Parse(e.Bytes) != nil {
		return nil
	}
	if m.IsRequest() {
		if l := b.legs[string(m.CallID())]; l != nil && m.Method() == message.INVITE && len(m.ToTag()) == 0 {
			l.l.URI = string(m.RequestURI())
		}
		return nil
	}
	c := b.calls[string(m.CallID())]
	if c == nil || m.Method() != message.INVITE || m.Status() < 200 {
		return nil
	}
	c.r.Final = m.Status()
	if c.r.Final/100 == 2 {
		c.r.Answered = c.winner()
	}
	b.recorded[c.r.ID] = c.via
	b.copies = append(b.copies, recorded{c.r.ID, c.via, e.At})
	return b.forget(c)
}

// winner is the target whose 2xx came first.
func (c *open) winner() string {
	best, uri := math.Inf(1), ""
	for _, l := range c.r.Legs {
		for _, r := range l.Responses {
			if r.Code/100 == 2 && r.At < best {
				best, uri = r.At, l.URI
			}
		}
	}
	return uri
}
