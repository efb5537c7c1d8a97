-- Another site: its own phones, and the trunk to all others.
local plan = require "plan"
local route = {}

local SITE = "82"
local users = { ["100"] = "sip:100@192.0.2.41" }

function route.invite(call)
  local to = call.ruri.user:match("^" .. SITE .. "(.+)") or call.ruri.user
  if users[to] then return plan.to(users[to], { ring = 20 }) end
  if to:match "^8" then return plan.to("sip:" .. to .. "@192.0.2.31") end
  return nil -- 404
end

return route
