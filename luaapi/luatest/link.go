package luatest

import (
	"net/netip"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/sim"
)

// linkOptions are those of net:link.
var linkOptions = []string{"loss", "duplicate", "delay", "jitter", "down"}

// link is net:link(phone or call, { loss =, duplicate =, delay =, jitter =, down = }), and net:link { … } for all links.
func (r *run) link(L *lua.LState) int {
	const example = "net:link(phone, { loss = 0.1 })"
	n := self[*network](L, example)
	a := argsOf(L, "net:link")
	n.unsaid = true
	if of, ok := value[party](L.Get(2)); ok {
		t := a.table(3, example)
		a.known(t, 0, linkOptions...)
		n.sim.ImpairAddr(of.addr(), a.faults(t))
		if t.RawGetString("down") != lua.LNil {
			n.sim.SetReach(of.addr(), map[bool]sim.Reach{true: sim.Blackhole, false: sim.Up}[a.flag(t, "down")])
		}
		return 0
	}
	t := a.table(2, example)
	a.known(t, 0, linkOptions[:4]...)
	n.sim.Impair(a.faults(t))
	return 0
}

// faults reads what a link does to datagrams.
func (a *args) faults(t *lua.LTable) sim.Faults {
	f := sim.Faults{Loss: a.share(t, "loss"), Duplicate: a.share(t, "duplicate")}
	if d := a.later(t, "delay"); d != nil {
		f.Delay = *d
	}
	if d := a.later(t, "jitter"); d != nil {
		f.Jitter = *d
	}
	return f
}

// share reads a probability.
func (a *args) share(t *lua.LTable, key string) float64 {
	v := t.RawGetString(key)
	if v == lua.LNil {
		return 0
	}
	n, ok := v.(lua.LNumber)
	if f := float64(n); !ok || !(f >= 0 && f <= 1) {
		a.fail("%s must be from 0 to 1, got %s", key, show(v))
	}
	return float64(n)
}

// loss is what the network is to lose: the next messages of a kind from an address.
type loss struct {
	from netip.AddrPort
	what string
	left int
}

// lose is net:lose(phone or call, what, times): so many of the messages that it sends next do not arrive, copies counted.
func (r *run) lose(L *lua.LState) int {
	const example = `net:lose(phone, 200)`
	n := self[*network](L, example)
	a := argsOf(L, "net:lose")
	of, ok := value[party](L.Get(2))
	if !ok {
		a.fail("the first argument must be a phone or a call, got %s; write %s", show(L.Get(2)), example)
	}
	times := 1
	if v := L.Get(4); v != lua.LNil {
		f, ok := v.(lua.LNumber)
		if times = int(f); !ok || lua.LNumber(times) != f || times < 1 {
			a.fail("the number of times must be a whole number from 1, got %s", show(v))
		}
	}
	if n.losses == nil {
		n.sim.Lose(n.loses)
	}
	n.unsaid = true
	n.losses = append(n.losses, &loss{of.addr(), a.selection(L.Get(3)), times})
	return 0
}

// loses picks what is to be lost.
func (n *network) loses(d sim.Datagram) bool {
	for _, l := range n.losses {
		if l.left > 0 && d.From == l.from && isA(d.Bytes, l.what) {
			l.left--
			return true
		}
	}
	return false
}

// isA reports whether a datagram is what a test asks for: "CANCEL", "486 INVITE", "" for anything.
func isA(b []byte, what string) bool {
	if what == "" {
		return true
	}
	var m message.Message
	if m.Parse([]byte(string(b))) != nil {
		return false
	}
	if m.IsRequest() {
		return string(m.MethodName()) == what
	}
	code, method, _ := strings.Cut(what, " ")
	return lua.LNumber(m.Status()).String() == code && string(m.MethodName()) == method
}

// replies reads option replies: what a phone answers to requests in its dialogs and outside, { INVITE = 488, BYE = false,
// INFO = { code = 200, after = 2, headers = … } }; false = nothing.
func (a *args) replies(p *sim.Phone, v lua.LValue) {
	if v == lua.LNil {
		return
	}
	t, ok := v.(*lua.LTable)
	if !ok {
		a.fail("replies must be a table of answers by method, got %s", show(v))
	}
	a.known(t, 0, methods...)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		p.Reply(k.String(), a.reply(k.String(), v))
	}
}

func (a *args) reply(method string, v lua.LValue) sim.Reply {
	switch v := v.(type) {
	case lua.LNumber:
		return sim.Reply{Code: a.code(v, 200)}
	case *lua.LTable:
		a.known(v, 0, "code", "after", "headers")
		r := sim.Reply{Code: a.code(v.RawGetString("code"), 200), Headers: a.headers(v.RawGetString("headers"))}
		if d := a.later(v, "after"); d != nil {
			r.After = *d
		}
		return r
	case lua.LBool:
		if !v {
			return sim.Reply{}
		}
	}
	a.fail("the reply to %s must be a code, a table { code = 200, after = 2 }, or false, got %s", method, show(v))
	return sim.Reply{}
}
