// Package activity is the Lua module `activity`: what devices have done for calls, for hunt groups that choose by it.
//
// A Book belongs to the host of a script; all its Lua states use it at once.
package activity

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/luaapi/mod"
)

// Module is the module `activity` of one Lua state.
type Module struct {
	Book *Book
}

// Table returns what `require "activity"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(*lua.LState) *Module) *lua.LTable {
	return mod.Table(L, "activity", mod.Bind(of, map[string]func(*Module, *lua.LState) int{"of": (*Module).of, "turn": (*Module).turn}))
}

func raise(L *lua.LState, format string, args ...any) { mod.Raise(L, mod.Where(L), format, args...) }

// of is activity.of(target).
func (m *Module) of(L *lua.LState) int {
	text := L.ToStringMeta(L.Get(1)).String()
	key := text
	if !strings.HasPrefix(text, "user:") {
		uri, err := message.ParseURI([]byte(text))
		if err != nil || uri.Opaque != nil {
			raise(L, "activity.of: a SIP URI like \"sip:100@192.0.2.11\" or a user like \"user:100\", got %q", text)
		}
		key = string(uri.AppendKey(nil))
	}
	l, ok := m.Book.Look(key)
	if !ok {
		raise(L, "activity.of: more than %d devices", maxLines)
	}
	t := L.CreateTable(0, 3)
	t.RawSetString("up", lua.LNumber(l.up))
	t.RawSetString("taken", lua.LNumber(l.taken))
	t.RawSetString("ended", lua.LNumber(l.ended))
	L.Push(t)
	return 1
}

// turn is activity.turn(name).
func (m *Module) turn(L *lua.LState) int {
	name, ok := L.Get(1).(lua.LString)
	if !ok {
		raise(L, "activity.turn: a name, got %s", mod.TypeName(L.Get(1)))
	}
	n, ok := m.Book.Turn(string(name))
	if !ok {
		raise(L, "activity.turn: more than %d names", maxLines)
	}
	L.Push(lua.LNumber(n))
	return 1
}
