package plan

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// reject is plan.reject(code, phrase, headers).
func (m *Module) reject(L *lua.LState) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: "plan.reject"}
	v := &replyValue{reply: plan.Reply{
		Code: r.code(L.Get(1), 300, 699), Phrase: r.phrase(L.Get(2)), Headers: r.added("headers", L.Get(3)),
	}}
	v.node.Reply = &v.reply
	return m.push(L, &v.value, plan.KindReject, r.pos)
}

// redirect is plan.redirect { contacts }: 302 with them in order (RFC 3261 §21.3.3).
func (m *Module) redirect(L *lua.LState) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: "plan.redirect"}
	list := r.list(1)
	n := r.length(list)
	if k, _ := list.Next(tail(n)); k != lua.LNil {
		r.fail(k.String(), "plan.redirect has no option %q; write { { uri = …, q = … }, … }", k.String())
	}
	if n == 0 {
		r.fail("", "plan.redirect needs a contact")
	}
	v := &replyValue{reply: plan.Reply{Code: 302, Contacts: make([]plan.Contact, n)}}
	for i := range n {
		v.reply.Contacts[i] = r.contact(list.RawGetInt(i + 1))
	}
	v.node.Reply = &v.reply
	return m.push(L, &v.value, plan.KindRedirect, r.pos)
}

// accept is plan.accept { expires = seconds }.
func (m *Module) accept(L *lua.LState) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: "plan.accept"}
	v := &replyValue{reply: plan.Reply{Code: 200}}
	switch t := L.Get(1).(type) {
	case *lua.LNilType:
	case *lua.LTable:
		for _, k := range mod.Names(t) {
			if k != "expires" {
				r.fail(k, "plan.accept has no option %q%s", k, spell.Hint(k, []string{"expires"}))
			}
		}
		if e := t.RawGetString("expires"); e != lua.LNil {
			v.reply.Expires = uint32(r.count("expires", e, maxSeconds))
		}
	default:
		r.fail("", "plan.accept takes a table of options, got %s; write plan.accept { expires = 300 }", mod.TypeName(t))
	}
	v.node.Reply = &v.reply
	return m.push(L, &v.value, plan.KindAccept, r.pos)
}

// contact reads a contact: a URI, or a table with uri and q. A `user`, as branch.contacts have it, is ignored.
func (r *reader) contact(v lua.LValue) plan.Contact {
	q := 1000
	if t, ok := v.(*lua.LTable); ok {
		for _, k := range mod.Names(t) {
			if k != "uri" && k != "q" && k != "user" {
				r.fail(k, "plan.redirect: a contact has no %q%s", k, spell.Hint(k, []string{"uri", "q"}))
			}
		}
		q = r.q(t.RawGetString("q"))
		v = t.RawGetString("uri")
	}
	uri := r.uri(v, "a contact")
	u, err := message.ParseURI([]byte(uri))
	if strings.HasPrefix(uri, userPrefix) {
		r.fail("", "plan.redirect %q: only plan.to and plan.divert know users; write an address", uri)
	}
	if err != nil {
		r.fail("", "plan.redirect %q: no valid URI", uri)
	}
	t := parsed(&u, uri)
	return plan.Contact{URI: t.uri, Key: t.key, User: t.user, Q: q}
}

// q reads a preference of 0 to 1 in thousandths (RFC 3261 §20.10).
func (r *reader) q(v lua.LValue) int {
	if v == lua.LNil {
		return 1000
	}
	n, ok := v.(lua.LNumber)
	if !ok || !(n >= 0 && n <= 1) {
		r.fail("q", "plan.redirect: q must be a number from 0 to 1, got %s", v)
	}
	return int(math.Round(float64(n) * 1000))
}
