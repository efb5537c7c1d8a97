-- A person's numbers, each with its hours, and the order in which they ring. `follow_me.new { … }` makes a function that may stand wherever a plan may:
--   { "sip:100@192.0.2.11", ring = 20 }                     an entry: a target and options of plan.to
--   { "sip:mobile@192.0.2.31", when = office, share = 70 }  when: a schedule, outside of which the entry is left out; share: its part for order "percent"
--   order      "sequential" (the default), "simultaneous", "random" (shuffled for every call) or "percent" (drawn by share, the others after it)
--   ring       how long an entry rings that does not say so itself, 20 s unless told otherwise
--   own        an entry that rings first, alone; when it fails the call is diverted to the others
--   otherwise  the plan for a call that no entry has hours for; without it 480, or what own has said
local log = require "log"
local plan = require "plan"
local follow_me = {}

local ours = { when = true, share = true }

-- What plan.to takes of an entry.
local function options(entry, ring)
  local o = { ring = ring }
  for key, value in pairs(entry) do
    if type(key) == "string" and not ours[key] then o[key] = value end
  end
  return o
end

-- The entries whose hours have come: others are left out before anything is dialled.
local function open(entries, time)
  local all = {}
  for _, e in ipairs(entries) do
    if not e.when or e.when:is_open(time) then all[#all + 1] = e end
  end
  return all
end

-- Takes one out of a list by weight; 0 for all is any of them.
local function draw(entries)
  local sum = 0
  for _, e in ipairs(entries) do
    sum = sum + (e.share or 0)
  end
  if sum <= 0 then return table.remove(entries, math.random(#entries)) end
  local at = math.random() * sum
  for i, e in ipairs(entries) do
    at = at - (e.share or 0)
    if at < 0 then return table.remove(entries, i) end
  end
  return table.remove(entries)
end

local function shuffled(entries)
  local all = {}
  while #entries > 0 do
    all[#all + 1] = table.remove(entries, math.random(#entries))
  end
  return all
end

local function drawn(entries)
  local all = {}
  while #entries > 0 do
    all[#all + 1] = draw(entries)
  end
  return all
end

local function as_is(entries) return entries end

local orders = { sequential = as_is, simultaneous = as_is, random = shuffled, percent = drawn }

-- The own number may be among those that ring together; then it is not to ring before them too.
local function warn(o)
  for _, e in ipairs(o.order == "simultaneous" and o.own and o or {}) do
    if e[1] == o.own[1] then
      log.warn("follow_me: " .. tostring(e[1]) .. " rings alone first and again with the others; leave out own")
    end
  end
end

local function checked(o)
  if not orders[o.order or "sequential"] then
    error('follow_me.new: order is "sequential", "simultaneous", "random" or "percent", got ' .. tostring(o.order), 3)
  end
  if o.own ~= nil and (type(o.own) ~= "table" or not o.own[1]) then
    error('follow_me.new: own must be a table with a target, { "sip:100@192.0.2.11", ring = 20 }', 3)
  end
  for i, e in ipairs(o) do
    if type(e) ~= "table" or not e[1] then error("follow_me.new: entry " .. i .. ' must be a table with a target, { "sip:100@192.0.2.11", ring = 20 }', 3) end
    if e.when and type(e.when) ~= "userdata" then error("follow_me.new: when of entry " .. i .. " must be a schedule; make it with schedule.new", 3) end
  end
end

function follow_me.new(o)
  checked(o)
  warn(o)
  local order = o.order or "sequential"
  local own = o.own and plan.to(o.own[1], options(o.own, o.ring or 20))
  local function others(call)
    local steps = {}
    for i, e in ipairs(orders[order](open(o, call.time))) do
      steps[i] = plan.to(e[1], options(e, o.ring or 20))
    end
    if #steps == 0 then return o.otherwise or not own and plan.reject(480) or nil end
    if order == "simultaneous" then return plan.parallel(steps) end
    return plan.serial(steps)
  end
  return own and function() return plan.serial { own, plan.divert(others) } end or others
end

return follow_me
