package lower_test

import (
	"fmt"
	"strings"
	"testing"
)

// counted is the text of a list of n items, 1 to n.
func counted(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d, ", i+1)
	}
	return b.String()
}

// constants is a table with n different strings.
func constants(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "t.k%d = %q ", i, fmt.Sprint("v", i))
	}
	return b.String()
}

// cases are programs that gopher-lua runs wrongly, or that lowering could get wrong. want is what they write.
var cases = []struct{ name, text, want string }{
	{"logical with itself, #490", `local f = function(x) return x end local r = true r = f(false) and 1 out(r)`, "false"},
	{"logical chain, #490", `local t, c, allow = { c = false }, "c", true allow = allow and (t[c] and t.x) out(allow)`, "false"},
	{"logical or default", `local a, b a = a or 5 b = b or a and a + 1 a = a and a + 1 out(a, b)`, "6 6"},
	{"logical of others", `local x, y, z = 1, nil, 3 x = (y or z) and x out(x) x = y and z or x out(x) x = (x or y) and (y or x) out(x)`, "1\n1\n1"},
	{"logical of comparisons", `local x, y = 5, 6 x = x < y and y or x out(x) y = x > 5 and x < 7 out(y) x = not (y and x == 6) or nil out(x)`, "6\ntrue\nnil"},
	{"logical constants", `local x = 1 x = false or x out(x) x = nil and x out(x) x = true and 2 out(x) x = x or true out(x) x = not nil and x out(x) x = "s" and (1 and x) out(x)`, "1\nnil\n2\n2\n2\n2"},
	{"logical of several values", `local function f() return 1, 2 end local function g() return true and f() end out(g()) out(nil or f()) out((true and f()), 3)`, "1\n1\n1 3"},
	{"multiple, #440", `local a, b = 0, 0 a, b = a + 1, a + b out(a, b)`, "1 0"},
	{"swap", `local a, b, c = 1, 2, 3 a, b = b, a out(a, b) a, b, c = c, a, b out(a, b, c)`, "2 1\n3 2 1"},
	{"multiple with fewer and more values", `local a, b, c = 1, 2, 3 a, b, c = c, a out(a, b, c) a, b = 5, 6, out() out(a, b) a = 7, 8 out(a)`, "3 1 nil\n\n5 6\n7"},
	{"multiple of fields", `local t, a = { 1, 2 }, 1 t[1], t[2] = t[2], t[1] out(t) t.x, a = a, 5 out(t.x, a) a, t[a] = 2, 9 out(a, t[5], t[2])`, "{[1]=2,[2]=1}\n1 5\n2 9 1"},
	{"multiple with the table", `local t = {} local u = t t.x, t = 1, 2 out(t, u) u, u.y = 3, 4 out(u)`, "2 {[\"x\"]=1}\n3"},
	{
		"multiple of a call", `local function f() return 1, 2, 3 end local t, a, b = {}, 0, 0 local u = t a, t.x, b = f() out(a, t, b) t, t.y, a = f() out(t, u, a)`,
		"1 {[\"x\"]=2} 3\n1 {[\"x\"]=2,[\"y\"]=2} 3",
	},
	{"multiple, the same twice", `local a = 0 a, a = 1, 2 out(a)`, "1"},
	{
		"multiple order", `local t = setmetatable({}, { __newindex = function(_, k, v) out(k, v) end }) local function f(x) out(x) return x end t[f(1)], t[f(2)] = f(3), f(4)`,
		"1\n2\n3\n4\n2 4\n1 3",
	},
	{"brackets round a call", `local function f(a) local b = 5 a = (tostring(a)) return a, b end out(f(7))`, `"7" 5`},
	{"brackets round ...", `local function f(...) local x, y, z = 1, 2, 3 x = (...) return x, y, z end out(f(7, 8)) out(f())`, "7 2 3\nnil 2 3"},
	{"caught error and an upvalue, #448", `local n = 0 local function inc() n = n + 1 end for i = 1, 3 do pcall(error, "x") inc() end out(n)`, "3"},
	{"caught error and an upvalue written here", `local n = 0 local function get() return n end pcall(error) n = 5 out(get()) n = n + 1 out(get(), n)`, "5\n6 6"},
	{"caught error and a parameter", `local function f(n, ...) local function inc() n = n + 1 end pcall(error) inc() inc() return n, ... end out(f(1, 2, 3))`, "3 2 3"},
	{
		"caught error and loop variables", `local fs = {} for i = 1, 2 do for _, v in ipairs { 10, 20 } do fs[#fs + 1] = function() i = i + 1 v = v + i return i, v end pcall(error) fs[#fs]() end end for _, f in ipairs(fs) do out(f()) end`,
		"4 16\n5 28\n5 18\n6 30",
	},
	{"caught error and self", `local t = { n = 1 } function t:f() local function swap() self = { n = 2 } end pcall(error) swap() return self.n end out(t:f())`, "2"},
	{"caught error and a local function", `local function f(n) return n < 1 and 0 or 1 + f(n - 1) end local g = f f = function() return 5 end pcall(error) out(g(3), f())`, "6 5"},
	{"caught error and several locals", `local function three() return 1, 2, 3 end local a, b, c = three() local d, e local function inc() a, c, e = a + 1, c + a, 4 end pcall(error) inc() out(a, b, c, d, e)`, "2 2 4 nil 4"},
	{"caught error and a function statement", `local f local function call() return f() end function f() return 1 end pcall(error) local g = f function f() return 2 end out(call(), g())`, "2 1"},
	{"caught error and arg", `local function f(...) local function set() arg = 5 end pcall(error) set() return arg end out(f(1))`, "5"},
	{"xpcall and an upvalue", `local get xpcall(function() local y = 1 get = function() return y end error("x") end, function(e) local a, b, c, d = 9, 9, 9, 9 return e end) out(get())`, "1"},
	{
		"xpcall", `out(xpcall(function() return 1, 2 end, out)) out(xpcall(function() error({ 1 }) end, function(e) return e[1], 2 end)) out(xpcall(function() end, out)) out((xpcall(nil, type)))`,
		"true 1 2\nfalse 1\ntrue\nfalse",
	},
	{
		"error with values", `out(pcall(error)) out(pcall(error, nil)) out(pcall(error, { x = 1 })) out(pcall(error, false, 2)) local ok, e = pcall(function() error(42) end) out(type(e)) out(pcall(error, 42, 0)) out(pcall(error, 42)) out(pcall(error, 42, 99)) out(pcall(error, "x")) out(pcall(pcall, error, "x"))`,
		"false nil\nfalse nil\nfalse {[\"x\"]=1}\nfalse false\n\"string\"\nfalse 42\nfalse \"42\"\nfalse \"42\"\nfalse \"x\"\ntrue false \"x\"",
	},
	{"for with a function and a table", `do local a, b, c, d, e, f, g, h = 1, 2, 3, 4, 5, 6, 7, 8 end local n = 0 for k, v in next, { 10, 20, 30, 40 } do n = n + v end out(n)`, "100"},
	{"for with a function", `do local a, b, c, d, e, f, g, h = 1, 2, 3, 4, 5, 6, 7, 8 end local function f(s, c) out(s, c) if not c then return 1 end end for i in f do end for i in f, 2 do end`, "nil nil\nnil 1\n2 nil\n2 1"},
	{
		"for with calls", `local function it() return 5, nil end local function f(s, c) c = (c or 0) + 1 if c <= s then return c end end for i in f, it() do out(i) end for i in f, 3, (it() and 1) do out(i) end for i in f, 2, it() do out(i) break end`,
		"1\n2\n3\n4\n5\n2\n3",
	},
	{
		"for with a comparison of a call", `local function f(x) return x end local s = "ab" for c in ((f(s) ~= nil) and f("yes") or "no"):gmatch("y?.") do out(c) end for c in (f(1) == 1 and f(s) or f("no")):upper():gmatch(".") do out(c) end
for i in (f(1) < 2 and f(pairs) or ipairs)({ 5 }) do out(i) end for i in (f(s) .. "x" == "abx" and pairs or 1)({ 6 }) do out(i) end`,
		"\"ye\"\n\"s\"\n\"A\"\n\"B\"\n1\n1",
	},
	{"for and if false, #540", `for k, v in pairs { 1 } do if false then local x end end out(1)`, "1"},
	{"loops that begin with a jump", `local n = 0 while true do if nil then n = 9 end n = n + 1 if n > 2 then break end end
repeat if false then local x else n = n + 1 end until n > 5
for _ in pairs { 1, 2 } do break end
for _ in pairs { 1, 2 } do while true do break end n = n + 1 end
for _ in pairs { 1, 2 } do while false do n = 100 end local x = false or n n = x + 1 end
repeat repeat break until false n = n + 1 until n > 12
out(n)`, "13"},
	{"branches that are constant", `if nil then out(1) elseif false then out(2) else out(3) end if 1 then out(4) else out(5) end if not true then out(6) end while not 1 do out(7) end local x = 0 if x and false or x == 0 and true then out(8) end`, "3\n4\n8"},
	{"break out of a block with a captured local", `local fs = {} for i = 1, 3 do if i == 2 then local y = i fs[1] = function() return y end break end end local a, b, c, d, e, f = 0, 0, 0, 0, 0, 0 out(fs[1]())`, "2"},
	{"break in each loop", `local fs = {}
while true do do local y = 1 fs[#fs + 1] = function() return y end break end end
repeat do local y = 2 fs[#fs + 1] = function() return y end break end until false
for _ in pairs { 1 } do do local y = 3 fs[#fs + 1] = function() return y end break end end
local a, b, c, d, e, f, g, h, i, j = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
for i = 1, 3 do out(fs[i]()) end`, "1\n2\n3"},
	{"a function beside its name", `local f = function() return 1 end local f = function(x) return x and f() or 2 end out(f(), f(1))`, "2 1"},
	{"a local function and itself", `local f f = function(n) return n > 0 and f(n - 1) + 1 or 0 end local function g(n) return n > 0 and g(n - 1) + 1 or 0 end out(f(3), g(4))`, "3 4"},
	{
		"a field with a call last", `local function f() return 1, 2, 3 end local function g(...) return { "a", n = f() }, { n = ... }, { k = (...), ... } end out(g(7, 8))`,
		`{[1]="a",["n"]=1} {["n"]=7} {[1]=7,[2]=8,["k"]=7}`,
	},
	{
		"lists of 50", `local function f() return 7, 8 end local t = { ` + counted(50) + ` f() } out(#t, t[1], t[50], t[51], t[52]) t = { ` + counted(50) + ` k = f(), l = 5 } out(#t, t[1], t[50], t.k, t.l) t = { ` + counted(49) + ` f() } out(#t, t[49], t[51])
t = { ` + counted(100) + ` f() } out(#t, t[100], t[102]) t = { ` + counted(49) + ` f(), k = f() } out(#t, t.k) t = { ` + counted(60) + ` k = f() } out(t[1], t[60], t.k)`,
		"52 1 50 7 8\n50 1 50 7 5\n51 49 8\n102 100 8\n50 7\n1 60 7",
	},
	{"lists of 50 and ...", `local function f(...) return { ` + counted(50) + ` ... } end local t = f(nil, 5, nil, 6) out(t[1], t[50], t[51], t[52], t[54]) out(#f())`, "1 50 nil 5 6\n50"},
	{"a long list", `local function f() return 7, 8 end local t = { k = 5, ` + counted(25600) + ` f() } out(#t, t[25500], t[25501], t[25600], t[25602], t.k)`, "25602 25500 25501 25600 8 5"},
	{"many constants", `local t = {} ` + constants(300) + ` local m = "k299" out(t.k299, t[m], t.k0) t.k298, t.k299 = t.k299, t.k298 out(t.k298) function t:k300() return self.k1 end out(t:k300())`, `"v299" "v299" "v0"
"v299"
"v1"`},
	{"a text as table", `out((pcall(function() ("x").y = 1 end))) out((pcall(function() local a ("x").y, a = 1, 2 end)))`, "false\nfalse"},
	{"upvalues of loops", `local fs = {} for i = 1, 3 do local n = i fs[i] = function() n = n + 1 return n, i end end for i = 1, 3 do fs[i]() out(fs[i]()) end local i = 0 repeat local j = i fs[i] = function() j = j + 1 return j end i = i + 1 until j >= 2 out(fs[0](), fs[1](), fs[2]())`, "3 1\n4 2\n5 3\n1 2 3"},
	{
		"items set to nil", `local t = { 3, 1, 2, 5 } t[#t] = nil out(table.remove(t)) out(#t) t[3] = 0 t[3] = nil table.sort(t) out(t) t[2] = nil out(table.remove(t, 1), #t) out(table.remove(t)) out(table.remove(t, 1))`,
		"2\n2\n{[1]=1,[2]=3}\n1 0\n\n",
	},
	{"tail calls", `local function f(n, ...) if n == 0 then return ... end return f(n - 1, n, ...) end out(f(5)) local function g() return (f(2)) end out(g())`, "1 2 3 4 5\n1"},
}

