local t = require "test"
local follow_me = require "follow_me"
local pbx = t.script "testdata/people/main.lua"

local function call_to(user, answers, at, seed)
  local net = pbx:network { at = at or "2026-11-23 10:00 UTC", seed = seed }
  local phones = {}
  for i, name in ipairs { "a", "b", "c", "box" } do
    phones[name] = net:phone { "sip:" .. name .. "@192.0.2.1" .. i, answers = answers[name] or t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example" }
  net:run()
  return call, phones
end

t.test("P4 one after the other, each for its own time", function()
  local call, phones = call_to("sequential", { c = t.after(1) })
  t.eq(call:order(), { "a", "b", "c" })
  t.at(call, 30):received(phones.a, "CANCEL")
  t.at(call, 35):received(phones.b, "CANCEL")
  t.eq(call:answered_by(), phones.c)
end)

t.test("P3 outside its hours a number is left out before anything is dialled", function()
  local call = call_to("sequential", {}, "2026-11-23 21:00 UTC")
  t.eq(call:order(), { "a", "b" })
  t.eq(call_to("closed", {}, "2026-11-23 07:59 UTC"):final(), 480)
  local otherwise, phones = call_to("otherwise", { box = t.after(0) }, "2026-11-23 07:59 UTC")
  t.eq(otherwise:answered_by(), phones.box)
end)

t.test("P4 together, the first answer gets the call", function()
  local call, phones = call_to("simultaneous", { b = t.after(5) })
  t.at(call, 2):received(phones.a, "INVITE")
  t.eq(call:answered_by(), phones.b)
end)

t.test("P4 shuffled: every number once, in any order", function()
  local order = call_to("random", {}):order()
  table.sort(order)
  t.eq(order, { "a", "b", "c" })
end)

t.test("P4 drawn by share, then the others", function() t.eq(call_to("percent", {}):order(), { "a", "b" }) end)

-- How often each number is the first in forty calls.
local function firsts(user)
  local n = { a = 0, b = 0, c = 0 }
  for seed = 1, 40 do
    local first = call_to(user, {}, nil, seed):order()[1]
    n[first] = n[first] + 1
  end
  return n
end

t.test("P4 shuffled: each number is the first in its share of calls", function()
  for _, n in pairs(firsts "random") do
    t.ok(n > 5 and n < 24, n)
  end
end)

t.test("P4 drawn: four calls in five go to the one with four fifths", function()
  local n = firsts "share"
  t.ok(n.a > 25 and n.a < 39, n.a)
end)

t.test("P5 the own number rings first and diverts the call to the others", function()
  local call, phones = call_to("own", { b = t.after(1) })
  t.at(call, 7):received(phones.a, "CANCEL")
  phones.b:received("INVITE"):header("Diversion", "<sip:own@pbx.example>;reason=no-answer;counter=1")
  t.eq(call:answered_by(), phones.b)
  t.eq(call_to("own", { a = t.status(486) }, "2026-11-23 21:00 UTC"):final(), 486)
end)

t.test("P12 the own number that rings alone and then again is said in the log", function()
  local said = {}
  t.stub("log", { warn = function(text) said[#said + 1] = text end })
  call_to("own", {})
  t.eq(said, { "follow_me: sip:a@192.0.2.11 rings alone first and again with the others; leave out own" })
end)

t.test("mistakes are told when the script loads", function()
  t.raises(function() follow_me.new { own = "sip:a@h" } end, "own must be a table with a target")
  t.raises(function() follow_me.new { { "sip:a@h" }, order = "any" } end, 'order is "sequential", "simultaneous", "random" or "percent", got any')
  t.raises(function() follow_me.new { "sip:a@h" } end, "entry 1 must be a table with a target")
  t.raises(function() follow_me.new { { "sip:a@h", when = "daily" } } end, "when of entry 1 must be a schedule")
end)
