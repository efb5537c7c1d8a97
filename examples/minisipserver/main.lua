-- Local users with forwards, an external line, and a call flow.
local flow = require "flow"
local number = require "number"
local plan = require "plan"
local route = {}

local SITE = "81" -- the other sites reach our users with it, over the trunk
local LINE = "ims.bj.chinamobile.com" -- the operator's domain, behind the proxy at 192.0.2.30

local users = {
  userb = { "sip:userb@192.0.2.11", busy = "userc" },
  userc = { "sip:userc@192.0.2.12", busy = "userd" },
  userd = { "sip:userd@192.0.2.13" },
  ["100"] = { "sip:100@192.0.2.14" },
}

local attendant = flow.new {
  start = "callto100",
  callto100 = { "sip:100@192.0.2.14", ring = 15, monitor = { busy = "callto101" } },
  callto101 = { "sip:101@192.0.2.15", ring = 15 },
}

-- The way to a user: who is busy forwards, and the caller is told of each step.
local function reach(name)
  local user = users[name]
  local on = user.busy and { busy = plan.divert(reach(user.busy), { send_181 = true, dialect = "minisipserver" }) }
  return plan.to(user[1], { ring = 20, on = on })
end

local ways = {}
for name in pairs(users) do
  ways[name] = reach(name)
end

-- An external line takes SIP addresses of telephone numbers, and no reliable provisionals: it would answer PRACK with 405.
local function line(n)
  return plan.to("sip:" .. n .. "@192.0.2.30", { params = { user = "phone" }, to = "sip:" .. n .. "@" .. LINE .. ";user=phone", prack = "off" })
end

-- Another server of ours is a trunk: numbers go as they are.
local function trunk(n) return plan.to("sip:" .. n .. "@192.0.2.31", { prack = "supported" }) end

function route.invite(call)
  local to = call.ruri.user or ""
  if call.ruri.scheme == "tel" then return line((number.to_sip(tostring(call.ruri), LINE):match "^sip:([^@]+)")) end
  to = to:match("^" .. SITE .. "(.+)") or to
  if ways[to] then return ways[to] end
  if to == "600" then return attendant end
  if to:match "^8" then return trunk(to) end
  if to:match "^%+" then return line(to) end
  return nil -- 404
end

-- A phone that answers 302 forwards.
function route.redirected(call, branch)
  local contact = branch.contacts[1]
  return contact and plan.divert(contact.uri, { send_181 = true, dialect = "minisipserver" })
end

return route
