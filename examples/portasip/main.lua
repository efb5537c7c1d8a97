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

local function to_sip(uri)
  local host = uri:match "@([^:;]+)"
  return permitted[host] and plan.divert(uri) or plan.reject(403, "SIP proxy not permitted")
end

local accounts = {
  ["12027810001"] = { simple = outside "420222" },
  ["12027810002"] = {
    phone = "sip:12027810002@192.0.2.11",
    follow = follow_me.new { { outside "1home", ring = 30, when = day }, { outside "1mobile", ring = 15 } },
  },
  ["12027810003"] = { follow = follow_me.new { { "sip:12027810003@192.0.2.11" }, { outside "1mobile" }, order = "simultaneous" } },
  ["12027810004"] = { sip = "sip:me@192.0.2.50" },
  ["12027810005"] = { sip = "sip:me@192.0.2.66" },
  ["18007778881"] = { registered = "sip:12061234567@192.0.2.12", display = "Sales hotline" },
  ["12027810006"] = { group = { "sip:a@192.0.2.13", "sip:b@192.0.2.14", "sip:c@192.0.2.15" } },
  ["12027810007"] = { phone = "sip:12027810007@192.0.2.11", mailbox = true },
}

local function ring_group(members)
  local steps = {}
  for i, uri in ipairs(members) do
    steps[i] = plan.to(uri)
  end
  steps.ring = 20
  return plan.parallel(steps)
end

function route.invite(call)
  local account = accounts[(nanp(call.ruri.user))]
  if not account then return nil end -- 404
  if account.simple then return plan.divert(account.simple, { reason = "unconditional" }) end
  if account.sip then return to_sip(account.sip) end
  if account.group then return ring_group(account.group) end
  -- The number that was called stays in To, and its name is what the phone shows.
  if account.registered then return plan.to(account.registered, { to = "keep", display = account.display }) end
  if account.mailbox then return plan.serial { plan.to(account.phone, { ring = DEFAULT_RING }), plan.divert(MAILBOX) } end
  if not account.phone then return account.follow(call) end
  return plan.serial { plan.to(account.phone, { ring = DEFAULT_RING }), plan.divert(account.follow) }
end

-- A phone that redirects by itself is not followed, but to trusted hosts.
function route.redirected(call, branch)
  for _, contact in ipairs(branch.contacts) do
    if not permitted[contact.uri:match "@([^:;]+)"] then
      call:log("redirection refused", { to = contact.uri })
      return nil
    end
  end
  return plan.follow()
end

return route
