package lookup

import (
	"errors"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// Module is the module `lookup` of one Lua state.
type Module struct {
	// Cache has the tables of the script's version.
	Cache *Cache
	// Loading reports whether the script's files are being run: only then may a table be read.
	Loading func() bool
	// KeyLine finds the lines of options; it may be nil.
	KeyLine mod.KeyLine
}

// What tables and rows have in all states.
var (
	tableMeta = mod.Once(func(L *lua.LState) *lua.LTable {
		methods := L.CreateTable(0, 3)
		for name, fn := range map[string]lua.LGFunction{"get": get, "prefix": prefix, "count": count} {
			methods.RawSetString(name, L.NewFunction(fn))
		}
		return readOnly(L, mod.Lock(L, "a lookup table", methods, true, noWrite))
	})
	rowMeta = mod.Once(func(L *lua.LState) *lua.LTable { return readOnly(L, L.NewFunction(field)) })
)

// readOnly makes the metatable of what has the fields that index finds, and no others.
func readOnly(L *lua.LState, index lua.LValue) *lua.LTable {
	mt := L.CreateTable(0, 3)
	mt.RawSetString("__index", index)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__newindex", L.NewFunction(noWrite))
	return mt
}

// TypeName is what errors call it.
func (*Table) TypeName() string { return "lookup table" }

// TypeName is what errors call it.
func (*row) TypeName() string { return "row" }

// Library returns what `require "lookup"` gives, in all states. of finds the module of the one that calls.
func Library(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	return mod.Table(L, "lookup", mod.Bind(of, map[string]func(*Module, *lua.LState) int{"csv": (*Module).csv, "json": (*Module).json}))
}

func noWrite(L *lua.LState) int {
	mod.Raise(L, mod.Where(L), "%s cannot be written: its rows come from the file", mod.TypeName(L.Get(1)))
	return 0
}

func (m *Module) csv(L *lua.LState) int { return m.load(L, "lookup.csv", ',') }

func (m *Module) json(L *lua.LState) int { return m.load(L, "lookup.json", 0) }

// load is lookup.csv(file, { key =, separator = }) and lookup.json(file, { key = }).
func (m *Module) load(L *lua.LState, what string, comma rune) int {
	pos := mod.Where(L)
	file, ok := L.Get(1).(lua.LString)
	options, isTable := L.Get(2).(*lua.LTable)
	if !ok || !isTable {
		mod.Raise(L, pos, "%s takes a file and options; write %s(\"routes.csv\", { key = \"prefix\" })", what, what)
	}
	if !m.Loading() {
		mod.Raise(L, pos, "%s reads a file, and no call waits for that: write it outside of functions", what)
	}
	s := spec{file: string(file), comma: comma}
	for k, v := options.Next(lua.LNil); k != lua.LNil; k, v = options.Next(k) {
		m.option(L, what, pos, &s, k.String(), v)
	}
	if s.key == "" {
		mod.Raise(L, pos, "%s: key is missing; it names the column that rows are found by", what)
	}
	t, err := m.Cache.table(s)
	var wrong *mod.FileError
	switch {
	case errors.Is(err, errNoFile):
		mod.Raise(L, pos, "%s: there is no file %q in the script root%s", what, s.file, spell.Hint(s.file, m.Cache.Files))
	case errors.As(err, &wrong):
		wrong.Raise(L)
	}
	L.Push(&lua.LUserData{Value: t, Metatable: tableMeta(), Env: L.Env})
	return 1
}

func (m *Module) option(L *lua.LState, what string, pos plan.Pos, s *spec, key string, v lua.LValue) {
	text, ok := v.(lua.LString)
	known := []string{"key", "separator"}
	if s.comma == 0 {
		known = known[:1]
	}
	at := m.KeyLine.At(pos, key)
	switch {
	case key == "key" && ok && text != "":
		s.key = string(text)
	case key == "separator" && s.comma != 0:
		r, n := utf8.DecodeRuneInString(string(text))
		if !ok || n == 0 || n != len(text) || r == '"' || r == '\n' || r == '\r' || r == utf8.RuneError {
			mod.Raise(L, at, "%s: separator must be one character such as \";\"", what)
		}
		s.comma = r
	case key == "key":
		mod.Raise(L, at, "%s: key must be the name of a column, got %s", what, mod.TypeName(v))
	default:
		mod.Raise(L, at, "%s has no option %q%s", what, key, spell.Hint(key, known))
	}
}

// self returns the table that a method is called on, and the text that it is given.
func self(L *lua.LState, what string) (*Table, string) {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if t, ok := ud.Value.(*Table); ok {
			switch v := L.Get(2).(type) {
			case lua.LString, lua.LNumber:
				return t, v.String()
			case *lua.LNilType: // what a header lacks is found nowhere
				return t, ""
			}
			mod.Raise(L, mod.Where(L), "%s takes a string, got %s", what, mod.TypeName(L.Get(2)))
		}
	}
	mod.Raise(L, mod.Where(L), "%s is called with a colon", what)
	return nil, ""
}

func get(L *lua.LState) int {
	t, key := self(L, "get")
	return push(L, t.get(key))
}

func prefix(L *lua.LState) int {
	t, number := self(L, "prefix")
	return push(L, t.prefix(number))
}

func count(L *lua.LState) int {
	t, _ := self(L, "count")
	L.Push(lua.LNumber(len(t.rows)))
	return 1
}

func push(L *lua.LState, r *row) int {
	if r == nil {
		L.Push(lua.LNil)
	} else {
		L.Push(&lua.LUserData{Value: r, Metatable: rowMeta(), Env: L.Env})
	}
	return 1
}

// field reads a column of a row.
func field(L *lua.LState) int {
	r := L.Get(1).(*lua.LUserData).Value.(*row)
	key := L.Get(2).String()
	i, ok := r.columns.index[key]
	if !ok {
		mod.Raise(L, mod.Where(L), "a row has no column %q%s", key, spell.Hint(key, r.columns.names))
	}
	L.Push(r.values[i])
	return 1
}
