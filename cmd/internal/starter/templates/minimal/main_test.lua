local t = require "test"
local pbx = t.script "main.lua"

t.test("the desk phone answers", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11", answers = t.after(3) }
  net:phone { "sip:reception@192.0.2.12" }
  local call = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example" }
  net:run()

  t.eq(call:order(), { "100" })
  t.eq(call:answered_by(), desk)
end)

t.test("nobody at the desk: after 20 s the reception rings", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11", answers = t.never() }
  local reception = net:phone { "sip:reception@192.0.2.12" }
  local call = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example" }
  net:run()

  t.at(call, 20):received(desk, "CANCEL")
  t.at(call, 20):received(reception, "INVITE")
  t.eq(call:answered_by(), reception)
end)

t.test("other numbers are unknown", function()
  local net = pbx:network {}
  local call = net:call { from = "sip:alice@example.net", to = "sip:999@pbx.example" }
  net:run()

  t.eq(call:final(), 404)
end)
