-- Calls that nobody takes go to a voice mailbox, which learns from Diversion (RFC 5806) whose box it is and why it is called.
-- Calls that were diverted before they came keep what they bring; past MAX diversions they are refused, since they may loop.
local plan = require "plan"
local route = {}

local MAX = 5
local desks = { ["100"] = "sip:100@192.0.2.11", ["101"] = "sip:101@192.0.2.12" }

-- The reason of RFC 5806 for each way in which a desk fails.
local reasons = { busy = "user-busy", no_answer = "no-answer", timeout = "no-answer", offline = "unavailable", rejected = "deflection" }

local function diverted(user, reason)
  return ("<sip:%s@pbx.example>;reason=%s"):format(user, reason)
end

local function voicemail(call, user, reason)
  local all = { diverted(user, reason) } -- the newest first
  for _, earlier in ipairs(call.headers["Diversion"]) do
    all[#all + 1] = earlier
  end
  return plan.to("sip:voicemail@192.0.2.40", { headers = { Diversion = table.concat(all, ", ") } })
end

-- Each way to fail leads to the mailbox with its reason.
local function edges(user)
  local on = {}
  for outcome, reason in pairs(reasons) do
    on[outcome] = function(call) return voicemail(call, user, reason) end
  end
  return on
end

function route.invite(call)
  local user = call.ruri.user
  local desk = desks[user]
  if not desk then return nil end -- 404
  if #call.headers["Diversion"] >= MAX then return plan.reject(482) end
  return plan.to(desk, { ring = 20, on = edges(user) })
end

return route
