package luatest

import (
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// method is a function of the test library, run for the test that runs in a state.
type method func(r *run, L *lua.LState) int

// runKey is where a state's registry holds its run.
const runKey = "tandem.run"

// function returns a method as Lua calls it. It may be shared between states: it finds its run by the state.
func function(m method) lua.LGFunction {
	return func(L *lua.LState) int { return m(runOf(L), L) }
}

// runOf returns the run that a state belongs to.
func runOf(L *lua.LState) *run {
	return L.G.Registry.RawGetString(runKey).(*lua.LUserData).Value.(*run)
}

// class returns the metatable of a kind of object, never to be changed. Asking it for a method that it does not have is an
// error that suggests the nearest one.
func class(L *lua.LState, name string, methods map[string]method) *lua.LTable {
	names := slices.Sorted(maps.Keys(methods))
	index := L.CreateTable(0, len(methods))
	for _, m := range names {
		index.RawSetString(m, L.NewFunction(function(methods[m])))
	}
	strict := L.CreateTable(0, 1)
	strict.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key := L.Get(2).String()
		mod.Raise(L, mod.Where(L), "a %s has no method %q%s", name, key, spell.Hint(key, names))
		return 0
	}))
	index.Metatable = strict
	mt := L.CreateTable(0, 3)
	mt.RawSetString("__index", index)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(show(L.Get(1))))
		return 1
	}))
	return mt
}

// object returns the userdata of a Go value.
func object(L *lua.LState, v any, class *lua.LTable) *lua.LUserData {
	return &lua.LUserData{Value: v, Env: L.Env, Metatable: class}
}

// value returns the Go value behind a Lua value, if it is one of that type.
func value[T any](v lua.LValue) (T, bool) {
	if ud, ok := v.(*lua.LUserData); ok {
		t, ok := ud.Value.(T)
		return t, ok
	}
	var none T
	return none, false
}

// self returns the object that a method was called on.
func self[T any](L *lua.LState, usage string) T {
	v, ok := value[T](L.Get(1))
	if !ok {
		mod.Raise(L, mod.Where(L), "call it with a colon: %s", usage)
	}
	return v
}
