-- Users of Lync: who rings, for how long, and what the caller is told when nobody answers.
local log = require "log"
local plan = require "plan"
local team = require "team"
local route = {}

local MAX_RING = 60 -- the most that a user can set

local UM = "sip:um@192.0.2.40:5061" -- the watcher, which hands calls on to its workers

local users = {
  ev = { clients = { "sip:ev@192.0.2.11", "sip:ev@192.0.2.12" }, ring = 20 }, -- enterprise voice
  pc = { clients = { "sip:pc@192.0.2.13" }, ring = 180, pc_only = true }, -- always 180 s
  um = { clients = { "sip:um1@192.0.2.14" }, ring = 90, um = true }, -- more than may be
  owner = { clients = { "sip:owner@192.0.2.15" }, ring = 60, um = true, team = { delay = 50, "sip:member@192.0.2.16" } },
  boss = { clients = { "sip:boss@192.0.2.17" }, ring = 20, delegate = "sip:member@192.0.2.16" },
  roaming = { ring = 20 }, -- wherever its clients are registered
  leaving = { forward = "sip:owner@192.0.2.15" },
}

local diagnostics = {
  cancelled = [[5025;reason="Cancel sent by application für INVITE client transaction.";AppUri="http%3A%2F%2Fwww.microsoft.com%2FLCS%2FDefaultRouting"]],
  too_long = [[52051; reason="Callee timeout on no response from caller"]],
  given_up = [[5002;reason="Request was cancelled"]],
  offline = [[13014;reason="The routing rules did not result in a final response and callee is not enabled für Unified Messaging"]],
}

-- What ends a call that no client has taken, by how the clients failed.
local function unanswered(user)
  if user.um then return plan.redirect { UM } end
  if user.pc_only then return plan.reject(487, nil, { ["ms-diagnostics"] = diagnostics.too_long }) end
  return plan.reject(480, nil, { ["ms-diagnostics-public"] = diagnostics.cancelled })
end

local function offline(user)
  if user.um then return plan.redirect { UM } end
  return plan.reject(480, "Temporarily unavailable", { ["ms-diagnostics"] = diagnostics.offline })
end

local function clients(user, name)
  local steps, why = {}, { ["ms-diagnostics-public"] = diagnostics.cancelled }
  for i, uri in ipairs(user.clients or { "user:" .. name }) do
    steps[i] = plan.to(uri, { to = "keep", cancel_headers = why })
  end
  return plan.parallel(steps)
end

-- The clients, and the team or the delegate, who are told by History-Info whose call it is.
local function ring(user, name, uri)
  local members = user.team or { user.delegate and team.retarget(uri, user.delegate, "delegation") }
  local options = {
    ring = user.pc_only and user.ring or math.min(user.ring, MAX_RING),
    on = { no_answer = unanswered(user), timeout = unanswered(user), offline = offline(user) },
  }
  if user.team then
    options.owner, options.own, options.members, options.delay = uri, clients(user, name), members, members.delay
    return team.new(options)
  end
  return plan.parallel { ring = options.ring, on = options.on, clients(user, name), unpack(members) }
end

function route.invite(call)
  local name = call.ruri.user
  local user, uri = users[name], ("sip:%s@%s"):format(name or "", call.ruri.host)
  if name == "voicemail" then return plan.to(UM, { redirect = "follow" }) end
  if not user then return nil end -- 404
  if user.forward then return plan.serial { team.retarget(uri, user.forward, "forwarding") } end
  return ring(user, name, uri)
end

-- What a record of missed calls would be written from: one for the call, and none where it was somebody else's.
function route.ended(call)
  if not call.vars.answered and not call.secondary then log.info("missed", { user = call.to.user }) end
end

function route.cancelled() return plan.reject(487, nil, { ["ms-diagnostics"] = diagnostics.given_up }) end

function route.answered(call) call.vars.answered = true end

return route
