package identity

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/identity"
	"tandem/engine/message"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// entry is an entry as scripts see it.
type entry struct {
	ud lua.LUserData
	identity.Entry
	m *Module // whose it is
}

// TypeName is what errors call it.
func (*entry) TypeName() string { return "entry" }

func entryOf(v lua.LValue) *entry {
	if ud, ok := v.(*lua.LUserData); ok {
		if e, ok := ud.Value.(*entry); ok {
			return e
		}
	}
	return nil
}

// fields are the fields of an entry: how each is read. The registry in luaapi/api says what they are.
var fields = map[string]func(L *lua.LState, e identity.Entry) lua.LValue{
	"raw":     func(_ *lua.LState, e identity.Entry) lua.LValue { return lua.LString(e.String()) },
	"uri":     func(_ *lua.LState, e identity.Entry) lua.LValue { return str(e.URI()) },
	"user":    func(_ *lua.LState, e identity.Entry) lua.LValue { return str(unescaped(e.User())) },
	"host":    func(_ *lua.LState, e identity.Entry) lua.LValue { return str(host(e)) },
	"display": func(_ *lua.LState, e identity.Entry) lua.LValue { return str(e.Display()) },
	"invalid": func(_ *lua.LState, e identity.Entry) lua.LValue { return lua.LBool(e.Err() != nil) },
	"reason":  func(_ *lua.LState, e identity.Entry) lua.LValue { return str(param(e, "reason", strings.ToLower)) },
	"counter": func(_ *lua.LState, e identity.Entry) lua.LValue { return lua.LNumber(e.Counter()) },
	"limit":   func(_ *lua.LState, e identity.Entry) lua.LValue { return positive(e.Limit()) },
	"screen":  func(_ *lua.LState, e identity.Entry) lua.LValue { return str(param(e, "screen", strings.ToLower)) },
	"privacy": func(_ *lua.LState, e identity.Entry) lua.LValue { return str(privacy(e)) },
	"private": func(_ *lua.LState, e identity.Entry) lua.LValue { return lua.LBool(e.Private()) },
	"index":   func(_ *lua.LState, e identity.Entry) lua.LValue { return str(e.Index()) },
	"kind": func(_ *lua.LState, e identity.Entry) lua.LValue {
		k, _ := e.Mapping()
		return str(k)
	},
	"mapped_from": func(_ *lua.LState, e identity.Entry) lua.LValue {
		_, from := e.Mapping()
		return str(from)
	},
	"reasons":  reasons,
	"retarget": func(_ *lua.LState, e identity.Entry) lua.LValue { return str(Retarget(e)) },
	"phone":    func(_ *lua.LState, e identity.Entry) lua.LValue { return str(param(e, "ms-target-phone", nil)) },
}

func str[S ~string](s S) lua.LValue {
	if s == "" {
		return lua.LNil
	}
	return lua.LString(s)
}

func positive(n int) lua.LValue {
	if n == 0 {
		return lua.LNil
	}
	return lua.LNumber(n)
}

func unescaped(s string) string { return string(message.AppendUnescaped(nil, []byte(s))) }

func host(e identity.Entry) string {
	u, err := message.ParseURI([]byte(e.URI()))
	if err != nil {
		return ""
	}
	return string(u.Host)
}

func param(e identity.Entry, name string, change func(string) string) string {
	v, _ := e.Param(name)
	if change != nil {
		v = change(v)
	}
	return v
}

// privacy is the parameter of a Diversion, or the Privacy inside the URI of a History-Info.
func privacy(e identity.Entry) string {
	if p := param(e, "privacy", strings.ToLower); p != "" {
		return p
	}
	return strings.ToLower(strings.Join(e.Header("Privacy"), ";"))
}

func reasons(L *lua.LState, e identity.Entry) lua.LValue {
	all := e.Reasons()
	t := L.CreateTable(len(all), 0)
	for i, r := range all {
		one := L.CreateTable(0, 3)
		one.RawSetString("protocol", lua.LString(r.Protocol))
		one.RawSetString("cause", positive(r.Cause))
		one.RawSetString("text", str(r.Text))
		t.RawSetInt(i+1, one)
	}
	return t
}

// Retarget returns why an entry's call was retargeted, ms-retarget-reason in lower case; "" if it does not say.
func Retarget(e identity.Entry) string { return param(e, "ms-retarget-reason", strings.ToLower) }

// metatable is that of entries, in all states.
var metatable = mod.Once(func(L *lua.LState) *lua.LTable {
	with, failed := L.NewFunction(with), L.NewFunction(failed)
	mt := L.CreateTable(0, 5)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		e, key := entryOf(L.Get(1)), L.Get(2).String()
		switch get := fields[key]; {
		case get != nil:
			L.Push(get(L, e.Entry))
		case key == "with":
			L.Push(with)
		case key == "failed":
			L.Push(failed)
		default:
			raise(L, "entry.%s: no such field%s", key, spell.Hint(key, Members()))
		}
		return 1
	}))
	mt.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int {
		raise(L, "entry.%s cannot be written; entry:with { … } gives an entry that differs", L.Get(2))
		return 0
	}))
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(entryOf(L.Get(1)).String()))
		return 1
	}))
	return mt
})

