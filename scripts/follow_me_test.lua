local t = require "test"
local follow_me = require "follow_me"
local pbx = t.script "testdata/people/main.lua"

local function call_to(user, answers, at)
  local net = pbx:network { at = at or "2026-11-23 10:00 UTC" }
  local phones = {}
  for i, name in ipairs { "a", "b", "c", "box" } do
    phones[name] = net:phone { "sip:" .. name .. "@192.0.2.1" .. i, answers = answers[name] or t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example" }
  net:run()
  return call, phones
end

t.test("one after the other, each for its own time", function()
  local call, phones = call_to("sequential", { c = t.after(1) })
  t.eq(call:order(), { "a", "b", "c" })
  t.at(call, 30):received(phones.a, "CANCEL")
  t.at(call, 35):received(phones.b, "CANCEL")
  t.eq(call:answered_by(), phones.c)
end)

t.test("outside its hours a number is left out before anything is dialled", function()
  local call = call_to("sequential", {}, "2026-11-23 21:00 UTC")
  t.eq(call:order(), { "a", "b" })
  t.eq(call_to("closed", {}, "2026-11-23 07:59 UTC"):final(), 480)
  local otherwise, phones = call_to("otherwise", { box = t.after(0) }, "2026-11-23 07:59 UTC")
  t.eq(otherwise:answered_by(), phones.box)
end)

t.test("together, the first answer gets the call", function()
  local call, phones = call_to("simultaneous", { b = t.after(5) })
  t.at(call, 2):received(phones.a, "INVITE")
  t.eq(call:answered_by(), phones.b)
end)

t.test("shuffled: every number once, in any order", function()
  local order = call_to("random", {}):order()
  table.sort(order)
  t.eq(order, { "a", "b", "c" })
end)

t.test("drawn by share, then the others", function() t.eq(call_to("percent", {}):order(), { "a", "b" }) end)

t.test("mistakes are told when the script loads", function()
  t.raises(function() follow_me.new { { "sip:a@h" }, order = "any" } end, 'order is "sequential", "simultaneous", "random" or "percent", got any')
  t.raises(function() follow_me.new { "sip:a@h" } end, "entry 1 must be a table with a target")
  t.raises(function() follow_me.new { { "sip:a@h", when = "daily" } } end, "when of entry 1 must be a schedule")
end)
