package probe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/lower"
	"tandem/luaapi/probe"
	"tandem/luaapi/source"
)

// run runs a chunk with probes, or without, and returns what it returned and what the probes saw.
func run(t *testing.T, text string, what probe.What) (got string, saw []string) {
	t.Helper()
	tree, bad := source.Parse([]byte(text), "main.lua")
	if bad != nil {
		t.Fatal(bad)
	}
	var sites probe.Sites
	tree = sites.Chunk("main.lua", tree, what)
	proto, bad := source.Compile(tree, []byte(text), "main.lua")
	if bad != nil {
		t.Fatal(bad)
	}
	L := lua.NewState()
	defer L.Close()
	L.SetGlobal(lower.Concat, L.NewFunction(func(L *lua.LState) int {
		s := ""
		for i := 1; i <= L.GetTop(); i++ {
			s += L.Get(i).String()
		}
		L.Push(lua.LString(s))
		return 1
	}))
	L.SetGlobal(probe.Line, L.NewFunction(func(L *lua.LState) int {
		saw = append(saw, fmt.Sprint(sites.List[L.CheckInt(1)].Line))
		return 0
	}))
	L.SetGlobal(probe.See, L.NewFunction(func(L *lua.LState) int {
		s := sites.List[L.CheckInt(1)]
		value := L.Get(2).String()
		if L.Get(2).Type() == lua.LTTable {
			value = "table"
		}
		saw = append(saw, fmt.Sprintf("%d %s = %s", s.Line, s.Text, value))
		L.Push(L.Get(2))
		return 1
	}))
	L.Push(L.NewFunctionFromProto(proto))
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		got, _, _ = strings.Cut(err.Error(), "\nstack")
		return got, saw
	}
	var parts []string
	for i := 1; i <= L.GetTop(); i++ {
		parts = append(parts, L.Get(i).String())
	}
	return strings.Join(parts, " "), saw
}

