package luaapi

import (
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	httpmod "tandem/luaapi/mod/http"
	identitymod "tandem/luaapi/mod/identity"
	jsonmod "tandem/luaapi/mod/json"
	lookupmod "tandem/luaapi/mod/lookup"
	numbermod "tandem/luaapi/mod/number"
	remod "tandem/luaapi/mod/re"
	schedulemod "tandem/luaapi/mod/schedule"
)

// opener makes the table of a module that is written in Go. That is done when a script first requires it: most scripts need few of them, and every test
// has a state of its own.
type opener func(L *lua.LState) *lua.LTable

// library names the modules that Tandem has; a file of the script goes before one of its name.
func (v *vm) library() {
	v.modules = make(map[string]lua.LValue)
	v.unopened = map[string]opener{
		"plan": v.plan.Table, "log": v.log.Table, "number": numbermod.Table, "schedule": v.schedule().Table,
		"json":     func(L *lua.LState) *lua.LTable { return v.json(L).Table(L) },
		"identity": func(L *lua.LState) *lua.LTable { return v.identities().Table(L) },
		"http":     v.http().Table, "lookup": v.lookup().Table, "re": v.re().Table,
	}
	maps.DeleteFunc(v.unopened, func(name string, _ opener) bool { return v.prog.chunks[name] != nil })
}

// module returns a module that was required, or one of Tandem; nil if there is none of that name yet.
func (v *vm) module(L *lua.LState, name string) lua.LValue {
	if open := v.unopened[name]; open != nil {
		delete(v.unopened, name)
		v.modules[name] = open(L)
	}
	return v.modules[name]
}

// moduleNames returns what may be required.
func (v *vm) moduleNames() []string {
	names := slices.Sorted(maps.Keys(v.prog.chunks))
	return append(append(names, slices.Sorted(maps.Keys(v.modules))...), slices.Sorted(maps.Keys(v.unopened))...)
}

func (v *vm) json(L *lua.LState) *jsonmod.Module {
	return jsonmod.New(L, MaxString, func(instructions int) { v.meter.left -= instructions })
}

func (v *vm) re() *remod.Module {
	return &remod.Module{MaxString: MaxString, Cost: v.charge}
}

// charge takes what a module did from the budgets.
func (v *vm) charge(L *lua.LState, instructions, bytes int) {
	v.meter.left -= instructions
	v.meter.bytes -= bytes
	v.meter.check(L)
}

// identities is the module identity of the state.
func (v *vm) identities() *identitymod.Module {
	if v.identity == nil {
		v.identity = identitymod.New(v.L, v.charge)
	}
	return v.identity
}

func (v *vm) lookup() *lookupmod.Module {
	return &lookupmod.Module{Cache: v.prog.tables, KeyLine: v.prog.keyLine, Loading: func() bool { return v.current == nil && v.depth == 0 }}
}

func (v *vm) schedule() *schedulemod.Module {
	return &schedulemod.Module{File: v.prog.tables.File, Files: v.prog.tables.Files}
}

func (v *vm) http() *httpmod.Module {
	return &httpmod.Module{Client: v.opt.HTTP, KeyLine: v.prog.keyLine, MaxBody: MaxString}
}
