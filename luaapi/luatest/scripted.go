package luatest

import (
	"bytes"
	"errors"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/sim"
)

// script is t.script(path) and t.script(function).
func (r *run) script(L *lua.LState) int {
	a := argsOf(L, "t.script")
	switch v := L.Get(1).(type) {
	case lua.LString:
		return r.load(a, string(v))
	case *lua.LFunction:
		return r.behaviour(L, &behaviour{name: a.what, fn: v})
	}
	a.fail("expects the path of a script, or a function that says what a phone does; got %s", show(L.Get(1)))
	return 0
}

// behave tells the phone what to do with the calls to come, as far as it is known yet.
func (p *phone) behave() {
	var list []sim.Behaviour
	for _, b := range p.answers {
		if b.fn != nil {
			p.net.watch()
			return
		}
		list = append(list, b.steps)
	}
	p.sim.Behave(list...)
}

// watch makes functions be asked when INVITEs are sent to their phones: the answer is needed when they arrive.
func (n *network) watch() {
	if n.watched {
		return
	}
	n.watched, n.invites = true, make(map[string]bool)
	n.sim.Watch(func(d sim.Datagram) {
		p := n.phoneAt(d.To)
		if p == nil || !p.scripted() || !bytes.HasPrefix(d.Bytes, []byte("INVITE ")) {
			return
		}
		var m message.Message
		raw := bytes.Clone(d.Bytes)
		if m.Parse(bytes.Clone(raw)) != nil || len(m.ToTag()) > 0 {
			return
		}
		id := string(m.CallID()) + " " + string(m.TopVia().Branch)
		if n.invites[id] {
			return // a retransmission
		}
		n.invites[id] = true
		p.offer(&sim.Logged{At: d.At, Peer: d.From, Raw: raw})
	})
}

func (p *phone) scripted() bool {
	for _, b := range p.answers {
		if b.fn != nil {
			return true
		}
	}
	return false
}

// offer decides what the phone does with the INVITE that is under way to it. Those that are under way before it keep
// what was decided: datagrams do not overtake each other.
func (p *phone) offer(invite *sim.Logged) {
	b := p.answers[min(len(p.does), len(p.answers)-1)]
	steps := b.steps
	if b.fn != nil {
		steps = p.ask(b.fn, invite)
	}
	p.does = append(p.does, steps)
	p.sim.Behave(p.does[len(p.sim.Incoming()):]...)
}

// ask calls the function of a phone. What it raises stops the test as soon as the network comes to a halt.
func (p *phone) ask(fn *lua.LFunction, invite *sim.Logged) sim.Behaviour {
	r := p.net.r
	o := &offered{name: p.sim.Name(), invite: &messages{of: p, what: "INVITE", list: []*sim.Logged{invite}}}
	err := r.L.CallByParam(lua.P{Fn: fn, Protect: true}, p.ud, object(r.L, o, r.class.offered))
	o.done = true
	var raised *lua.ApiError
	if errors.As(err, &raised) && p.net.broken == nil {
		p.net.broken = raised
	}
	if len(o.steps) == 0 {
		return sim.Silent()
	}
	return o.steps
}

// offeredHeader is call:header(name) of the INVITE.
func (r *run) offeredHeader(L *lua.LState) int {
	o := self[*offered](L, `call:header("From")`)
	a := argsOf(L, "call:header")
	if o.invite == nil {
		a.fail("it is the caller's; it has no INVITE that came")
	}
	name, ok := L.Get(2).(lua.LString)
	if !ok || !message.ValidName(string(name)) {
		a.fail("%s is no header name", show(L.Get(2)))
	}
	L.Push(values(L, o.invite.list[0], string(name)))
	return 1
}
