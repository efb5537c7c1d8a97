local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.test("the desk rings for twenty seconds", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11", answers = t.never() }
  t.at(dial(net), 20):received(desk, "CANCEL")
end)

t.test("other numbers are unknown", function() t.eq(dial(pbx:network {}, "sip:999@pbx.example"):final(), 404) end)
