package sim

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/ident"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// PhoneConfig is what a phone is.
type PhoneConfig struct {
	// Name is what the phone is called in its session descriptions and in what Check says ("" = the user of URI, or
	// the address). White space in it becomes "_".
	Name string
	// URI is its address of record; the user part stands in its Contact. It may be empty.
	URI string
	// Addr is where it is reached.
	Addr netip.AddrPort
	// Seed, with name and address, decides its tags, branches and Call-IDs.
	Seed uint64
	// Timers are those of its transactions; zero values take their default.
	Timers transaction.Timers
}

// Phone is a user agent that does with calls what a test tells it, and behaves by RFC 3261 in everything else. It
// belongs to the goroutine that drives it as a Node; its other methods are called there too.
type Phone struct {
	cfg        PhoneConfig
	name, user string
	addr, host string // of cfg.Addr: with port, and without
	reached    string // its Contact over UDP
	out        Sender
	now        clock.Time
	heap       clock.Heap
	leases     clock.Heap // when registrations are refreshed, which goes on for ever
	layer      *transaction.Layer
	ids        *ident.Source
	msg        message.Message // received
	heard      *Logged         // likewise
	wrote      message.Message // a request of its own
	buf        []byte

	behaviours []Behaviour
	turn       int
	choose     func(invite *message.Message) Behaviour
	replies    map[string][]Reply
	ignored    map[string]bool // Call-IDs that a silent phone does not hear

	calls     []*Call
	incoming  []*Incoming
	sessions  map[string]*session // by Call-ID, the last first
	exchanges []*Exchange
	diary     diary
	gone      bool // from the network
	faults    []string
}

// untold is what phones do that nobody has told anything.
var untold = []Behaviour{After(2 * time.Second)}

// NewPhone returns a phone that sends by out. It rings at once and answers after two seconds until Behave says
// otherwise.
func NewPhone(c PhoneConfig, out Sender) *Phone {
	c.Timers = withDefaults(c.Timers)
	p := &Phone{
		cfg: c, out: out, diary: diary{ink: &ink{}},
		behaviours: untold,
		replies:    make(map[string][]Reply),
		ignored:    make(map[string]bool),
		sessions:   make(map[string]*session),
	}
	p.name, p.user = names(c)
	p.addr, p.host = c.Addr.String(), c.Addr.Addr().String()
	p.reached = "<sip:" + p.user + "@" + p.addr + ">"
	p.ids = ident.NewSource(seedOf(c), 0)
	p.layer = transaction.New(&p.heap, logger{p}, p.ids, user{p}, c.Timers)
	return p
}

// names returns what a phone is called, without white space, and the user part of its Contact.
func names(c PhoneConfig) (name, user string) {
	name, user = strings.Join(strings.Fields(c.Name), "_"), userOf(c.URI)
	if name == "" {
		name = user
	}
	if name == "" {
		name = c.Addr.String()
	}
	switch {
	case user != "":
	case userOf("sip:"+name+"@host") == name:
		user = name
	default:
		user = "phone"
	}
	return name, user
}

func userOf(uri string) string {
	u, err := message.ParseURI([]byte(uri))
	if err != nil {
		return ""
	}
	return string(u.User)
}

func withDefaults(t transaction.Timers) transaction.Timers {
	d := transaction.DefaultTimers
	if t.T1 == 0 {
		t.T1 = d.T1
	}
	if t.T2 == 0 {
		t.T2 = d.T2
	}
	if t.T4 == 0 {
		t.T4 = d.T4
	}
	return t
}

// seedOf spreads a seed so that phones of one network do not make the same words.
func seedOf(c PhoneConfig) (seed [32]byte) {
	h := fnv.New128a()
	_, _ = fmt.Fprintf(h, "%s\n%s\n%s", c.Name, c.URI, c.Addr)
	copy(seed[:16], h.Sum(nil))
	binary.BigEndian.PutUint64(seed[16:], c.Seed)
	return seed
}

// Name returns what the phone is called.
func (p *Phone) Name() string { return p.name }

// Addr returns where the phone is reached.
func (p *Phone) Addr() netip.AddrPort { return p.cfg.Addr }

// Behave says what the phone does with the calls that come from now on: one behaviour after the other, the last one
// again and again.
func (p *Phone) Behave(list ...Behaviour) { p.behaviours, p.turn = list, 0 }

// BehaveBy lets a function say what the phone does with each call that it is offered, by its INVITE. Behave is not asked then.
func (p *Phone) BehaveBy(choose func(invite *message.Message) Behaviour) { p.choose = choose }

// Reply is an answer to a request other than the INVITE of a new call.
type Reply struct {
	// After is how long the phone takes.
	After time.Duration
	// Code is the status code; 0 means that the request is never answered.
	Code    int
	Phrase  string
	Headers []Header
	// Body nil is the phone's SDP where one is due, else none.
	Body *Body
}

// Reply says how requests with a method are answered, INVITE meaning re-INVITE: one reply after the other, the last
// one again and again. Without it the phone answers 200, 202 to REFER, 481 outside a dialog where one is needed.
func (p *Phone) Reply(method string, list ...Reply) { p.replies[method] = list }

// Calls returns the calls that the phone placed, in order.
func (p *Phone) Calls() []*Call { return p.calls }

// Incoming returns the calls that the phone was offered, in order.
func (p *Phone) Incoming() []*Incoming { return p.incoming }

