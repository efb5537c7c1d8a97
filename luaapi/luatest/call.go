package luatest

import (
	"net/netip"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/luaapi/mod"
	"tandem/luaapi/scenario"
)

// call is a call that a test places.
type call struct {
	net    *network
	sim    *sim.Call
	caller *sim.Phone
	pos    plan.Pos
	to     string
	number int // of the test's calls, from 1
	spec   sim.CallSpec
}

// String is what failures call it.
func (c *call) String() string { return "call to " + c.to }

// call is net:call { from =, to =, headers =, cancel =, hangup =, at = }.
func (r *run) call(L *lua.LState) int {
	const example = `net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example" }`
	n := self[*network](L, example)
	a := argsOf(L, "net:call")
	t := a.table(2, example)
	a.known(t, 0, "from", "to", "headers", "cancel", "hangup", "at", "answered", "vanish", "ack", "sdp", "replies", "ruri", "user", "password")
	at := n.sim.Now()
	if d := a.later(t, "at"); d != nil {
		if at = clock.Time(*d); at < n.sim.Now() {
			a.fail("at = %g is past: the network is at %g s", d.Seconds(), seconds(n.sim.Now()))
		}
	}
	c := r.place(a, n, t, at)
	L.Push(object(L, c, r.class.call))
	return 1
}

// place places a call by options at an instant.
func (r *run) place(a *args, n *network, t *lua.LTable, at clock.Time) *call {
	from, to := a.need(t, "from", "sip:alice@example.net"), a.need(t, "to", "sip:100@pbx.example")
	user := a.uri("from", from)
	a.uri("to", to)
	spec := sim.CallSpec{
		From: from, To: to, Dest: toTandem, Headers: a.headers(t.RawGetString("headers")),
		CancelAfter: a.later(t, "cancel"), HangupAfter: a.later(t, "hangup"), VanishAfter: a.later(t, "vanish"),
		NoAck: t.RawGetString("ack") != lua.LNil && !a.flag(t, "ack"), Answered: r.talk(a, t.RawGetString("answered")),
	}
	if spec.RequestURI = a.text(t, "ruri"); spec.RequestURI != "" {
		a.uri("ruri", spec.RequestURI)
	}
	var s sim.Step
	a.sdp(&s, t.RawGetString("sdp"))
	spec.Body = s.Body
	spec.Login = n.login(a, t, from)
	caller := n.caller(a, from, user)
	a.replies(caller, t.RawGetString("replies"))
	n.unsaid = n.unsaid || t.RawGetString("replies") != lua.LNil
	r.placed++
	c := &call{net: n, sim: caller.Call(at, spec), caller: caller, pos: a.pos, to: to, number: r.placed, spec: spec}
	n.calls = append(n.calls, c)
	return c
}

// login reads what a caller says to challenges: user = false nothing, else the password of a user, who is the one that From names if no other is.
func (n *network) login(a *args, t *lua.LTable, from string) *scenario.Login {
	if t.RawGetString("user") == lua.LFalse {
		return nil
	}
	user, password := a.text(t, "user"), a.text(t, "password")
	own := n.settings.Login(from)
	switch {
	case user+password == "":
		return own
	case n.settings.Auth == nil:
		a.fail(`nobody is asked for credentials here; name users in tandem.toml, or write pbx:network { users = { ["100"] = "secret" } }`)
	case user == "" && own == nil:
		a.fail("password without user: %s is no user of ours", from)
	case user == "":
		user = own.User
	case password == "":
		if password = n.settings.Passwords[user]; password == "" {
			a.fail("there is no user %q: say its password too", user)
		}
	}
	return scenario.NewLogin(user, password)
}

// users reads the users that a test names.
func (a *args) users(t *lua.LTable) map[string]string {
	v := t.RawGetString("users")
	if v == lua.LNil {
		return nil
	}
	list, ok := v.(*lua.LTable)
	if !ok {
		a.fail(`users must be a table of passwords by name, got %s; write users = { ["100"] = "secret" }`, mod.TypeName(v))
	}
	users := make(map[string]string)
	for k, v := list.Next(lua.LNil); k != lua.LNil; k, v = list.Next(k) {
		name, isName := k.(lua.LString)
		password, isPassword := v.(lua.LString)
		if !isName || !isPassword || name == "" || password == "" {
			a.fail(`users[%s] = %s: expects a password by a name; write users = { ["100"] = "secret" }`, show(k), show(v))
		}
		users[string(name)] = string(password)
	}
	return users
}

