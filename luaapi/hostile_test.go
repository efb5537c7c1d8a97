package luaapi

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile are handlers that try to take the machine down. Each of them runs for ever if it is let.
var hostile = []struct{ name, script string }{
	{"endless loop", `while true do end`},
	{"endless repeat", `repeat local x = 1 until false`},
	{"endless goto", `::again:: goto again`},
	{"endless tail call", `local function f() return f() end f()`},
	{"pcall around an endless loop", `while true do pcall(function() while true do end end) end`},
	{"xpcall around an endless loop", `while true do xpcall(function() while true do end end, function(m) while true do end end) end`},
	{"errors that are caught", `while true do pcall(error, "x") end`},
	{"deep errors that are caught", `local function f(n) if n == 0 then error("x") end f(n - 1) return 1 end while true do pcall(f, 90) end`},
	{"errors with long texts", `local s = ("x"):rep(60000) while true do pcall(error, s) end`},
	{"errors with levels", `local s = ("x"):rep(60000) while true do pcall(function() error(s, 2) end) end`},
	{"assert with long texts", `local s = ("x"):rep(60000) while true do pcall(assert, false, s) end`},
	{"a string that doubles", `local s = "x" while true do s = s .. s end`},
	{"strings that double in many places", `local t = {} while true do local s = "x" for i = 1, 15 do s = s .. s end t[#t + 1] = s .. #t end`},
	{"a string that doubles within one expression", `local s = "x" while true do s = s .. s .. s .. s .. s .. s .. s .. s .. s .. s end`},
	{"long strings joined", `local s = ("x"):rep(30000) while true do local t = s .. s end`},
	{"strings that grow by one", `local s = "" while true do s = s .. "x" end`},
	{"strings that are long, kept", `local t, i = {}, 0 while true do i = i + 1 t[i] = ("x"):rep(65000) end`},
	{"table.concat of many", `local t = {} for i = 1, 1000 do t[i] = "xxxxxxxxxx" end while true do table.concat(t, ",") end`},
	{"table.concat of nothing", `local t = {} for i = 1, 9000 do t[i] = "" end while true do table.concat(t) end`},
	{"a table that grows", `local t, i = {}, 0 while true do i = i + 1 t[i] = i end`},
	{"a table with names that grows", `local t, i = {}, 0 while true do i = i + 1 t["k" .. i] = i end`},
	{"many small tables", `local t, i = {}, 0 while true do i = i + 1 t[i] = {} end`},
	{"many tables with a field", `local t, i = {}, 0 while true do i = i + 1 local x = {} x.a = 1 t[i] = x end`},
	{"many tables with a field in them", `local t, i = {}, 0 while true do i = i + 1 t[i] = { a = 1, b = 2, c = 3, d = 4 } end`},
	{"many tables with an item", `local t, i = {}, 0 while true do i = i + 1 local x = {} x[1] = 1 t[i] = x end`},
	{"tables with an item far behind", `local t, i = {}, 0 while true do i = i + 1 local x = {} x[1000000] = 1 t[i] = x end`},
	{"tables with rawset", `local t, i = {}, 0 while true do i = i + 1 t[i] = rawset({}, 1000000, 1) end`},
	{"tables with table.insert far behind", `local t, i = {}, 0 while true do i = i + 1 local x = {} table.insert(x, 1000000, 1) t[i] = x end`},
	{"closures that grow", `local t, i = {}, 0 while true do i = i + 1 t[i] = function() return i, t end end`},
	{"closures that hold each other", `local f = function() end while true do local g = f f = function() return g end end`},
	{"recursion", `local function f() return 1 + f() end while true do pcall(f) end`},
	{"recursion through __index", `local t = setmetatable({}, { __index = function(t, k) return t[k .. "x"] end }) while true do pcall(function() return t.x end) end`},
	{"recursion through __add", `local m = {} m.__add = function(a, b) return a + b end local t = setmetatable({}, m) while true do pcall(function() return t + t end) end`},
	{"recursion through __tostring", `local m = {} m.__tostring = function(a) return tostring(a) end local t = setmetatable({}, m) while true do pcall(tostring, t) end`},
	{"recursion through pcall", `local function f() pcall(f) end while true do f() end`},
	{"deep calls", `local function f(n) if n > 0 then f(n - 1) end end while true do f(100) end`},
	{"deep calls through __add", `local m, c = {}, { n = 0 } m.__add = function(a, b) c.n = c.n + 1 if c.n % 100 > 0 then return a + b end return a end local t = setmetatable({}, m) while true do local x = t + t end`},
	{"deep calls through __index", `local t, c = {}, { n = 0 } setmetatable(t, { __index = function(t, k) c.n = c.n + 1 if c.n % 100 > 0 then return t[k] end end }) while true do local x = t.x end`},
	{"deep calls through __tostring", `local m, c = {}, { n = 0 } m.__tostring = function(a) c.n = c.n + 1 if c.n % 50 > 0 then return tostring(a) end return "" end local t = setmetatable({}, m) while true do tostring(t) end`},
	{"deep calls through pcall", `local function f(n) if n > 0 then pcall(f, n - 1) end end while true do f(50) end`},
	{"calls through __add", `local m = { __add = function(a, b) return a end } local t = setmetatable({}, m) while true do t = t + t end`},
	{"calls through __lt", `local m = { __lt = function(a, b) return true end } local t, x = setmetatable({}, m), nil while true do x = t < t end`},
	{"calls through __concat", `local m = { __concat = function(a, b) return a end } local t = setmetatable({}, m) while true do t = t .. t end`},
	{"calls through __call", `local t = setmetatable({}, { __call = function() end }) while true do t() end`},
	{"calls through __index", `local t = setmetatable({}, { __index = function() end }) while true do local x = t.x end`},
	{"calls through pcall", `local function f() end while true do pcall(f) end`},
	{"a chain of __index", `local t = {} for i = 1, 14 do t = setmetatable({}, { __index = t }) end while true do local x = t.x end`},
	{"a circle of __index", `local t = {} setmetatable(t, { __index = t }) while true do pcall(function() return t.x end) end`},
	{"gsub of everything", `local s = ("x"):rep(60000) while true do s:gsub("", "") end`},
	{"gsub that grows", `local s = ("x"):rep(6000) while true do pcall(string.gsub, s, "x", "xxxxxxxxxxxx") end`},
	{"gsub with a function", `local s = ("x"):rep(60000) while true do s:gsub(".", function() end) end`},
	{"gsub in gsub", `local function f(s) return (s:gsub(".", f)) end while true do pcall(f, ("x"):rep(100)) end`},
	{"a pattern that backtracks", `local s, p = ("a"):rep(28), ("a*"):rep(9) .. "b" while true do pcall(string.find, s, p) end`},
	{"many patterns", `local i = 0 while true do i = i + 1 ("x"):find("[" .. i .. "abc]*") end`},
	{"a pattern with many captures", `local s, p = ("x"):rep(32), ("(.)"):rep(32) while true do s:match(p) end`},
	{"long patterns", `local i, p = 0, ("[%w]"):rep(900) while true do i = i + 1 ("x"):find(p .. i) end`},
	{"plain find", `local s = ("a"):rep(60000) while true do s:find("b", 1, true) end`},
	{"plain find that nearly matches", `local s, p = ("a"):rep(60000), ("a"):rep(3000) .. "b" while true do s:find(p, 1, true) end`},
	{"%b", `local s = ("("):rep(60000) while true do pcall(string.find, s, "%b()") end`},
	{"gmatch", `local s = ("x"):rep(60000) while true do for c in s:gmatch(".") do end end`},
	{"sort with a comparator that lies", `local t = {} for i = 1, 500 do t[i] = i end while true do pcall(table.sort, t, function() return true end) end`},
	{"sort", `local t = {} for i = 1, 5000 do t[i] = (i * 7919) % 5003 end while true do table.sort(t) table.sort(t, function(a, b) return a > b end) end`},
	{"sort of long strings", `local s, t = ("x"):rep(60000), {} for i = 1, 50 do t[i] = s .. i end while true do table.sort(t) end`},
	{"wide formats", `while true do string.format("%99.99f%99.99f%99.99f", 1e300, 1e300, 1e300) end`},
	{"formats of long strings", `local s = ("x"):rep(60000) while true do string.format("%s", s) end`},
	{"formats that quote", `local s = ("\n"):rep(30000) while true do string.format("%q", s) end`},
	{"comparisons of equal strings", `local s, t = ("x"):rep(60000) .. "1", ("x"):rep(60000) .. "1" while true do local x = s == t end`},
	{"order of strings", `local s, t = ("x"):rep(60000) .. "1", ("x"):rep(60000) .. "2" while true do local x = s < t local y = s <= t end`},
	{"long strings as keys", `local s, t = ("x"):rep(60000), {} while true do t[s] = 1 local x = t[s] end`},
	{"different long strings as keys", `local s, t, i = ("x"):rep(60000), {}, 0 while true do i = i + 1 t[s .. i] = 1 end`},
	{"tostring", `while true do tostring(1 / 3) tostring({}) tostring(12345) end`},
	{"tonumber", `local s = ("1"):rep(60000) while true do tonumber(s) tonumber(s, 16) end`},
	{"arithmetic with long strings", `local s = ("1"):rep(60000) while true do pcall(function() return s + 1 end) end`},
	{"next", `local t = {} for i = 1, 5000 do t["k" .. i] = i end for i = 1, 5000 do t["k" .. i] = nil end while true do next(t) end`},
	{"pairs of what has been removed", `local t = {} for i = 1, 5000 do t["k" .. i] = i end for i = 1, 4990 do t["k" .. i] = nil end while true do for k in pairs(t) do end end`},
	{"next over holes", `local t = {} t[100000] = 1 while true do next(t) end`},
	{"the length of a list that was longer", `local t = {} t[100000] = 1 t[100000] = nil while true do local n = #t end`},
	{"string.rep", `while true do ("x"):rep(65000) end`},
	{"string.rep of nothing", `while true do (""):rep(1e15) end`},
	{"string.reverse and the like", `local s = ("x"):rep(65000) while true do s:reverse() s:upper() s:lower() end`},
	{"string.byte", `local s = ("x"):rep(8000) while true do s:byte(1, -1) end`},
	{"string.char", `local s = ("x"):rep(200) while true do string.char(s:byte(1, -1)) end`},
	{"table.insert at the front", `local t = {} while true do table.insert(t, 1, 1) end`},
	{"table.insert at the front of a long list", `local t = {} for i = 1, 20000 do t[i] = i end while true do table.insert(t, 1, 1) end`},
	{"table.remove at the front", `local t = {} for i = 1, 20000 do t[i] = i end while true do t[#t + 1] = table.remove(t, 1) end`},
	{"unpack", `local t = {} for i = 1, 8000 do t[i] = i end while true do unpack(t) end`},
	{"select", `local t = {} for i = 1, 8000 do t[i] = i end local function f(...) while true do local n = select("#", ...) end end f(unpack(t))`},
	{"values passed on", `local t = {} for i = 1, 8000 do t[i] = i end local function f(...) return ... end while true do f(f(f(f(unpack(t))))) end`},
	{"values returned", `local t = {} for i = 1, 8000 do t[i] = i end local function f(n) if n == 0 then return unpack(t) end return 1, f(n - 1) end while true do f(80) end`},
	{"lists made of many values", `local t = {} for i = 1, 8000 do t[i] = i end local function f(...) while true do local x = { ... } end end f(unpack(t))`},
	{"print", `while true do print("x") end`},
	{"log", `local log = require("log") while true do log.info("x") end`},
	{"log of long strings", `local log, s = require("log"), ("x"):rep(60000) while true do log.info(s, { s = s }) end`},
	{"log of many fields", `local log, t = require("log"), {} for i = 1, 255 do t["k" .. i] = i end while true do log.info("x", t) end`},
	{"log of deep tables", `local log, t = require("log"), {} for i = 1, 200 do t[i] = { i } end while true do log.warn("x", { t = t }) end`},
	{"print of long strings", `local s = ("x"):rep(60000) while true do print(s) end`},
	{"setmetatable and rawget", `local t = {} while true do setmetatable(t, {}) rawget(t, 1) rawequal(t, t) end`},
	{"require", `while true do require("plan") end`},
	{"plans", `local plan = require("plan") while true do plan.to("sip:100@192.0.2.1", { ring = 5 }) end`},
	{"plans of plans", `local plan = require("plan") local p = plan.to("sip:100@192.0.2.1") while true do p = plan.serial { p, p } end`},
	{"plans with many members", `local plan = require("plan") local t, p = {}, plan.to("sip:100@192.0.2.1") for i = 1, 250 do t[i] = p end while true do plan.serial(t) end`},
	{"headers that are long", `local plan = require("plan") local s = ("x"):rep(60000) while true do plan.to("sip:100@192.0.2.1", { headers = { ["X-A"] = s } }) end`},
	{"URIs that are long", `local plan = require("plan") local s = "sip:" .. ("x"):rep(60000) .. "@192.0.2.1" while true do pcall(plan.to, s) end`},
}

