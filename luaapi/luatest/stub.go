package luatest

import (
	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi"
	"tandem/luaapi/mod"
)

// stub is t.stub(module, table): what the table has stands in the place of what the module has, in the scripts of the
// networks made from now on.
func (r *run) stub(L *lua.LState) int {
	a := argsOf(L, "t.stub")
	name, ok := L.Get(1).(lua.LString)
	table, isTable := L.Get(2).(*lua.LTable)
	switch {
	case !ok || !isTable:
		a.fail(`takes the name of a module and a table, got %s and %s; write t.stub("clock", { now = function() return 0 end })`, show(L.Get(1)), mod.TypeName(L.Get(2)))
	case name == "plan":
		a.fail("module plan cannot be stubbed: what it makes is what a test is about")
	case name == "http":
		return r.stubHTTP(L, a, table)
	case r.test != nil && len(r.nets) > 0:
		a.fail("the script has loaded with the module already; stub before pbx:network")
	}
	if r.stubs == nil {
		r.stubs = make(map[string]luaapi.Stub)
	}
	r.stubs[string(name)] = func(into *lua.LState, module func(key lua.LValue) lua.LValue) lua.LValue {
		return r.standIn(into, table, module)
	}
	return 0
}

// standIn makes the table that a script's state has as the module. Functions of the test run in the state of the test,
// other values are the test's own.
func (r *run) standIn(into *lua.LState, table *lua.LTable, module func(key lua.LValue) lua.LValue) lua.LValue {
	mt := into.CreateTable(0, 3)
	mt.RawSetString("__index", into.NewFunction(func(L *lua.LState) int {
		switch v := table.RawGet(L.Get(2)).(type) {
		case *lua.LNilType:
			L.Push(module(L.Get(2)))
		case *lua.LFunction:
			L.Push(L.NewFunction(r.bridge(v)))
		default:
			L.Push(v)
		}
		return 1
	}))
	mt.RawSetString("__newindex", into.NewFunction(func(L *lua.LState) int {
		mod.Raise(L, mod.Where(L), "a module cannot be changed; keep %s in a local of your own", show(L.Get(2)))
		return 0
	}))
	mt.RawSetString("__metatable", lua.LFalse)
	t := into.CreateTable(0, 0)
	t.Metatable = mt
	return t
}

// bridge returns a function of the test as scripts call it.
func (r *run) bridge(fn *lua.LFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		args := make([]lua.LValue, L.GetTop())
		for i := range args {
			args[i] = L.Get(i + 1)
		}
		base := r.L.GetTop()
		err := r.L.CallByParam(lua.P{Fn: fn, NRet: lua.MultRet, Protect: true}, args...)
		if err != nil {
			L.Error(errorValue(err), 0)
		}
		n := r.L.GetTop() - base
		for i := range n {
			L.Push(r.L.Get(base + i + 1))
		}
		r.L.SetTop(base)
		return n
	}
}
