-- Accounts forward: at once, when their phone is not reached, or to a SIP address.
local follow_me = require "follow_me"
local number = require "number"
local plan = require "plan"
local schedule = require "schedule"
local route = {}

local day = schedule.new { zone = "America/New_York", open = { "daily 08:00-21:00" } }
local nanp = number.translate { { [[^([2-9]\d{9})$]], "1$1" } } -- what the PSTN sends has ten digits

-- Hosts that calls may be forwarded and redirected to.
local permitted = { ["192.0.2.50"] = true }

local DEFAULT_RING = 20
local MAILBOX = "sip:mailbox@192.0.2.40"

-- A number outside, by the gateway.
local function outside(n) return "sip:" .. n .. "@192.0.2.30" end

local function host(uri) return uri:match "@([^:;>]+)" end

local own = "sip:12027810002@192.0.2.11"

-- simple: one number for all calls. follow: numbers by hours and order. sip: a SIP address. registered: the phone, which sees the number that was called.
-- group: a hunt group. phone_forwards: what the phone redirects to is called on its behalf, and what is configured does not count.
local accounts = {
  ["12027810001"] = { simple = outside "420222" },
  ["12027810002"] = { follow = follow_me.new { own = { own }, { outside "1home", ring = 30, when = day }, { outside "1mobile", ring = 15 } } },
  ["12027810003"] = { follow = follow_me.new { { "sip:12027810003@192.0.2.11" }, { outside "1mobile" }, order = "simultaneous" } },
  ["12027810008"] = { follow = follow_me.new { { outside "1home" }, { outside "1mobile" }, order = "random", ring = 5 } },
  ["12027810009"] = { follow = follow_me.new { { outside "1home", share = 70 }, { outside "1mobile", share = 30 }, order = "percent", ring = 5 } },
  ["12027810004"] = { sip = "sip:me@192.0.2.50" },
  ["12027810005"] = { sip = "sip:me@192.0.2.66" },
  ["18007778881"] = { registered = "sip:12061234567@192.0.2.12", display = "Sales hotline" },
  ["12027810006"] = { group = { "sip:a@192.0.2.13", "sip:b@192.0.2.14", "sip:c@192.0.2.15" } },
  ["12027810007"] = { phone = "sip:12027810007@192.0.2.11", mailbox = true },
  ["12027810010"] = { phone = "sip:12027810010@192.0.2.11", phone_forwards = true, follow = follow_me.new { { outside "1mobile" } } },
}

-- Who may call without a password, by address: the gateways of the PSTN.
local gateways = { ["192.0.2.200"] = true, ["192.0.2.30"] = true }

local function account_of(call) return accounts[(nanp(call.ruri.user or ""))] end

local function ring_group(members)
  local steps = {}
  for i, uri in ipairs(members) do
    steps[i] = plan.to(uri)
  end
  steps.ring = DEFAULT_RING
  return plan.parallel(steps)
end

function route.invite(call)
  local account = account_of(call)
  if not gateways[call.source.ip] then return plan.reject(403) end
  if not account then return nil end -- 404
  local phone = account.phone and plan.to(account.phone, { ring = DEFAULT_RING })
  if account.phone_forwards then return phone end
  if account.simple then return plan.divert(account.simple, { reason = "unconditional" }) end
  if account.sip then return permitted[host(account.sip)] and plan.divert(account.sip) or plan.reject(403, "SIP proxy not permitted") end
  if account.group then return ring_group(account.group) end
  -- The number that was called stays in To, and its name is what the phone shows.
  if account.registered then return plan.to(account.registered, { to = "keep", display = account.display }) end
  if account.mailbox then return plan.serial { phone, plan.divert(MAILBOX) } end
  return account.follow(call)
end

-- A phone that redirects by itself is not followed, but to trusted hosts, and for accounts that may: then it is the account that diverts the call.
function route.redirected(call, branch)
  local to = branch.contacts[1].uri
  if account_of(call).phone_forwards then return plan.divert(to, { by = branch.user, reason = "deflection" }) end
  if permitted[host(to)] then return plan.follow() end
  call:log("redirection refused", { to = to })
  return nil
end

return route
