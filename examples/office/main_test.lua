local t = require "test"
local pbx = t.script "main.lua"

local alice = "sip:alice@example.net"
local anna = "sip:100@office.example"

-- The phones of 100 and the answering machine, all registered unless `away` names them.
local function office(answers, away)
  local net = pbx:network {}
  away = away or {}
  return net,
    {
      desk = net:phone { "sip:100@192.0.2.11", answers = answers.desk or t.never(), registers = not away.desk },
      mobile = net:phone { "sip:100m@192.0.2.31", answers = answers.mobile or t.never(), registers = not away.mobile },
      voicemail = net:phone { "sip:voicemail@192.0.2.40", answers = t.after(0.5), registers = not away.voicemail },
    }
end

t.test("the desk answers", function()
  local net, p = office { desk = t.after(3) }
  local call = net:call { from = alice, to = anna }
  net:run()

  t.eq(call:order(), { "100" })
  t.eq(call:answered_by(), p.desk)
end)

t.test("after 15 s the mobile, after 15 more the answering machine", function()
  local net, p = office {}
  local call = net:call { from = alice, to = anna }
  net:run()

  t.at(call, 15):received(p.desk, "CANCEL")
  t.at(call, 15):received(p.mobile, "INVITE")
  t.at(call, 30):received(p.mobile, "CANCEL")
  t.eq(call:answered_by(), p.voicemail)
  t.match(p.voicemail:received("INVITE"):header "Diversion", "sip:100@")
end)

t.test("a phone that is unplugged costs no time", function()
  local net, p = office({ mobile = t.after(2) }, { desk = true })
  local call = net:call { from = alice, to = anna }
  net:run()

  t.eq(call:order(), { "100m" })
  t.at(call, 2):answered()
  t.eq(call:answered_by(), p.mobile)
end)

t.test("a phone that takes its contact back is not called", function()
  local net, p = office { mobile = t.after(2) }
  p.desk:unregister()
  local call = net:call { from = alice, to = anna }
  net:run()

  t.eq(call:order(), { "100m" })
end)

t.test("who has no mobile has the answering machine after the desk", function()
  local net, p = office {}
  net:phone { "sip:102@192.0.2.12", answers = t.status(486), registers = true }
  local call = net:call { from = "sip:100@office.example", to = "sip:102@office.example" }
  net:run()

  t.eq(call:order(), { "102", "voicemail" })
  t.eq(call:answered_by(), p.voicemail)
end)

t.test("nobody is there: 480", function()
  local net = pbx:network {}
  local call = net:call { from = alice, to = anna }
  net:run()

  t.eq(call:final(), 480)
end)

t.table("a mobile that is gone without a word is called for five minutes at most", {
  { name = "before", at = 280, order = { "100", "100m", "voicemail" } },
  { name = "after", at = 310, order = { "100", "voicemail" } },
}, function(case)
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = t.never(), registers = true }
  net:phone { "sip:voicemail@192.0.2.40", answers = t.after(0.5), registers = true }
  net:phone { "sip:100m@192.0.2.31", answers = t.silent(), registers = { expires = 3600, refresh = false } }
  local call = net:call { from = alice, to = anna, at = case.at }
  net:run()

  t.eq(call:order(), case.order)
end)

t.test("a wrong password calls nobody", function()
  local net, p = office { desk = t.after(1) }
  local call = net:call { from = "sip:101@office.example", to = anna, password = "guess" }
  net:run()

  t.eq(call:final(), 407)
  t.eq(p.desk:received("INVITE"):count(), 0)
end)

t.test("who is of the office calls out, others do not", function()
  local net = pbx:network {}
  local trunk = net:phone { "sip:trunk@192.0.2.50", answers = t.after(4) }
  local ours = net:call { from = "sip:101@office.example", to = "sip:0205551234@office.example" }
  local theirs = net:call { from = alice, to = "sip:0205551234@office.example" }
  net:run()

  t.eq(ours:answered_by(), trunk)
  t.eq(theirs:final(), 403)
end)

t.test("other numbers are unknown", function()
  local net = pbx:network {}
  local call = net:call { from = alice, to = "sip:999@office.example" }
  net:run()

  t.eq(call:final(), 404)
end)
