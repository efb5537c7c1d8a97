package mod

import (
	"errors"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
)

func state(t *testing.T) *lua.LState {
	t.Helper()
	L := lua.NewState()
	t.Cleanup(L.Close)
	return L
}

func run(L *lua.LState, src string) error {
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		return err
	}
	L.Push(fn)
	return L.PCall(0, 0, nil)
}

func message(err error) string {
	var e *lua.ApiError
	if errors.As(err, &e) {
		return e.Object.String()
	}
	return ""
}

func TestWhere(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      plan.Pos
	}{
		{"a call", "\nhere()", plan.Pos{File: "main.lua", Line: 2}},
		{"a tail call", "local function f()\n return here()\nend\nf()", plan.Pos{File: "main.lua", Line: 2}},
		{"through pcall", "\n\npcall(here)", plan.Pos{File: "main.lua", Line: 3}},
		{"the first line of a long call", "here(\n1,\n2)", plan.Pos{File: "main.lua", Line: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			L := state(t)
			var got plan.Pos
			L.SetGlobal("here", L.NewFunction(func(L *lua.LState) int { got = Where(L); return 0 }))
			if err := run(L, c.src); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestWhereWithoutLua(t *testing.T) {
	L := state(t)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		if pos := Where(L); pos != (plan.Pos{}) {
			t.Errorf("got %v, want none", pos)
		}
		Raise(L, plan.Pos{}, "nowhere")
		return 0
	}))
	if err := L.PCall(0, 0, nil); message(err) != "nowhere" {
		t.Errorf("got %v", err)
	}
}

func TestRaiseNamesTheFileAtLeast(t *testing.T) {
	L := state(t)
	L.Push(L.NewFunction(func(L *lua.LState) int { Raise(L, plan.Pos{File: "a.lua"}, "%d%%", 5); return 0 }))
	if err := L.PCall(0, 0, nil); message(err) != "a.lua: 5%" {
		t.Errorf("got %v", err)
	}
}

func TestTable(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"read", "assert(greet.hello() == 'hi')", ""},
		{"a misspelt function", "\ngreet.helo()", `main.lua:2: greet has no "helo"; did you mean "hello"?`},
		{"not a name", "greet[3]()", `main.lua:1: greet has no 3`},
		{"write", "greet.hello = nil", `main.lua:1: module greet cannot be changed; keep "hello" in a local of your own`},
		{"write a new one", "greet.bye = 1", `main.lua:1: module greet cannot be changed; keep "bye" in a local of your own`},
		{"its metatable is hidden", "assert(getmetatable(greet) == false)", ""},
		{"its metatable cannot be set", "setmetatable(greet, {})", "main.lua:1: cannot change a protected metatable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			L := state(t)
			L.SetGlobal("greet", Table(L, "greet", map[string]lua.LGFunction{
				"hello": func(L *lua.LState) int { L.Push(lua.LString("hi")); return 1 },
			}))
			if got := message(run(L, c.src)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLocked(t *testing.T) {
	L := state(t)
	if !Locked(Table(L, "m", nil)) {
		t.Error("a module is not locked")
	}
	if Locked(L.NewTable()) {
		t.Error("a plain table is locked")
	}
	fields := L.NewTable()
	fields.RawSetString("a", lua.LNumber(1))
	L.SetGlobal("loose", Lock(L, "loose", fields, false, func(L *lua.LState) int { return 0 }))
	if err := run(L, "assert(loose.a == 1 and loose.b == nil)"); err != nil {
		t.Error(err)
	}
}

type thing struct{}

func (thing) TypeName() string { return "thing" }

func TestTypeName(t *testing.T) {
	L := state(t)
	for want, v := range map[string]lua.LValue{
		"thing":    &lua.LUserData{Value: thing{}},
		"userdata": &lua.LUserData{},
		"nil":      lua.LNil,
		"string":   lua.LString(""),
		"table":    L.NewTable(),
	} {
		if got := TypeName(v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	L := state(t)
	tb := L.NewTable()
	tb.Append(lua.LNumber(1))
	tb.RawSetString("z", lua.LTrue)
	tb.RawSetString("a", lua.LTrue)
	if got := Names(tb); !slices.Equal(got, []string{"z", "a"}) {
		t.Errorf("got %v", got)
	}
}
