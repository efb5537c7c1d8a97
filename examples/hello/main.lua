local plan = require "plan"
local route = {}

function route.invite(call)
  return plan.serial {
    plan.to("sip:100@192.0.2.11", { ring = 20, on = { busy = plan.to "sip:101@192.0.2.12" } }),
    plan.parallel {
      plan.to "sip:200@192.0.2.13",
      plan.to("sip:201@192.0.2.14", { delay = 5 }),
      ring = 25,
    },
  }
end

return route
