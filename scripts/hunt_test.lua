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

t.test("circular: as they stand, from any of them", function()
  local who = table.concat(order "circular", "")
  t.ok(("abcab"):find(who, 1, true), who)
  t.eq(#who, 3)
end)

t.test("random: every member once", function()
  local who = order "shuffle"
  table.sort(who)
  t.eq(who, { "a", "b", "c" })
end)

t.test("weighted: the heavier the sooner", function() t.eq(order "weighted", { "b", "a" }) end)

t.test("mistakes are told when the script loads", function()
  t.raises(function() hunt.new { "sip:a@h", strategy = "any" } end, 'strategy is "linear", "circular", "random" or "weighted", got any')
  t.raises(function() hunt.new {} end, "the group has no members")
  t.raises(function() hunt.new { { "sip:a@h", weight = 0 } } end, "member 1 must be a target")
end)
