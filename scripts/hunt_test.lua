local t = require "test"
local hunt = require "hunt"
local pbx = t.script "testdata/people/main.lua"

local function order(user)
  local net = pbx:network {}
  for i, name in ipairs { "a", "b", "c" } do
    net:phone { "sip:" .. name .. "@192.0.2.1" .. i, answers = t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example" }
  net:run()
  return call:order(), call
end

t.test("linear: as they stand", function()
  local who, call = order "linear"
  t.eq(who, { "a", "b", "c" })
  t.at(call, 7):ended()
end)

-- Calls one after the other, or while others are up: user is dialled at each second of begins, and hangs up after the seconds of lasts.
local function answered(user, begins, lasts)
  local net = pbx:network {}
  for i, name in ipairs { "a", "b", "c" } do
    net:phone { "sip:" .. name .. "@192.0.2.1" .. i, answers = t.after(0) }
  end
  local calls, who = {}, {}
  for i, begin in ipairs(begins) do
    calls[i] = net:call { from = "sip:caller" .. i .. "@example.net", to = "sip:" .. user .. "@pbx.example", at = begin, hangup = lasts[i] }
  end
  net:run()
  for i, call in ipairs(calls) do
    who[i] = call:order()[1]
  end
  return table.concat(who, " ")
end

t.test("circular: the next call begins with the next member", function() t.eq(answered("circular", { 0, 10, 20, 30 }, { 1, 1, 1, 1 }), "a b c a") end)

t.test("longest idle: who has had no call first, then by the end of the last one", function()
  -- a talks until 40, b until 15 and then 31, c until 25 and then 36.
  t.eq(answered("idle", { 0, 10, 20, 30, 35, 50 }, { 40, 5, 5, 1, 1, 1 }), "a b c b c b")
end)

t.test("longest idle: who is in a call comes last", function()
  t.eq(answered("idle", { 0, 1, 2, 3 }, { 60, 60, 60, 60 }), "a b c a")
end)

t.test("fewest calls: by the calls that were answered, in a call or not", function()
  t.eq(answered("fewest", { 0, 1, 2, 3, 10 }, { 60, 60, 60, 1, 1 }), "a b c a b")
end)

t.test("random: every member once", function()
  local who = order "shuffle"
  table.sort(who)
  t.eq(who, { "a", "b", "c" })
end)

t.test("weighted: the heavier the sooner", function() t.eq(order "weighted", { "b", "a" }) end)

t.test("mistakes are told when the script loads", function()
  t.raises(function() hunt.new { "sip:a@h", strategy = "any" } end, 'strategy is "linear", "circular", "longest.idle", "fewest.calls", "random" or "weighted", got any')
  t.raises(function() hunt.new {} end, "the group has no members")
  t.raises(function() hunt.new { { "sip:a@h", weight = 0 } } end, "member 1 must be a target")
end)