// talk reads option answered: a function that says what the caller does once the call is answered.
func (r *run) talk(a *args, v lua.LValue) sim.Behaviour {
	if v == lua.LNil {
		return nil
	}
	fn, ok := v.(*lua.LFunction)
	if !ok {
		a.fail("answered must be a function that says what the caller does then, got %s", show(v))
	}
	o := &offered{name: "caller"}
	a.L.Push(fn)
	a.L.Push(object(a.L, o, r.class.offered))
	a.L.Call(1, 0)
	o.done = true
	return o.steps
}

// caller returns the phone that places the calls with a From.
func (n *network) caller(a *args, from string, u *message.URI) *sim.Phone {
	if p := n.from[from]; p != nil {
		return p
	}
	i := len(n.from)
	if i == maxCallers {
		a.fail("there are %d callers already; let some place more than one call", maxCallers)
	}
	name, addr := "caller", firstCaller.As4()
	if i > 0 {
		name += strconv.Itoa(i + 1)
	}
	addr[3] += byte(i)
	at := netip.AddrPortFrom(netip.AddrFrom4(addr), tandem.Port())
	uri := "sip:" + at.Addr().String()
	if len(u.User) > 0 {
		uri = "sip:" + string(u.User) + "@" + at.Addr().String()
	}
	p := n.sim.AttachPhone(sim.PhoneConfig{Name: name, URI: uri, Addr: at})
	n.from[from] = p
	return p
}

// called returns the call that a method was called on, which must have run.
func (r *run) called(L *lua.LState, usage string) *call {
	c := self[*call](L, usage)
	r.look(L, c)
	if !c.net.ran {
		mod.Raise(L, mod.Where(L), "the call has not run: write net:run() before you look at it")
	}
	return c
}

// answeredBy is call:answered_by().
func (r *run) answeredBy(L *lua.LState) int {
	c := r.called(L, "call:answered_by()")
	if p := c.answerer(); p != nil {
		L.Push(p.ud)
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

// answerer returns the phone whose session description the answer carries, or if it carries none of a phone's, the one
// that answered; nil if none did.
func (c *call) answerer() *phone {
	if !c.sim.Answered() {
		return nil
	}
	name := c.sim.AnsweredBy()
	for _, p := range c.net.phones {
		if p.sim.Name() == name {
			return p
		}
	}
	for _, p := range c.net.phones {
		for _, in := range p.sim.Incoming() {
			if in.Answered() && c.owns([]byte(in.CallID())) {
				return p
			}
		}
	}
	return nil
}

// order is call:order(): the users that were called, as the Request-URIs named them.
func (r *run) order(L *lua.LState) int {
	c := r.called(L, "call:order()")
	t := L.CreateTable(4, 0)
	for _, i := range c.net.tape.byCall[c.sim.CallID()] {
		t.Append(lua.LString(c.net.tape.legs[i].user))
	}
	L.Push(t)
	return 1
}

// final is call:final().
func (r *run) final(L *lua.LState) int {
	c := r.called(L, "call:final()")
	if code := c.sim.Final(); code > 0 {
		L.Push(lua.LNumber(code))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

// owns reports whether a Call-ID is that of the caller's leg or of one that the engine made for the call.
func (c *call) owns(callID []byte) bool { return c.net.tape.owns(c.sim.CallID(), callID) }

// zero is when the INVITE was at the engine.
func (c *call) zero() clock.Time { return c.sim.At().Add(sim.Latency) }

// log returns the messages that the caller sent or received in the call.
func (c *call) log(sent bool, what string, _ *call) []*sim.Logged {
	if sent {
		return c.sim.Sent(what)
	}
	return c.sim.Received(what)
}

func (c *call) addr() netip.AddrPort { return c.caller.Addr() }

func (c *call) radio() *sim.Phone { return c.caller }

func (c *call) title() string { return c.caller.Name() }
