local t = require "test"
local lcr = require "lcr"
local pbx = t.script "testdata/lcr/main.lua"

-- Offers a number to gateways that answer so. alpha gets the number as it is, beta with 00, gamma with a plus.
local function offered(number, alpha, beta, gamma)
  local net = pbx:network {}
  local gateways = { net:phone { "sip:192.0.2.31", answers = alpha }, net:phone { "sip:192.0.2.32", answers = beta }, net:phone { "sip:192.0.2.33", answers = gamma or t.after(1) } }
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. number .. "@pbx.example" }
  net:run()
  return call, gateways
end

local fails, takes, busy = t.status(503), t.after(1), t.status(486)

t.table("the cheapest by the longest prefix of each table is asked first", {
  { name = "alpha", number = "493012", want = { "493012", "+493012", "00493012" } },
  { name = "beta", number = "498912", want = { "00498912", "498912", "+498912" } },
  { name = "with a plus that the tables do not have", number = "+498912", want = { "00498912", "+498912", "+498912" } },
  { name = "equal rates: as they stand", number = "4420", want = { "4420", "+4420", "004420" } },
}, function(c)
  t.eq(offered(c.number, fails, fails, fails):order(), c.want)
end)

t.test("a carrier that takes the call is the last", function()
  local call = offered("498912", takes, fails)
  t.eq(call:order(), { "00498912", "498912" })
  t.ok(call:answered_by())
end)

t.test("each carrier gets the number as it wants it", function()
  local _, gateways = offered("498912", fails, fails)
  t.eq(gateways[1]:received("INVITE"):uri(), "sip:498912@192.0.2.31")
  t.eq(gateways[2]:received("INVITE"):uri(), "sip:00498912@192.0.2.32")
end)

t.test("who is busy is so by every way", function()
  local call = offered("493012", busy, takes)
  t.eq(call:order(), { "493012" })
  t.eq(call:final(), 486)
end)

t.test("no carrier has the number, or none that is cheap enough", function()
  t.eq(offered("3912", takes, takes):final(), 404)
  t.eq(offered("8812", takes, takes):final(), 404)
end)

t.test("a rate that is no number is told, and the carrier left out", function()
  t.eq(offered("12", takes, takes):final(), 404)
end)

t.test("mistakes are told when the script loads", function()
  t.raises(function() lcr.new {} end, "there are no carriers")
  t.raises(function() lcr.new { { "gw1.example" } } end, "carrier 1 must be a table with a host and rates")
end)
