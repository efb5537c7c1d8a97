-- Plans of the library, one dialled user for each; tests beside the library call them.
local flow = require "flow"
local forward = require "forward"
local follow_me = require "follow_me"
local hunt = require "hunt"
local plan = require "plan"
local schedule = require "schedule"
local sequence = require "sequence"
local route = {}

local A, B, C, BOX = "sip:a@192.0.2.11", "sip:b@192.0.2.12", "sip:c@192.0.2.13", "sip:box@192.0.2.14"
local day = schedule.new { zone = "UTC", open = { "daily 08:00-21:00" } }
local extension = { { A }, { B, mode = "delayed", expires = 15, internal = true }, { C, mode = "delayed", expires = 10 }, mailbox = BOX }

local function with(options)
  local all = {}
  for key, value in pairs(extension) do
    all[key] = value
  end
  for key, value in pairs(options) do
    all[key] = value
  end
  return sequence.new(all)
end

local does = {
  sequential = follow_me.new { { A, ring = 30 }, { B }, { C, when = day }, ring = 5 },
  simultaneous = follow_me.new { { A, delay = 2 }, { B }, order = "simultaneous" },
  random = follow_me.new { { A, ring = 1 }, { B, ring = 1 }, { C, ring = 1 }, order = "random" },
  percent = follow_me.new { { A, ring = 1, share = 100 }, { B, ring = 1, share = 0 }, order = "percent" },
  closed = follow_me.new { { A, when = day } },
  otherwise = follow_me.new { { A, when = day }, otherwise = plan.to(BOX) },
  own = follow_me.new { { B, when = day }, own = { A, ring = 7 } },
  twice = follow_me.new { { A }, { B }, own = { A }, order = "simultaneous" },
  share = follow_me.new { { A, share = 80 }, { B, share = 20 }, order = "percent" },
  linear = hunt.new { A, { B, ring = 3 }, C, ring = 2 },
  circular = hunt.new { A, B, C, ring = 1, strategy = "circular" },
  idle = hunt.new { A, B, C, ring = 1, strategy = "longest-idle" },
  fewest = hunt.new { A, B, C, ring = 1, strategy = "fewest-calls" },
  shuffle = hunt.new { A, B, C, ring = 1, strategy = "random" },
  weighted = hunt.new { { A, weight = 1 }, { B, weight = 1000000 }, ring = 1, strategy = "weighted" },
  sequence = with {},
  any = with { policy = "any", by = "100" },
  barred = with { may_mailbox = function() return false end },
  crowd = sequence.new { { A }, { B }, { C }, max_parallel = 2 },
  denied = sequence.new { { A, allowed = function() return false end }, { B } },
  timed = sequence.new { { A, valid = "21C:4EC" }, { B, valid = "nonsense" }, { C } },
  beside = sequence.new { { A }, { B, mode = "delayed", valid = "nonsense" }, { C } },
  forward = forward.new { A, ring = 8, busy = B, no_answer = C, offline = "sip:d@192.0.2.15" },
  always = forward.new { A, always = B },
  dnd = forward.new { A, busy = B, dnd = function() return true end },
  quiet = forward.new { A, dnd = true },
  simple = forward.new { A, no_answer = B },
  chain = forward.new { A, busy = forward.new { B, ring = 5, no_answer = BOX } },
  flow = flow.new {
    start = "desk",
    desk = { A, ring = 5, monitor = { busy = "front", ["no-answer"] = "box" } },
    front = { B, ring = 5 },
    box = { BOX, divert = true },
  },
}

function route.invite(call) return does[call.ruri.user](call) end

-- A flow is a plan, the others are functions.
local made = does.flow
does.flow = function() return made end

return route
