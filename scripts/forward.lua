-- Call forwarding of a line, as switches have it. `forward.new { "sip:100@192.0.2.11", … }` makes a function that may stand wherever a plan may. The line is
-- a target with options of plan.to; besides:
--   always      who gets every call: the line does not ring
--   busy        who gets calls while the line is busy, or that its user rejects
--   no_answer   who gets calls that nobody answers within ring seconds (20 unless told otherwise)
--   offline     who gets calls while the line cannot be reached; no_answer does where it is left out
--   dnd         do not disturb: true, or a function of the call; then the line does not ring and calls go as if it were busy, or are answered 486
-- Who gets a call is a target, a plan, or another such function: a mailbox may stand behind a forward. Each forward is a diversion with its reason, and a call
-- that goes in a circle is not sent.
local plan = require "plan"
local forward = {}

local ours = { always = true, busy = true, no_answer = true, offline = true, dnd = true }

local function diverted(to, reason) return to and plan.divert(to, { reason = reason }) end

function forward.new(o)
  if not o[1] then error('forward.new: the first item must be the line, { "sip:100@192.0.2.11", busy = "sip:101@192.0.2.12" }', 2) end
  local options = { ring = 20 }
  for key, value in pairs(o) do
    if type(key) == "string" and not ours[key] then options[key] = value end
  end
  local busy, no_answer, offline = diverted(o.busy), diverted(o.no_answer), diverted(o.offline or o.no_answer)
  options.on = { busy = busy, rejected = busy, no_answer = no_answer, timeout = offline, offline = offline, failed = offline }
  local line, always, disturbed = plan.to(o[1], options), diverted(o.always, "unconditional"), diverted(o.busy, "user-busy") or plan.reject(486)
  return function(call)
    if always then return always end
    local dnd = o.dnd
    if type(dnd) == "function" then dnd = dnd(call) end
    return dnd and disturbed or line
  end
end

return forward
