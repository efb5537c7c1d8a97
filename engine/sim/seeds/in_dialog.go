package seeds

import (
	"slices"
	"time"

	"tandem/engine/flow"
	"tandem/engine/message"
)

// request takes a request: a copy, an ACK, a CANCEL or something new.
func (p *party) request(m *message.Message) {
	if m.Method() == message.ACK {
		p.acknowledged(m)
		return
	}
	if p.repeated(m) {
		return
	}
	switch m.Method() {
	case message.CANCEL:
		p.cancel(m)
	case message.BYE:
		p.ended(m)
	case message.PRACK:
		p.pracked(m)
	case message.INVITE:
		if m.ToTag() == nil && p.invited != nil && p.invited.code >= 300 {
			p.again(m)
			return
		}
		p.asked(m)
	default:
		p.asked(m)
	}
}

// repeated answers a copy of a request as the first one was, if that was, and reports whether it is one.
func (p *party) repeated(m *message.Message) bool {
	for _, in := range p.ins {
		if in.branch == string(m.TopVia().Branch) && in.method == string(m.MethodName()) {
			if in.last != nil && (in.method != "INVITE" || in.code/100 != 2) {
				p.send(in.last)
			}
			return true
		}
	}
	return false
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
	if p.calling != nil && p.calling.code == 0 && string(m.ToTag()) == p.name {
		return []*end{{local: p.name, remote: string(m.FromTag())}} // an early dialog of the caller's
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
	if offers := m.Method() == message.INVITE || m.Method() == message.UPDATE && len(m.Body()) > 0; offers && p.offering(known[0]) {
		p.w.book.seen[sawCrossed]++
		in.finish(491, string(m.ToTag()), p.respond(m, 491, "", nil, nothing), false) // RFC 3261 §14.2
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

// offering reports whether an offer of the party's own, that it makes again if it has to, waits for an answer.
func (p *party) offering(e *end) bool {
	return slices.ContainsFunc(p.outs, func(o *outgoing) bool {
		return o.e == e && o.code == 0 && o.why != nil && o.why.Insists > 0 && (o.heard || p.w.net.Now() < o.repeat.until)
	})
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
