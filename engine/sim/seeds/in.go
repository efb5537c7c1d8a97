package seeds

import (
	"strconv"
	"time"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// incoming is a request to a party.
type incoming struct {
	p       *party
	msg     *message.Message
	branch  string
	method  string
	last    []byte // response
	code    int    // final
	finals  []*final
	next    int // act
	dropped bool
}

// final is a final response to an INVITE that waits for its ACK.
type final struct {
	repeat
	code int
	tag  string
}

// invite has a phone take an INVITE.
func (w *world) invite(l *leg, f flow.Flow, m *message.Message) {
	again := ""
	if l.party != nil {
		again = "r" // the phone knows nothing of its earlier life
	}
	if l.n == 0 || l.phone >= len(w.spec.Phones) {
		return
	}
	does := w.spec.Phones[l.phone].Does
	p := &party{w: w, leg: l, site: f.Listener, does: &behaviour{}}
	p.name = again + "p" + strconv.Itoa(l.phone) + "." + strconv.Itoa(l.call.n) + "." + strconv.Itoa(l.call.life) + "." + strconv.Itoa(l.n)
	if len(does) > 0 {
		p.does = &does[min(l.nth, len(does)-1)]
	}
	p.talk = &p.does.Talk
	if na, err := message.ParseNameAddr(m.Get(message.From)); err == nil {
		p.other = string(na.URI)
	}
	l.party = p
	p.invited = p.incoming(m)
	p.act()
}

func (p *party) incoming(m *message.Message) *incoming {
	in := &incoming{p: p, msg: m.Clone(), branch: string(m.TopVia().Branch), method: string(m.MethodName())}
	p.ins = append(p.ins, in)
	return in
}

// act does the next act after its wait.
func (p *party) act() {
	in := p.invited
	if in.next >= len(p.does.Acts) {
		return
	}
	a := &p.does.Acts[in.next]
	in.next++
	do := func() {
		if p.gone || in.dropped {
			return
		}
		p.perform(a)
		p.act()
	}
	if a.Wait == 0 {
		do()
		return
	}
	p.w.after(a.Wait, do)
}

func (p *party) tag(n int) string { return p.name + "." + strconv.Itoa(n) }

func (p *party) perform(a *act) {
	in := p.invited
	if a.Code == 0 {
		return
	}
	tag := p.tag(a.Tag)
	if a.Wrong == noToTag {
		tag = ""
	}
	b := p.respond(in.msg, a.Code, tag, a, a.Wrong)
	if a.Wrong != nothing && a.Wrong != noContact && a.Wrong != fromTag {
		p.send(b) // once, since nobody acknowledges it
		if a.Wrong != noToTag {
			return
		}
	}
	if a.Code < 200 && rseqOf(parsed(b)) > 0 {
		in.promise(tag, b)
		return
	}
	in.finish(a.Code, tag, b, a.Wrong == noToTag)
	if a.Code/100 == 2 && len(p.ends) == 0 && tag != "" {
		p.talkTo(p.dialog(in.msg, tag, string(in.msg.FromTag())))
	}
}

// finish sends a response and, if it is final and to an INVITE, goes on until it is acknowledged.
func (in *incoming) finish(code int, tag string, b []byte, sent bool) {
	p := in.p
	in.last = b
	if code >= 200 {
		in.code = code
		if in.method == "INVITE" {
			f := &final{code: code, tag: tag}
			in.finals = append(in.finals, f)
			f.start(p, b, t2)
			return
		}
	}
	if !sent {
		p.send(b)
	}
}

// promise sends a provisional until its PRACK comes.
func (in *incoming) promise(tag string, b []byte) {
	f := &final{code: 100, tag: tag}
	in.finals = append(in.finals, f)
	in.last = b
	f.start(in.p, b, 64*t1)
}

func parsed(b []byte) *message.Message {
	var m message.Message
	_ = m.Parse(b) // what is torn has no RSeq
	return &m
}

// respond writes a response.
func (p *party) respond(m *message.Message, code int, tag string, a *act, bad wrong) []byte {
	if a == nil {
		a = &act{Code: code}
	}
	w := &writer{message.AppendStatusLine(make([]byte, 0, 640), code, "")}
	for i := range m.Len() {
		id, name, v := m.Field(i)
		switch id {
		case message.Via:
			if bad == stranger {
				v = append([]byte("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnobody"), p.name...)
			}
		case message.From:
			if bad == fromTag {
				v = append(append([]byte(nil), v...), 'x')
			}
		case message.To:
			if tag != "" && len(m.ToTag()) == 0 {
				v = append(append(append([]byte(nil), v...), ";tag="...), tag...)
			}
		case message.CallID:
			if bad == callID {
				v = append(append([]byte(nil), v...), 'x')
			}
		case message.CSeq:
			if bad == cseq {
				v = []byte("1 OPTIONS")
			}
		case message.RecordRoute:
		default:
			continue
		}
		w.b = message.AppendField(w.b, name, v)
	}
	p.contacts(w, a, bad)
	speaks := m.HasToken(message.Supported, "100rel") || m.HasToken(message.Require, "100rel")
	if a.Reliable && speaks && a.Code > 100 && a.Code < 200 && bad == nothing {
		if p.rseq == nil {
			p.rseq = map[string]uint32{}
		}
		p.rseq[tag]++
		w.field("Require", "100rel")
		w.field("RSeq", strconv.FormatUint(uint64(p.rseq[tag]), 10))
	}
	b := w.end(p.sdp(a.SDP || code/100 == 2 && m.Method() == message.INVITE, a.Tag))
	if bad == torn {
		b = b[:len(b)*2/3]
	}
	return b
}

func (p *party) contacts(w *writer, a *act, bad wrong) {
	if bad != noContact && a.Code > 100 && a.Code < 300 {
		w.field("Contact", "<sip:"+p.name+"@"+p.addr()+">")
	}
	for _, c := range a.Contacts {
		v := "<" + p.w.spec.uri(p.leg.call.n, c.Phone, c.Line) + ">"
		if c.Less > 0 {
			v += ";q=0." + strconv.Itoa(1000 - c.Less + 1000)[1:]
		}
		w.field("Contact", v)
	}
}

// request takes a request: a copy, an ACK, a CANCEL or something new.
func (p *party) request(m *message.Message) {
	method := string(m.MethodName())
	if m.Method() == message.ACK {
		p.acknowledged(m)
		return
	}
	for _, in := range p.ins {
		if in.branch == string(m.TopVia().Branch) && in.method == method {
			if in.last != nil && (in.method != "INVITE" || in.code/100 != 2) {
				p.send(in.last)
			}
			return
		}
	}
	switch m.Method() {
	case message.CANCEL:
		p.cancel(m)
	case message.BYE:
		p.ended(m)
	case message.PRACK:
		p.pracked(m)
	default:
		p.asked(m)
	}
}

// pracked takes a PRACK.
func (p *party) pracked(m *message.Message) {
	in, code := p.incoming(m), 481
	if p.invited != nil {
		for _, f := range p.invited.finals {
			if f.code < 200 && f.tag == string(m.ToTag()) && f.timer.Armed() {
				f.stop()
				code = 200
			}
		}
	}
	in.finish(code, "", p.respond(m, code, "", nil, nothing), false)
}

// acknowledged takes an ACK: of a refusal by its branch, of a 2xx by CSeq and tag.
func (p *party) acknowledged(m *message.Message) {
	for _, in := range p.ins {
		for _, f := range in.finals {
			if f.code < 200 {
				continue
			}
			byBranch := f.code >= 300 && in.branch == string(m.TopVia().Branch)
			if byBranch || f.code < 300 && in.msg.CSeq() == m.CSeq() && f.tag == string(m.ToTag()) {
				f.stop()
			}
		}
	}
}

func (p *party) cancel(m *message.Message) {
	c := p.incoming(m)
	var in *incoming
	for _, x := range p.ins {
		if x.method == "INVITE" && x.branch == c.branch {
			in = x
		}
	}
	how, slow := ends, time.Duration(0)
	if in == p.invited {
		how, slow = p.does.Cancelled, p.does.Slow
	}
	switch {
	case in == nil || how == refuses:
		c.finish(481, "", p.respond(m, 481, "none", nil, nothing), false)
		return
	case how == sleeps:
		return
	}
	c.finish(200, "", p.respond(m, 200, p.tag(0), nil, nothing), false)
	if how == ignores || in.code != 0 || in.dropped {
		return
	}
	in.dropped = true
	p.w.after(slow, func() {
		switch {
		case p.gone || in.code != 0:
		case how == crosses:
			p.perform(&act{Code: 200})
		default:
			in.finish(487, "", p.respond(in.msg, 487, p.tag(0), nil, nothing), false)
		}
	})
}

// ended takes a BYE.
func (p *party) ended(m *message.Message) {
	in := p.incoming(m)
	if p.talk.Deaf {
		return
	}
	code := 481
	for _, f := range p.known(m) {
		if !f.over {
			code = 200
		}
		f.over = true
	}
	in.finish(code, "", p.respond(m, code, "", nil, nothing), false)
}

// known returns the end of the dialog that a request is in. Of a callee that forks only the first has more to it than a tag.
func (p *party) known(m *message.Message) []*end {
	for _, e := range p.ends {
		if e.local == string(m.ToTag()) && e.remote == string(m.FromTag()) {
			return []*end{e}
		}
	}
	if p.invited != nil {
		for _, f := range p.invited.finals {
			if f.code/100 == 2 && f.tag == string(m.ToTag()) {
				return []*end{{local: f.tag}}
			}
		}
	}
	return nil
}

// asked takes another request inside a dialog.
func (p *party) asked(m *message.Message) {
	in := p.incoming(m)
	known := p.known(m)
	if len(known) == 0 || known[0].over {
		in.finish(481, "", p.respond(m, 481, "", nil, nothing), false)
		return
	}
	r := reply{}
	if p.replied < len(p.talk.Replies) {
		r = p.talk.Replies[p.replied]
		p.replied++
	}
	if r.Silent {
		return
	}
	if m.Method() == message.INVITE {
		known[0].target = contactOf(m, known[0].target)
		code := 100
		if r.Ring {
			code = 180
		}
		in.finish(code, "", p.respond(in.msg, code, "", nil, nothing), false)
	}
	code := max(r.Code, 200)
	answer := func() {
		if !p.gone && !in.dropped {
			tag := string(in.msg.ToTag())
			in.finish(code, tag, p.respond(in.msg, code, tag, &act{Code: code}, nothing), false)
		}
	}
	if r.After == 0 {
		answer()
		return
	}
	p.w.after(r.After, answer)
}

// farewell ends what is left of the calls when everything is quiet: where both sides lost their memory, nobody else
// would. It comes as the caller's BYE and is not subject to the weather.
func (w *world) farewell() (any bool) {
	for _, c := range w.book.calls {
		p := c.legs[0].party
		if c.winner == nil || c.endAt >= 0 {
			continue
		}
		any = true
		e := &end{local: p.name, remote: c.tag, target: "sip:" + self.String()}
		o := p.outgoing("BYE", e)
		o.cseq = 1 << 30
		b := p.start(o, e.target, e.remote).end(nil)
		w.out.Send(flow.Flow{Remote: self, Listener: p.site}, b)
	}
	return any
}
