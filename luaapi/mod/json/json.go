// Package json is the Lua module `json`: texts of JSON (RFC 8259) to Lua values and back.
//
// A Module belongs to one Lua state. What is wrong with a text or a value is returned as a second result, not raised:
// the text is mostly somebody else's.
package json

import (
	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

const (
	// MaxDepth is how deep arrays and objects may stand in each other.
	MaxDepth = 64
	// perInstruction is how many bytes of a text cost as much as an instruction.
	perInstruction = 4
)

// Module is the module `json` of one Lua state.
type Module struct {
	// Charge takes instructions from the budget of the handler that runs.
	Charge func(instructions int)
	// MaxText is the longest text that encode makes, in bytes.
	MaxText int
}

// values are what all states share.
type values struct {
	null  *lua.LUserData
	array *lua.LTable // the metatable of tables that are arrays
}

var shared = mod.Once(func(L *lua.LState) values {
	v := values{array: L.CreateTable(0, 1)}
	v.array.RawSetString("__metatable", lua.LFalse)
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int { L.Push(lua.LString("null")); return 1 }))
	v.null = &lua.LUserData{Value: null{}, Metatable: mt, Env: L.Env}
	return v
})

// null is the Go value behind json.null.
type null struct{}

// TypeName is what errors call it.
func (null) TypeName() string { return "json.null" }

// Table returns what `require "json"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	functions := mod.Bind(of, map[string]func(*Module, *lua.LState) int{"decode": (*Module).decode, "encode": (*Module).encode})
	functions["array"] = asArray
	return mod.TableWith(L, "json", functions, map[string]lua.LValue{"null": shared().null})
}

// decode is json.decode(text).
func (m *Module) decode(L *lua.LState) int {
	text, ok := L.Get(1).(lua.LString)
	if !ok {
		mod.Raise(L, mod.Where(L), "json.decode takes a text, got %s", mod.TypeName(L.Get(1)))
	}
	m.Charge(len(text) / perInstruction)
	v, err := m.read(L, string(text))
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(v)
	return 1
}

// encode is json.encode(value).
func (m *Module) encode(L *lua.LState) int {
	if L.GetTop() < 1 {
		mod.Raise(L, mod.Where(L), "json.encode takes a value")
	}
	e := encoder{m: m}
	err := e.value(L.Get(1), "", 0)
	m.Charge(len(e.out) / perInstruction)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(lua.LString(e.out))
	return 1
}

// asArray is json.array(table): it marks the table, so that it is an array although it may be empty.
func asArray(L *lua.LState) int {
	t, ok := L.Get(1).(*lua.LTable)
	switch {
	case !ok:
		mod.Raise(L, mod.Where(L), "json.array takes a table, got %s", mod.TypeName(L.Get(1)))
	case t.Metatable != lua.LNil && t.Metatable != shared().array:
		mod.Raise(L, mod.Where(L), "json.array: the table has a metatable already")
	}
	t.Metatable = shared().array
	L.Push(t)
	return 1
}
