-- The upper tier: it has no phones, and knows which site a number belongs to.
local plan = require "plan"
local route = {}

local sites = { ["81"] = "192.0.2.1", ["82"] = "192.0.2.32" }

function route.invite(call)
  local site = sites[call.ruri.user:sub(1, 2)]
  return site and plan.to("sip:" .. call.ruri.user .. "@" .. site)
end

return route
