local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.test("who missed it is known at the end", function()
  local net = pbx:network {}
  net:phone { "sip:201@192.0.2.21", answers = t.never() }
  net:phone { "sip:202@192.0.2.22", answers = t.never() }
  t.eq(dial(net):final(), 480)
end)
