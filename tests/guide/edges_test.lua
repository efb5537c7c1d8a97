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
  net:phone { "sip:100@192.0.2.12", name = "second", answers = t.status(486) }
  net:phone { "sip:101@192.0.2.13" }
  return dial(net)
end

t.test("503 goes to the second gateway, busy there to 101", function() t.eq(office(t.status(503)):order(), { "100", "100", "101" }) end)
t.test("another failure stays one", function() t.eq(office(t.status(500)):final(), 500) end)
t.test("busy goes to 101", function() t.eq(office(t.status(486)):order(), { "100", "101" }) end)
t.test("all busy", function()
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = t.status(486) }
  net:phone { "sip:101@192.0.2.13", answers = t.status(486) }
  t.eq(dial(net):final(), 486)
end)
