package trace

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// MaxParties is how many columns a ladder has beside the engine's own; parties beyond share the last one.
const MaxParties = 9

// Options say how a ladder looks. The zero value draws it in full width with box-drawing characters, without 100
// Trying, retransmissions counted at the message they repeat.
type Options struct {
	// Names are the column titles of addresses; an address without one is its own title, port 5060 left out.
	Names map[netip.AddrPort]string
	// Self is the title of the engine's column ("" = tandem).
	Self string
	// ASCII draws with | - < > for terminals that are not UTF-8.
	ASCII bool
	// Width is the largest width of a line in characters; titles, labels and notes are cut to
	// fit as far as they can be (0 = as wide as it gets, else at least 40).
	Width int
	// Trying shows 100 Trying too.
	Trying bool
	// HideAck leaves ACK out.
	HideAck bool
	// Repeats gives every retransmission a row of its own.
	Repeats bool
	// HideNotes leaves notes out.
	HideNotes bool
	// Rows is how many rows are drawn at most: the first, those around the mark, and the last (0 = all).
	Rows int
	// Mark says something at the end of the row of one Arrow, counted from 1 (0 = of none).
	Mark     int
	MarkText string
}

// row is a line of the ladder. An arrow goes from column from to column to; a row of a note has none.
type row struct {
	at       clock.Time
	arrow    bool
	from, to int
	label    string
	repeats  int
	note     string
	mark     string
}

func (r *row) text() string {
	if r.repeats == 0 {
		return r.label
	}
	return r.label + " (+" + strconv.Itoa(r.repeats) + ")"
}

// span returns the columns that the arrow joins, the left one first.
func (r *row) span() (lo, hi int) { return min(r.from, r.to), max(r.from, r.to) }

// side is a party as it is told from others: by its address, and by the leg if one address is both caller and callee.
type side struct {
	addr   netip.AddrPort
	callee bool
}

// seen is a message that a later one may repeat.
type seen struct {
	kind  Kind
	party int
	raw   string
}

// ladder collects the rows and columns of one drawing.
type ladder struct {
	o       Options
	parties []string // titles in order of appearance, without the engine
	index   map[side]int
	left    bool // the first party stands left of the engine: it called
	rows    []row
	seen    map[seen]int // -> row
	split   bool         // one call: an address may be caller and callee
	invited map[string]bool
	notes   []Event // waiting for the message that they led to
	msg     message.Message
}

// Ladder draws events as a ladder: who called first, the engine, then the others by first appearance; one row a
// message, the time (s, from the first event) where it changes, notes at the right.
func Ladder(events []Event, o Options) string { return read(events, o).draw() }

// read collects the rows of a ladder.
func read(events []Event, o Options) *ladder {
	if o.Self == "" {
		o.Self = "tandem"
	}
	l := &ladder{o: o, index: make(map[side]int), seen: make(map[seen]int), invited: make(map[string]bool)}
	l.split = l.callers(events) == 1
	for i := range events {
		l.add(&events[i])
	}
	l.flushNotes(len(l.notes))
	l.mark()
	return l
}

// mark puts the mark on the row that it is for.
func (l *ladder) mark() {
	n := 0
	for i := range l.rows {
		if r := &l.rows[i]; r.arrow {
			if n++; n == l.o.Mark {
				r.mark = l.o.MarkText
			}
		}
	}
}

// callers counts the calls that came in.
func (l *ladder) callers(events []Event) int {
	ids := make(map[string]bool)
	for i := range events {
		if e := &events[i]; e.Kind == Received && l.parse(e) && l.initial(message.INVITE) {
			ids[string(l.msg.CallID())] = true
		}
	}
	return len(ids)
}

func (l *ladder) parse(e *Event) bool { return l.msg.Parse(e.Bytes) == nil }

// initial reports whether the message that was parsed starts a dialog by the method.
func (l *ladder) initial(method message.Method) bool {
	return l.msg.IsRequest() && l.msg.Method() == method && len(l.msg.ToTag()) == 0
}

func (l *ladder) add(e *Event) {
	switch e.Kind {
	case Note:
		if l.o.HideNotes {
			return
		}
		if len(l.notes) > 0 && l.notes[0].At != e.At {
			l.flushNotes(len(l.notes))
		}
		l.notes = append(l.notes, *e)
	case Received, Sent:
		l.addMessage(e)
	}
}

