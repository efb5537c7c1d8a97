package luaapi

import (
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
	activitymod "tandem/luaapi/mod/activity"
	httpmod "tandem/luaapi/mod/http"
	identitymod "tandem/luaapi/mod/identity"
	jsonmod "tandem/luaapi/mod/json"
	logmod "tandem/luaapi/mod/log"
	lookupmod "tandem/luaapi/mod/lookup"
	numbermod "tandem/luaapi/mod/number"
	planmod "tandem/luaapi/mod/plan"
	remod "tandem/luaapi/mod/re"
	schedulemod "tandem/luaapi/mod/schedule"
)

// builtin are the modules that Tandem has written in Go. Each is made for all states, when a script first requires it: most scripts need
// few of them, and every test has states of its own.
var builtin = map[string]func() *lua.LTable{
	"plan":     forAll(planmod.Table, func(v *vm) *planmod.Module { return v.plan }),
	"log":      forAll(logmod.Table, func(v *vm) *logmod.Writer { return v.log }),
	"identity": forAll(identitymod.Table, (*vm).identities),
	"json":     forAll(jsonmod.Table, (*vm).json),
	"lookup":   forAll(lookupmod.Library, (*vm).lookup),
	"http":     forAll(httpmod.Table, (*vm).http),
	"re":       forAll(remod.Table, (*vm).re),
	"activity": forAll(activitymod.Table, (*vm).activity),
	"schedule": forAll(schedulemod.Table, (*vm).schedule),
	"number":   forAll(numbermod.Table, (*vm).number),
}

// forAll returns what makes a module. of returns what the module has for a vm.
func forAll[M any](table func(*lua.LState, func(*lua.LState) M) *lua.LTable, of func(v *vm) M) func() *lua.LTable {
	return mod.Once(func(L *lua.LState) *lua.LTable {
		return table(L, func(L *lua.LState) M { return of(vmOf(L)) })
	})
}

// kept is what modules have for a vm, each made when it is first asked for.
type kept struct {
	identity *identitymod.Module
	json     *jsonmod.Module
	lookup   *lookupmod.Module
	http     *httpmod.Module
	re       *remod.Module
	schedule *schedulemod.Module
	number   *numbermod.Module
	activity *activitymod.Module
}

// module returns a module that was required, or one of Tandem; nil if there is none of that name yet. A file of the script goes before one
// of its name.
func (v *vm) module(name string) lua.LValue {
	if is := v.modules[name]; is != nil {
		return is
	}
	if open := builtin[name]; open != nil && v.prog.chunks[name] == nil {
		v.modules[name] = open()
	}
	return v.modules[name]
}

// moduleNames returns what may be required.
func (v *vm) moduleNames() []string {
	all := maps.Clone(v.modules)
	for name := range builtin {
		all[name] = nil
	}
	for name := range v.prog.chunks {
		all[name] = nil
	}
	return slices.Sorted(maps.Keys(all))
}

// charge takes what a module did from the budgets.
func (v *vm) charge(L *lua.LState, instructions, bytes int) {
	v.meter.left -= instructions
	v.meter.bytes -= bytes
	v.meter.check(L)
}

// identities is the module identity of the state.
func (v *vm) identities() *identitymod.Module {
	if v.kept.identity == nil {
		v.kept.identity = &identitymod.Module{Cost: v.charge}
	}
	return v.kept.identity
}

func (v *vm) activity() *activitymod.Module {
	if v.kept.activity == nil {
		v.kept.activity = &activitymod.Module{Book: v.opt.activity}
	}
	return v.kept.activity
}

func (v *vm) json() *jsonmod.Module {
	if v.kept.json == nil {
		v.kept.json = &jsonmod.Module{MaxText: MaxString, Charge: v.meter.cost}
	}
	return v.kept.json
}

func (v *vm) lookup() *lookupmod.Module {
	if v.kept.lookup == nil {
		v.kept.lookup = &lookupmod.Module{Cache: v.prog.tables, KeyLine: v.prog.keyLine, Loading: func() bool { return v.current == nil && v.depth == 0 }}
	}
	return v.kept.lookup
}

func (v *vm) schedule() *schedulemod.Module {
	if v.kept.schedule == nil {
		v.kept.schedule = &schedulemod.Module{File: v.prog.tables.File, Files: v.prog.tables.Files}
	}
	return v.kept.schedule
}

func (v *vm) number() *numbermod.Module {
	if v.kept.number == nil {
		v.kept.number = &numbermod.Module{Emergency: v.opt.Emergency}
	}
	return v.kept.number
}

func (v *vm) http() *httpmod.Module {
	if v.kept.http == nil {
		v.kept.http = &httpmod.Module{Client: v.opt.HTTP, KeyLine: v.prog.keyLine, MaxBody: MaxString}
	}
	return v.kept.http
}

func (v *vm) re() *remod.Module {
	if v.kept.re == nil {
		v.kept.re = &remod.Module{MaxString: MaxString, Cost: v.charge}
	}
	return v.kept.re
}
