// Package identity is the Lua module `identity`: entries of Diversion (RFC 5806) and History-Info (RFC 7044) as scripts see them, what modules diversion
// and history of the library are written with. The work is engine/identity's.
//
// A Module belongs to one Lua state. An entry never changes: what edits it gives another one, whose text differs where it was changed and nowhere else.
package identity

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/identity"
	"tandem/engine/message"
	"tandem/luaapi/mod"
)

// Module is the module `identity` of one Lua state.
type Module struct {
	// Cost takes what a call costs from the budgets, in instructions and in bytes, and raises an error when one is used up; nil = nobody asks.
	Cost func(L *lua.LState, instructions, bytes int)
}

// Table returns what `require "identity"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	return mod.Table(L, "identity", mod.Bind(of, map[string]func(*Module, *lua.LState) int{
		"parse": (*Module).parse, "diversion": (*Module).diversion, "to_history": (*Module).toHistory, "to_diversion": (*Module).toDiversion,
		"forward": (*Module).forward, "anonymised": (*Module).anonymised, "value": (*Module).text,
	}))
}

func raise(L *lua.LState, format string, args ...any) { mod.Raise(L, mod.Where(L), format, args...) }

// entryBytes is what an entry takes beside its text.
const entryBytes = 256

func (m *Module) cost(L *lua.LState, instructions, bytes int) {
	if m.Cost != nil {
		m.Cost(L, instructions, bytes)
	}
}

// List returns entries as a list, with what it costs.
func (m *Module) List(L *lua.LState, entries []identity.Entry) *lua.LTable {
	t := L.CreateTable(len(entries), 0)
	for i, e := range entries {
		t.RawSetInt(i+1, m.value(L, e))
	}
	return t
}

func (m *Module) value(L *lua.LState, e identity.Entry) *lua.LUserData {
	return m.wrap(L, e, metatable())
}

func (m *Module) wrap(L *lua.LState, e identity.Entry, mt lua.LValue) *lua.LUserData {
	n := len(e.String())
	m.cost(L, 4+n/8, entryBytes+n)
	v := &entry{Entry: e, m: m}
	v.ud.Value, v.ud.Metatable, v.ud.Env = v, mt, L.Env
	return &v.ud
}

// parse is identity.parse(values).
func (m *Module) parse(L *lua.LState) int {
	L.Push(m.List(L, identity.Parse(texts(L, "identity.parse")...)))
	return 1
}

// texts returns argument 1, which is a string or a list of strings.
func texts(L *lua.LState, what string) []string {
	switch v := L.Get(1).(type) {
	case lua.LString:
		return []string{string(v)}
	case *lua.LTable:
		var all []string
		for i := 1; i <= v.Len(); i++ {
			s, ok := v.RawGetInt(i).(lua.LString)
			if !ok {
				raise(L, "%s: value %d must be a string, got %s", what, i, mod.TypeName(v.RawGetInt(i)))
			}
			all = append(all, string(s))
		}
		return all
	default:
		raise(L, "%s: want the values of a header, a string or a list of them, got %s", what, mod.TypeName(v))
		return nil
	}
}

// entries returns argument 1, a list of entries.
func entries(L *lua.LState, what string) []identity.Entry {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		raise(L, "%s: want a list of entries, got %s", what, mod.TypeName(L.Get(1)))
	}
	all := make([]identity.Entry, 0, t.Len())
	for i := 1; i <= t.Len(); i++ {
		e := entryOf(t.RawGetInt(i))
		if e == nil {
			raise(L, "%s: item %d must be an entry, got %s", what, i, mod.TypeName(t.RawGetInt(i)))
		}
		all = append(all, e.Entry)
	}
	return all
}

// text is identity.value(list).
func (m *Module) text(L *lua.LState) int {
	var texts []string
	for _, e := range entries(L, "identity.value") {
		texts = append(texts, e.String())
	}
	if len(texts) == 0 {
		L.Push(lua.LFalse)
		return 1
	}
	value := strings.Join(texts, ", ")
	m.cost(L, len(texts)+len(value)/8, len(value))
	L.Push(lua.LString(value))
	return 1
}

// address returns argument n, a URI as it may stand in an entry.
func address(L *lua.LState, what string, n int) string {
	v := L.Get(n)
	if ud, ok := v.(*lua.LUserData); ok {
		if u, ok := ud.Value.(interface{ URI() string }); ok {
			return checked(L, what, u.URI())
		}
	}
	s, ok := v.(lua.LString)
	if !ok {
		raise(L, "%s: want a URI such as \"sip:100@pbx.example\", got %s", what, mod.TypeName(v))
	}
	return checked(L, what, string(s))
}

func checked(L *lua.LState, what, uri string) string {
	_, err := message.ParseURI([]byte(uri))
	if err != nil || strings.ContainsAny(uri, "<>\" \t") || !message.ValidValue(uri) {
		raise(L, "%s: %q is no URI; write one such as \"sip:100@pbx.example\"", what, uri)
	}
	return uri
}

// diversion is identity.diversion(by, fields).
func (m *Module) diversion(L *lua.LState) int {
	const what = "identity.diversion"
	d := identity.Diversion{By: address(L, what, 1)}
	e := d.Entry()
	if L.Get(2) != lua.LNil {
		e = edit(L, what, e, L.Get(2))
	}
	L.Push(m.value(L, e))
	return 1
}

// toHistory is identity.to_history(diversions, target).
func (m *Module) toHistory(L *lua.LState) int {
	const what = "identity.to_history"
	L.Push(m.List(L, identity.ToHistory(entries(L, what), address(L, what, 2))))
	return 1
}

// toDiversion is identity.to_diversion(history).
func (m *Module) toDiversion(L *lua.LState) int {
	L.Push(m.List(L, identity.ToDiversion(entries(L, "identity.to_diversion"))))
	return 1
}

// forward is identity.forward(history, ruri, target, kind, n).
func (m *Module) forward(L *lua.LState) int {
	const what = "identity.forward"
	history := identity.Received(entries(L, what), address(L, what, 2))
	target := address(L, what, 3)
	kind := identity.Kind(L.OptString(4, string(identity.SameUser)))
	switch kind {
	case identity.SameUser, identity.OtherUser, identity.Unchanged:
	default:
		raise(L, `%s: the kind is "rc", "mp" or "np", got %q`, what, string(kind))
	}
	n := L.OptInt(5, 1)
	if n < 1 {
		raise(L, "%s: branches count from 1, got %d", what, n)
	}
	L.Push(m.List(L, append(history, identity.Forward(history, n, kind, target))))
	return 1
}

// anonymised is identity.anonymised(list, all).
func (m *Module) anonymised(L *lua.LState) int {
	L.Push(m.List(L, identity.Anonymised(entries(L, "identity.anonymised"), lua.LVAsBool(L.Get(2)))))
	return 1
}
