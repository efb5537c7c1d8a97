local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.test("nobody has 999", function() t.eq(dial(pbx:network {}, "sip:999@pbx.example"):final(), 404) end)
t.test("100 is anna's", function()
  local net = pbx:network {}
  local anna = net:phone { "sip:anna@192.0.2.11" }
  t.eq(dial(net):answered_by(), anna)
end)
