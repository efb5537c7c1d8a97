package luatest

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/clock"
	"tandem/engine/location"
	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/luaapi/scenario"
)

// phone is a phone on a network.
type phone struct {
	net     *network
	sim     *sim.Phone
	user    string
	lease   *sim.Registration // nil if it does not register
	answers []*behaviour
	does    []sim.Behaviour // for the calls offered so far, if a function decides
	ud      *lua.LUserData
}

// String is what failures call it.
func (p *phone) String() string { return "phone " + p.sim.Name() }

func (p *phone) radio() *sim.Phone { return p.sim }

// phone is net:phone { "sip:100@192.0.2.11", answers =, name = }.
func (r *run) phone(L *lua.LState) int {
	const example = `net:phone { "sip:100@192.0.2.11", answers = t.after(2) }`
	n := self[*network](L, example)
	a := argsOf(L, "net:phone")
	t := a.table(2, example)
	a.known(t, 1, "answers", "name", "replies", "registers")
	uri, ok := t.RawGetInt(1).(lua.LString)
	if !ok {
		a.fail("the first item must be the phone's URI; write %s", example)
	}
	u := a.uri("the URI", string(uri))
	p := &phone{net: n, user: string(message.AppendUnescaped(nil, u.User)), answers: a.answers(t.RawGetString("answers"))}
	addr := a.address(n, u, string(uri))
	p.sim = n.sim.AttachPhone(sim.PhoneConfig{Name: n.unique(a.name(t, p.user, addr), addr), URI: string(uri), Addr: addr})
	a.replies(p.sim, t.RawGetString("replies"))
	n.unsaid = n.unsaid || t.RawGetString("replies") != lua.LNil || t.RawGetString("registers") != lua.LNil
	p.behave()
	n.phones = append(n.phones, p)
	a.registers(p, u, t.RawGetString("registers"))
	p.ud = object(L, p, r.class.phone)
	L.Push(p.ud)
	return 1
}

// registers reads registers = true | { user =, password =, expires =, q =, refresh = } and registers the phone at once. One that is given another password than the user's
// may fail.
func (a *args) registers(p *phone, own *message.URI, v lua.LValue) {
	s := sim.RegisterSpec{Dest: toTandem, Expires: location.DefaultExpires, Q: 1000}
	user, password := string(own.User), ""
	switch v := v.(type) {
	case *lua.LNilType:
		return
	case lua.LBool:
		if !bool(v) {
			return
		}
	case *lua.LTable:
		a.known(v, 0, "user", "password", "expires", "q", "refresh")
		user, password = cmp.Or(a.text(v, "user"), user), a.text(v, "password")
		s.Expires = uint32(a.whole(v, "expires", 1, 1_000_000, location.DefaultExpires))
		if q, ok := v.RawGetString("q").(lua.LNumber); ok && q >= 0 && q <= 1 {
			s.Q = int(math.Round(float64(q) * 1000))
		} else if v.RawGetString("q") != lua.LNil {
			a.fail("q must be a number from 0 to 1, got %s", show(v.RawGetString("q")))
		}
		s.Once = v.RawGetString("refresh") != lua.LNil && !a.flag(v, "refresh")
	default:
		a.fail("registers must be true or a table, got %s; write registers = { expires = 600 }", show(v))
	}
	if user == "" {
		a.fail("nobody registers without a user; write \"sip:100@192.0.2.11\"")
	}
	n := p.net
	s.AOR, s.Registrar = "sip:"+user+"@"+n.settings.Domain(), "sip:"+n.settings.Domain()
	a.uri("user", s.AOR)
	if own := n.settings.Login(s.AOR); own != nil {
		s.Login = own
	}
	if password != "" {
		s.Login = scenario.NewLogin(user, password)
	}
	n.sim.AtOnce(func(now clock.Time) { p.lease = p.sim.Register(now, s) })
	switch code := p.lease.Code(); {
	case code == 401 && password == "":
		a.fail("user %s may not register; say his password: pbx:network { users = { [%q] = \"secret\" } }", user, user)
	case code == 423:
		a.fail("expires = %d is too brief: at least %d", s.Expires, n.settings.Registrations().Min)
	}
}

// unregister is phone:unregister().
func (r *run) unregister(L *lua.LState) int {
	p := self[*phone](L, "phone:unregister()")
	if p.lease == nil {
		argsOf(L, "phone:unregister").fail("%s has not registered; write net:phone { …, registers = true }", p)
	}
	p.net.sim.AtOnce(p.lease.End)
	return 0
}

// address returns where a phone or an engine is to be, if nobody else is there.
func (a *args) address(n *network, u *message.URI, uri string) netip.AddrPort {
	addr, ok := u.Addr()
	switch {
	case !ok, !phones.Contains(addr.Addr()):
		a.fail("the host of %q must be an address in %s, the network of the tests", uri, phones)
	case addr.Addr() == tandem.Addr():
		a.fail("%s is Tandem's own address", addr.Addr())
	case !addr.Addr().Less(firstCaller):
		a.fail("%s and above are the callers' addresses", firstCaller)
	}
	if p := n.phoneAt(addr); p != nil {
		a.fail("%s is at %s already; a phone needs an address, or a port, of its own", p, title(addr))
	}
	if slices.Contains(n.others, addr) {
		a.fail("an engine is at %s already", title(addr))
	}
	return addr
}

// name returns what a phone is called: as the test says, else by its user.
func (a *args) name(t *lua.LTable, user string, addr netip.AddrPort) string {
	name := a.text(t, "name")
	if name != "" && !message.ValidValue(name) {
		a.fail("name holds a line break or another control character")
	}
	if name == "" {
		name = user
	}
	if name == "" {
		name = title(addr)
	}
	return name
}

// unique returns a name that no other phone of the network has: who answered is told by it.
func (n *network) unique(name string, addr netip.AddrPort) string {
	for _, p := range n.phones {
		if p.sim.Name() == name {
			return name + "@" + title(addr)
		}
	}
	return name
}

// log returns the messages that the phone sent or received; of is the call that they belong to, nil for any.
func (p *phone) log(sent bool, what string, of *call) []*sim.Logged {
	if of == nil {
		return p.sim.Logged(sent, what, "")
	}
	ids := of.net.tape.ids(of.sim.CallID())
	var out []*sim.Logged
	for _, id := range ids {
		out = p.sim.AppendLogged(out, sent, what, id)
	}
	if len(ids) > 1 {
		slices.SortStableFunc(out, func(a, b *sim.Logged) int { return cmp.Compare(a.At, b.At) })
	}
	return out
}

func (p *phone) addr() netip.AddrPort { return p.sim.Addr() }

func (p *phone) title() string { return p.sim.Name() }
