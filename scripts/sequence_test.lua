local t = require "test"
local sequence = require "sequence"
local pbx = t.script "testdata/people/main.lua"

local function call_to(user, answers, at)
  local net = pbx:network { at = at }
  local phones = {}
  for i, name in ipairs { "a", "b", "c", "box" } do
    phones[name] = net:phone { "sip:" .. name .. "@192.0.2.1" .. i, answers = answers[name] or t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example" }
  net:run()
  return call, phones
end

t.test("S6 q values by the number of entries", function()
  t.eq(sequence.q { { "sip:1@h" }, { "sip:2@h", mode = "delayed" }, { "sip:3@h" } }, { "1.0", "0.95", "0.95" })
  t.eq(sequence.q { { "sip:1@h", mode = "delayed" }, { "sip:2@h", mode = "delayed" } }, { "0.933", "0.867" })
  t.eq(sequence.q {}, {})
end)

t.test("S7, S13 and S18 contacts as sipXecs writes them, and back", function()
  local entries = {
    { "sip:444@sipfoundry.org", expires = 45 },
    { "sip:333@sipfoundry.org", mode = "delayed", expires = 25, internal = true },
    { "sip:222@sipfoundry.org", mode = "delayed", internal = true },
    { "sip:off@sipfoundry.org", enabled = false },
    { "" },
  }
  local contacts = sequence.contacts(entries)
  t.eq(contacts, {
    "<sip:444@sipfoundry.org?expires=45>;q=1.0",
    "<sip:333@sipfoundry.org;sipx-noroute=Voicemail?expires=25>;q=0.95",
    "<sip:222@sipfoundry.org?expires=30>;q=0.9",
  })
  local back = sequence.parse(contacts)
  t.eq(back[2], { "sip:333@sipfoundry.org", expires = 25, mode = "delayed", internal = true })
  t.eq(sequence.contacts { { "sip:1@h", internal = true } }, { "<sip:1@h;sipx-noroute=Voicemail?expires=30>;q=1.0" })
  t.eq(sequence.contacts({ { "sip:1@h", valid = "01FE:13B0" } }, { recursion = false }), { '<sip:1@h;sipx-userforward=false;sipx-ValidTime="01FE:13B0"?expires=30>;q=1.0' })
  t.raises(function() sequence.parse { "x" } end, "contact 1 is none: x")
end)

t.test("S17 minutes since Sunday 00:00 UTC", function()
  local sunday = 1795305600 -- 2026-11-22 00:00 UTC
  t.eq(sequence.is_valid("01FE:13B0", sunday + 509 * 60), false)
  t.eq(sequence.is_valid("01FE:13B0", sunday + 510 * 60), true)
  t.eq(sequence.is_valid("01FE:13B0", sunday + 5040 * 60), false)
  t.eq(sequence.is_valid("0:1:5:6", sunday + 5 * 60), true)
  t.eq(sequence.is_valid("01FE-13B0", sunday + 510 * 60), false)
end)

t.test("S15 an entry whose time is over gives way to the next, and the mailbox comes last", function()
  local call, phones = call_to("sequence", { box = t.after(0) })
  t.eq(call:order(), { "a", "b", "c", "box" })
  t.at(call, 30):received(phones.b, "INVITE")
  t.at(call, 45):received(phones.c, "INVITE")
  t.at(call, 55):received(phones.box, "INVITE")
  phones.box:received("INVITE"):header("Diversion", "<sip:sequence@pbx.example>;reason=no-answer;counter=1")
end)

t.test("S13 a busy extension on the way does not get to its own mailbox", function()
  local call = call_to("sequence", { b = t.status(486), box = t.after(0) })
  t.eq(call:order(), { "a", "b", "c", "box" })
end)

t.test("S14 by policy it does", function()
  local call, phones = call_to("any", { b = t.status(486), box = t.after(0) })
  t.eq(call:order(), { "a", "b", "box" })
  phones.box:received("INVITE"):header("Diversion", "<sip:b@192.0.2.12>;reason=user-busy;counter=1")
  t.raises(function() sequence.new { policy = "first" } end, 'policy is "last" or "any", got first')
end)

t.test("S1 no right to a mailbox: none", function()
  local call = call_to("barred", { box = t.after(0) })
  t.eq(call:order(), { "a", "b", "c" })
  t.eq(call:final(), 480)
end)

t.test("S5 no more devices at the same time than may be", function() t.eq(call_to("crowd", {}):order(), { "a", "b" }) end)

t.test("S9 a branch that is not allowed is left out, the others ring", function() t.eq(call_to("denied", {}):order(), { "b" }) end)

t.test("S17 an entry outside its minutes, or with a text that cannot be read, is left out", function()
  t.eq(call_to("timed", {}, "2026-11-22 10:00 UTC"):order(), { "a", "c" })
  t.eq(call_to("timed", {}, "2026-11-22 08:59 UTC"):order(), { "c" })
end)

t.test("S3 who rings at the same time as one that is left out still waits for the one before", function()
  local call, phones = call_to("beside", {})
  t.eq(call:order(), { "a", "c" })
  t.at(call, 30):received(phones.a, "CANCEL")
  t.at(call, 30):received(phones.c, "INVITE")
end)

t.test("S7 a contact without a scheme is a SIP address", function()
  t.eq(sequence.parse { "<234234@sipfoundry.com?expires=40>;q=0.9" }, { { "sip:234234@sipfoundry.com", expires = 40, mode = "immediate" } })
end)

t.test("S6 contacts are read by falling q, whatever their order", function()
  t.eq(sequence.parse { "<sip:c@h>;q=0.9", "<sip:a@h>", "<sip:d@h>;q=0.9", "<sip:b@h>;q=0.95" }, {
    { "sip:a@h", mode = "immediate" }, { "sip:b@h", mode = "delayed" }, { "sip:c@h", mode = "delayed" }, { "sip:d@h", mode = "immediate" },
  })
end)
