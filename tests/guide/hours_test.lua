local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.table("by day", {
  { at = "2026-11-23 10:00 Europe/Berlin", user = "100" },
  { at = "2026-11-23 18:00 Europe/Berlin", user = "voicemail" },
  { at = "2026-12-25 10:00 Europe/Berlin", user = "voicemail" },
}, function(case)
  local net = pbx:network { at = case.at }
  net:phone { "sip:100@192.0.2.11" }
  net:phone { "sip:voicemail@192.0.2.40" }
  t.eq(dial(net):order(), { case.user })
end)
