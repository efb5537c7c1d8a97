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

	table, row *lua.LTable // metatables
}

// TypeName is what errors call it.
func (*Table) TypeName() string { return "lookup table" }

// TypeName is what errors call it.
func (*row) TypeName() string { return "row" }

// Table returns what `require "lookup"` gives.
func (m *Module) Table(L *lua.LState) *lua.LTable {
	index := L.CreateTable(0, 3)
	for name, fn := range map[string]lua.LGFunction{"get": m.get, "prefix": m.prefix, "count": m.count} {
		index.RawSetString(name, L.NewFunction(fn))
	}
	m.table = L.CreateTable(0, 3)
	m.table.RawSetString("__index", mod.Lock(L, "a lookup table", index, true, noWrite))
	m.table.RawSetString("__metatable", lua.LFalse)
	m.table.RawSetString("__newindex", L.NewFunction(noWrite))
	m.row = L.CreateTable(0, 3)
	m.row.RawSetString("__index", L.NewFunction(field))
	m.row.RawSetString("__metatable", lua.LFalse)
	m.row.RawSetString("__newindex", L.NewFunction(noWrite))
	return mod.Table(L, "lookup", map[string]lua.LGFunction{"csv": m.csv, "json": m.json})
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
	L.Push(&lua.LUserData{Value: t, Metatable: m.table, Env: L.Env})
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

func (m *Module) get(L *lua.LState) int {
	t, key := self(L, "get")
	return m.push(L, t.get(key))
}

func (m *Module) prefix(L *lua.LState) int {
	t, number := self(L, "prefix")
	return m.push(L, t.prefix(number))
}

func (m *Module) count(L *lua.LState) int {
	t, _ := self(L, "count")
	L.Push(lua.LNumber(len(t.rows)))
	return 1
}

func (m *Module) push(L *lua.LState, r *row) int {
	if r == nil {
		L.Push(lua.LNil)
	} else {
		L.Push(&lua.LUserData{Value: r, Metatable: m.row, Env: L.Env})
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
