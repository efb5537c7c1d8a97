-- A team shares a number: two desks ring at once, the leader joins after 10 s, then the mailbox answers.
local plan = require "plan"
local route = {}

local voicemail = plan.to("sip:sales@192.0.2.40", { name = "voicemail" })

local sales = plan.parallel {
  plan.to("sip:201@192.0.2.21", { on = { busy = plan.to "sip:mobile201@192.0.2.31" } }),
  plan.to "sip:202@192.0.2.22",
  plan.to("sip:leader@192.0.2.23", { delay = 10 }),
  name = "sales",
  ring = 25,
}

local groups = {
  ["600"] = plan.serial { sales, voicemail },
}

function route.invite(call)
  return groups[call.ruri.user] -- none: 404
end

-- Nobody took the call, not even the mailbox.
function route.exhausted()
  return plan.reject(480, "Please call again later", { ["Retry-After"] = 600 })
end

return route