func TestCases(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := assemble([]string{c.text})
			want := c.want + "\ntrue\n"
			if got := split(normalise(inTandem(t, t.TempDir(), text))); len(got) != 1 || got[0] != want {
				t.Errorf("writes\n%sand should\n%s", got, want)
			}
		})
	}
}

// TestCasesReference holds the cases against Lua 5.1.
func TestCasesReference(t *testing.T) {
	needReference(t)
	var programs []string
	for _, c := range cases {
		programs = append(programs, c.text)
	}
	got := split(inReference(t, t.TempDir(), assemble(programs)))
	if len(got) != len(cases) {
		t.Fatalf("%d of %d programs ran", len(got), len(cases))
	}
	for i, c := range cases {
		if want := c.want + "\ntrue\n"; got[i] != want {
			t.Errorf("%s: Lua 5.1 writes\n%sand the case wants\n%s", c.name, got[i], want)
		}
	}
}

// TestGoto has what Lua 5.1 has not.
func TestGoto(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"continue and an upvalue", `local n = 0 local function inc() n = n + 1 end for i = 1, 5 do if i == 2 then goto continue end inc() ::continue:: end out(n)`, "4"},
		{"continue and a local of the loop", `local fs = {} for i = 1, 3 do local y = i fs[i] = function() y = y + 1 return y end if i == 2 then goto continue end y = y * 10 ::continue:: end out(fs[1](), fs[2](), fs[3]())`, "11 3 31"},
		{"back to a jump", `local n = 0 ::again:: if false then n = 9 end n = n + 1 if n < 3 then goto again end out(n)`, "3"},
		{"back to a loop", `local n = 0 ::again:: while true do break end n = n + 1 if n < 3 then goto again end out(n)`, "3"},
		{"back over a captured local", `local fs, n = {}, 0 do ::again:: local y = n fs[#fs + 1] = function() y = y + 1 return y end n = n + 1 if n < 3 then goto again end end out(fs[1](), fs[1](), fs[2](), fs[3]())`, "1 2 2 3"},
		{"out of blocks", `local fs = {} for i = 1, 2 do for j = 1, 2 do do local y = i * 10 + j fs[#fs + 1] = function() return y end if j == 1 then goto out end end end ::out:: end local a, b, c, d, e, f, g = 0, 0, 0, 0, 0, 0, 0 out(fs[1](), fs[2]())`, "11 21"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want + "\ntrue\n"
			if got := split(inTandem(t, t.TempDir(), assemble([]string{c.text}))); len(got) != 1 || got[0] != want {
				t.Errorf("writes\n%sand should\n%s", got, want)
			}
		})
	}
}

