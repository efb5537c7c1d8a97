package luatest

import (
	"errors"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/luaapi/mod"
	"tandem/luaapi/pattern"
)

// failure is the assertion that a test failed by.
type failure struct {
	pos   plan.Pos
	lines []string // "got   …", "want  …"
	from  []string // "called at …", if it is in a function that the test calls
}

// maxCalledAt is how many functions that call each other a failure names.
const maxCalledAt = 5

// String is what a test that catches it sees.
func (f *failure) String() string { return f.pos.String() + ": " + strings.Join(f.lines, "; ") }

// fail ends the test. The first failure counts, even if the test catches it.
func (r *run) fail(L *lua.LState, lines ...string) {
	f := &failure{lines: lines}
	for pos := range mod.Places(L) {
		if f.pos.Line == 0 {
			f.pos = pos
		} else if at := "called at " + pos.String(); len(f.from) < maxCalledAt && !slices.Contains(f.from, at) {
			f.from = append(f.from, at)
		}
	}
	if r.failure == nil {
		r.failure = f
	}
	L.Error(object(L, f, r.class.failure), 0)
}

// two returns the two values that an assertion compares, and an explanation that may follow them.
func two(L *lua.LState, usage string) (a, b lua.LValue, why []string) {
	if L.GetTop() < 2 {
		argsOf(L, usage).fail("takes two values, got %d", L.GetTop())
	}
	return L.Get(1), L.Get(2), because(L, 3)
}

// because returns the explanation that argument n is, if it is given.
func because(L *lua.LState, n int) []string {
	switch v := L.Get(n).(type) {
	case *lua.LNilType:
		return nil
	case lua.LString, lua.LNumber:
		return []string{v.String()}
	default:
		argsOf(L, "the explanation").fail("must be a string, got %s", mod.TypeName(v))
		return nil
	}
}

// longValue is from how many bytes on a value is hard to compare by eye.
const longValue = 60

// eq is t.eq(got, want, why).
func (r *run) eq(L *lua.LState) int {
	got, want, why := two(L, "t.eq")
	path, differ := difference(got, want)
	if !differ {
		return 0
	}
	lines := slices.Concat(why, []string{"got   " + show(got), "want  " + show(want)})
	if path != "" && len(show(got)) > longValue {
		lines = append(lines, "they differ first at "+path)
	}
	r.fail(L, lines...)
	return 0
}

// ne is t.ne(got, unwanted, why).
func (r *run) ne(L *lua.LState) int {
	got, unwanted, why := two(L, "t.ne")
	if _, differ := difference(got, unwanted); !differ {
		r.fail(L, append(why, "got   "+show(got), "want  anything else")...)
	}
	return 0
}

// ok is t.ok(value, why).
func (r *run) ok(L *lua.LState) int {
	if L.GetTop() < 1 {
		argsOf(L, "t.ok").fail("takes a value")
	}
	if lua.LVIsFalse(L.Get(1)) {
		r.fail(L, append(because(L, 2), "got   "+show(L.Get(1)), "want  anything but nil and false")...)
	}
	return 0
}

// match is t.match(text, pattern, why).
func (r *run) match(L *lua.LState) int {
	got, want, why := two(L, "t.match")
	pat, ok := want.(lua.LString)
	if !ok {
		argsOf(L, "t.match").fail("the second value must be a Lua pattern, got %s", mod.TypeName(want))
	}
	if !matches(L, got, string(pat)) {
		r.fail(L, append(why, "got   "+show(got), "want  a text that matches "+show(pat))...)
	}
	return 0
}

// maxMatch is how many steps a pattern of a test may take.
const maxMatch = 10_000_000

// matches reports whether a string or number matches a Lua pattern.
func matches(L *lua.LState, v lua.LValue, src string) bool {
	switch v.(type) {
	case lua.LString, lua.LNumber:
	default:
		return false
	}
	a := argsOf(L, "the pattern")
	p, err := pattern.Compile(src, true)
	if err != nil {
		a.fail("%q: %v", src, err)
	}
	var m pattern.Match
	steps := maxMatch
	found, err := p.Find(&m, v.String(), 0, &steps)
	if err != nil {
		a.fail("%q: %v", src, err)
	}
	return found
}

// raises is t.raises(function, pattern): it returns the error's text.
func (r *run) raises(L *lua.LState) int {
	a := argsOf(L, "t.raises")
	fn, ok := L.Get(1).(*lua.LFunction)
	if !ok {
		a.fail("the first value must be a function, got %s", show(L.Get(1)))
	}
	pat, given := L.Get(2).(lua.LString)
	if !given && L.Get(2) != lua.LNil {
		a.fail("the second value must be a Lua pattern, got %s", show(L.Get(2)))
	}
	err := L.CallByParam(lua.P{Fn: fn, Protect: true})
	if err == nil {
		r.fail(L, "got   no error", "want  "+wanted(given, pat))
	}
	raised := errorValue(err)
	if r.failure != nil || r.skipped != nil {
		L.Error(raised, 0)
	}
	if given && !matches(L, raised, string(pat)) {
		r.fail(L, "got   error "+show(raised), "want  "+wanted(given, pat))
	}
	L.Push(raised)
	return 1
}

func wanted(given bool, pat lua.LString) string {
	if !given {
		return "an error"
	}
	return "an error that matches " + show(pat)
}

// errorValue is what a function raised.
func errorValue(err error) lua.LValue {
	var raised *lua.ApiError
	if errors.As(err, &raised) {
		return raised.Object
	}
	return lua.LString(err.Error())
}

// skip is t.skip(why).
func (r *run) skip(L *lua.LState) int {
	a := argsOf(L, "t.skip")
	if r.test == nil {
		a.fail("stands in a test")
	}
	why, _ := L.Get(1).(lua.LString)
	if r.skipped == nil {
		s := string(why)
		r.skipped = &s
	}
	L.Error(lua.LString(a.pos.String()+": skipped "+string(why)), 0)
	return 0
}
