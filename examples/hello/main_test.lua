local t = require "test"
local pbx = t.script "main.lua"

-- Everybody there is. What a phone does is said by each test; without that it rings for ever.
local function office(net, answers)
  return {
    desk = net:phone { "sip:100@192.0.2.11", answers = answers.desk or t.never() },
    colleague = net:phone { "sip:101@192.0.2.12", answers = answers.colleague or t.never() },
    left = net:phone { "sip:200@192.0.2.13", answers = answers.left or t.never() },
    right = net:phone { "sip:201@192.0.2.14", answers = answers.right or t.never() },
  }
end

local alice = { from = "sip:alice@example.net", to = "sip:100@pbx.example" }

t.test("the desk phone answers", function()
  local net = pbx:network {}
  local phones = office(net, { desk = t.after(3) })
  local call = net:call(alice)
  net:run()

  t.eq(call:answered_by(), phones.desk)
  t.eq(call:order(), { "100" })
  t.at(call, 3):answered()
end)

t.test("busy desk phone goes to 101", function()
  local net = pbx:network {}
  local phones = office(net, { desk = t.status(486), colleague = t.after(3) })
  local call = net:call(alice)
  net:run()

  t.eq(call:answered_by(), phones.colleague)
  t.eq(call:order(), { "100", "101" })
  t.eq(phones.desk:received("CANCEL"):count(), 0)
end)

t.test("nobody at the desk: after 20 s the group rings", function()
  local net = pbx:network {}
  local phones = office(net, { left = t.after(2) })
  local call = net:call(alice)
  net:run()

  t.at(call, 20):received(phones.desk, "CANCEL"):header("Reason", nil) -- not answered elsewhere
  t.at(call, 20):received(phones.left, "INVITE")
  t.eq(call:answered_by(), phones.left)
  t.eq(phones.right:received("INVITE"):count(), 0)
end)

t.test("the second phone of the group joins after 5 s, and shows no missed call", function()
  local net = pbx:network {}
  local phones = office(net, { left = t.after(8) })
  local call = net:call(alice)
  net:run()

  t.at(call, 25):received(phones.right, "INVITE")
  t.at(call, 28):answered()
  t.at(call, 28):received(phones.right, "CANCEL"):header("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
end)

t.test("nobody at all: the caller hears so after 45 s", function()
  local net = pbx:network {}
  office(net, {})
  local call = net:call(alice)
  net:run()

  t.eq(call:answered_by(), nil)
  t.eq(call:final(), 480)
  t.at(call, 45):ended()
end)

t.test("the caller gives up: every phone stops ringing, and the group is not rung", function()
  local net = pbx:network {}
  local phones = office(net, {})
  local call = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example", cancel = 12 }
  net:run()

  t.eq(call:final(), 487)
  t.at(call, 12):received(phones.desk, "CANCEL")
  t.eq(call:order(), { "100" })
end)
