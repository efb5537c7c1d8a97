local t = require "test"
local sequence = require "sequence"
local pbx = t.script "main.lua"

local function call_to(user, answers, at)
  local net = pbx:network { at = at }
  local phones = {}
  for name, uri in pairs {
    own = "sip:" .. user .. "@192.0.2.11", second = "sip:" .. user .. "@192.0.2.12", extension = "sip:333@192.0.2.13",
    gateway = "sip:6175551234@192.0.2.30", mailbox = "sip:voicemail@192.0.2.40",
  } do
    phones[name] = net:phone { uri, answers = answers[name] or t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example" }
  net:run()
  return call, phones
end

t.test("S1 the line rings first, then the mailbox of a user who may have one", function()
  local call, phones = call_to("200", { mailbox = t.after(0) })
  t.at(call, 30):received(phones.mailbox, "INVITE")
  t.eq(call:answered_by(), phones.mailbox)
  t.eq(call_to("201", { mailbox = t.after(0) }):final(), 480)
end)

t.test("S2 any number of destinations, the mailbox only at the end", function()
  local call, phones = call_to("202", { mailbox = t.after(0) })
  t.eq(call:order(), { "202", "202", "333", "6175551234", "voicemail" })
  t.at(call, 60):received(phones.mailbox, "INVITE")
  t.golden(call)
end)

t.test("S3 at the same time, and if there is no response", function()
  local call, phones = call_to("202", {})
  t.at(call, 0):received(phones.second, "INVITE")
  t.at(call, 20):received(phones.extension, "INVITE")
end)

t.test("S4 the first to answer gets the call", function()
  local call, phones = call_to("202", { own = t.after(3), second = t.after(2) })
  t.eq(call:answered_by(), phones.second)
  t.at(call, 2):received(phones.own, "CANCEL"):header("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
end)

t.test("S7 ring time rides as a parameter of the URI", function()
  t.eq(sequence.contacts { { "sip:444@sipfoundry.org", expires = 45 }, { "sip:234234@sipfoundry.com", mode = "delayed" } }, {
    "<sip:444@sipfoundry.org?expires=45>;q=1.0", "<sip:234234@sipfoundry.com?expires=30>;q=0.933",
  })
end)

t.test("S8 forwarding to the PSTN needs a permission", function() t.skip "needs rights of users" end)
t.test("S10 with it, callers without rights of their own are forwarded too", function() t.skip "needs rights of users" end)
t.test("S11 a phone's own redirect is checked against the caller", function() t.skip "needs rights of users" end)

t.test("S12 an entry is dialled as a phone dials: seven digits become ten at the gateway", function()
  local _, phones = call_to("202", { gateway = t.after(0) })
  t.eq(phones.gateway:received("INVITE"):uri(), "sip:6175551234@192.0.2.30")
end)

t.test("S13 a busy extension on the way does not get to its own mailbox", function()
  local call = call_to("202", { extension = t.status(486), mailbox = t.after(0) })
  t.eq(call:order(), { "202", "202", "333", "6175551234", "voicemail" })
end)

t.test("S14 by policy it does", function()
  local call, phones = call_to("203", { extension = t.status(486), mailbox = t.after(0) })
  t.eq(call:order(), { "333", "voicemail" })
  phones.mailbox:received("INVITE"):header("Diversion", "<sip:333@192.0.2.13>;reason=user-busy;counter=1")
end)

t.test("S15 an entry that is shorter than the extension's own timer gives way to the next", function()
  local call, phones = call_to("202", { extension = t.after(16), gateway = t.after(1) })
  t.eq(call:answered_by(), phones.gateway)
end)

t.test("S16 user and administrator edit the same list", function() t.skip "needs users" end)

t.test("S17 an entry rings in its hours only", function()
  t.eq(call_to("204", {}, "2026-11-22 08:30 UTC"):order(), { "204", "333", "voicemail" }) -- a Sunday
  t.eq(call_to("204", {}, "2026-11-22 08:29 UTC"):order(), { "204", "voicemail" })
  t.eq(call_to("204", {}, "2026-11-25 12:00 UTC"):order(), { "204", "voicemail" })
end)

t.test("S18 a disabled entry is skipped", function()
  local _, phones = call_to("204", {})
  t.eq(phones.gateway:received("INVITE"):count(), 0)
end)