// Members are the names of the fields and methods of entries.
func Members() []string {
	names := []string{"with", "failed"}
	for name := range fields {
		names = append(names, name)
	}
	return names
}

func receiver(L *lua.LState, what string) *entry {
	e := entryOf(L.Get(1))
	if e == nil {
		raise(L, "%s is called with a colon", what)
	}
	return e
}

// with returns another entry of the same state.
func (e *entry) with(L *lua.LState, changed identity.Entry) *lua.LUserData {
	return e.m.wrap(L, changed, e.ud.Metatable)
}

// with is entry:with(changes).
func with(L *lua.LState) int {
	e := receiver(L, "entry:with")
	if e.Err() != nil {
		raise(L, "entry:with: the entry is invalid: %s", e.String())
	}
	L.Push(e.with(L, edit(L, "entry:with", e.Entry, L.Get(2))))
	return 1
}

// failed is entry:failed(cause, text).
func failed(L *lua.LState) int {
	e := receiver(L, "entry:failed")
	code := L.CheckInt(2)
	text := L.OptString(3, message.Phrase(code))
	if code < 300 || code > 699 || !message.ValidValue(text) {
		raise(L, "entry:failed: want a final response from 300 to 699 and its phrase, got %d %q", code, text)
	}
	L.Push(e.with(L, e.Failed(identity.Reason{Protocol: "SIP", Cause: code, Text: text})))
	return 1
}

// params are the changes that are header parameters, in the order in which they are added, by what they stand as in the header.
var params = []struct{ name, header string }{
	{"reason", "reason"},
	{"counter", "counter"},
	{"limit", "limit"},
	{"privacy", "privacy"},
	{"screen", "screen"},
	{"index", "index"},
	{"rc", "rc"},
	{"mp", "mp"},
	{"np", "np"},
	{"retarget", "ms-retarget-reason"},
	{"phone", "ms-target-phone"},
}

// Changes are the names of what entry:with changes.
func Changes() []string {
	names := []string{"user", "uri", "display"}
	for _, p := range params {
		names = append(names, p.name)
	}
	return names
}

// edit returns an entry with changes of a script.
func edit(L *lua.LState, what string, e identity.Entry, v lua.LValue) identity.Entry {
	t, ok := v.(*lua.LTable)
	if !ok {
		raise(L, "%s: the changes must be a table, got %s", what, mod.TypeName(v))
	}
	for _, name := range mod.Names(t) {
		if known := Changes(); !contains(known, name) {
			raise(L, "%s: no change %q%s", what, name, spell.Hint(name, known))
		}
	}
	e = editAddress(L, what, e, t)
	for _, p := range params {
		switch v := t.RawGetString(p.name); v {
		case lua.LNil:
		case lua.LFalse:
			e = e.WithParam(p.header, "")
		default:
			e = e.WithParam(p.header, token(L, what, p.name, v))
		}
	}
	return e
}

func editAddress(L *lua.LState, what string, e identity.Entry, t *lua.LTable) identity.Entry {
	if v := t.RawGetString("uri"); v != lua.LNil {
		e = e.WithURI(checked(L, what, lua.LVAsString(v)))
	}
	if v := t.RawGetString("user"); v != lua.LNil {
		e = e.WithUser(user(L, what, v))
	}
	if v := t.RawGetString("display"); v != lua.LNil {
		name := ""
		if v != lua.LFalse {
			if name = lua.LVAsString(v); name == "" || !message.ValidValue(name) {
				raise(L, "%s: display must be a name, or false for none", what)
			}
		}
		e = e.WithDisplay(name)
	}
	return e
}

// user returns a user part or number as it may stand in a URI.
func user(L *lua.LState, what string, v lua.LValue) string {
	s := lua.LVAsString(v)
	if s == "" {
		raise(L, "%s: user must be a user part or a number, got %s", what, mod.TypeName(v))
	}
	if _, err := message.ParseURI([]byte("sip:" + s + "@h")); err != nil || strings.ContainsAny(s, "@<>\" \t,") || !message.ValidValue(s) {
		raise(L, "%s: user cannot be %q", what, s)
	}
	return s
}

// token returns the value of a parameter as it stands in the header: what is no token is quoted.
func token(L *lua.LState, what, name string, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LNumber:
		if n := int(v); lua.LNumber(n) == v && n >= 0 {
			return strconv.Itoa(n)
		}
	case lua.LString:
		if s := string(v); s != "" && message.ValidValue(s) {
			if message.IsToken(s) {
				return s
			}
			return message.Quote(s)
		}
	}
	raise(L, "%s: %s cannot be %s", what, name, v.String())
	return ""
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
