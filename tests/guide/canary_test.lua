local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.test("the desk answers", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11" }
  t.eq(dial(net):answered_by(), desk)
end)
