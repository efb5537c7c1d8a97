local t = require "test"
local pbx = t.script "main.lua"

local function dial(to, answers)
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", name = "desk" }
  local first = net:phone { "sip:192.0.2.51", name = "first", answers = answers }
  local second = net:phone { "sip:192.0.2.52", name = "second" }
  local call = net:call { from = "sip:200@pbx.example", to = "sip:" .. to .. "@pbx.example" }
  net:run()
  return call, first, second
end

t.test("a local number goes out as E.164", function()
  local call, first = dial("07654321")
  t.eq(call:answered_by(), first)
  first:received("INVITE"):uri "sip:+49307654321@192.0.2.51;user=phone"
  first:received("INVITE"):header("P-Asserted-Identity", "<sip:+4930987600@pbx.example>")
end)

t.table("the second carrier is asked when the first one cannot", {
  { name = "refuses", answers = t.status(503) },
  { name = "is down", answers = t.silent() },
}, function(case)
  local call, _, second = dial("07654321", case.answers)
  t.eq(call:answered_by(), second)
  second:received("INVITE"):uri "sip:49307654321@192.0.2.52"
end)

t.test("busy is busy: the second carrier is not asked", function()
  local call, _, second = dial("07654321", t.status(486))
  t.eq(call:final(), 486)
  t.eq(second:received("INVITE"):count(), 0)
end)

t.test("three digits are a phone in the house", function()
  local call = dial("100")
  t.eq(call:order(), { "100" })
end)

t.test("numbers that mean nothing are incomplete", function()
  local call = dial "5"
  t.eq(call:final(), 484)
end)
