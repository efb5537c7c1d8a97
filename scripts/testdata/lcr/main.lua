-- Two rate tables, one route.
local lcr = require "lcr"
local lookup = require "lookup"

local function digits(n) return (n:gsub("^%+", "")) end

local out = lcr.new {
  { "192.0.2.31", name = "alpha", rates = lookup.csv("alpha.csv", { key = "prefix" }) },
  { "192.0.2.32", name = "beta", rates = lookup.csv("beta.csv", { key = "code", separator = ";" }), rate = "price", format = function(n) return "00" .. digits(n) end },
  { "192.0.2.33", name = "gamma", rates = lookup.csv("alpha.csv", { key = "prefix" }), format = function(n) return "+" .. digits(n) end },
  refuse = 2,
}

local route = {}

function route.invite(call) return out(call.ruri.user) end

return route
