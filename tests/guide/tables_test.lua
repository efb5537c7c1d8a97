local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.table("by the longest prefix", {
  { to = "4989123", gateway = "192.0.2.51" },
  { to = "4930123", gateway = "192.0.2.52" },
}, function(case)
  t.eq(pbx:decide({ from = "sip:a@pbx.example", to = "sip:" .. case.to .. "@pbx.example" }).targets, { "sip:" .. case.to .. "@" .. case.gateway })
end)
t.test("no gateway", function() t.eq(dial(pbx:network {}, "sip:1212@pbx.example"):final(), 404) end)
