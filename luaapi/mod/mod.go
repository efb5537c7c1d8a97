// Package mod is what the Lua modules that are written in Go share: where a script called them, how they raise
// errors, and tables that scripts cannot write to.
//
// It holds no state; what it makes belongs to the Lua state that it is made for. Each module is a folder below.
package mod

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/luaapi/machine"
	"tandem/luaapi/spell"
)

// Where returns the place in the script that called the Go function now running, the zero Pos if no Lua function
// did.
func Where(L *lua.LState) plan.Pos {
	for pos := range Places(L) {
		return pos
	}
	return plan.Pos{}
}

// Places yields the lines that called the running Go function, the innermost first.
func Places(L *lua.LState) iter.Seq[plan.Pos] {
	return func(yield func(plan.Pos) bool) {
		f := *machine.At(L)
		if f == nil {
			return
		}
		for f = f.Parent; f != nil; f = f.Parent {
			if file, line := f.Line(); line > 0 && !yield(plan.Pos{File: file, Line: line}) {
				return
			}
		}
	}
}

// Raise raises a Lua error that starts with a place: "main.lua:31: …". It does not return.
func Raise(L *lua.LState, pos plan.Pos, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case pos.Line > 0:
		text = pos.String() + ": " + text
	case pos.File != "":
		text = pos.File + ": " + text
	}
	L.Error(lua.LString(text), 0)
}

// FileError is a mistake in a file of the script root that is no script.
type FileError struct {
	File string
	Line int // 0 = not known
	What string
}

// Error names the place and what is wrong there.
func (e *FileError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What) }

// Raise raises it as a Lua error. It does not return.
func (e *FileError) Raise(L *lua.LState) {
	Raise(L, plan.Pos{File: e.File, Line: max(e.Line, 1)}, "%s", e.What)
}

// Once returns a function that makes something for all states the first time that it is called. What is made must keep nothing of a
// state: its functions find what they work on by the state that calls them.
func Once[T any](build func(L *lua.LState) T) func() T {
	return sync.OnceValue(func() T { return build(lua.NewState(lua.Options{SkipOpenLibs: true, MinimizeStackMemory: true})) })
}

// Bind returns the functions of a module that all states share. of finds what the module has for the state that calls.
func Bind[M any](of func(L *lua.LState) M, functions map[string]func(m M, L *lua.LState) int) map[string]lua.LGFunction {
	bound := make(map[string]lua.LGFunction, len(functions))
	for name, f := range functions {
		bound[name] = func(L *lua.LState) int { return f(of(L), L) }
	}
	return bound
}

// Named is implemented by the Go values behind userdata: what errors call them.
type Named interface{ TypeName() string }

// TypeName returns what an error calls a value: "plan", "URI", "nil", "string", ….
func TypeName(v lua.LValue) string {
	if ud, ok := v.(*lua.LUserData); ok {
		if n, ok := ud.Value.(Named); ok {
			return n.TypeName()
		}
	}
	return v.Type().String()
}

// locked marks the metatable of a table that scripts cannot write to.
const locked = "__locked"

// Lock returns a table through which scripts read fields and cannot write them. A field that is not there is an
// error that suggests the nearest one, if strict, else nil. onWrite is called for a write with the table, the key
// and the value; it raises the error.
func Lock(L *lua.LState, name string, fields *lua.LTable, strict bool, onWrite lua.LGFunction) *lua.LTable {
	if strict {
		mt := L.CreateTable(0, 1)
		mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
			Raise(L, Where(L), "%s has no %s%s", name, quoted(L.Get(2)), spell.Hint(L.Get(2).String(), Names(fields)))
			return 0
		}))
		fields.Metatable = mt
	}
	mt := L.CreateTable(0, 4)
	mt.RawSetString("__index", fields)
	mt.RawSetString("__newindex", L.NewFunction(onWrite))
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString(locked, lua.LTrue)
	t := L.CreateTable(0, 0)
	t.Metatable = mt
	return t
}

// Locked reports whether a table was made by Lock.
func Locked(t *lua.LTable) bool {
	mt, ok := t.Metatable.(*lua.LTable)
	return ok && mt.RawGetString(locked) == lua.LTrue
}

// Table returns a module's table of functions, which scripts cannot write to.
func Table(L *lua.LState, name string, functions map[string]lua.LGFunction) *lua.LTable {
	return TableWith(L, name, functions, nil)
}

// TableWith is Table with values beside the functions.
func TableWith(L *lua.LState, name string, functions map[string]lua.LGFunction, values map[string]lua.LValue) *lua.LTable {
	fields := L.CreateTable(0, len(functions)+len(values))
	for _, v := range slices.Sorted(maps.Keys(values)) {
		fields.RawSetString(v, values[v])
	}
	for _, f := range slices.Sorted(maps.Keys(functions)) {
		fields.RawSetString(f, L.NewFunction(functions[f]))
	}
	return Lock(L, name, fields, true, func(L *lua.LState) int {
		Raise(L, Where(L), "module %s cannot be changed; keep %s in a local of your own", name, quoted(L.Get(2)))
		return 0
	})
}

// Names returns the string keys of a table, in the order of their first assignment.
func Names(t *lua.LTable) []string {
	var names []string
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if s, ok := k.(lua.LString); ok {
			names = append(names, string(s))
		}
	}
	return names
}

func quoted(key lua.LValue) string {
	if s, ok := key.(lua.LString); ok {
		return fmt.Sprintf("%q", string(s))
	}
	return key.String()
}
