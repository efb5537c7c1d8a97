-- Users of Lync: who rings, for how long, and what the caller is told when nobody answers.
local log = require "log"
local plan = require "plan"
local route = {}

local MAX_RING = 60 -- the most that a user can set

local UM = "sip:um@192.0.2.40:5061" -- the watcher, which hands calls on to its workers

local users = {
  ev = { clients = { "sip:ev@192.0.2.11", "sip:ev@192.0.2.12" }, ring = 20 }, -- enterprise voice
  pc = { clients = { "sip:pc@192.0.2.13" }, ring = 180 }, -- PC only: always 180 s
  um = { clients = { "sip:um1@192.0.2.14" }, ring = 90, um = true }, -- more than may be
  owner = { clients = { "sip:owner@192.0.2.15" }, ring = 60, team = { at = 50, "sip:member@192.0.2.16" } },
  leaving = { forward = "sip:owner@192.0.2.15" },
}

local function diagnosis(id, reason) return ('%d;reason="%s"'):format(id, reason) end

-- What ends a call that no client has taken, by how the clients failed.
local function unanswered(user)
  if user.um then return plan.redirect { UM } end
  if user.ring == 180 then
    return plan.reject(487, nil, { ["ms-diagnostics"] = diagnosis(52051, "Callee timeout on no response from caller") })
  end
  return plan.reject(480, nil, {
    ["ms-diagnostics-public"] = diagnosis(5025, "Cancel sent by application for INVITE client transaction.") .. ';AppUri="http%3A%2F%2Fwww.microsoft.com%2FLCS%2FDefaultRouting"',
  })
end

local function offline(user)
  if user.um then return plan.redirect { UM } end
  return plan.reject(480, "Temporarily unavailable", {
    ["ms-diagnostics"] = diagnosis(13014, "The routing rules did not result in a final response and callee is not enabled for Unified Messaging"),
  })
end

local function ring(user)
  local steps = {}
  for i, uri in ipairs(user.clients) do
    steps[i] = plan.to(uri, { to = "keep" })
  end
  for _, uri in ipairs(user.team or {}) do
    steps[#steps + 1] = plan.to(uri, { to = "keep", delay = user.team.at })
  end
  steps.ring = user.ring == 180 and 180 or math.min(user.ring, MAX_RING)
  steps.on = { no_answer = unanswered(user), timeout = unanswered(user), offline = offline(user) }
  return plan.parallel(steps)
end

function route.invite(call)
  local user = users[call.ruri.user]
  if not user then return nil end -- 404
  if user.forward then return plan.divert(plan.to(user.forward, { to = "keep" }), { reason = "unconditional" }) end
  return ring(user)
end

-- What a record of missed calls would be written from: one for the call, and none where it was somebody else's.
function route.ended(call)
  if not call.vars.answered and not call.secondary then log.info("missed", { user = call.to.user }) end
end

function route.answered(call) call.vars.answered = true end

return route
