-- A small office. Phones register with the passwords of tandem.toml; calls follow people from the desk to the mobile to the
-- answering machine; who has identified himself may call out.
local log = require "log"
local plan = require "plan"
local route = {}

-- Who sits here, by extension, and the user that his mobile registers as.
local people = {
  ["100"] = { mobile = "100m" },
  ["101"] = { mobile = "101m" },
  ["102"] = {},
}

local function follow_me(extension, who)
  local steps = { plan.to("user:" .. extension, { ring = 15 }) }
  if who.mobile then steps[#steps + 1] = plan.to("user:" .. who.mobile, { ring = 15 }) end
  steps[#steps + 1] = plan.divert "user:voicemail"
  return plan.serial(steps)
end

function route.invite(call)
  local dialled = call.ruri.user or ""
  local who = people[dialled]
  if who then return follow_me(dialled, who) end
  if not dialled:match "^0%d+$" then return nil end -- 404
  if not call.source.user then return plan.reject(403, "Not from outside") end
  return plan.to("sip:" .. dialled .. "@192.0.2.50", { name = "trunk" })
end

-- A mobile goes away without a word: it says every five minutes that it is there.
function route.register(req)
  if req.user:match "m$" then return plan.accept { expires = 300 } end
end

function route.exhausted(call)
  log.warn("nobody took the call, not even the answering machine", { to = call.to.user })
end

return route
