-- Calls follow people: the desk first, then the desk and the mobile, then what each has as the last resort.
-- At night the desk is left out.
local plan = require "plan"
local schedule = require "schedule"
local route = {}

local office = schedule.new { zone = "Europe/Amsterdam", open = { "Mon-Fri 08:00-18:00" } }

local people = {
  ["100"] = { desk = "sip:100@192.0.2.11", mobile = "sip:mobile100@192.0.2.31" },
  ["101"] = { desk = "sip:101@192.0.2.12", mobile = "sip:mobile101@192.0.2.32" },
}

local voicemail = plan.to("sip:voicemail@192.0.2.40", { name = "voicemail" })

-- The mobile while the office is open, with the desk beside it.
local function both(who)
  return plan.parallel { plan.to(who.desk), plan.to(who.mobile), ring = 20 }
end

function route.invite(call)
  local who = people[call.ruri.user]
  if not who then return nil end -- 404
  if not office:is_open(call.time) then return plan.serial { plan.to(who.mobile, { ring = 25 }), voicemail } end
  return plan.serial {
    plan.to(who.desk, { ring = 10, on = { busy = plan.to(who.mobile, { ring = 20 }) } }),
    both(who),
    voicemail,
  }
end

return route
