// Package re is the Lua module `re`: regular expressions of the RE2 kind, whose work grows with the text and not with its
// combinations.
//
// A Module belongs to one Lua state, and keeps the expressions that its scripts use.
package re

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

const (
	// MaxPattern is the longest expression, in bytes.
	MaxPattern = 1000
	// maxCode is how large an expression may get once repetitions such as {1000} are written out.
	maxCode = 4000
	// maxKept bounds the expressions that are kept.
	maxKept = 256
)

// Module is the module `re` of one Lua state.
type Module struct {
	// Cost takes what a call costs from the budgets, in instructions and in bytes, and raises an error when one is used up.
	Cost func(L *lua.LState, instructions, bytes int)
	// MaxString is the longest text that may be made, in bytes.
	MaxString int
	kept      map[string]*expression
}

// expression is an expression with the size of its code.
type expression struct {
	*regexp.Regexp
	code int
}

// Table returns what `require "re"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	return mod.Table(L, "re", mod.Bind(of, map[string]func(*Module, *lua.LState) int{
		"match": (*Module).match, "find": (*Module).find, "gmatch": (*Module).gmatch, "gsub": (*Module).gsub, "split": (*Module).split,
	}))
}

func raise(L *lua.LState, format string, args ...any) { mod.Raise(L, mod.Where(L), format, args...) }

// arguments returns the text and the expression that a function is called with.
func (m *Module) arguments(L *lua.LState, what string) (string, *expression) {
	return text(L, what, 1, "the text"), m.expression(L, what, text(L, what, 2, "the expression"))
}

func text(L *lua.LState, what string, n int, which string) string {
	if v := L.Get(n); !lua.LVCanConvToString(v) {
		raise(L, "%s: %s must be a string, got %s", what, which, mod.TypeName(v))
	}
	return L.CheckString(n)
}

func (m *Module) expression(L *lua.LState, what, pattern string) *expression {
	if e := m.kept[pattern]; e != nil {
		return e
	}
	m.Cost(L, 20*min(len(pattern), MaxPattern), 0)
	code, err := size(pattern)
	if err != nil {
		raise(L, "%s: %v", what, err)
	}
	m.Cost(L, 20*code, 200*code)
	if m.kept == nil || len(m.kept) >= maxKept {
		m.kept = make(map[string]*expression)
	}
	e := &expression{regexp.MustCompile(pattern), code}
	m.kept[pattern] = e
	return e
}

// Check says why scripts cannot use an expression; nil if they can.
func Check(pattern string) error {
	_, err := size(pattern)
	return err
}

// size returns how many instructions an expression has, at most maxCode.
func size(pattern string) (int, error) {
	if len(pattern) > MaxPattern {
		return 0, fmt.Errorf("the expression has %d bytes, at most %d are possible", len(pattern), MaxPattern)
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return 0, err
	}
	if len(prog.Inst) > maxCode {
		return 0, errors.New("the expression is too large; repeat less")
	}
	return len(prog.Inst), nil
}

// work charges for looking through n bytes.
func (m *Module) work(L *lua.LState, e *expression, n int) { m.Cost(L, 10+n*(16+e.code)/16, 0) }

// matchBytes is what one of many matches takes.
const matchBytes = 96

// all returns the places of at most n matches, -1 for all.
func (m *Module) all(L *lua.LState, e *expression, s string, n int) [][]int {
	m.work(L, e, len(s))
	places := e.FindAllStringSubmatchIndex(s, n)
	m.Cost(L, 4*len(places), len(places)*(matchBytes+16*e.NumSubexp()))
	return places
}

// group returns group i of a match, nil if it took no part.
func group(s string, at []int, i int) lua.LValue {
	if at[2*i] < 0 {
		return lua.LNil
	}
	return lua.LString(s[at[2*i]:at[2*i+1]])
}

// push pushes the groups, or the whole match if there are none.
func push(L *lua.LState, e *expression, s string, at []int) int {
	n := e.NumSubexp()
	if n == 0 {
		L.Push(group(s, at, 0))
		return 1
	}
	for i := range n {
		L.Push(group(s, at, i+1))
	}
	return n
}