// TestLines asks whether errors in code that is rewritten name its lines.
func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int // in the text
	}{
		{"logical", "local r, t = 1\n\nr = r and\n t.x", 4},
		{"default", "local r, t\n\nr = r or t.x", 3},
		{"multiple", "local a, t = 1\na, a =\n 1, t.x", 3},
		{"fields", "local a, t = 1\n\na, t.x, a = 1, 2, 3", 3},
		{"cell", "local n\nlocal function inc()\n n = n + 1\nend\ninc()", 3},
		{"cell of a parameter", "local function f(n)\n local function inc()\n  n = n + 1\n end\n inc()\nend\nf()", 3},
		{"for with a function", "local n = 0\nfor k, v in n, 1\ndo\nend", 2},
		{"list", "local x\nlocal t = {\n" + counted(50) + "\n k = x.y,\n}", 4},
		{"level 2", "local function f() error('here', 2) end\nlocal function g()\n f()\nend\ng()", 3},
		{"level 3", "local function f() error('here', 3) end\nlocal function g()\n f() return 1\nend\n\ng()", 6},
		{"function beside its name", "local f\nlocal f = function()\n\n return f.x\nend\nf()", 4},
		{"goto", "local n = 0\nlocal function inc() n = n + 1 end\nif n then goto over end\ninc()\n::over::\nn.x.y = 1", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := inTandem(t, t.TempDir(), assemble([]string{c.text}))
			if want := fmt.Sprintf("%s:%d: ", file, bodyLine+c.line-1); !strings.Contains(got, want) {
				t.Errorf("want an error at %s and have %s", want, got)
			}
		})
	}
}
