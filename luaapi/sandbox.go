package luaapi

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"

	"tandem/luaapi/lower"
	"tandem/luaapi/mod"
	planmod "tandem/luaapi/mod/plan"
	"tandem/luaapi/pattern"
	"tandem/luaapi/probe"
)

// Numeric keys below it are stored as an array, with all places up to the key: one assignment to t[60000000] would
// take a gigabyte.
const maxArrayIndex = 1 << 20

// maxIndexChain is how many tables __index can lead through. Each instruction may take that long.
const maxIndexChain = 16

func init() { lua.MaxArrayIndex, lua.MaxTableGetLoop = maxArrayIndex, maxIndexChain }

// stateOptions keep a state at about 40 KB. gopher-lua turns a registry below 128 into one of 5120, and grows it by 32
// at a time unless told otherwise.
var stateOptions = lua.Options{
	RegistrySize: 256, RegistryMaxSize: 65536, RegistryGrowStep: 1024, CallStackSize: 120, MinimizeStackMemory: true,
	SkipOpenLibs: true,
}

// What scripts have of the standard library. What is missing reads files, runs code from strings, looks into the
// machine, or depends on the time.
var (
	baseNames = []string{
		"getmetatable", "ipairs", "rawequal", "rawget", "type", "_VERSION",
	}
	tableNames = []string{"getn", "maxn"}
	mathNames  = []string{
		"abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp", "huge",
		"ldexp", "log", "log10", "max", "min", "mod", "modf", "pi", "pow", "rad", "sin", "sinh", "sqrt", "tan", "tanh",
	}
)

// shares are the tables and functions that all states have in common. Nothing changes them once they are made: scripts cannot write to what
// is locked, and cannot get hold of the rest. Functions find their vm by the state that calls them.
type shares struct {
	globals, probed *lua.LTable // what scripts see as _G, without and with probes
	strings, object *lua.LTable // metatables of strings, and of objects
	next            *lua.LFunction
	methods         map[string]*lua.LFunction // of calls
}

// common returns what all states share.
var common = sync.OnceValue(func() *shares {
	L := lua.NewState(stateOptions)
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString, lua.OpenMath} {
		L.Push(L.NewFunction(open))
		L.Call(0, 0)
	}
	all := L.Get(lua.GlobalsIndex).(*lua.LTable)
	c := &shares{next: L.NewFunction(own((*vm).next))}
	str := stringLib(L)
	c.strings = stringMeta(L, str)
	c.objects(L)
	libs := map[string]*lua.LTable{"string": str, "table": tableLib(L, library(all, "table")), "math": mathLib(L, library(all, "math"))}
	for name, lib := range libs {
		libs[name] = mod.Lock(L, name, lib, false, lockedLibrary(name))
	}
	c.globals = c.global(L, all, libs, nil)
	c.probed = c.global(L, all, libs, map[string]method{probe.Line: (*vm).probeLine, probe.See: (*vm).probeValue})
	return c
})

// method is a function of the library that works for the vm of the state which calls it.
type method func(v *vm, L *lua.LState) int

// own returns a method as Lua calls it.
func own(m method) lua.LGFunction {
	return func(L *lua.LState) int { return m(vmOf(L), L) }
}

// vmOf returns the vm that a state belongs to: its meter is the context of the state.
func vmOf(L *lua.LState) *vm { return L.Context().(*meter).vm }

// global makes what scripts see as _G, with functions besides those that all scripts have.
func (c *shares) global(L *lua.LState, all *lua.LTable, libs map[string]*lua.LTable, more map[string]method) *lua.LTable {
	t := pick(L, all, baseNames)
	set(L, t, map[string]lua.LGFunction{
		"setmetatable": setMetatable, "select": selectFrom, "tostring": toString, "tonumber": toNumber,
		"pcall": protected(lower.PCall(caught)), "xpcall": protected(lower.XPCall(caught)),
	})
	methods(L, t, map[string]method{
		"print": (*vm).print, "rawset": (*vm).rawSet, "require": (*vm).require, "unpack": (*vm).unpack, "error": (*vm).raise,
		"pairs": (*vm).pairs, "assert": (*vm).assert, lower.Concat: (*vm).join,
	})
	methods(L, t, more)
	t.RawSetString("next", c.next)
	for name, lib := range libs {
		t.RawSetString(name, lib)
	}
	env := mod.Lock(L, "_G", t, false, globalWrite)
	t.RawSetString("_G", env)
	return env
}

// sandbox makes a state whose globals are what scripts may use, and nothing else.
func (v *vm) sandbox() *lua.LState {
	L, c := lua.NewState(stateOptions), common()
	v.L, v.shares = L, c
	v.meter.run(v)
	v.random = rand.New(v.opt.Random(v.generation, v.shard))
	v.patterns, v.modules, v.kept = make(map[patternKey]*pattern.Pattern), make(map[string]lua.LValue), kept{}
	v.plan = planmod.New(v.prog.keyLine)
	v.plan.Cost = v.meter.cost
	L.SetMetatable(lua.LString(""), c.strings)
	L.Env = c.globals
	if v.prog.sites != nil {
		L.Env = c.probed
	}
	L.Replace(lua.GlobalsIndex, L.Env)
	L.SetContext(&v.meter)
	return L
}

