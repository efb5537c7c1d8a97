local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

local function office(queue, overflow)
  local net = pbx:network {}
  net:phone { "sip:sales@192.0.2.30", answers = queue }
  net:phone { "sip:overflow@192.0.2.31", answers = overflow }
  net:phone { "sip:reception@192.0.2.20" }
  return net
end
local sales = { ["X-Queue"] = "Sales" }

t.test("busy goes to the overflow, once", function()
  t.eq(dial(office(t.status(486), t.after(1)), nil, sales):order(), { "sales", "overflow" })
  local call = dial(office(t.status(486), t.status(486)), nil, sales)
  t.eq(call:final(), 480)
  t.eq(call:received(480):header("Retry-After"), "600")
end)
t.test("no answer is a 480 with words of its own", function() t.eq(dial(office(t.never()), nil, sales):final(), 480) end)
t.test("without the header reception answers", function()
  local net = office(t.never())
  t.eq(dial(net):order(), { "reception" })
  t.match(net:errors()[1], "main.lua:8: .*queue")
end)
