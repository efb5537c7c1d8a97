package sim

import (
	"bytes"
	"iter"
	"slices"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/transaction"
)

// session is a call as one phone has it, as caller or as callee: one Call-ID and the dialogs that grew from its INVITE.
type session struct {
	phone   *Phone
	callID  string
	dialogs []*dialog
	// own is the session in the origin of the phone's SDP; media that of the caller's, which ties the sides of a call
	// together: the phone's own if it called.
	own, media string
	in         *Incoming // the call offered, if the phone is the callee
	// refers says that a REFER or a Replaces makes dialogs that have no caller of their own.
	refers bool
	// pending says that the INVITE has no final response yet.
	pending bool
	next    *session // of the phone with that Call-ID
}

// dialogState is where a dialog is in its life (RFC 3261 §12).
type dialogState uint8

const (
	early   dialogState = iota // a provisional made it
	up                         // a 2xx confirmed it
	leaving                    // a BYE was sent and is not answered yet
	over
)

// dialog is a dialog as one side has it.
type dialog struct {
	s                   *session
	name                string // that steps give it
	localTag, remoteTag string
	local, remote       string // From and To of our requests, without tags
	from, to            string // likewise with tags, once one was sent
	target              string // RFC 3261 §12.2.1.1: remote target
	routes              []string
	cseq, peerCSeq      uint32
	flow                flow.Flow
	state               dialogState
	left                bool // the peer sent a BYE
	upAt, overAt        clock.Time
	version             int // of our session description
	answers             []*answer
	waiting             []func(now clock.Time) // for an ACK
	reliable            reliable
}

func (p *Phone) enter(s *session) {
	s.phone, s.own = p, mediaOf(p.name, s.callID)
	s.next, p.sessions[s.callID] = p.sessions[s.callID], s
}

// CallID returns the Call-ID of the phone's leg.
func (s *session) CallID() string { return s.callID }

// Up reports whether a dialog of the call is confirmed and not ended.
func (s *session) Up() bool { return s.upDialog() != nil }

// Received returns the messages of the call that the phone received; what is as for Phone.Received.
func (s *session) Received(what string) []*Logged {
	return s.phone.diary.pick(nil, false, what, s.callID)
}

// Sent returns the messages of the call that the phone sent; what is as for Phone.Received.
func (s *session) Sent(what string) []*Logged { return s.phone.diary.pick(nil, true, what, s.callID) }

// Messages yields the messages of the call that the phone sent and received, copies left out, in order.
func (s *session) Messages() iter.Seq[*Logged] {
	return func(yield func(*Logged) bool) {
		for _, l := range s.phone.diary.of(s.callID) {
			if !l.copy && !yield(l) {
				return
			}
		}
	}
}

func (s *session) upDialog() *dialog {
	for _, d := range s.dialogs {
		if d.state == up {
			return d
		}
	}
	return nil
}

// open reports whether something of the call is still to come.
func (s *session) open() bool {
	return s.pending || slices.ContainsFunc(s.dialogs, func(d *dialog) bool { return d.state == up || d.state == leaving })
}

// Bye ends the call at an instant: a BYE in every dialog that is up then.
func (s *session) Bye(at clock.Time, headers ...Header) {
	s.phone.at(at, func(now clock.Time) {
		for _, d := range s.dialogs {
			d.bye(now, headers)
		}
	})
}

// Request sends a request in the call's dialog at an instant. A nil body is the phone's SDP for INVITE and UPDATE, else
// none. If no dialog is there by then the exchange fails.
func (s *session) Request(at clock.Time, method string, headers []Header, body *Body) *Exchange {
	x := &Exchange{phone: s.phone, method: method}
	s.phone.at(at, func(now clock.Time) { x.start(now, s.current(), headers, body) })
	return x
}

// current is the dialog that a test's request goes to: the confirmed one, else the latest early one.
func (s *session) current() *dialog {
	if d := s.upDialog(); d != nil {
		return d
	}
	for _, d := range slices.Backward(s.dialogs) {
		if d.state == early {
			return d
		}
	}
	return nil
}

// dialogOf returns the dialog that a request or an ACK belongs to (RFC 3261 §12.2.2), whatever its state.
func (p *Phone) dialogOf(m *message.Message) *dialog {
	for s := p.sessions[string(m.CallID())]; s != nil; s = s.next {
		for _, d := range s.dialogs {
			if d.localTag == string(m.ToTag()) && d.remoteTag == string(m.FromTag()) {
				return d
			}
		}
	}
	return nil
}

// confirm takes a 2xx that was sent or received.
func (d *dialog) confirm(now clock.Time) {
	if d.state == early {
		d.state, d.upAt = up, now
	}
}

func (d *dialog) end(now clock.Time) {
	if d.state == over {
		return
	}
	d.state, d.overAt = over, now
	for _, a := range d.answers {
		d.s.phone.heap.Stop(&a.timer)
	}
	d.reliable.stop(d.s.phone)
	if c := d.s.in; c != nil && c.final != 0 && !d.s.open() {
		c.stop()
	}
}

// do does a step in the dialog.
func (d *dialog) do(now clock.Time, s *Step) {
	if s.Method == "BYE" {
		d.bye(now, s.Headers)
		return
	}
	x := &Exchange{phone: d.s.phone, method: s.Method, direction: s.Direction}
	x.start(now, d, s.Headers, s.Body)
}

// bye ends the dialog.
func (d *dialog) bye(now clock.Time, headers []Header) {
	d.settle(now, func(now clock.Time) {
		if d.state == up {
			(&Exchange{phone: d.s.phone, method: "BYE"}).start(now, d, headers, NoBody)
			d.state = leaving
		}
	})
}

