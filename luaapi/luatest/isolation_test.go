package luatest

import (
	"testing"

	"tandem/luaapi/scenario"
)

// isolated is a test file whose tests each find what no other test has touched, and then write wherever a script might: tests and scripts
// share the tables of the library with all other tests.
const isolated = `
-- beside.lua --
return { list = { 3, 1, 2 } }
-- main.lua --
local plan, trial = require "plan", require "trial"
local route = {}
function route.invite(call)
  trial()
  return plan.reject(486)
end
return route
-- trial.lua --
local beside = require "beside"
local seen = {}

-- tables are those that Tandem shares. string, table and math are in _G too.
local tables = { _G = _G, string = string, table = table, math = math }
for _, name in ipairs { "plan", "log", "number", "schedule", "json", "identity", "http", "lookup", "re" } do
  tables[name] = require(name)
end
tables.test = select(2, pcall(require, "test")) -- scripts do not have it

local things = { plan = tables.plan.reject(486), null = tables.json.null, schedule = tables.schedule.new { zone = "Europe/Berlin", open = {} } }
things.site = tables.number.plan { country = "49" }
things.entry = tables.identity.parse("<sip:100@pbx.example>")[1]
things.array = tables.json.array {}

local function field(of, name)
  local ok, is = pcall(function() return of[name] end)
  return ok and is or nil
end

local function untouched()
  seen[#seen + 1] = true
  assert(#seen == 1, "a module keeps what it was before")
  assert(beside.list[1] == 3 and beside.leak == nil, "a module beside is written to")
  for name, of in pairs(tables) do
    if type(of) == "table" then
      assert(field(of, "leak") == nil and field(of, 1) == nil, name .. " was written to")
      assert(rawget(of, "leak") == nil and rawget(of, 1) == nil and next(of) == nil, name .. " holds something")
      assert(getmetatable(of) == false, name .. " has another metatable")
    end
  end
  for name, of in pairs(things) do
    assert(field(of, "leak") == nil and getmetatable(of) == false, name .. " was written to")
  end
  assert(field("", "leak") == nil and getmetatable("") == false, "strings were written to")
  assert(("ab"):upper() == "AB" and "2" + 1 == 3 and #("abc") == 3, "strings are others")
  assert(math.max(1, 2) == 2 and math.pi > 3 and table.concat({ 1, 2 }, "+") == "1+2" and tostring(1) == "1", "the library is another")
  assert(debug == nil and os == nil and getfenv == nil and leak == nil, "there is more than there was")
end

local function other() return "leak" end

-- writes are all ways to change a table.
local writes = {
  function(of) of.leak = true end,
  function(of) of[1] = true end,
  function(of) of.upper, of.max, of.concat, of.to, of.tostring = other, other, other, other, other end,
  function(of) rawset(of, "leak", true) end,
  function(of) rawset(of, 1, true) end,
  function(of) setmetatable(of, { __index = other }) end,
  function(of) setmetatable(of, nil) end,
  function(of) getmetatable(of).leak = true end,
  function(of) getmetatable(of).__index = other end,
  function(of) getmetatable(of).__index.leak = true end,
  function(of) table.insert(of, true) end,
  function(of) table.insert(of, 1, true) end,
  function(of) table.remove(of) end,
  function(of) table.sort(of) end,
  function(of) table.sort(of, function() of.leak = true return true end) end,
  function(of) for k in pairs(of) do of[k] = nil end end,
  function(of) debug.setmetatable(of, {}) end,
  function(of) debug.getmetatable(of).__index.leak = true end,
  function(of) getfenv(0).leak = true end,
  function(of) setfenv(1, { leak = true }) end,
  function(of) _G.leak, leak = true, true end,
  function(of) os.leak = true end,
  function(of) string.gsub("a", "a", of) end,
  function(of) tables.json.array(of) end,
  function(of) of.null, of.leak = 1, 1 end,
}

return function()
  untouched()
  for _, write in ipairs(writes) do
    for _, of in pairs(tables) do pcall(write, of) end
    for _, of in pairs(things) do pcall(write, of) end
    pcall(write, "")
    pcall(write, 1)
    pcall(write, print)
    pcall(write, nil)
  end
  beside.leak = true
  table.sort(beside.list)
end
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
for i = 1, 3 do
  t.test("test " .. i, function()
    require "trial" ()
    local net = pbx:network {}
    local call = net:call { from = "sip:a@example.net", to = "sip:100@pbx.example" }
    net:run()
    t.eq(call:final(), 486)
  end)
end
-- b_test.lua --
local t = require "test"
t.test("another file", function() require "trial" () end)
`

// TestTestsAreIsolated: no test sees what another one writes, in its own state or in that of a script, side by side or one after the other.
func TestTestsAreIsolated(t *testing.T) {
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"one after the other", Options{Parallel: 1, Count: 3}},
		{"side by side", Options{Parallel: 4, Count: 3}},
		{"in another order", Options{Parallel: 1, Shuffle: true, Count: 3}},
		{"with coverage", Options{Parallel: 1, Cover: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, isolated[1:])
			c.o.Seed = 1
			c.o.Settings = func(string) (scenario.Settings, error) {
				return scenario.Settings{Instructions: budget, Bytes: memory}, nil
			}
			s, out := runs(t, c.o)
			if want := 4 * max(c.o.Count, 1); s.Passed != want || s.Bad() {
				t.Errorf("got %+v, want %d passed\n%s", s, want, out)
			}
		})
	}
}
