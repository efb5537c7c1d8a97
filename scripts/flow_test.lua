local t = require "test"
local flow = require "flow"
local pbx = t.script "testdata/people/main.lua"

local function call_to(answers)
  local net = pbx:network {}
  local phones = {}
  for i, name in ipairs { "a", "b", "c", "box" } do
    phones[name] = net:phone { "sip:" .. name .. "@192.0.2.1" .. i, answers = answers[name] or t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:flow@pbx.example" }
  net:run()
  return call, phones
end

t.test("M8 what comes next is what is written for the event", function()
  t.eq(call_to({ a = t.status(486) }):order(), { "a", "b" })
  local call, phones = call_to { box = t.after(0) }
  t.eq(call:order(), { "a", "box" })
  t.at(call, 5):received(phones.box, "INVITE"):header("Diversion", "<sip:flow@pbx.example>;reason=no-answer;counter=1")
  t.eq(call_to({ a = t.silent(), box = t.after(0) }):order(), { "a", "box" })
end)

t.test("M9 without monitor the flow ends", function()
  local call = call_to { a = t.status(486), b = t.status(486) }
  t.eq(call:order(), { "a", "b" })
  t.eq(call:final(), 486)
end)

t.test("mistakes are told when the script loads", function()
  local a = { "sip:a@192.0.2.11", monitor = { busy = "b" } }
  t.raises(function() flow.new { start = "a", a = a } end, "there is no node b, reached by start → a")
  t.raises(function() flow.new { start = "a", a = a, b = { "sip:b@h", monitor = { busy = "a" } } } end, "the flow goes in a circle: start → a → b → a")
  t.raises(function() flow.new { start = "a", a = { "sip:a@h", monitor = { bussy = "a" } } } end, "node a monitors bussy, which is no outcome")
end)
