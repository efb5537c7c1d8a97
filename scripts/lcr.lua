-- Least-cost routing. `lcr.new { … }` makes a function of a number, in the form that the rate tables have it in, with or without a plus; it returns a plan that asks the carriers
-- whose tables have a prefix of the number, the cheapest first, or nil when none has:
--   { "gw1.example", rates = lookup.csv("alpha.csv", { key = "prefix" }) }     a carrier: the host of its gateway, its rate table and options of plan.to
--   rate     the column that says what a call costs, "rate" unless told otherwise; carriers with a column of another name say so themselves
--   max      how many carriers are asked, all unless told otherwise
--   ring     how long the called party rings, over all carriers
--   refuse   a rate above which nobody is asked
-- and of a carrier: format, a function that writes the number as the carrier wants it.
-- Another carrier is asked when one fails. Somebody who is busy, does not answer or refuses the call does so by every way: then no other carrier is asked.
local log = require "log"
local plan = require "plan"
local lcr = {}

local ours = { rates = true, rate = true, format = true, name = true }

local function final(_, branch) return plan.reject(branch.code, branch.phrase) end

local function carrier(c, i, column)
  if type(c) ~= "table" or type(c[1]) ~= "string" or not c.rates then
    error("lcr.new: carrier " .. i .. ' must be a table with a host and rates, { "gw1.example", rates = lookup.csv("alpha.csv", { key = "prefix" }) }', 3)
  end
  local options = { on = { busy = final, no_answer = final, rejected = final }, name = c.name or c[1] }
  for key, value in pairs(c) do
    if type(key) == "string" and not ours[key] then options[key] = value end
  end
  return { host = c[1], rates = c.rates, rate = c.rate or column, format = c.format, options = options, at = i }
end

-- What a call costs by a carrier, nil if it does not say. Most tables have E.164 numbers without the plus.
local function cost(c, number)
  local row = c.rates:prefix(number) or c.rates:prefix((number:gsub("^%+", "")))
  local rate = row and tonumber(row[c.rate])
  if row and not rate then log.warn("lcr: " .. c.host .. " has no rate for " .. number .. ", but " .. tostring(row[c.rate])) end
  return rate
end

local function cheaper(a, b)
  if a.rate ~= b.rate then return a.rate < b.rate end
  return a.carrier.at < b.carrier.at
end

function lcr.new(o)
  local carriers = {}
  for i, c in ipairs(o) do
    carriers[i] = carrier(c, i, o.rate or "rate")
  end
  if #carriers == 0 then error("lcr.new: there are no carriers", 2) end
  return function(number)
    local offers = {}
    for _, c in ipairs(carriers) do
      local rate = cost(c, number)
      if rate and rate <= (o.refuse or math.huge) then offers[#offers + 1] = { carrier = c, rate = rate } end
    end
    if #offers == 0 then return nil end
    table.sort(offers, cheaper)
    local steps = { ring = o.ring }
    for i = 1, math.min(#offers, o.max or #offers) do
      local c = offers[i].carrier
      steps[i] = plan.to("sip:" .. (c.format and c.format(number) or number) .. "@" .. c.host, c.options)
    end
    return plan.serial(steps)
  end
end

return lcr
