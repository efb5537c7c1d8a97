package sim

import (
	"slices"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/leg"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// CallSpec is a call that a phone places.
type CallSpec struct {
	// From and To are URIs or name-addrs; From "" = the phone's own URI.
	From, To string
	// RequestURI is To's URI if empty.
	RequestURI string
	// Dest is where the INVITE goes.
	Dest    flow.Flow
	Headers []Header
	// Body nil is the phone's SDP, NoBody a late offer.
	Body *Body
	// PrackOffer is what the caller offers in its PRACK to a reliable answer to its offer (RFC 3262 §5); nil = nothing.
	PrackOffer *Body
	// CancelAfter gives up so long after the INVITE; HangupAfter ends the call so long after the answer; nil = never.
	CancelAfter, HangupAfter *time.Duration
	// Answered is what the caller does once the first 2xx has come: steps in the dialog, or Vanish.
	Answered Behaviour
	// VanishAfter takes the caller off the network so long after the INVITE; nil = never.
	VanishAfter *time.Duration
	// NoAck leaves 2xx responses without ACK.
	NoAck bool
	// Login answers who asks for credentials, as far as it can (RFC 3261 §22); nil = a challenge is the end of the call.
	Login *leg.Login
	// CallID is its Call-ID, which no other call has; "" = one of its own.
	CallID string
}

// Call is a call that a phone placed.
type Call struct {
	session
	spec         CallSpec
	from, to     string
	uri          string
	tag          string
	cseq         uint32
	offered      bool
	tx           *transaction.Client
	at           clock.Time
	provisionals []int
	final        int
	finals       []final
	answer       *message.Message // the first 2xx
	response     *message.Message // the first final response
	cancelled    bool
	why          string
}

// final is a final response as Check tells them apart.
type final struct {
	code  int
	toTag string
}

// Call places a call at an instant.
func (p *Phone) Call(at clock.Time, s CallSpec) *Call {
	c := &Call{spec: s, tag: p.word(), cseq: 1, from: nameAddr(p.orOwn(s.From)), to: nameAddr(s.To), uri: s.RequestURI}
	if c.uri == "" {
		c.uri = uriOf(s.To)
	}
	if c.callID = s.CallID; c.callID == "" {
		c.callID = p.newCallID()
	}
	p.enter(&c.session)
	c.media, c.pending = c.own, true
	p.calls = append(p.calls, c)
	p.at(at, c.start)
	return c
}

func (c *Call) start(now clock.Time) {
	p, s := c.phone, &c.spec
	c.at = now
	c.invite(now)
	if s.VanishAfter != nil {
		p.Vanish(now.Add(*s.VanishAfter))
	}
	if s.CancelAfter != nil {
		c.Cancel(now.Add(*s.CancelAfter))
	}
}

// invite sends the INVITE, with the credentials that were asked for.
func (c *Call) invite(now clock.Time) {
	p, s := c.phone, &c.spec
	body := s.Body
	if body == nil {
		body = p.sdp(c.own, 1, nil)
	}
	r := &request{
		method: "INVITE", uri: c.uri, from: c.from + ";tag=" + c.tag, to: c.to, callID: c.callID, cseq: c.cseq,
		contact: true, headers: s.Headers, body: body, login: s.Login,
	}
	b := p.request(r, s.Dest)
	c.offered = r.offers()
	if len(s.Headers) > 0 {
		_ = p.wrote.Parse(b) // what does not parse fails in the transaction
		c.offered, c.refers = isSDP(&p.wrote), p.wrote.Has(message.Replaces)
	}
	c.tx = p.layer.Request(now, s.Dest, message.INVITE, b, calling{c})
}

// meets answers a challenge: the INVITE goes out again, under the next number (RFC 3261 §22.2).
func (c *Call) meets(now clock.Time, m *message.Message) bool {
	if code := m.Status(); code != 401 && code != 407 || c.spec.Login == nil || c.cancelled || c.final != 0 || !c.spec.Login.Learn(m) {
		return false
	}
	c.cseq++
	c.invite(now)
	return true
}

// At returns when the INVITE was sent, the first one if it was challenged.
func (c *Call) At() clock.Time { return c.at }

// Answered reports whether a 2xx came.
func (c *Call) Answered() bool { return c.answer != nil }

// Final returns the status code of the first final response, 0 if none came.
func (c *Call) Final() int { return c.final }

// Message returns the first final response, nil if none came.
func (c *Call) Message() *message.Message { return c.response }

// Why says why there is no final response: "timeout", "transport error"; "" if there is one, or none yet.
func (c *Call) Why() string { return c.why }

// Provisionals returns the status codes of the provisional responses, in order.
func (c *Call) Provisionals() []int { return c.provisionals }

// ToTag returns the To tag of the first 2xx, "" if none came.
func (c *Call) ToTag() string {
	if c.answer == nil {
		return ""
	}
	return string(c.answer.ToTag())
}

// AnsweredBy returns the name of the phone whose session description the first 2xx carries, "" if it carries none.
func (c *Call) AnsweredBy() string {
	if c.answer == nil {
		return ""
	}
	name, _ := origin(c.answer.Body())
	return name
}

// Cancel gives the call up at an instant, with Reason values, unless it has a final response by then.
func (c *Call) Cancel(at clock.Time, reasons ...string) {
	c.phone.at(at, func(now clock.Time) {
		if c.tx != nil && c.final == 0 && c.why == "" {
			c.cancelled = true
			c.tx.Cancel(now, message.Reasons(reasons...)...)
		}
	})
}

// calling is a call as the transaction of its INVITE sees it.
type calling struct{ c *Call }

// Response takes a response to the INVITE.
func (k calling) Response(now clock.Time, _ *transaction.Client, m *message.Message) {
	c := k.c
	switch m.Status() / 100 {
	case 1:
		c.provisional(now, m)
	case 2:
		c.accepted(now, m)
	default:
		if c.meets(now, m) {
			return
		}
		c.ended(m)
		for _, d := range c.dialogs {
			d.end(now)
		}
	}
}

// Failed takes note that no final response will come.
func (k calling) Failed(now clock.Time, _ *transaction.Client, why transaction.Failure) {
	k.c.why, k.c.pending = why.String(), false
	for _, d := range k.c.dialogs {
		d.end(now)
	}
}

func (c *Call) provisional(now clock.Time, m *message.Message) {
	c.provisionals = append(c.provisionals, m.Status())
	if m.Status() > 100 && len(m.ToTag()) > 0 {
		c.dialog(m).prack(now, m, c.offered, c.spec.PrackOffer)
	}
}

// ended takes note of a final response.
func (c *Call) ended(m *message.Message) {
	f := final{m.Status(), string(m.ToTag())}
	if !slices.Contains(c.finals, f) {
		c.finals = append(c.finals, f)
	}
	if c.final == 0 {
		c.final, c.response, c.pending = m.Status(), m.Share(), false
		if c.final < 300 {
			c.answer = c.response
		}
	}
}

// accepted takes a 2xx. Every one is acknowledged; the dialog of one that comes too late, or after another, is ended
// (RFC 3261 §13.2.2.4).
func (c *Call) accepted(now clock.Time, m *message.Message) {
	late := c.final != 0 || c.cancelled
	c.ended(m)
	if c.answer == nil {
		c.answer = m.Share()
	}
	d := c.dialog(m)
	known := d.state != early
	d.confirm(now)
	if u := contactURI(m); u != "" {
		d.target = u
	}
	d.routes = routesOf(m)
	if !c.spec.NoAck {
		d.ack(now, c.tx, m, c.offered)
	}
	switch {
	case known:
	case late:
		d.bye(now, nil)
	default:
		c.talk(now, d)
	}
}

// talk does what the caller is to do once the call is answered.
func (c *Call) talk(now clock.Time, d *dialog) {
	if c.spec.HangupAfter != nil {
		c.Bye(now.Add(*c.spec.HangupAfter))
	}
	at := now
	for i := range c.spec.Answered {
		s := &c.spec.Answered[i]
		at = at.Add(s.Wait)
		c.phone.at(at, func(now clock.Time) {
			switch {
			case s.Act == Vanish:
				c.phone.vanish()
			case s.Act == InDialog && d.state == up:
				d.do(now, s)
			}
		})
	}
}

// dialog returns the dialog that a response belongs to, a new one (RFC 3261 §12.1.2) at first.
func (c *Call) dialog(m *message.Message) *dialog {
	for _, d := range c.dialogs {
		if d.remoteTag == string(m.ToTag()) {
			return d
		}
	}
	d := &dialog{
		s: &c.session, localTag: c.tag, remoteTag: string(m.ToTag()), local: c.from, remote: untagged(m.Get(message.To)),
		target: contactURI(m), routes: routesOf(m), cseq: c.cseq, flow: c.spec.Dest,
	}
	if c.offered {
		d.version = 1
	}
	c.dialogs = append(c.dialogs, d)
	return d
}

// routesOf returns the route set that a response gives the caller: the Record-Routes in reverse order.
func routesOf(m *message.Message) []string {
	var routes []string
	m.Each(message.RecordRoute, func(e []byte) bool {
		routes = append(routes, string(e))
		return true
	})
	slices.Reverse(routes)
	return routes
}
