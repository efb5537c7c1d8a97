-- Where calls go. `tandem test` tries this file in virtual time, `tandem run .` routes calls by it.
local plan = require "plan"
local route = {}

function route.invite(call)
  if call.ruri.user ~= "100" then return nil end -- 404
  return plan.serial {
    plan.to("sip:100@192.0.2.11", { ring = 20 }),
    plan.to "sip:reception@192.0.2.12",
  }
end

return route
