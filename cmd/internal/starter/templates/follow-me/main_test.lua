local t = require "test"
local pbx = t.script "main.lua"

local function phones(net, answers)
  return {
    desk = net:phone { "sip:100@192.0.2.11", answers = answers.desk or t.never() },
    mobile = net:phone { "sip:mobile100@192.0.2.31", answers = answers.mobile or t.never() },
    voicemail = net:phone { "sip:voicemail@192.0.2.40", answers = t.after(0.5) },
  }
end

local alice = { from = "sip:alice@example.net", to = "sip:100@pbx.example" }

t.test("the desk alone at first, after 10 s the mobile too", function()
  local net = pbx:network { at = "2026-11-23 10:15 Europe/Amsterdam" }
  local p = phones(net, { mobile = t.after(3) })
  local call = net:call(alice)
  net:run()

  t.eq(call:order(), { "100", "100", "mobile100" })
  t.at(call, 13):answered()
  t.eq(call:answered_by(), p.mobile)
end)

t.test("a busy desk: the mobile at once", function()
  local net = pbx:network { at = "2026-11-23 10:15 Europe/Amsterdam" }
  local p = phones(net, { desk = t.status(486), mobile = t.after(3) })
  local call = net:call(alice)
  net:run()

  t.eq(call:order(), { "100", "mobile100" })
  t.eq(call:answered_by(), p.mobile)
end)

t.test("at night the mobile, then the mailbox", function()
  local net = pbx:network { at = "2026-11-23 22:15 Europe/Amsterdam" }
  local p = phones(net, {})
  local call = net:call(alice)
  net:run()

  t.eq(call:order(), { "mobile100", "voicemail" })
  t.at(call, 25):received(p.mobile, "CANCEL")
  t.eq(call:answered_by(), p.voicemail)
end)

t.table("who is called first", {
  { name = "at eight", at = "2026-11-23 08:00 Europe/Amsterdam", first = "sip:100@192.0.2.11" },
  { name = "a minute before", at = "2026-11-23 07:59 Europe/Amsterdam", first = "sip:mobile100@192.0.2.31" },
  { name = "on Sunday", at = "2026-11-22 12:00 Europe/Amsterdam", first = "sip:mobile100@192.0.2.31" },
}, function(case)
  t.eq(pbx:decide({ from = alice.from, to = alice.to, at = case.at }).targets[1], case.first)
end)
