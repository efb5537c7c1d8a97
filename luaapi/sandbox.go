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

// standard holds gopher-lua's standard library, from which sandboxes take functions. Its functions keep nothing, so that
// all states may have the same ones.
var standard = sync.OnceValue(func() *lua.LTable {
	L := lua.NewState(stateOptions)
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString, lua.OpenMath} {
		L.Push(L.NewFunction(open))
		L.Call(0, 0)
	}
	return L.Get(lua.GlobalsIndex).(*lua.LTable)
})

// sandbox makes a state whose globals are what scripts may use, and nothing else.
func (v *vm) sandbox() *lua.LState {
	L := lua.NewState(stateOptions)
	v.L = L
	v.meter.run(L)
	all := standard()
	globals := pick(L, all, baseNames)
	str := v.stringLib()
	tab := pick(L, library(all, "table"), tableNames)
	num := mathLib(L, library(all, "math"))
	set(L, tab, map[string]lua.LGFunction{"concat": v.concat, "insert": v.insert, "remove": v.remove, "sort": v.sort})
	num.RawSetString("random", L.NewFunction(random(rand.New(v.opt.Random(v.generation, v.shard)))))
	v.nextFn = L.NewFunction(v.next)
	set(L, globals, map[string]lua.LGFunction{
		"print": v.print, "rawset": v.rawSet, "setmetatable": setMetatable, "require": v.require, "unpack": v.unpack,
		"error": v.raise, "pcall": lower.PCall(v.caught), "xpcall": lower.XPCall(v.caught),
		"pairs": v.pairs, "assert": v.assert, "select": selectFrom,
		"tostring": toString, "tonumber": toNumber, lower.Concat: v.join,
	})
	if v.prog.sites != nil {
		set(L, globals, map[string]lua.LGFunction{probe.Line: v.probeLine, probe.See: v.probeValue})
	}
	globals.RawSetString("next", v.nextFn)
	for name, lib := range map[string]*lua.LTable{"string": str, "table": tab, "math": num} {
		globals.RawSetString(name, mod.Lock(L, name, lib, false, lockedLibrary(name)))
	}
	env := mod.Lock(L, "_G", globals, false, globalWrite)
	globals.RawSetString("_G", env)
	L.Env = env
	L.Replace(lua.GlobalsIndex, env)
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
	return t
}

func set(L *lua.LState, t *lua.LTable, functions map[string]lua.LGFunction) {
	for name, fn := range functions {
		t.RawSetString(name, L.NewFunction(fn))
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

// random is math.random on the engine's source.
func random(r *rand.Rand) lua.LGFunction {
	return func(L *lua.LState) int {
		var lo, hi int
		switch L.GetTop() {
		case 0:
			L.Push(lua.LNumber(r.Float64()))
			return 1
		case 1:
			lo, hi = 1, argInt(L, 1)
		default:
			lo, hi = argInt(L, 1), argInt(L, 2)
		}
		if hi < lo || hi-lo < 0 || hi-lo+1 <= 0 {
			mod.Raise(L, mod.Where(L), "math.random: the interval is empty")
		}
		L.Push(lua.LNumber(lo + r.IntN(hi-lo+1)))
		return 1
	}
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
