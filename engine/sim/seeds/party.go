package seeds

import (
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

const (
	t1 = 500 * time.Millisecond
	t2 = 4 * time.Second
	t4 = 5 * time.Second
)

// party is one end of a leg: a caller, or a phone that was INVITEd. It shares no code with the engine's transactions, so
// that a fault in them finds no counterpart here, and it does wrong what the Spec says.
type party struct {
	w           *world
	leg         *leg
	site        uint8
	talk        *talk
	does        *behaviour // of a phone
	invited     *incoming  // the INVITE of a phone
	calling     *outgoing  // the INVITE of a caller
	ends        []*end
	name        string // user, and start of tags and branches
	other       string // URI of the other side
	outs        []*outgoing
	ins         []*incoming
	cseq        uint32
	words       int
	version     int
	replied     int
	rounds      int               // how often a phone was INVITEd again
	rseq        map[string]uint32 // of reliable provisionals, by tag: of a caller the last acknowledged, of a phone the last sent
	early       bool              // it has talked in an early dialog
	challenged  bool              // the INVITE, which may follow with credentials
	credentials string            // of a caller who was asked who he is
	password    string            // that he knows
	told        int               // how often he said who he is
	gone        bool              // it knows of nothing any more
}

// end is a party's end of a dialog.
type end struct {
	local, remote string // tags
	target        string
	route         string
	over          bool
}

// repeat is something that is sent again until it is acknowledged, or answered.
type repeat struct {
	p     *party
	b     []byte
	wait  time.Duration
	most  time.Duration
	until clock.Time
	timer clock.Timer
}

func (r *repeat) start(p *party, b []byte, most time.Duration) {
	r.p, r.b, r.wait, r.most = p, b, t1, most
	r.until = p.w.net.Now().Add(64 * t1)
	r.timer.Owner = r
	p.send(b)
	p.w.heap.Arm(&r.timer, p.w.net.Now().Add(t1))
}

func (r *repeat) stop() {
	if r.p != nil {
		r.p.w.heap.Stop(&r.timer)
	}
}

func (r *repeat) Fire(now clock.Time, _ uint8) {
	if r.p.gone || now >= r.until {
		return
	}
	r.p.send(r.b)
	r.wait = min(2*r.wait, r.most)
	r.p.w.heap.Arm(&r.timer, min(now.Add(r.wait), r.until))
}

func (p *party) send(b []byte) {
	p.w.carry(p.w.out, flow.Flow{Remote: self, Listener: p.site}, b, p.leg, 1)
}

// deliver hands a datagram to the party that it is for.
func (w *world) deliver(f flow.Flow, b []byte) {
	m := &w.msg
	if m.Parse(b) != nil || m.Validate() != nil {
		return // the book has found it
	}
	l := w.book.legs[string(m.CallID())]
	if l == nil {
		return
	}
	if l.call.outside != nil {
		w.deliverOutside(l, f, m)
		return
	}
	p := l.party
	initial := m.IsRequest() && m.Method() == message.INVITE && m.ToTag() == nil
	switch {
	case initial && (p == nil || p.gone):
		w.invite(l, f, m)
	case p == nil:
	case p.gone:
		p.forgotten(m)
	case m.IsRequest():
		p.request(m)
	default:
		p.response(m)
	}
}

// forgotten answers what a party is asked after it forgot everything.
func (p *party) forgotten(m *message.Message) {
	if m.IsRequest() && m.Method() != message.ACK {
		p.send(p.respond(m, 481, "gone", nil, nothing))
	}
}

// place sets a call going.
func (w *world) place(i int) {
	s := &w.spec.Calls[i]
	c := &callBook{n: i, spec: s, endAt: -1, hungAt: -1}
	l := &leg{call: c, callID: "c" + strconv.Itoa(i) + "." + strconv.FormatUint(w.spec.Seed, 36) + "@192.0.2.100"}
	c.legs = []*leg{l}
	w.book.calls = append(w.book.calls, c)
	w.book.legs[l.callID] = l
	p := &party{w: w, leg: l, site: w.site[w.spec.callerAddr(i)], talk: &s.Talk, name: "f" + strconv.Itoa(i), other: "sip:100@pbx.example"}
	l.party = p
	w.at(clock.Time(s.At), p.call)
}

// call sends the INVITE and sees to what the caller does later.
func (p *party) call() {
	s := p.leg.call.spec
	p.cseq = 1
	p.password = p.w.users.password(p.name)
	p.calling = p.invite(s)
	p.calling.then = p.identify
	if s.MergedAt > 0 {
		p.w.after(s.MergedAt, func() {
			p.invite(s)
		})
	}
	if s.CancelAt > 0 {
		p.w.after(s.CancelAt, func() { p.calling.giveUp(s.Reasons, s.Hasty) })
	}
	if s.GoneAt > 0 {
		p.w.after(s.GoneAt, func() { p.gone = true })
	}
}

func (p *party) invite(s *callSpec) *outgoing {
	o := p.outgoing("INVITE", nil)
	o.offered, o.noAck = !s.LateOffer, s.NoAck
	w := p.start(o, "sip:100@pbx.example", "")
	if s.Proxied {
		w.field("Via", "SIP/2.0/TCP 10.1.2.3:5070;branch=z9hG4bKua"+p.name+";x=\"1,2\"")
		w.field("Record-Route", "<sip:"+p.addr()+";lr>")
	}
	switch s.Reliable {
	case supports:
		w.field("Supported", "100rel")
	case requires:
		w.field("Require", "100rel")
	}
	w.field("Contact", "<sip:"+p.name+"@"+p.addr()+">")
	w.field(callField, strconv.Itoa(p.leg.call.n))
	w.field("Subject", "a call")
	if p.credentials != "" {
		w.field("Proxy-Authorization", p.credentials)
	}
	if v := p.replaces(s.Replaces - 1); v != "" {
		w.field("Replaces", v)
	}
	o.begin(w.end(p.sdp(o.offered, 0)))
	return o
}

func (p *party) addr() string { return p.w.sites[p.site].String() }

// sdp returns the description of the party's next offer or answer, nil if there is to be none.
func (p *party) sdp(wanted bool, tag int) []byte {
	if !wanted {
		return nil
	}
	p.version++
	b := append(make([]byte, 0, 64), "v=0\r\no=- "...)
	b = append(strconv.AppendInt(append(append(b, p.name...), '.'), int64(tag), 10), ' ')
	return append(strconv.AppendInt(b, int64(p.version), 10), " IN IP4 192.0.2.9\r\ns=-\r\n"...)
}

// talkTo has a party do what it does once a dialog is up.
func (p *party) talkTo(e *end) {
	if p.talk.Bye > 0 {
		p.w.after(p.talk.Bye, func() { p.bye(e) })
	}
	for i := range p.talk.Asks {
		a := &p.talk.Asks[i]
		p.w.after(a.At, func() { p.ask(e, a) })
	}
}

// talkEarly has a callee do what it does in its first early dialog.
func (p *party) talkEarly(e *end) {
	if p.early {
		return
	}
	p.early = true
	for i := range p.talk.Early {
		a := &p.talk.Early[i]
		p.w.after(a.At, func() { p.ask(e, a) })
	}
}

func (p *party) bye(e *end) {
	if p.gone || e.over {
		return
	}
	e.over = true
	o := p.outgoing("BYE", e)
	w := p.start(o, e.target, e.remote)
	if p.talk.Reason != "" {
		w.field("Reason", p.talk.Reason)
	}
	o.begin(w.end(nil))
}

// ask sends a request inside the dialog, also when it is over: the engine has to know.
func (p *party) ask(e *end, a *ask) {
	if p.gone {
		return
	}
	o := p.outgoing(a.Method, e)
	remote := e.remote
	if a.BadTag {
		remote += "x"
	}
	if a.OldSeq {
		o.cseq = 0
	}
	w := p.start(o, e.target, remote)
	if a.Method == "INVITE" {
		w.field("Contact", "<sip:"+p.name+"@"+p.addr()+">")
		o.offered, o.noAck = !a.NoSDP, a.NoAck
	}
	if r := p.leg.call.outside; r != nil && r.Method == "REFER" && a.Method == "SUBSCRIBE" {
		w.field("Event", event(r.Method, true))
	}
	o.why = a
	o.begin(w.end(p.sdp(!a.NoSDP, 0)))
	if a.Cancel > 0 {
		p.w.after(a.Cancel, func() { o.giveUp(nil, false) })
	}
}
