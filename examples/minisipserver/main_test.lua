local t = require "test"
local pbx = t.script "main.lua"

local function call_to(uri, answers)
  local net = pbx:network {}
  local phones = {}
  for name, at in pairs {
    userb = "sip:userb@192.0.2.11", userc = "sip:userc@192.0.2.12", userd = "sip:userd@192.0.2.13", desk = "sip:100@192.0.2.14",
    front = "sip:101@192.0.2.15", line = "sip:line@192.0.2.30", trunk = "sip:trunk@192.0.2.31",
  } do
    phones[name] = net:phone { at, answers = answers[name] or t.never() }
  end
  local call = net:call { from = "sip:usera@pbx.example", to = uri }
  net:run()
  return call, phones
end

t.test("M1 a phone's 302 is a forward, and the server forwards by itself", function()
  local call, phones = call_to("sip:100@pbx.example", { desk = t.status(302, nil, { Contact = "<sip:101@192.0.2.15>" }), front = t.after(1) })
  t.eq(call:answered_by(), phones.front)
  phones.front:received("INVITE"):header("Diversion", "<sip:100@pbx.example>;reason=deflection;counter=1")
  call, phones = call_to("sip:userb@pbx.example", { userb = t.status(486), userc = t.after(1) })
  t.eq(call:answered_by(), phones.userc)
end)

t.test("M2 and M3 two forwards are two 181 with the Call-Info of miniSIPServer", function()
  local call, phones = call_to("sip:userb@pbx.example", { userb = t.status(486), userc = t.status(486), userd = t.after(1) })
  t.eq(call:answered_by(), phones.userd)
  t.golden(call)
  local told = call:received(181)
  t.eq(told:count(), 2)
  t.match(told:nth(1):raw(), "^SIP/2.0 181 Call Is Being Forwarded\r\n")
  told:nth(1):header("Call-Info", 'purpose=forwarding, username="userb", contact="userc"')
  told:nth(2):header("Call-Info", 'purpose=forwarding, username="userc", contact="userd"')
  phones.userd:received("INVITE"):header("Diversion", "<sip:userc@192.0.2.12>;reason=user-busy;counter=1, <sip:userb@pbx.example>;reason=user-busy;counter=1")
end)

t.test("M4 tel comes in, sip goes out", function()
  local call, phones = call_to("tel:+8613901088888", { line = t.after(1) })
  t.eq(call:final(), 200)
  t.eq(phones.line:received("INVITE"):uri(), "sip:+8613901088888@192.0.2.30;user=phone")
end)

t.test("M5 user=phone on external lines, not on trunks", function()
  local _, phones = call_to("sip:+8613901088888@pbx.example", { line = t.after(1) })
  phones.line:received("INVITE"):header("To", "<sip:+8613901088888@ims.bj.chinamobile.com;user=phone>")
  t.eq(phones.line:received("INVITE"):uri(), "sip:+8613901088888@192.0.2.30;user=phone")
  _, phones = call_to("sip:8001@pbx.example", { trunk = t.after(1) })
  t.eq(phones.trunk:received("INVITE"):uri(), "sip:8001@192.0.2.31")
end)

t.test("M6 100rel is offered, and reliable provisionals are acknowledged", function()
  local ring = t.script(function(_, call)
    call:send(183, { reliable = true, sdp = true })
    call:wait(1)
    call:answer {}
  end)
  local call, phones = call_to("sip:8001@pbx.example", { trunk = ring })
  t.eq(call:final(), 200)
  t.match(phones.trunk:received("INVITE"):header "Supported", "100rel")
  t.eq(phones.trunk:received("PRACK"):count(), 1)
end)

t.test("M7 a line that refuses PRACK is not offered 100rel", function()
  local _, phones = call_to("sip:+8613901088888@pbx.example", { line = t.after(1) })
  t.ok(not (phones.line:received("INVITE"):header "Supported" or ""):find "100rel")
end)

t.test("M8 a monitor-event names what comes next", function()
  local call, phones = call_to("sip:600@pbx.example", { desk = t.status(486), front = t.after(1) })
  t.eq(call:answered_by(), phones.front)
end)

t.test("M9 without monitor-events callto ends the flow", function()
  local call = call_to("sip:600@pbx.example", { desk = t.status(486), front = t.status(486) })
  t.eq(call:order(), { "100", "101" })
  t.eq(call:final(), 486)
end)

local trunk, site = t.script "tiers/trunk.lua", t.script "tiers/site.lua"

t.table("M10 two tiers: the trunk server bridges the local ones", {
  { name = "an extension of another site", to = "82100", rings = "far" },
  { name = "our own, by its long number", to = "81100", rings = "near" },
  { name = "our own, over the trunk", to = "8181100", rings = "near" },
}, function(c)
  local net = pbx:network {}
  net:engine { trunk, at = "192.0.2.31" }
  net:engine { site, at = "192.0.2.32" }
  local phones = { near = net:phone { "sip:100@192.0.2.14", answers = t.after(2) }, far = net:phone { "sip:100@192.0.2.41", answers = t.after(2) } }
  local call = net:call { from = "sip:usera@pbx.example", to = "sip:" .. c.to .. "@pbx.example", hangup = 10 }
  net:run()
  t.eq(call:answered_by(), phones[c.rings])
  t.eq(phones[c.rings]:received("BYE"):count(), 1)
end)

t.test("M10 a call over three servers has passed three", function()
  local net = pbx:network {}
  net:engine { trunk, at = "192.0.2.31" }
  net:engine { site, at = "192.0.2.32" }
  local far = net:phone { "sip:100@192.0.2.41", answers = t.after(2) }
  net:call { from = "sip:usera@pbx.example", to = "sip:82100@pbx.example" }
  net:run()
  far:received("INVITE"):header("Max-Forwards", "67")
  t.eq(far:received("INVITE"):uri(), "sip:100@192.0.2.41")
end)

t.test("M10 a number of no site is refused by the trunk server, and the caller learns it", function()
  local net = pbx:network {}
  net:engine { trunk, at = "192.0.2.31" }
  local call = net:call { from = "sip:usera@pbx.example", to = "sip:83100@pbx.example" }
  net:run()
  t.eq(call:final(), 404)
end)
