local log = require "log"
local plan = require "plan"
local route = {}

local sales = plan.parallel {
  plan.to("sip:201@192.0.2.21", { on = { busy = plan.to "sip:mobile201@192.0.2.31" } }),
  plan.to "sip:202@192.0.2.22",
  plan.to("sip:leader@192.0.2.23", { delay = 10 }),
  name = "sales",
  ring = 20,
  each = { ring = 15 },
}

local groups = {
  ["600"] = plan.serial {
    sales,
    plan.to("sip:sales@192.0.2.40", { name = "voicemail" }),
  },
}

function route.invite(call)
  return groups[call.ruri.user] -- none: 404
end

function route.exhausted(call)
  log.warn("nobody took the call, not even the voice mailbox", { from = call.from.user })
  return plan.reject(480, "Please call again later", { ["Retry-After"] = 600 })
end

return route
