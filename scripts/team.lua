-- Team calls: the colleagues of a person ring with the person's own phones, at once or after a while, and their phones are told whose call it is.
local history = require "history"
local plan = require "plan"
local team = {}

-- The headers of an INVITE to target that comes to it on behalf of owner, why being the ms-retarget-reason: History-Info and Referred-By.
function team.headers(call, owner, target, why)
  why = why or "team-call"
  local list = history.forward(call.history, call.ruri, target, "mp")
  list[#list - 1] = list[#list - 1]:with { retarget = why }
  return { ["History-Info"] = history.value(list), ["Referred-By"] = why == "team-call" and "<" .. owner .. ">" or nil }
end

-- A step that calls target for owner; To stays who was called. why is the ms-retarget-reason: "team-call" (the default), "delegation" or "forwarding".
function team.retarget(owner, target, why, options)
  local all = { to = "keep" }
  for name, v in pairs(options or {}) do
    all[name] = v
  end
  return function(call)
    local with = {}
    for name, v in pairs(all) do
      with[name] = v
    end
    with.headers = team.headers(call, owner, target, why or "team-call")
    return plan.to(target, with)
  end
end

-- A group: own rings, and after delay the members too; the first answer wins.
--   owner    the SIP URI of the person
--   own      the phones of the person: a plan
--   members  the SIP URIs of the team
--   delay    when the team rings: 0 s
--   ring     how long all of it rings
--   name, on the options of the group
function team.new(options)
  local members = { delay = options.delay or 0, name = "team" }
  for i, target in ipairs(options.members) do
    members[i] = team.retarget(options.owner, target, "team-call")
  end
  if #members == 0 then error("team.new: a team needs members", 2) end
  return plan.parallel { options.own, plan.parallel(members), ring = options.ring, name = options.name, on = options.on, hold = options.hold }
end

return team
