package seeds

import (
	"slices"
	"strconv"
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// placeOutside sets a request outside calls going.
func (w *world) placeOutside(i int) {
	s := &w.spec.Requests[i]
	c := &callBook{n: i, outside: s, endAt: -1, hungAt: -1}
	l := &leg{call: c, callID: "o" + strconv.Itoa(i) + "." + strconv.FormatUint(w.spec.Seed, 36) + "@203.0.113.100"}
	c.legs = []*leg{l}
	w.book.outside = append(w.book.outside, c)
	w.book.legs[l.callID] = l
	p := &party{w: w, leg: l, site: w.site[outsideAddr(i, -1)], talk: &talk{Replies: s.Replies}, name: "o" + strconv.Itoa(i), other: "sip:200@pbx.example"}
	l.party = p
	w.at(clock.Time(s.At), func() {
		o := p.outgoing(s.Method, nil)
		o.cseq = 1
		if s.Method == "REFER" {
			o.cseq = referSeq
		}
		o.then = func(m *message.Message) {
			if m.Status() < 300 && subscribes(s.Method) {
				p.subscribed(string(m.ToTag()), contactOf(m, ""))
			}
		}
		p.cseq = o.cseq
		w := p.start(o, p.other, "")
		w.field("Contact", "<sip:"+p.name+"@"+p.addr()+">")
		w.field(outsideField, strconv.Itoa(i))
		w.field("Subject", "no call")
		if s.Method == "REFER" {
			w.field("Refer-To", "<sip:300@192.0.2.30>")
		} else {
			w.field("Event", "presence")
		}
		o.begin(w.end(p.sdp(true, 0)))
	})
}

// subscribed has a subscriber do what it does in a subscription that it learns of, once.
func (p *party) subscribed(tag, target string) {
	if slices.ContainsFunc(p.ends, func(e *end) bool { return e.remote == tag }) {
		return
	}
	e := &end{local: p.name, remote: tag, target: target}
	p.ends = append(p.ends, e)
	asks := p.leg.call.outside.Asks
	for i := range asks {
		p.w.after(asks[i].At, func() { p.ask(e, &asks[i]) })
	}
}

// deliverOutside hands a datagram to who sent a request outside calls, or to its target.
func (w *world) deliverOutside(l *leg, f flow.Flow, m *message.Message) {
	p := l.party
	if p == nil {
		p = &party{w: w, leg: l, site: f.Listener, name: "o" + strconv.Itoa(l.call.n) + "." + strconv.Itoa(l.n)}
		if na, err := message.ParseNameAddr(m.Get(message.From)); err == nil {
			p.other = string(na.URI)
		}
		p.talk = &talk{Replies: l.call.outside.Peers[l.phone].Replies}
		l.party = p
	}
	switch {
	case !m.IsRequest():
		p.response(m)
	case p.repeated(m):
	case m.ToTag() == nil:
		p.tried(m)
	default:
		p.heardIn(m)
	}
}

// tried has a target do what it does with the request.
func (p *party) tried(m *message.Message) {
	s, in := &p.leg.call.outside.Peers[p.leg.phone], p.incoming(m)
	if s.Trying {
		in.finish(100, "", p.respond(in.msg, 100, "", nil, nothing), false)
	}
	if s.Code > 0 {
		p.w.after(s.After, func() {
			a := &act{Code: s.Code, Expires: s.Expires}
			in.finish(s.Code, "", p.respond(in.msg, s.Code, p.notifier(0), a, nothing), false)
		})
	}
	if !subscribes(in.method) {
		return
	}
	for i := range s.Notifies {
		p.w.after(s.Notifies[i].At, func() { p.notify(in.msg, &s.Notifies[i]) })
	}
}

// notifier is the tag of one of those that a target forks to.
func (p *party) notifier(n int) string { return p.name + ".n" + strconv.Itoa(n) }

// notify says something of the state.
func (p *party) notify(m *message.Message, n *notice) {
	e := &end{local: p.notifier(n.Tag), remote: string(m.FromTag()), target: contactOf(m, "")}
	if n.BadTag {
		e.remote += "x"
	}
	o := p.outgoing("NOTIFY", e)
	if n.OldSeq {
		o.cseq = 0
	}
	w := p.start(o, e.target, e.remote)
	state := "active"
	switch {
	case n.Over:
		state = "terminated;reason=noresource"
	case n.Expires > 0:
		state += ";expires=" + strconv.Itoa(n.Expires)
	}
	w.field("Contact", "<sip:"+p.name+"@"+p.addr()+">")
	w.field("Event", event(p.leg.call.outside.Method, false))
	w.field("Subscription-State", state)
	o.begin(w.end(p.sdp(true, n.Tag)))
}

// heardIn takes a request in a subscription.
func (p *party) heardIn(m *message.Message) {
	in := p.incoming(m)
	if m.Method() == message.NOTIFY {
		p.subscribed(string(m.FromTag()), contactOf(m, ""))
	}
	r := reply{}
	if p.replied < len(p.talk.Replies) {
		r = p.talk.Replies[p.replied]
		p.replied++
	}
	if r.Silent {
		return
	}
	a := &act{Code: max(r.Code, 200)}
	if m.Method() == message.SUBSCRIBE {
		a.Expires = p.leg.call.outside.Peers[p.leg.phone].Expires
	}
	p.w.after(max(r.After, time.Nanosecond), func() {
		in.finish(a.Code, "", p.respond(in.msg, a.Code, "", a, nothing), false)
	})
}
