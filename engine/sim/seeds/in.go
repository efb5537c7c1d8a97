package seeds

import (
	"strconv"

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
		if (a.Code == 422 || a.challenges()) && a.Wrong <= noContact {
			return // what follows is for the INVITE that comes then
		}
		p.act()
	}
	if a.Wait == 0 {
		do()
		return
	}
	p.w.after(a.Wait, do)
}

// tag names a dialog: one that a second INVITE makes is another one.
func (p *party) tag(n int) string {
	return p.name + "." + strconv.Itoa(n) + "again"[:5*min(1, p.rounds)]
}

// again has a phone take an INVITE that comes a second time, because it refused the interval of the first (RFC 4028 §7.4).
func (p *party) again(m *message.Message) {
	in := p.incoming(m)
	if p.invited.code != 422 && !p.challenged {
		in.finish(482, "none", p.respond(m, 482, "none", nil, nothing), false)
		return
	}
	in.next, p.invited, p.challenged = p.invited.next, in, false
	p.rounds++
	p.act()
}

func (p *party) perform(a *act) {
	in := p.invited
	if a.Code == 0 {
		return
	}
	tag := p.tag(a.Tag)
	p.challenged = p.challenged || a.challenges()
	if a.Wrong == noToTag {
		tag = ""
	}
	b := p.respond(in.msg, a.Code, tag, a, a.Wrong)
	if a.Code > 100 && a.Code < 200 && tag != "" {
		p.talkEarly(&end{local: tag, remote: string(in.msg.FromTag()), target: contactOf(in.msg, "")})
	}
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
	if code == 422 {
		w.field("Min-SE", "600")
	}
	if a.Expires > 0 {
		w.field("Expires", strconv.Itoa(a.Expires))
	}
	if a.challenges() {
		w.field(challengeField(code), p.w.spec.challenge())
	}
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
