-- Teams, one dialled user for each; tests beside the library call them.
local plan = require "plan"
local team = require "team"
local route = {}

local owner, own = "sip:anna@pbx.example", plan.to "sip:own@192.0.2.21"
local members = { "sip:left@192.0.2.22", "sip:right@192.0.2.23" }
local plans = {
  anna = team.new { owner = owner, own = own, members = members, delay = 50, ring = 60 },
  now = team.new { owner = owner, own = own, members = members, ring = 20 },
  hold = team.new { owner = owner, own = own, members = members, delay = 5, ring = 20, hold = true },
  boss = team.retarget("sip:boss@pbx.example", "sip:left@192.0.2.22", "delegation", { ring = 7 }),
}

function route.invite(call)
  return plan.serial { plans[call.ruri.user] }
end

return route
