-- Calls out of the house by two carriers: what people dial becomes E.164, each carrier gets the form that it wants, and when the
-- first one fails the second one is asked. What carriers say about the callee (busy, no answer) is final.
local number = require "number"
local plan = require "plan"
local route = {}

local site = number.plan { country = "49", area = "30", internal = { 3 }, outside = "0" }

local function phone(to) return plan.to("sip:" .. to .. "@192.0.2.11", { ring = 30 }) end

-- Digits without the plus, and no reliable provisionals.
local function second(to)
  return plan.to("sip:" .. site:format(to, "digits") .. "@192.0.2.52", { name = "second", prack = "off" })
end

-- The first carrier gets the number with a plus, and the caller's number as it has to see it.
-- Carriers that are down, full or silent are passed by; a callee that is busy is busy by the other carrier too.
local function outside(to)
  local other = second(to)
  return plan.to("sip:" .. to .. "@192.0.2.51", {
    name = "first",
    params = { user = "phone" },
    clip = "sip:+4930987600@pbx.example",
    on = { failed = other, timeout = other, offline = other },
  })
end

function route.invite(call)
  local to, kind = site:dialled(call.ruri.user)
  if kind == "internal" then return phone(to) end
  if kind == "emergency" then return plan.to("sip:" .. to .. "@192.0.2.51") end
  if kind == "external" then return outside(to) end
  return plan.reject(484)
end

return route