// Receive takes a datagram.
func (p *Phone) Receive(now clock.Time, f flow.Flow, b []byte) {
	if p.gone {
		return
	}
	p.now = now
	l := p.diary.add(now, false, f.Remote, b)
	err := l.parse(&p.msg)
	if err == nil {
		err = p.msg.Validate()
	}
	if l.wrong = malformed(l.Raw, &p.msg, err); err != nil {
		return // Check finds it in the log
	}
	if p.ignored[string(p.msg.CallID())] {
		return
	}
	p.heard = l
	p.layer.Receive(now, &p.msg, f)
}

// Tick runs what is due.
func (p *Phone) Tick(now clock.Time) {
	p.now = now
	p.leases.Run(now)
	p.heap.Run(now)
}

// Rests reports whether the phone waits for nothing but to refresh its registration.
func (p *Phone) Rests() bool { return p.heap.Len() == 0 }

// Next returns the earliest deadline.
func (p *Phone) Next() (clock.Time, bool) {
	if p.gone {
		return 0, false
	}
	at, ok := p.heap.Next()
	if lease, has := p.leases.Next(); has && (!ok || lease < at) {
		return lease, true
	}
	return at, ok
}

// vanish takes the phone off the network, as when its power fails: it says nothing any more and hears nothing.
func (p *Phone) vanish() { p.gone = true }

// Vanished reports whether the phone is gone from the network.
func (p *Phone) Vanished() bool { return p.gone }

// Vanish takes the phone off the network at an instant.
func (p *Phone) Vanish(at clock.Time) { p.at(at, func(clock.Time) { p.vanish() }) }

// SendFailed tells that what was sent by f did not arrive.
func (p *Phone) SendFailed(now clock.Time, f flow.Flow, _ error) {
	p.now = now
	p.layer.SendFailed(now, f)
}

// SendRaw sends bytes that need not be a message, at an instant.
func (p *Phone) SendRaw(at clock.Time, f flow.Flow, b []byte) {
	p.at(at, func(clock.Time) { logger{p}.Send(f, b) })
}

func (p *Phone) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// logger sends for the phone and writes it down.
type logger struct{ p *Phone }

// Send logs b and sends it.
func (l logger) Send(f flow.Flow, b []byte) {
	if l.p.gone {
		return
	}
	l.p.diary.add(l.p.now, true, f.Remote, b).know(&l.p.wrote) // it is at hand now
	l.p.out.Send(f, b)
}

// user is the phone as its transactions see it.
type user struct{ p *Phone }

// Request takes a new request.
func (u user) Request(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	p := u.p
	switch {
	case len(m.ToTag()) > 0:
		p.inDialog(now, tx, m, f)
	case m.Method() == message.INVITE:
		p.invited(now, tx, m, f)
	default:
		p.outOfDialog(now, tx, m, f)
	}
}

// Cancel takes the CANCEL of an INVITE that has no final response.
func (u user) Cancel(now clock.Time, invite *transaction.Server, _ *message.Message) {
	if c, ok := invite.Owner.(*Incoming); ok {
		c.cancel(now)
		return
	}
	if again, ok := invite.Owner.(*reply); ok { // a re-INVITE
		again.send(now, Reply{Code: 487})
	}
}

// Ack takes the ACK to a 2xx.
func (u user) Ack(now clock.Time, m *message.Message, _ flow.Flow) {
	if d := u.p.dialogOf(m); d != nil {
		d.acknowledged(now, m.CSeq())
	}
}

// Stray takes a 2xx that no transaction waits for.
func (u user) Stray(now clock.Time, m *message.Message, _ flow.Flow) {
	for _, c := range u.p.calls {
		if c.callID == string(m.CallID()) && c.cseq == m.CSeq() {
			c.accepted(now, m)
			return
		}
	}
}

// Unacknowledged takes the end of the wait for an ACK to a refusal: Check finds it in the log.
func (u user) Unacknowledged(clock.Time, *message.Message, flow.Flow) {}

// outOfDialog answers a request that belongs to no dialog.
func (p *Phone) outOfDialog(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	usual := Reply{Code: 200}
	switch m.Method() {
	case message.BYE, message.INFO, message.PRACK, message.UPDATE:
		usual.Code = 481 // RFC 3261 §12.2.2
	case message.REFER:
		usual.Code = 202
	case message.UnknownMethod:
		usual.Code = 501
	}
	r := p.usually(m, usual)
	(&reply{p: p, tx: tx, m: m, f: f, tag: p.word()}).later(now, r)
}

// usually returns the next reply that the test gave for the method of m, else the usual one.
func (p *Phone) usually(m *message.Message, usual Reply) Reply {
	method := string(m.MethodName())
	list := p.replies[method]
	if len(list) == 0 {
		return usual
	}
	if len(list) > 1 {
		p.replies[method] = list[1:]
	}
	return list[0]
}

// reply is a request that is going to be answered. What is answered later keeps a copy of it.
type reply struct {
	p   *Phone
	tx  *transaction.Server
	m   *message.Message
	f   flow.Flow
	tag string
	d   *dialog // nil outside one
}

func (r *reply) later(now clock.Time, with Reply) {
	if with.Code == 0 {
		return
	}
	if with.After == 0 {
		r.send(now, with)
		return
	}
	r.tx.Owner, r.m = r, r.m.Share()
	r.p.at(now.Add(with.After), func(now clock.Time) { r.send(now, with) })
}

func (r *reply) send(now clock.Time, with Reply) {
	if r.d != nil && with.Body == nil && with.Code/100 == 2 {
		with.Body = r.d.answerTo(r.m)
	}
	b := r.p.response(r.m, r.f, r.tag, &with)
	sent := r.tx.Respond(now, with.Code, b)
	if sent && r.d != nil && with.Code/100 == 2 && r.m.Method() == message.INVITE {
		r.d.await(now, r.tx, b, r.m.CSeq())
	}
}