func library(globals *lua.LTable, name string) *lua.LTable {
	return globals.RawGetString(name).(*lua.LTable)
}

func pick(L *lua.LState, from *lua.LTable, names []string) *lua.LTable {
	t := L.CreateTable(0, len(names))
	for _, n := range names {
		t.RawSetString(n, from.RawGetString(n))
	}
	return t
}

// tableLib makes `table`.
func tableLib(L *lua.LState, from *lua.LTable) *lua.LTable {
	t := pick(L, from, tableNames)
	methods(L, t, map[string]method{"concat": (*vm).concat, "insert": (*vm).insert, "remove": (*vm).remove, "sort": (*vm).sort})
	return t
}

// mathLib makes `math`, whose functions read strings as numbers as Lua does.
func mathLib(L *lua.LState, from *lua.LTable) *lua.LTable {
	t := pick(L, from, mathNames)
	t.ForEach(func(name, f lua.LValue) {
		if f, ok := f.(*lua.LFunction); ok {
			n, ok := arity[name.String()]
			if !ok {
				n = 1
			}
			t.RawSet(name, L.NewFunction(numbers(f.GFunction, n)))
		}
	})
	t.RawSetString("huge", lua.LNumber(math.Inf(1))) // gopher-lua has the largest number that is finite
	methods(L, t, map[string]method{"random": (*vm).randomNumber})
	return t
}

func set(L *lua.LState, t *lua.LTable, functions map[string]lua.LGFunction) {
	for name, fn := range functions {
		t.RawSetString(name, L.NewFunction(fn))
	}
}

func methods(L *lua.LState, t *lua.LTable, all map[string]method) {
	for name, m := range all {
		t.RawSetString(name, L.NewFunction(own(m)))
	}
}

// globalWrite is what assigning to a global does.
func globalWrite(L *lua.LState) int {
	key := L.Get(2).String()
	mod.Raise(L, mod.Where(L), "%q is global, and globals cannot be written; write \"local %s\", or keep what belongs to a call in call.vars", key, key)
	return 0
}

func lockedLibrary(name string) lua.LGFunction {
	return func(L *lua.LState) int {
		mod.Raise(L, mod.Where(L), "%s.%s cannot be written: the library is the same for every call; use a local", name, L.Get(2).String())
		return 0
	}
}

// rawSet is rawset, which must not get past a lock.
func (v *vm) rawSet(L *lua.LState) int {
	t := L.CheckTable(1)
	if mod.Locked(t) {
		mod.Raise(L, mod.Where(L), "rawset: the table cannot be changed")
	}
	v.meter.set(t, L.CheckAny(2))
	v.meter.check(L)
	L.RawSet(t, L.CheckAny(2), L.CheckAny(3))
	L.SetTop(1)
	return 1
}

// setMetatable is setmetatable, for tables only: gopher-lua's would give all numbers or strings a metatable.
func setMetatable(L *lua.LState) int {
	t := L.CheckTable(1)
	L.CheckAny(2)
	L.CheckTypes(2, lua.LTNil, lua.LTTable)
	if mt, ok := t.Metatable.(*lua.LTable); ok && mt.RawGetString("__metatable") != lua.LNil {
		mod.Raise(L, mod.Where(L), "setmetatable: the metatable is protected")
	}
	t.Metatable = L.Get(2)
	L.SetTop(1)
	return 1
}

// maxUnpack is how many values unpack may return.
const maxUnpack = 8000

// unpack is unpack, bounded.
func (v *vm) unpack(L *lua.LState) int {
	t := L.CheckTable(1)
	from, to := optInt(L, 2, 1), optInt(L, 3, v.meter.length(t))
	if from > to {
		return 0
	}
	n := to - from + 1
	if n > maxUnpack || n <= 0 {
		mod.Raise(L, mod.Where(L), "unpack: more than %d values", maxUnpack)
	}
	v.meter.left -= n
	for i := from; i <= to; i++ {
		L.Push(t.RawGetInt(i))
	}
	return n
}

// randomNumber is math.random on the engine's source.
func (v *vm) randomNumber(L *lua.LState) int {
	var lo, hi int
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(v.random.Float64()))
		return 1
	case 1:
		lo, hi = 1, argInt(L, 1)
	default:
		lo, hi = argInt(L, 1), argInt(L, 2)
	}
	if hi < lo || hi-lo < 0 || hi-lo+1 <= 0 {
		mod.Raise(L, mod.Where(L), "math.random: the interval is empty")
	}
	L.Push(lua.LNumber(lo + v.random.IntN(hi-lo+1)))
	return 1
}

// print logs its arguments.
func (v *vm) print(L *lua.LState) int {
	var parts []string
	for i := 1; i <= L.GetTop(); i++ {
		parts = append(parts, display(L, L.Get(i)))
	}
	L.SetTop(0)
	L.Push(lua.LString(strings.Join(parts, "\t")))
	v.log.Write(L, "print", zapcore.InfoLevel, 1)
	return 0
}
