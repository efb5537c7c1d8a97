local t = require "test"
local pbx = t.script "main.lua"

-- A call to the central number with such headers, and the two mobiles.
local function follow(headers, from)
  local net = pbx:network {}
  local phones = {
    e164 = net:phone { "sip:+491701234@192.0.2.30", answers = t.after(1) },
  }
  local call = net:call { from = from or "sip:+4930555@pbx.example", to = "sip:900@pbx.example", headers = headers }
  net:run()
  return call, phones.e164
end

-- The users that ring for a Diversion.
local function rings(entry) return (follow { Diversion = entry }):order() end

local mobile, extension = { "+491701234" }, { "+491705678" }

t.test("X1 the user is taken from Diversion or History-Info, not from the Request-URI", function()
  t.eq(rings "<sip:123@pbx>", extension)
  t.eq((follow { ["History-Info"] = "<sip:123@pbx>;index=1, <sip:900@pbx.example>;index=1.1" }):order(), extension)
end)

t.test("X2 an unknown number ends the call with 503", function()
  t.eq((follow { Diversion = "<sip:555@pbx>;reason=unconditional" }):final(), 503)
  t.eq((follow {}):final(), 503)
end)

t.test("X3 numbers in other forms are not assigned to anybody", function()
  t.eq((follow { Diversion = "<sip:008912@pbx>;reason=x" }):final(), 503)
  t.eq((follow { Diversion = "<sip:8912345@pbx>;reason=x" }):final(), 503)
end)

t.test("X4 the default pattern takes the number out of sip and tel", function()
  t.eq(rings "<sip:00498912345@pbx;user=phone>;reason=unconditional", {}) -- 0049 is not 00 and a number within the country
  t.eq(rings '"Bob" <tel:+498912345>', mobile)
  t.eq(rings "<sip:008912345@x;user=phone>;reason=user-busy", mobile)
  t.eq(rings "<sips:123@pbx>", {})
  t.eq(rings "sip:123@pbx", {})
  t.eq(rings "<sip:bob@pbx>", {})
  t.eq(rings '"Bob <1>" <sip:123@pbx>', {})
  t.eq(rings "<tel:+49 89 12345>", {})
end)

t.test("X5 added entries run on the number that the first one has found", function() t.eq(rings "<sip:008912345@pbx>;reason=x", mobile) end)

t.test("X6 scenario 1: 00 is read as +49", function() t.eq(rings "<sip:008912345@pbx>;x", mobile) end)

t.test("X7 scenario 2: the prefix of the node goes", function()
  t.eq(rings "<sip:99123@pbx>;x", extension)
  t.eq(rings "<sip:9912345@pbx>;x", {})
end)

t.test("X8 a plus before an extension goes", function() t.eq(rings "<sip:+123@pbx>;x", extension) end)

t.test("X9 the right number on the wrong trunk", function() t.skip "needs trunks and users" end)

t.test("X10 From stays that of the caller, only the called number changes", function()
  local _, phone = follow({ Diversion = "<sip:008912345@pbx>;x", ["P-Asserted-Identity"] = "<sip:+4930555@pbx.example>" }, '"A Caller" <sip:+4930555@pbx.example>')
  local invite = phone:received "INVITE"
  t.match(invite:header "From", '^"A Caller" <sip:%+4930555@pbx.example>;tag=')
  invite:header("P-Asserted-Identity", "<sip:+4930555@pbx.example>")
  invite:header("To", "<sip:+491701234@192.0.2.30>")
end)

t.test("X11 the best codec of the offer is offered alone", function()
  local call, phone = follow { Diversion = "<sip:008912345@pbx>;x" }
  t.golden(call)
  t.match(phone:received("INVITE"):body(), "\r\nm=audio %d+ RTP/AVP 8 101\r\n")
end)

t.test("X12 the own line number is shown as CLIP on the second leg", function()
  local net = pbx:network {}
  local phone = net:phone { "sip:+491705678@192.0.2.30", answers = t.after(1) }
  net:call { from = "sip:+4930555@pbx.example", to = "sip:900@pbx.example", headers = { Diversion = "<sip:123@pbx>;x" } }
  net:run()
  phone:received("INVITE"):header("P-Asserted-Identity", "<sip:+4989123@pbx.example>")
end)

t.test("X12 and on the first leg, of the trunk whose switch says so", function()
  local net = pbx:network {}
  net:phone { "sip:+491705678@192.0.2.30", answers = { t.after(1), t.after(1) } }
  local headers = { Diversion = "<sip:123@pbx>;x" }
  local other = net:call { from = "sip:+4930555@pbx.example", to = "sip:900@pbx.example", headers = headers } -- from 192.0.2.200
  local first = net:call { from = "sip:+4930556@pbx.example", to = "sip:900@pbx.example", headers = headers, at = 10 }
  net:run()
  for _, code in ipairs { 180, 200 } do
    first:received(code):header("P-Asserted-Identity", "<sip:+4989123@pbx.example>")
    other:received(code):header("P-Asserted-Identity", nil)
  end
end)
t.test("X13 a central number longer than the extensions is an error when the script loads, and told by the check", function()
  local number = require "number"
  local function plan(central)
    return function() return number.plan { country = "49", area = "89", internal = { 3, 4 }, outside = "0", central = central } end
  end
  t.raises(plan "08900", 'central = "08900": it has 5 digits and extensions at most 4')
  t.eq(select(2, plan "9000"():dialled "9000"), "internal")
end)
t.test("X14 what is in force for a user can be shown", function() t.skip "needs users" end)
t.test("X15 an idle trunk shows a keep-alive within a minute", function() t.skip "needs trunks" end)

t.test("X16 the log tells an unknown user from other failures", function() t.skip "needs trunks and records to tell all seven classes apart" end)

t.table("malformed headers break nothing", {
  { name = "unclosed", diversion = "<sip:123@pbx", code = 503 },
  { name = "before a good one", diversion = "<>, <sip:123@pbx>;x", code = 200 },
}, function(case)
  local net = pbx:network {}
  net:phone { "sip:+491705678@192.0.2.30", answers = t.after(1) }
  local call = net:call { from = "sip:+4930555@pbx.example", to = "sip:900@pbx.example", headers = { Diversion = case.diversion } }
  net:run()
  t.eq(call:final(), case.code)
end)
