local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.test("the fallback takes the call", function()
  local net = pbx:network {}
  local reception = net:phone { "sip:reception@192.0.2.20" }
  t.eq(dial(net):answered_by(), reception)
  t.match(net:errors()[1], "budget")
end)
t.test("other calls do not notice", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:200@192.0.2.11" }
  t.eq(dial(net, "sip:200@pbx.example"):answered_by(), desk)
end)
