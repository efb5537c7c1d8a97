package sim

import (
	"slices"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// Exchange is a request of a test and what came of it.
type Exchange struct {
	phone     *Phone
	method    string
	d         *dialog // nil outside one
	offered   bool    // it carried an offer
	direction string  // of the media in it
	code      int
	response  *Logged
	why       string
}

// Method returns the request's method.
func (x *Exchange) Method() string { return x.method }

// Code returns the final status code, 0 if none came.
func (x *Exchange) Code() int { return x.code }

// Message returns the final response, nil if none came.
func (x *Exchange) Message() *message.Message {
	if x.response == nil {
		return nil
	}
	m, _ := x.response.Message()
	return m
}

// Why says why there is no final response: "timeout", "transport error", "no dialog"; "" if there is one, or none yet.
func (x *Exchange) Why() string { return x.why }

// start sends the request in a dialog.
func (x *Exchange) start(now clock.Time, d *dialog, headers []Header, body *Body) {
	if d == nil {
		x.why = "no dialog"
		return
	}
	x.d = d
	d.settle(now, func(now clock.Time) {
		if body == nil && (x.method == "INVITE" || x.method == "UPDATE") {
			body = directed(d.sdp(nil), x.direction)
		}
		d.s.refers = d.s.refers || x.method == "REFER"
		r, f := d.next(x.method, headers, body)
		x.send(now, r, f)
	})
}

func (x *Exchange) send(now clock.Time, r *request, f flow.Flow) {
	p := x.phone
	p.exchanges = append(p.exchanges, x)
	b := p.request(r, f)
	o, ok := message.ReadOutline(b)
	if x.offered = r.offers(); !ok || len(r.headers) > 0 {
		_ = p.wrote.Parse(b) // what does not parse fails in the transaction
		o, x.offered = p.wrote.Outline(), isSDP(&p.wrote)
	}
	p.layer.Request(now, f, o.Method, b, asking{x})
}

// asking is an exchange as its transaction sees it.
type asking struct{ x *Exchange }

// Response takes a response.
func (a asking) Response(now clock.Time, tx *transaction.Client, m *message.Message) {
	x, d := a.x, a.x.d
	if m.Status() < 200 {
		return
	}
	if x.code == 0 {
		x.code, x.response = m.Status(), x.phone.heard
	}
	switch {
	case d == nil:
		return
	case x.method == "BYE", m.Status() == 481, m.Status() == 408: // RFC 3261 §12.2.1.2
		d.end(now)
	case m.Status() < 300 && (x.method == "INVITE" || x.method == "UPDATE"):
		if c := contactURI(m); c != "" {
			d.target = c
		}
	}
	if x.method == "INVITE" && m.Status() < 300 {
		d.ack(now, tx, m, x.offered)
	}
}

// Failed keeps the failure. A BYE ends its dialog all the same (RFC 3261 §15.1.1).
func (a asking) Failed(now clock.Time, _ *transaction.Client, why transaction.Failure) {
	a.x.why = why.String()
	if a.x.d != nil && a.x.method == "BYE" {
		a.x.d.end(now)
	}
}

// ack acknowledges a 2xx (RFC 3261 §13.2.2.4). If the request carried no offer the 2xx does, and the ACK answers it.
func (d *dialog) ack(now clock.Time, tx *transaction.Client, m *message.Message, offered bool) {
	var body *Body
	if !offered && isSDP(m) {
		body = d.sdp(m.Body())
	}
	r, f := d.next("ACK", nil, body)
	r.cseq = m.CSeq()
	tx.Ack(now, d.s.phone.request(r, f), f, m.ToTag())
}

// RequestSpec is a request outside a dialog.
type RequestSpec struct {
	Method string
	// From and To are URIs or name-addrs; "" = the phone's own URI.
	From, To string
	// RequestURI is To's URI if empty.
	RequestURI string
	// Dest is where it goes.
	Dest    flow.Flow
	Headers []Header
	// Body nil is none.
	Body *Body
}

// withContact are the methods whose requests outside a dialog carry a Contact.
var withContact = []string{"INVITE", "REGISTER", "SUBSCRIBE", "REFER", "OPTIONS"}

// Request sends a request outside a dialog at an instant.
func (p *Phone) Request(at clock.Time, s RequestSpec) *Exchange {
	x := &Exchange{phone: p, method: s.Method}
	to := p.orOwn(s.To)
	r := &request{
		method: s.Method, uri: s.RequestURI, from: nameAddr(p.orOwn(s.From)) + ";tag=" + p.word(), to: nameAddr(to),
		callID: p.newCallID(), cseq: 1, contact: slices.Contains(withContact, s.Method), headers: s.Headers, body: s.Body,
	}
	if r.uri == "" {
		r.uri = uriOf(to)
	}
	p.at(at, func(now clock.Time) { x.send(now, r, s.Dest) })
	return x
}

// orOwn returns the phone's own URI in place of none.
func (p *Phone) orOwn(uri string) string {
	switch {
	case uri != "":
		return uri
	case p.cfg.URI != "":
		return p.cfg.URI
	}
	return "sip:" + p.user + "@" + p.addr
}

func (p *Phone) newCallID() string { return p.word() + "@" + p.host }
