local t = require "test"
local pbx = t.script "main.lua"

local function call_to_desk(answers, headers)
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = answers }
  local box = net:phone { "sip:voicemail@192.0.2.40", answers = t.after(0.5) }
  local call = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example", headers = headers }
  net:run()
  return call, box
end

t.table("why the mailbox is called", {
  { name = "busy", answers = t.status(486), reason = "user-busy" },
  { name = "nobody there", answers = t.never(), reason = "no-answer" },
  { name = "declined", answers = t.status(603), reason = "deflection" },
  { name = "gone", answers = t.status(480), reason = "unavailable" },
}, function(case)
  local call, box = call_to_desk(case.answers)
  t.eq(call:answered_by(), box)
  box:received("INVITE"):header("Diversion", "<sip:100@pbx.example>;reason=" .. case.reason)
end)

t.test("diversions that a call brings are kept, below the newest", function()
  local _, box = call_to_desk(t.status(486), { Diversion = "<sip:300@example.net>;reason=unconditional" })
  box:received("INVITE"):header("Diversion", "<sip:100@pbx.example>;reason=user-busy, <sip:300@example.net>;reason=unconditional")
end)

t.test("a call that was diverted too often is refused", function()
  local earlier = {}
  for i = 1, 5 do
    earlier[i] = "<sip:30" .. i .. "@example.net>;reason=unconditional"
  end
  local call, box = call_to_desk(t.after(1), { Diversion = earlier })
  t.eq(call:final(), 482)
  t.eq(box:received("INVITE"):count(), 0)
end)
