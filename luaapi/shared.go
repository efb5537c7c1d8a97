package luaapi

import (
	"fmt"
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/luaapi/machine"
	"tandem/luaapi/mod"
)

// SharedWrite is a handler's write into a table that was made when the script was loaded: what it writes goes from call to call,
// and is not the same in all shards.
type SharedWrite struct {
	Pos plan.Pos
	// Path is what was written: "hours.cache.x" for the field x of the local cache of hours.lua, or of what it returned.
	Path string
}

// String says what is wrong with it.
func (w SharedWrite) String() string {
	return fmt.Sprintf("%s written by %s: shared from call to call and not between shards", w.Path, w.Pos)
}

// shared knows the tables that were there before the first call, by the names that lead to them.
type shared struct {
	tables    map[*lua.LTable]string
	functions map[*lua.LFunction]bool
	tell      func(SharedWrite)
	loading   int // modules that are loaded by a handler: what they write is theirs
}

// share takes note of all tables that handlers can reach, if somebody wants to know of writes into them. ret is what the entry file
// returned.
func (v *vm) share(ret lua.LValue) {
	v.meter.shared = nil
	if v.opt.Shared == nil {
		return
	}
	s := &shared{tables: make(map[*lua.LTable]string), functions: make(map[*lua.LFunction]bool), tell: v.opt.Shared}
	for _, name := range slices.Sorted(maps.Keys(v.prog.chunks)) {
		s.add(v.modules[name], name)
	}
	s.add(ret, moduleName(v.prog.chunks[""].file))
	v.meter.shared = s
}

// add takes note of a value and of what it leads to.
func (s *shared) add(val lua.LValue, path string) {
	switch val := val.(type) {
	case *lua.LTable:
		if s.tables[val] == "" && !mod.Locked(val) {
			s.table(val, path)
		}
	case *lua.LFunction:
		if !val.IsG && !s.functions[val] {
			s.function(val)
		}
	}
}

// leads reports whether a value may lead to tables.
func leads(val lua.LValue) bool { return val.Type() == lua.LTTable || val.Type() == lua.LTFunction }

func (s *shared) table(t *lua.LTable, path string) {
	s.tables[t] = path
	for k, val := t.Next(lua.LNil); k != lua.LNil; k, val = t.Next(k) {
		if leads(val) {
			s.add(val, field(path, k))
		}
	}
	if leads(t.Metatable) {
		s.add(t.Metatable, "the metatable of "+path)
	}
}

// function takes note of the locals that a function sees.
func (s *shared) function(f *lua.LFunction) {
	s.functions[f] = true
	for i, up := range f.Upvalues {
		if up != nil && i < len(f.Proto.DbgUpvalues) && leads(up.Value()) {
			s.add(up.Value(), moduleName(f.Proto.SourceName)+"."+f.Proto.DbgUpvalues[i])
		}
	}
}

func field(path string, key lua.LValue) string {
	if name, ok := key.(lua.LString); ok {
		return path + "." + string(name)
	}
	return path + "[" + key.String() + "]"
}

// written tells of a write, if it is into such a table.
func (s *shared) written(L *lua.LState, t *lua.LTable, key lua.LValue) {
	if path, ok := s.tables[t]; ok && s.loading == 0 {
		s.tell(SharedWrite{Pos: here(L), Path: field(path, key)})
	}
}

// here returns the line that runs: of the function that runs, or of the one that called it if it is written in Go.
func here(L *lua.LState) plan.Pos {
	if file, line := (*machine.At(L)).Line(); line > 0 {
		return plan.Pos{File: file, Line: line}
	}
	return mod.Where(L)
}