// settle does something once no 2xx of the phone's waits for its ACK: until then the peer may not know of the dialog,
// and must not be sent a BYE (RFC 3261 §15).
func (d *dialog) settle(now clock.Time, do func(now clock.Time)) {
	if slices.ContainsFunc(d.answers, func(a *answer) bool { return a.timer.Armed() }) {
		d.waiting = append(d.waiting, do)
		return
	}
	do(now)
}

// settled does what waited for an ACK.
func (d *dialog) settled(now clock.Time) {
	waiting := d.waiting
	d.waiting = nil
	for _, do := range waiting {
		do(now)
	}
}

// next returns the next request of the dialog (RFC 3261 §12.2.1.1) and its flow.
func (d *dialog) next(method string, headers []Header, body *Body) (*request, flow.Flow) {
	if method != "ACK" {
		d.cseq++
	}
	hop := d.target
	if len(d.routes) > 0 {
		hop = uriOf(d.routes[0])
	}
	if d.from == "" {
		d.from, d.to = d.local+tagged(d.localTag), d.remote+tagged(d.remoteTag)
	}
	return &request{
		method: method, uri: d.target, from: d.from, to: d.to, callID: d.s.callID,
		cseq: d.cseq, routes: d.routes, headers: headers, body: body,
		contact: method == "INVITE" || method == "UPDATE" || method == "REFER",
	}, flowTo(hop, d.flow)
}

func tagged(tag string) string {
	if tag == "" {
		return "" // from an element of RFC 2543
	}
	return ";tag=" + tag
}

// sdp returns a new description of the phone's for the dialog.
func (d *dialog) sdp(offer []byte) *Body {
	d.version++
	return d.s.phone.sdp(d.s.own, d.version, offer)
}

// answerTo returns what a 2xx to m carries: an answer to its offer, or an offer if it asks for one.
func (d *dialog) answerTo(m *message.Message) *Body {
	switch m.Method() {
	case message.INVITE:
	case message.UPDATE, message.PRACK:
		if !isSDP(m) {
			return nil
		}
	default:
		return nil
	}
	if isSDP(m) {
		return d.sdp(m.Body())
	}
	return d.sdp(nil)
}

// inDialog answers a request with a To tag.
func (p *Phone) inDialog(now clock.Time, tx *transaction.Server, m *message.Message, f flow.Flow) {
	d := p.dialogOf(m)
	r := &reply{p: p, tx: tx, m: m, f: f, d: d}
	switch {
	case d == nil || d.state == over || d.state == leaving && m.Method() != message.BYE:
		r.d = nil
		r.later(now, p.usually(m, Reply{Code: 481}))
	case m.CSeq() <= d.peerCSeq:
		r.send(now, Reply{Code: 500}) // RFC 3261 §12.2.2
	case m.Method() == message.PRACK && !d.reliable.acknowledge(p, m):
		r.send(now, Reply{Code: 481}) // RFC 3262 §3
	default:
		d.take(now, r)
	}
}

// take answers a request that is in order.
func (d *dialog) take(now clock.Time, r *reply) {
	m, p := r.m, d.s.phone
	d.peerCSeq = m.CSeq()
	usual := Reply{Code: 200}
	switch m.Method() {
	case message.BYE:
		d.left = true
		d.end(now)
		if c := d.s.in; c != nil && c.final == 0 {
			c.terminate(now) // RFC 3261 §15.1.2: a pending request gets a 487
		}
	case message.INVITE, message.UPDATE:
		if c := contactURI(m); c != "" {
			d.target = c // RFC 3261 §12.2.2: target refresh
		}
	case message.REFER:
		d.s.refers = true
		usual.Code = 202
	case message.UnknownMethod:
		usual.Code = 501
	}
	r.later(now, p.usually(m, usual))
}

// answer is a 2xx to an INVITE that waits for its ACK (RFC 3261 §13.3.1.4).
type answer struct {
	d        *dialog
	tx       *transaction.Server
	bytes    []byte
	cseq     uint32
	acked    bool
	timer    clock.Timer
	interval time.Duration
	until    clock.Time
}

// await starts to repeat a 2xx until its ACK comes.
func (d *dialog) await(now clock.Time, tx *transaction.Server, b []byte, cseq uint32) {
	t := &d.s.phone.cfg.Timers
	a := &answer{d: d, tx: tx, bytes: bytes.Clone(b), cseq: cseq, interval: t.T1, until: now.Add(64 * t.T1)}
	a.timer.Owner = a
	d.answers = append(d.answers, a)
	d.s.phone.heap.Arm(&a.timer, now.Add(a.interval))
}

// Fire sends the 2xx again, or gives up and ends the dialog.
func (a *answer) Fire(now clock.Time, _ uint8) {
	t := &a.d.s.phone.cfg.Timers
	if now >= a.until || !a.tx.Resend(a.bytes) {
		a.d.settled(now)
		a.d.bye(now, nil)
		return
	}
	a.interval = min(2*a.interval, t.T2)
	a.d.s.phone.heap.Arm(&a.timer, min(now.Add(a.interval), a.until))
}

// acknowledged takes the ACK to the 2xx of an INVITE.
func (d *dialog) acknowledged(now clock.Time, cseq uint32) {
	for _, a := range d.answers {
		if a.cseq == cseq {
			a.acked, a.bytes = true, nil
			d.s.phone.heap.Stop(&a.timer)
			d.settled(now)
			return
		}
	}
	d.s.phone.fault("an ACK with CSeq %d that no 2xx waits for", cseq)
}
