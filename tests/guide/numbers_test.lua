local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.table("what is dialled", {
  { to = "123", uri = "sip:123@192.0.2.11" },
  { to = "*92", uri = "sip:feature-92@192.0.2.15" },
  { to = "00123456", uri = "sip:0049123456@192.0.2.50" },
  { to = "00301234567", uri = "sip:0049301234567@192.0.2.50" },
  { to = "112", uri = "sip:112@192.0.2.50" },
}, function(case)
  t.eq(pbx:decide({ from = "sip:100@pbx.example", to = "sip:" .. case.to .. "@pbx.example" }).targets, { case.uri })
end)
t.test("what nobody can mean", function() t.eq(dial(pbx:network {}, "sip:7@pbx.example"):final(), 484) end)
