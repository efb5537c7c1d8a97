local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

local function team(a, b, leader)
  local net = pbx:network {}
  local phones = {
    net:phone { "sip:201@192.0.2.21", answers = a },
    net:phone { "sip:202@192.0.2.22", answers = b },
    net:phone { "sip:leader@192.0.2.23", answers = leader },
    net:phone { "sip:voicemail@192.0.2.40", answers = t.after(0) },
  }
  return dial(net), phones
end

t.test("nobody: the leader after 10 s, the mailbox after 20 s", function()
  local call, phones = team(t.never(), t.never(), t.never())
  t.at(call, 0):received(phones[2], "INVITE")
  t.at(call, 10):received(phones[3], "INVITE")
  t.at(call, 20):received(phones[1], "CANCEL")
  t.at(call, 20):received(phones[4], "INVITE")
  t.eq(call:answered_by(), phones[4])
end)
t.test("all busy: the leader at once", function()
  local call, phones = team(t.status(486), t.status(486), t.after(1))
  t.at(call, 1):answered()
  t.eq(call:answered_by(), phones[3])
end)
t.test("who does not answer shows no missed call", function()
  local call, phones = team(t.after(3), t.never(), t.never())
  t.at(call, 3):received(phones[2], "CANCEL"):header("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
end)