// first looks for a match, from byte init (argument 3, from 1) on, and returns what is before and after that place.
func (m *Module) first(L *lua.LState, what string) (e *expression, s string, from int, at []int) {
	s, e = m.arguments(L, what)
	if init := L.Get(3); init != lua.LNil {
		n, ok := init.(lua.LNumber)
		if !ok {
			raise(L, "%s: the position must be a number, got %s", what, mod.TypeName(init))
		}
		from = int(max(min(n, lua.LNumber(len(s)+1)), -lua.LNumber(len(s))))
		if from < 0 {
			from += len(s) + 1
		}
		from = max(from-1, 0)
	}
	s = s[from:]
	m.work(L, e, len(s))
	return e, s, from, e.FindStringSubmatchIndex(s)
}

func (m *Module) match(L *lua.LState) int {
	e, s, _, at := m.first(L, "re.match")
	if at == nil {
		L.Push(lua.LNil)
		return 1
	}
	return push(L, e, s, at)
}

func (m *Module) find(L *lua.LState) int {
	e, s, from, at := m.first(L, "re.find")
	if at == nil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LNumber(from + at[0] + 1))
	L.Push(lua.LNumber(from + at[1]))
	if e.NumSubexp() == 0 {
		return 2
	}
	return 2 + push(L, e, s, at)
}

func (m *Module) gmatch(L *lua.LState) int {
	s, e := m.arguments(L, "re.gmatch")
	places := m.all(L, e, s, -1)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		if len(places) == 0 {
			L.Push(lua.LNil)
			return 1
		}
		at := places[0]
		places = places[1:]
		return push(L, e, s, at)
	}))
	return 1
}

// limit returns argument n, how often at most; all = no bound.
func limit(L *lua.LState, what string, n, all int) int {
	switch v := L.Get(n).(type) {
	case *lua.LNilType:
		return all
	case lua.LNumber:
		return int(max(min(v, 1<<30), 0))
	default:
		raise(L, "%s: the bound must be a number, got %s", what, mod.TypeName(v))
		return 0
	}
}

func (m *Module) gsub(L *lua.LState) int {
	const what = "re.gsub"
	s, e := m.arguments(L, what)
	with := L.Get(3)
	switch with.(type) {
	case lua.LString, lua.LNumber, *lua.LTable, *lua.LFunction:
	default:
		raise(L, "%s: the replacement must be a string, a table or a function, got %s", what, mod.TypeName(with))
	}
	places := m.all(L, e, s, limit(L, what, 4, -1))
	var out []byte
	done := 0
	for _, at := range places {
		out = append(out, s[done:at[0]]...)
		was := len(out)
		out = replacement(L, out, e, with, s, at)
		m.Cost(L, 2+(len(out)-was)/32, len(out)-was)
		if done = at[1]; len(out)+len(s)-done > m.MaxString {
			raise(L, "%s: the text gets longer than %d bytes", what, m.MaxString)
		}
	}
	out = append(out, s[done:]...)
	m.Cost(L, len(out)/32, len(out))
	L.Push(lua.LString(out))
	L.Push(lua.LNumber(len(places)))
	return 2
}

// replacement appends what takes the place of a match.
func replacement(L *lua.LState, out []byte, e *expression, with lua.LValue, s string, at []int) []byte {
	one := 0
	if e.NumSubexp() > 0 {
		one = 1
	}
	switch w := with.(type) {
	case *lua.LTable:
		with = L.GetTable(w, group(s, at, one))
	case *lua.LFunction:
		L.Push(w)
		L.Call(push(L, e, s, at), 1)
		with = L.Get(-1)
		L.Pop(1)
	default:
		return e.ExpandString(out, w.String(), s, at)
	}
	if lua.LVCanConvToString(with) {
		return append(out, lua.LVAsString(with)...)
	}
	if lua.LVAsBool(with) {
		raise(L, "re.gsub: the replacement must be a string, got %s", mod.TypeName(with))
	}
	return append(out, s[at[0]:at[1]]...)
}

func (m *Module) split(L *lua.LState) int {
	const what = "re.split"
	s, e := m.arguments(L, what)
	most := limit(L, what, 3, -1)
	if most == 0 {
		raise(L, "%s: the bound must be at least 1", what)
	}
	m.all(L, e, s, most) // charges
	parts := e.Split(s, most)
	t := L.CreateTable(len(parts), 0)
	for i, p := range parts {
		t.RawSetInt(i+1, lua.LString(p))
	}
	L.Push(t)
	return 1
}