func TestProbes(t *testing.T) {
	for _, c := range []struct {
		name, text, got string
		values, lines   string // what is seen, by ";"
	}{
		{"equal", "local b = { user = '1OO' }\nif b.user == '100' then return 1 end\nreturn 2", "2", "2 b.user = 1OO;2 b.user == \"100\" = false", "1;2;3"},
		{"on one line", "local x = 5 if x > 3 then return 'big' end return 'small'", "big", "1 x = 5;1 x > 3 = true", "1;1;1"},
		{"elseif", "local x = 2\nif x == 1 then return 1\nelseif x == 2 then return 'two'\nelse return 3 end", "two", "2 x = 2;2 x == 1 = false;3 x = 2;3 x == 2 = true", "1;2;3;3"},
		{"and, or", "local a, b = nil, 7\nreturn a and a.x or b and b + 1", "8", "2 a = nil;2 b = 7", "1;2"},
		{"not", "local t = {}\nif not t.x then return 'none' end", "none", "2 t.x = nil", "1;2;2"},
		{"a call that returns several", "local function f() return false, 2 end\nif f() then return 1 end\nreturn (f())", "false", "2 f() = false", "1;2;1;3;1"},
		{"a call that returns nothing", "local function f() end\nif f() then return 1 end\nreturn f() == nil", "true", "2 f() = nil;3 f() = nil;3 f() == nil = true", "1;2;3"},
		{"all results are passed on", "local function f() return 1, 2, 3 end\nlocal function g(...) return ... end\nreturn g(f())", "1 2 3", "", "1;2;3;1;2"},
		{
			"arguments", "local c = { time = 12 }\nlocal function open(h, x) return h > 8 end\nif open(c.time, 1) then return 'open' end", "open",
			"3 c.time = 12;2 h = 12;2 h > 8 = true;3 open(c.time, 1) = true", "1;2;3;2;3",
		},
		{"methods", "local s = 'abc'\nif s:sub(1, 1) == 'a' then return s:upper() end", "ABC", "2 s:sub(1, 1) = a;2 s:sub(1, 1) == \"a\" = true", "1;2;2"},
		{"a lookup", "local groups, c = { ['600'] = 1 }, { to = { user = '601' } }\nreturn groups[c.to.user]", "nil", "2 c.to.user = 601;2 groups[c.to.user] = nil", "1;2"},
		{"a lookup of a lookup", "local t, k = { a = { b = 3 } }, 'a'\nreturn t[k].b", "3", "2 k = a;2 t[k] = table", "1;2"},
		{"an assignment to a lookup", "local t, k = {}, 'x'\nt[k] = 1\nreturn t.x", "1", "", "1;2;3"},
		{
			"loops", "local n = 0\nfor i = 1, 2 do n = n + i end\nfor _, v in ipairs { 3 } do n = n + v end\nwhile n < 7 do n = n + 1 end\nreturn n", "7",
			"4 n = 6;4 n < 7 = true;4 n = 7;4 n < 7 = false", "1;2;2;2;3;3;4;4;5",
		},
		{
			"repeat sees its locals", "local n = 0\nrepeat local done = n > 1 n = n + 1 until done\nreturn n", "3",
			"2 n = 0;2 n > 1 = false;2 done = false;2 n = 1;2 n > 1 = false;2 done = false;2 n = 2;2 n > 1 = true;2 done = true", "1;2;2;2;2;2;2;2;3",
		},
		{"goto", "local n = 0\n::again::\nn = n + 1\nif n < 3 then goto again end\nreturn n", "3", "4 n = 1;4 n < 3 = true;4 n = 2;4 n < 3 = true;4 n = 3;4 n < 3 = false", "1;3;4;4;3;4;4;3;4;5"},
		{"closures", "local t = {}\nfunction t.f(x)\n  return function() return x > 1 end\nend\nreturn t.f(2)()", "true", "3 x = 2;3 x > 1 = true", "1;2;5;3;3"},
		{"tables", "local x = 1\nlocal t = { x == 1, y = x < 0 }\nreturn t[1], t.y", "true false", "2 x = 1;2 x == 1 = true;2 x = 1;2 x < 0 = false;3 t[1] = true", "1;2;3"},
		{"an error keeps its line", "local x\nif x.y == 1 then return 1 end", "main.lua:2: attempt to index a non-table object(nil) with key 'y'", "", "1;2"},
		{"concatenation", "local a = 'x'\nif a .. 'y' == 'xy' then return a end", "x", "2 a .. \"y\" = xy;2 a .. \"y\" == \"xy\" = true", "1;2;2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := run(t, c.text, probe.What{}); got != c.got {
				t.Fatalf("without probes: got %q, want %q", got, c.got)
			}
			for _, o := range []struct {
				what probe.What
				want string
			}{{probe.What{Values: true}, c.values}, {probe.What{Lines: true}, c.lines}} {
				got, saw := run(t, c.text, o.what)
				if got != c.got {
					t.Errorf("%+v: got %q, want %q", o.what, got, c.got)
				}
				if diff := cmp.Diff(o.want, strings.Join(saw, ";")); diff != "" {
					t.Errorf("%+v: -want +got:\n%s", o.what, diff)
				}
			}
			if got, _ := run(t, c.text, probe.What{Lines: true, Values: true}); got != c.got {
				t.Errorf("both: got %q, want %q", got, c.got)
			}
		})
	}
}

// What Text writes reads as the same expression.
func TestText(t *testing.T) {
	for _, e := range []string{
		`a`, `a.b.c`, `a["b c"]`, `a[i + 1]`, `f(a, "x", 1)`, `a.b:m(x)`, `not a`, `#a > 3`, `-x`, `a and b or c`, `a and (b or c)`, `(a + b) * c`, `a - (b - c)`,
		`a .. "x" .. b`, `a == nil`, `x ~= true`, `{}`, `...`, `2 ^ -x`, `not (a == b)`,
		`(f())`, `(a:m(x))`, `(...)`, `f((g()))`, `("x"):rep(3)`, `(f()).x`, `(a or b).x`, `(a .. b):len()`,
	} {
		tree, bad := source.Parse([]byte("local function f(...) return "+e+" end"), "x")
		if bad != nil {
			t.Fatal(e, bad)
		}
		var sites probe.Sites
		_ = sites.Chunk("x", tree, probe.What{})
		if got := probe.Text(returned(tree)); got != e {
			t.Errorf("got %s, want %s", got, e)
		}
	}
}
