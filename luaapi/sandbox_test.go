package luaapi

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The standard library gives what PUC Lua 5.1 gives: stdlib.golden is the output of `lua5.1 stdlib.lua`.
func TestStandardLibrary(t *testing.T) {
	text, err := os.ReadFile("testdata/stdlib.lua")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/stdlib.golden")
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, "return { invite = function() require 'stdlib' end }", "stdlib.lua", string(text))
	r.vm().Invite(newCall(t))
	var got strings.Builder
	for _, e := range r.logs.TakeAll() {
		// Line breaks are escaped in the log.
		got.WriteString(strings.ReplaceAll(e.Message, `\x0a`, "\n") + "\n")
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// names are all functions that a sandbox has.
func TestGlobals(t *testing.T) {
	got := eval(t, `
		local gone = {}
		for _, n in ipairs { "io", "os", "package", "debug", "channel", "coroutine", "dofile", "loadfile", "load", "loadstring",
			"module", "getfenv", "setfenv", "newproxy", "collectgarbage", "_printregs", "_GOPHER_LUA_VERSION" } do
			if _G[n] ~= nil then gone[#gone + 1] = n end
		end
		print("left: " .. table.concat(gone, " "), string.dump, string.gfind, math.randomseed, _VERSION, _G == _G._G)`)
	if want := "info left: \tnil\tnil\tnil\tLua 5.1\ttrue"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSandboxMistakes(t *testing.T) {
	const local = `globals cannot be written; write "local `
	for _, c := range []struct{ src, want string }{
		{`x = 1`, `"x" is global, and ` + local + `x", or keep what belongs to a call in call.vars`},
		{`print = nil`, `"print" is global, and ` + local + `print", or keep what belongs to a call in call.vars`},
		{`_G.x = 1`, `"x" is global, and ` + local + `x", or keep what belongs to a call in call.vars`},
		{`function f() end`, `"f" is global, and ` + local + `f", or keep what belongs to a call in call.vars`},
		{`rawset(_G, "x", 1)`, "rawset: the table cannot be changed"},
		{`table.insert(_G, 1)`, "table.insert: the table cannot be changed"},
		{`table.insert({})`, "table.insert takes a table, a position if it is not the end, and a value"},
		{`string.sub = nil`, "string.sub cannot be written: the library is the same for every call; use a local"},
		{`math.pi = 3`, "math.pi cannot be written: the library is the same for every call; use a local"},
		{`table.x = 3`, "table.x cannot be written: the library is the same for every call; use a local"},
		{`getmetatable("").__index = nil`, "attempt to index a boolean value with key '__index'"},
		{`setmetatable("", {})`, "bad argument #1 to setmetatable (table expected, got string)"},
		{`setmetatable(1, {})`, "bad argument #1 to setmetatable (table expected, got number)"},
		{`setmetatable(_G, {})`, "setmetatable: the metatable is protected"},
		{`setmetatable({}, 1)`, "bad argument #2 to setmetatable (nil or table expected, got number)"},
		{`("x").y = 1`, "attempt to index a string value with key 'y'"},
		{`("x"):rep(1e9)`, "string longer than 65536 bytes"},
		{`("x"):rep(6e4):rep(1e6)`, "string longer than 65536 bytes"},
		{`table.concat({("x"):rep(4e4), ("x"):rep(4e4)})`, "string longer than 65536 bytes"},
		{`("x"):rep(1000):gsub("x", ("y"):rep(2000))`, "string longer than 65536 bytes"},
		{`local f = ("%s"):rep(20) local s = ("x"):rep(6e4) f:format(s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s)`, "string longer than 65536 bytes"},
		{`("%y"):format(1)`, "string.format has no %y"},
		{`("%5"):format(1)`, `string.format: the format ends after "%5"`},
		{`("%d"):format()`, "string.format: no value for %d"},
		{`("%500d"):format(1)`, "string.format: width or precision has more than two digits"},
		{`("x"):gsub("x", "%3")`, "invalid capture index"},
		{`("x"):gsub("x", function() return {} end)`, "invalid replacement value (a table)"},
		{`("x"):find("[x")`, "malformed pattern (missing ']')"},
		{`table.concat({1, {}, 2})`, "table.concat: item 2 is a table"},
		{`math.random(0)`, "math.random: the interval is empty"},
		{`math.random(3, 2)`, "math.random: the interval is empty"},
		{`math.random(-9e15, 9.3e18)`, "math.random: the interval is empty"},
		{`local s = "x" while true do s = s .. s end`, "string longer than 65536 bytes"},
		{`while true do end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`while true do pcall(function() while true do end end) end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`return pcall(function() while true do end end)`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`xpcall(function() while true do end end, function() while true do end end) local x = 1`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`("a"):rep(28):find(("a*"):rep(9).."b")`, "instruction budget of 100000 exceeded, in a pattern"},
		{`for w in ("a"):rep(6e4):gmatch("a*b") do end`, "instruction budget of 100000 exceeded, in a pattern"},
		{`local s = ("x"):rep(6e4) while true do s:lower() end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`local s = ("x"):rep(6e4) while true do s:reverse() end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`while true do ("x"):rep(6e4) end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`local t = {} t[1e6] = 1 while true do table.insert(t, 1, 1) end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`local function f() return f() + 1 end f()`, "stack overflow: functions call each other too deeply"},
		{`local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. "x"] end local x = t.x`, "stack overflow: functions call each other too deeply"},
		{`error({})`, "error object is a table; raise a string"},
		{`error("plain", 0)`, "plain"},
		{`error(("x"):rep(5000))`, strings.Repeat("x", maxMessage) + "…"},
		{`local x = nil + 1`, "attempt to perform arithmetic on a nil value"},
		{`unpack({}, 1, 1e9)`, "unpack: more than 8000 values"},
		{`unpack({}, -9.2e18, 9.2e18)`, "unpack: more than 8000 values"},
		{`(function(...) end)(unpack({}, 1, 8000)) while true do unpack({}, 1, 8000) end`, "instruction budget of 100000 exceeded; is there a loop that never ends?"},
		{`("x"):rep(65536):byte(1, -1)`, "string.byte: more than 8000 values"},
		{`table.sort({1, "x"})`, "attempt to compare string with number"},
	} {
		t.Run(c.src, func(t *testing.T) {
			r := serve(t, "return { invite = function()\n"+c.src+"\nend, ringing = function() print('still works') end }")
			v := r.vm()
			if n := v.Invite(newCall(t)); n == nil || n.Reply == nil || n.Reply.Code != 500 {
				t.Errorf("decision is %v, want 500", n)
			}
			want := "error main.lua:2: " + c.want
			if c.src == `error("plain", 0)` || c.src == `error({})` || strings.HasPrefix(c.src, "return pcall") {
				want = "error main.lua:1: " + c.want // the handler's own line
			}
			if got := r.logged(); got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
			v.Ringing(newCall(t), nil)
			if got := r.logged(); got != "info still works" {
				t.Errorf("afterwards: %s", got)
			}
			if v.L.GetTop() != 0 || v.broken {
				t.Errorf("%d values left on the stack, broken %v", v.L.GetTop(), v.broken)
			}
		})
	}
}

func TestWritesWhileLoading(t *testing.T) {
	for src, want := range map[string]string{
		"\nx = 1 return {}": `main.lua:2: "x" is global, and globals cannot be written; write "local x", or keep what belongs to a call in call.vars`,
		"while true do end": "main.lua:1: instruction budget of 10000000 exceeded; is there a loop that never ends?",
		"error('no')":       "main.lua:1: no",
		"error({})":         "main.lua: error object is a table; raise a string",
		"local function f() return f() + 1 end\nf()": "main.lua:1: stack overflow: functions call each other too deeply",
	} {
		if _, err := try(t, Options{}, "main.lua", src); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestBudgetIsPerHandlerCall(t *testing.T) {
	r, err := try(t, Options{Budget: 1000, RaiseBudget: "budget in tandem.toml"}, "main.lua", `
		return {
			invite = function() for i = 1, 200 do local x = i end end,
			ringing = function() for i = 1, 2000 do local x = i end end,
		}`)
	if err != nil {
		t.Fatal(err)
	}
	v := r.vm()
	for range 20 {
		v.Invite(newCall(t))
	}
	if got := r.logged(); got != "" {
		t.Errorf("the budget is not given anew: %s", got)
	}
	v.Ringing(newCall(t), nil)
	if got, want := r.logged(), "error main.lua:4: instruction budget of 1000 exceeded; is there a loop that never ends? Raise budget in tandem.toml for what needs more"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	st := r.Status()
	want := []HandlerStatus{{Name: "invite", Calls: 20, Instructions: 406}, {Name: "ringing", Calls: 1, Errors: 1, OverBudget: 1, Instructions: 1001}}
	if diff := cmp.Diff(want, st.Handlers); diff != "" {
		t.Error(diff)
	}
}

func TestRandomIsTheEngines(t *testing.T) {
	const body = `local x = {} for i = 1, 5 do x[i] = math.random(10) end print(table.concat(x, " "), math.random() < 1, math.random(5, 6) >= 5)`
	a, b := eval(t, body), eval(t, body)
	if a != b || !strings.HasPrefix(a, "info ") || !strings.HasSuffix(a, "true\ttrue") {
		t.Errorf("the same seed gives %q and %q", a, b)
	}
	opt := Options{}.withDefaults()
	if x, y := opt.Random(1, 0).Uint64(), opt.Random(1, 0).Uint64(); x == y {
		t.Error("without a seed every state draws the same")
	}
}

func TestPrint(t *testing.T) {
	if got := eval(t, `print("a", 1, nil, true) print() print(call)`); got != "info a\t1\tnil\ttrue\ninfo \ninfo call" {
		t.Errorf("got %s", got)
	}
}

func TestCompiledPatternsAreBounded(t *testing.T) {
	r, err := try(t, Options{Budget: 1e7}, "main.lua",
		`return { invite = function() for i = 1, 3000 do assert(("x" .. i):find("^x" .. i .. "$")) end end }`)
	if err != nil {
		t.Fatal(err)
	}
	v := r.vm()
	v.Invite(newCall(t))
	if got := r.logged(); got != "" || len(v.patterns) > maxPatterns {
		t.Errorf("%d compiled patterns are kept, want at most %d (%s)", len(v.patterns), maxPatterns, got)
	}
}

func TestNumericKeysDoNotFillMemory(t *testing.T) {
	got := eval(t, `local t = {} t[60000000] = 1 t[5551234] = 2 print(t[60000000], t[5551234], #t)`)
	if got != "info 1\t2\t0" {
		t.Errorf("got %s", got)
	}
}

func TestRequire(t *testing.T) {
	for _, c := range []struct {
		name, main string
		files      []string
		want       string
	}{
		{"a file", "assert(require('lib.hours').open == true)", []string{"lib/hours.lua", "return {open = true}"}, ""},
		{"its name is its argument", "assert(require('lib.hours') == 'lib.hours')", []string{"lib/hours.lua", "return ..."}, ""},
		{"a folder", "assert(require('lib') == 1)", []string{"lib/init.lua", "return 1"}, ""},
		{"once", "assert(require('m') == require('m'))", []string{"m.lua", "return {}"}, ""},
		{"nothing returned", "assert(require('m') == true)", []string{"m.lua", ""}, ""},
		{"false returned", "assert(require('m') == false and require('m') == false)", []string{"m.lua", "return false"}, ""},
		{"modules of Tandem", "assert(require('plan').to and require('log').info)", nil, ""},
		{"a file in the place of one of Tandem", "assert(require('log') == 1)", []string{"log.lua", "return 1"}, ""},
		{"missing", "require 'lib.hour'", []string{"lib/hours.lua", ""}, `main.lua:1: no module "lib.hour": there is no lib/hour.lua, and Tandem has none of that name; did you mean "lib.hours"?`},
		{"misspelt module", "require 'lgo'", nil, `main.lua:1: no module "lgo": there is no lgo.lua, and Tandem has none of that name; did you mean "log"?`},
		{"a path", "require 'lib/hours'", []string{"lib/hours.lua", ""}, `main.lua:1: no module "lib/hours"; modules are named with dots: require "lib.hours"`},
		{"a file name", "require 'm.lua'", []string{"m.lua", ""}, `main.lua:1: no module "m.lua"; modules are named with dots: require "m"`},
		{"out of the root", "require '../etc/passwd'", nil, `main.lua:1: no module "../etc/passwd": there is no ///etc/passwd.lua, and Tandem has none of that name`},
		{"the empty name", "require ''", nil, `main.lua:1: no module "": there is no .lua, and Tandem has none of that name`},
		{"itself", "require 'main'", nil, "main.lua:1: modules require each other in a circle: main → main"},
		{"a circle", "require 'a'", []string{"a.lua", "\nrequire 'b'", "b.lua", "require 'a'"}, "b.lua:1: modules require each other in a circle: a → b → a"},
		{"a circle with main", "require 'a'", []string{"a.lua", "require 'main'"}, "a.lua:1: modules require each other in a circle: main → a → main"},
		{"an error in it", "\nrequire 'a'", []string{"a.lua", "\n\nerror('no')"}, "a.lua:3: no"},
		{"after an error", "pcall(require, 'a') assert(require('b') == 1)", []string{"a.lua", "error('no')", "b.lua", "return 1"}, ""},
		{"not a name", "require({})", nil, "main.lua:1: bad argument #1 to require (string expected, got table)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(t, Options{}, append([]string{"main.lua", c.main + "\nreturn {}"}, c.files...)...)
			if got := text(err); got != c.want {
				t.Errorf("\ngot  %s\nwant %s", got, c.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRequireInAHandler(t *testing.T) {
	r := serve(t, "return { invite = function() print(require('m')) end }", "m.lua", "return 'late'")
	r.vm().Invite(newCall(t))
	if got := r.logged(); got != "info late" {
		t.Errorf("got %s", got)
	}
}