// runHostile runs a handler with the budgets of one, which it must exceed.
func runHostile(t testing.TB, script string) *Sandbox {
	p, err := Compile(NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := p.Sandbox(Options{LoadBudget: DefaultBudget, LoadMemory: DefaultMemory}, noModules)
	err = s.Load()
	if err == nil || !strings.Contains(err.Error(), "exceeded") && !strings.Contains(err.Error(), "string longer than") {
		t.Fatalf("it ended with %v, not because it used up a budget", err)
	}
	return s
}

// maxGrowth is how many bytes a hostile handler may make.
const maxGrowth = 64 << 20

// TestHostile: a script that means harm wastes its own call.
func TestHostile(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := runHostile(t, c.script)
			runtime.ReadMemStats(&after)
			if made := after.TotalAlloc - before.TotalAlloc; made > maxGrowth {
				n, bytes := s.v.meter.spent()
				t.Errorf("it made %d MB (by the meter %d instructions and %d MB)", made>>20, n, bytes>>20)
			}
		})
	}
}

// BenchmarkHostile reports how long a hostile handler takes, in relation to as many plain instructions.
func BenchmarkHostile(b *testing.B) {
	plain := func() time.Duration {
		start := time.Now()
		runHostile(b, `local n = 0 while true do n = n + 1 if n > 7 then n = 0 end end`)
		return time.Since(start)
	}
	for _, c := range hostile {
		b.Run(c.name, func(b *testing.B) {
			unit, took := time.Duration(1<<62), time.Duration(1<<62)
			for b.Loop() {
				unit = min(unit, plain())
				start := time.Now()
				runHostile(b, c.script)
				took = min(took, time.Since(start))
			}
			b.ReportMetric(float64(took)/float64(unit), "x-plain")
			b.ReportMetric(0, "ns/op")
		})
	}
}
