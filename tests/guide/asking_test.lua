local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to, headers)
  local call = net:call { from = "sip:alice@example.net", to = to or "sip:100@pbx.example", headers = headers }
  net:run()
  return call
end

t.table("without the directory reception answers", {
  { err = "connection refused" },
  { status = 500 },
  { body = "nonsense" },
  { body = "{}" },
  { after = 3 },
}, function(answer)
  t.stub("http", { ["http://192.0.2.5/numbers"] = answer })
  local net = pbx:network {}
  local reception = net:phone { "sip:reception@192.0.2.20" }
  t.eq(dial(net):answered_by(), reception)
end)
t.test("with it the phone that it names", function()
  t.stub("http", { ["http://192.0.2.5/numbers"] = { body = '{"uri":"sip:anna@192.0.2.11"}' } })
  local net = pbx:network {}
  local anna = net:phone { "sip:anna@192.0.2.11" }
  t.eq(dial(net):answered_by(), anna)
end)
