package seeds

import (
	"strconv"
	"time"

	"tandem/engine/message"
)

// outgoing is a request of a party.
type outgoing struct {
	p       *party
	e       *end // nil outside a dialog
	method  string
	branch  string
	cseq    uint32
	uri, to string
	repeat  repeat
	offered bool
	noAck   bool
	why     *ask
	then    func(m *message.Message) // takes the final response
	heard   bool                     // a provisional came
	code    int
	ack     []byte
	acking  bool // it will be sent
	cancel  struct {
		wanted, sent bool
		reasons      []string
	}
}

// outgoing returns a request with a branch of its own.
func (p *party) outgoing(method string, e *end) *outgoing {
	if method != "ACK" && e != nil {
		p.cseq++
	}
	p.words++
	o := &outgoing{p: p, e: e, method: method, cseq: p.cseq}
	o.branch = "z9hG4bK" + p.name + "." + strconv.Itoa(p.words)
	p.outs = append(p.outs, o)
	return o
}

// writer appends a message.
type writer struct{ b []byte }

func (w *writer) field(name, value string) { w.b = message.AppendField(w.b, name, value) }

func (w *writer) end(body []byte) []byte {
	if len(body) > 0 {
		w.field("Content-Type", "application/sdp")
	}
	w.b = message.AppendBody(w.b, body)
	return w.b
}

// start writes the start of a request to a dialog's other end, or to nobody known if tag is empty.
func (p *party) start(o *outgoing, uri, tag string) *writer {
	o.uri, o.to = uri, "<"+p.other+">"
	if tag != "" {
		o.to += ";tag=" + tag
	}
	from := "<sip:" + p.name + "@" + p.addr() + ">"
	if o.e == nil {
		from += ";tag=" + p.name
	} else if o.e.local != "" {
		from += ";tag=" + o.e.local
	}
	w := &writer{message.AppendRequestLine(make([]byte, 0, 640), o.method, uri)}
	w.b = message.AppendVia(w.b, "UDP", p.addr(), o.branch)
	if o.e != nil && o.e.route != "" {
		w.field("Route", o.e.route)
	}
	w.field("From", from)
	w.field("To", o.to)
	w.field("Call-ID", p.leg.callID)
	w.field("CSeq", strconv.FormatUint(uint64(o.cseq), 10)+" "+o.method)
	w.field("Max-Forwards", "70")
	return w
}

// begin sends the request.
func (o *outgoing) begin(b []byte) {
	most := t2
	if o.method == "INVITE" {
		most = 64 * t1
	}
	o.repeat.start(o.p, b, most)
}

// giveUp cancels an INVITE that is not answered, as soon as that is allowed or, in haste, at once.
func (o *outgoing) giveUp(reasons []string, hasty bool) {
	if o.p.gone || o.code != 0 || o.cancel.sent {
		return
	}
	o.cancel.reasons = reasons
	if !o.heard && !hasty {
		o.cancel.wanted = true
		return
	}
	o.sendCancel()
}

func (o *outgoing) sendCancel() {
	p := o.p
	o.cancel.sent, o.cancel.wanted = true, false
	c := &outgoing{p: p, e: o.e, method: "CANCEL", branch: o.branch, cseq: o.cseq}
	p.outs = append(p.outs, c)
	tag := ""
	if o.e != nil {
		tag = o.e.remote
	}
	w := p.start(c, o.uri, tag)
	for _, r := range o.cancel.reasons {
		w.field("Reason", r)
	}
	c.begin(w.end(nil))
}

// response takes a response.
func (p *party) response(m *message.Message) {
	for _, o := range p.outs {
		if o.branch == string(m.TopVia().Branch) && o.method == string(m.MethodName()) {
			o.response(m)
			return
		}
	}
}

func (o *outgoing) response(m *message.Message) {
	code := m.Status()
	if code < 200 {
		o.heard = true
		if o.method == "INVITE" {
			o.repeat.stop()
		}
		if o.cancel.wanted {
			o.sendCancel()
		}
		if o == o.p.calling {
			o.p.prack(m)
		}
		return
	}
	o.repeat.stop()
	first := o.code == 0
	o.code = code
	if first && o.then != nil {
		o.then(m)
	}
	if first && code == 491 && o.why != nil && o.why.Insists > 0 {
		o.insist()
	}
	switch {
	case o.method != "INVITE":
	case code >= 300:
		o.refused(m)
	default:
		o.accepted(m, first)
	}
}

