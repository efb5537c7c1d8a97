local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.test("fields are read, set and taken away", function()
  local net = pbx:network {}
  local ivr = net:phone { "sip:ivr@192.0.2.30" }
  dial(net, nil, { ["X-Language"] = "de", ["X-Other"] = "stays" })
  local invite = ivr:received("INVITE")
  invite:header("X-Menu", "main-de"):header("X-Language", nil):header("X-Other", "stays")
  t.match(invite:header("From"), '^"Head office" <sip:4930987600@pbx%.example>')
  t.eq(invite:uri(), "sip:ivr@192.0.2.30;user=phone")
end)
t.test("without a language it is English", function()
  local net = pbx:network {}
  local ivr = net:phone { "sip:ivr@192.0.2.30" }
  dial(net)
  ivr:received("INVITE"):header("X-Menu", "main-en")
end)
