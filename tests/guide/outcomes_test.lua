local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

local function office(desk)
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = desk }
  net:phone { "sip:mobile@192.0.2.31" }
  net:phone { "sip:voicemail@192.0.2.40" }
  return dial(net)
end

t.test("busy goes to the mailbox", function() t.eq(office(t.status(486)):order(), { "100", "voicemail" }) end)
t.test("no answer goes to the mobile", function()
  local call = office(t.never())
  t.eq(call:order(), { "100", "mobile" })
  t.at(call, 22):answered()
end)
t.test("a desk that is gone goes to the mobile", function() t.eq(office(t.silent()):order(), { "100", "mobile" }) end)
t.test("a desk that declines ends the call", function()
  local call = office(t.status(603))
  t.eq(call:order(), { "100" })
  t.eq(call:final(), 603)
end)
