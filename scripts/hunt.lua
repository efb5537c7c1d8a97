-- Hunt groups. `hunt.new { "sip:201@…", { "sip:202@…", weight = 3 }, strategy = "linear", ring = 10 }` makes a function that may stand wherever a plan may:
-- members ring one after the other, each for ring seconds (10 unless told otherwise), in the order of the strategy:
--   "linear"        as they stand
--   "circular"      as they stand, from the one after whom the last call began with; after the last comes the first
--   "longest-idle"  those in a call last, else whose last call ended first; who has not had one comes before all others
--   "fewest-calls"  by how many calls they have answered
--   "random"        shuffled for every call
--   "weighted"      drawn for every call, the heavier the sooner
-- Calls are counted from the first load of the script on, on all shards and over reloads, until Tandem ends; those that came another way count too. Groups
-- of the same members, or the same name, take turns together. Members are targets, or tables with a target, weight and options of plan.to.
local activity = require "activity"
local plan = require "plan"
local hunt = {}

local function rotated(members, group)
  local all, first = {}, activity.turn(group)
  for i = 0, #members - 1 do
    all[#all + 1] = members[(first + i) % #members + 1]
  end
  return all
end

-- In the order of what they have done: before(a, b) compares that, and who stands first in the group goes first if it says neither.
local function by(before)
  return function(members)
    local all = {}
    for i, m in ipairs(members) do
      all[i] = { target = m.target, options = m.options, did = activity.of(m.target), at = i }
    end
    table.sort(all, function(a, b)
      if before(a.did, b.did) then return true end
      return not before(b.did, a.did) and a.at < b.at
    end)
    return all
  end
end

local function longer_idle(a, b)
  if (a.up > 0) ~= (b.up > 0) then return b.up > 0 end
  return a.ended < b.ended
end

local function fewer_calls(a, b) return a.taken < b.taken end

local function drawn(members)
  local left, all = {}, {}
  for i, m in ipairs(members) do
    left[i] = m
  end
  while #left > 0 do
    local sum = 0
    for _, m in ipairs(left) do
      sum = sum + m.weight
    end
    local at, i = math.random() * sum, 1
    while i < #left and at >= left[i].weight do
      at, i = at - left[i].weight, i + 1
    end
    all[#all + 1] = table.remove(left, i)
  end
  return all
end

local function equal(members)
  local all = {}
  for i, m in ipairs(members) do
    all[i] = { target = m.target, options = m.options, weight = 1 }
  end
  return drawn(all)
end

local strategies = {
  linear = function(members) return members end,
  circular = rotated,
  ["longest-idle"] = by(longer_idle),
  ["fewest-calls"] = by(fewer_calls),
  random = equal,
  weighted = drawn,
}

local function member(m, ring, i)
  if type(m) ~= "table" then m = { m } end
  local weight = m.weight or 1
  if not m[1] or type(weight) ~= "number" or weight <= 0 then
    error("hunt.new: member " .. i .. ' must be a target, or { "sip:201@192.0.2.11", weight = 2 } with a weight above 0', 3)
  end
  local options = { ring = ring }
  for key, value in pairs(m) do
    if type(key) == "string" and key ~= "weight" then options[key] = value end
  end
  return { target = m[1], weight = weight, options = options }
end

function hunt.new(o)
  local order = strategies[o.strategy or "linear"]
  if not order then
    error('hunt.new: strategy is "linear", "circular", "longest-idle", "fewest-calls", "random" or "weighted", got ' .. tostring(o.strategy), 2)
  end
  local members, names = {}, {}
  for i, m in ipairs(o) do
    members[i] = member(m, o.ring or 10, i)
    names[i] = tostring(members[i].target)
    activity.of(names[i]) -- its calls count from now on
  end
  if #members == 0 then error("hunt.new: the group has no members", 2) end
  local group = o.name or table.concat(names, " ")
  return function()
    local steps = {}
    for i, m in ipairs(order(members, group)) do
      steps[i] = plan.to(m.target, m.options)
    end
    return plan.serial(steps)
  end
end

return hunt