func (l *ladder) addMessage(e *Event) {
	ok := l.parse(e)
	if ok && l.hidden() {
		return
	}
	if e.Kind == Sent && ok && l.initial(message.INVITE) {
		l.invited[string(l.msg.CallID())] = true
	}
	p := l.party(e)
	key := seen{kind: e.Kind, party: p, raw: string(e.Bytes)}
	if at, again := l.seen[key]; again && !l.o.Repeats {
		l.rows[at].repeats++
		return
	}
	r := row{at: e.At, arrow: true, from: p, to: self, label: l.label(e, p, ok)}
	if e.Kind == Sent {
		r.from, r.to = self, p
	}
	l.flushNotes(l.before(e))
	if len(l.notes) > 0 {
		r.note = noteText(&l.notes[0])
		l.notes = l.notes[:0]
	}
	if ok {
		r.note = join(r.note, l.reason())
	}
	l.seen[key] = len(l.rows)
	l.rows = append(l.rows, r)
}

// self stands for the engine's column until the columns are ordered.
const self = -1

// before returns how many waiting notes go above the row of e: a message that was sent in the same instant takes the
// last of them to its right.
func (l *ladder) before(e *Event) int {
	n := len(l.notes)
	if n > 0 && e.Kind == Sent && l.notes[n-1].At == e.At {
		return n - 1
	}
	return n
}

func (l *ladder) flushNotes(n int) {
	for i := range l.notes[:n] {
		l.rows = append(l.rows, row{at: l.notes[i].At, note: noteText(&l.notes[i])})
	}
	l.notes = append(l.notes[:0], l.notes[n:]...)
}

func noteText(e *Event) string {
	if p := e.Pos.String(); p != "" {
		return p + " " + e.Text
	}
	return e.Text
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "   " + b
}

func (l *ladder) hidden() bool {
	if l.msg.IsRequest() {
		return l.o.HideAck && l.msg.Method() == message.ACK
	}
	return !l.o.Trying && l.msg.Status() == 100
}

// party returns the index of the remote side of e, a new one if it has not appeared.
func (l *ladder) party(e *Event) int {
	s := side{addr: e.Remote, callee: l.split && l.invited[string(l.msg.CallID())]}
	if i, ok := l.index[s]; ok {
		return i
	}
	if len(l.parties) == MaxParties {
		l.index[s] = MaxParties - 1
		l.parties[MaxParties-1] = "others"
		return MaxParties - 1
	}
	if len(l.parties) == 0 {
		l.left = e.Kind == Received
	}
	l.parties = append(l.parties, l.title(e.Remote))
	l.index[s] = len(l.parties) - 1
	return len(l.parties) - 1
}

func (l *ladder) title(a netip.AddrPort) string {
	switch name := l.o.Names[a]; {
	case name != "":
		return name
	case a.Port() == 5060:
		return a.Addr().String()
	}
	return a.String()
}

// label is what stands on the arrow: the code of a response, the method of a request, and, where a dialog is yet to
// start, the user of its Request-URI unless the column says so already.
func (l *ladder) label(e *Event, p int, ok bool) string {
	m := &l.msg
	switch {
	case !ok:
		return l.garbage(e.Bytes)
	case !m.IsRequest():
		return strconv.Itoa(m.Status())
	case len(m.ToTag()) > 0 || m.Method() == message.ACK || m.Method() == message.CANCEL:
		return string(m.MethodName())
	}
	name := string(m.MethodName())
	u, err := message.ParseURI(m.RequestURI())
	user := string(message.AppendUnescaped(nil, u.User))
	if err != nil || user == "" || !message.ValidValue(user) || e.Kind == Sent && user == l.parties[p] {
		return name
	}
	return name + " " + user
}

// garbage names what is no SIP message by the printable start of its first word.
func (l *ladder) garbage(b []byte) string {
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return "keep-alive" // RFC 5626 §3.5.1: line ends only
	}
	n := 0
	for n < len(b) && n < 12 && b[n] > ' ' && b[n] < 0x7f {
		n++
	}
	return "? " + string(b[:n])
}

// reason shows the Reason of a CANCEL or BYE without its text (RFC 3326 §2).
func (l *ladder) reason() string {
	m := &l.msg
	if !m.IsRequest() || m.Method() != message.CANCEL && m.Method() != message.BYE {
		return ""
	}
	var out []string
	m.Each(message.Reason, func(e []byte) bool {
		semi := bytes.IndexByte(e, ';')
		if semi < 0 {
			semi = len(e)
		}
		s := string(bytes.TrimSpace(e[:semi]))
		if cause, ok := message.Param(e[semi:], "cause"); ok {
			s += ";cause=" + string(cause)
		}
		out = append(out, s)
		return true
	})
	if len(out) == 0 {
		return ""
	}
	return "Reason: " + strings.Join(out, ", ")
}