// insist makes an offer again that met another one. Who made the Call-ID waits longer (RFC 3261 §14.1).
func (o *outgoing) insist() {
	p, again := o.p, *o.why
	again.Insists--
	dice := dice(p.w.spec.Seed ^ uint64(p.leg.call.n)<<56 ^ uint64(p.leg.n)<<44 ^ uint64(p.words))
	wait := time.Duration(dice.next()%200) * 10 * time.Millisecond
	if p.leg.n == 0 {
		wait += 2100 * time.Millisecond
	}
	p.w.after(wait, func() { p.ask(o.e, &again) })
}

func (o *outgoing) refused(m *message.Message) {
	if o.noAck {
		return
	}
	w := &writer{message.AppendRequestLine(make([]byte, 0, 400), "ACK", o.uri)}
	w.b = message.AppendVia(w.b, "UDP", o.p.addr(), o.branch)
	w.b = message.AppendField(w.b, "From", m.Get(message.From))
	w.b = message.AppendField(w.b, "To", m.Get(message.To))
	w.field("Call-ID", o.p.leg.callID)
	w.field("CSeq", strconv.FormatUint(uint64(o.cseq), 10)+" ACK")
	w.field("Max-Forwards", "70")
	o.p.send(w.end(nil))
}

// accepted takes a 2xx, the first or a copy.
func (o *outgoing) accepted(m *message.Message, first bool) {
	p := o.p
	switch {
	case !first:
		if o.ack != nil && !o.acking {
			p.send(o.ack)
		}
		return
	case o.e == nil:
		o.e = p.dialog(m, p.name, string(m.ToTag()))
		p.talkTo(o.e)
	default:
		o.e.target = contactOf(m, o.e.target)
	}
	if o.noAck || p.talk.NoAck {
		return
	}
	a := &outgoing{p: p, e: o.e, method: "ACK", cseq: o.cseq}
	p.words++
	a.branch = "z9hG4bK" + p.name + "." + strconv.Itoa(p.words)
	o.ack = p.start(a, o.e.target, o.e.remote).end(p.sdp(!o.offered, 0))
	if p.talk.AckLate == 0 {
		p.send(o.ack)
		return
	}
	o.acking = true
	p.w.after(p.talk.AckLate, func() {
		o.acking = false
		if !p.gone {
			p.send(o.ack)
		}
	})
}

// dialog adds the end of a dialog that a message makes.
func (p *party) dialog(m *message.Message, local, remote string) *end {
	e := &end{local: local, remote: remote, target: contactOf(m, "")}
	if v := m.Get(message.RecordRoute); v != nil && m.IsRequest() {
		e.route = string(v)
	}
	p.ends = append(p.ends, e)
	return e
}

// contactOf returns the URI of the first Contact.
func contactOf(m *message.Message, otherwise string) string {
	uri := otherwise
	m.Each(message.Contact, func(v []byte) bool {
		if na, err := message.ParseNameAddr(v); err == nil {
			uri = string(na.URI)
		}
		return false
	})
	return uri
}

// prack acknowledges a reliable provisional, once (RFC 3262 §4).
func (p *party) prack(m *message.Message) {
	rseq, tag, s := rseqOf(m), string(m.ToTag()), p.leg.call.spec
	if rseq == 0 || s.NoPrack || p.rseq[tag] >= rseq {
		return
	}
	if p.rseq == nil {
		p.rseq = map[string]uint32{}
	}
	p.rseq[tag] = rseq
	e := &end{local: p.name, remote: tag, target: contactOf(m, "")}
	cseq := p.calling.cseq
	p.w.after(s.PrackLate, func() {
		if p.gone {
			return
		}
		o := p.outgoing("PRACK", e)
		w := p.start(o, e.target, e.remote)
		w.field("RAck", strconv.FormatUint(uint64(rseq), 10)+" "+strconv.FormatUint(uint64(cseq), 10)+" INVITE")
		o.begin(w.end(nil))
	})
}
