local t = require "test"
local pbx = t.script "testdata/diversion/main.lua"

-- What the callee's INVITE is when the caller's has such headers.
local function invite(user, headers)
  local net = pbx:network {}
  local phone = net:phone { "sip:200@192.0.2.21", answers = t.after(0) }
  net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example", headers = headers }
  net:run()
  return phone:received "INVITE"
end

t.test("numbers are normalised, and nothing else is touched", function()
  local m = invite("normalise", {
    Diversion = { '"00 <1>" <sip:0049301@gw;user=phone>;x="a,b";Counter=2 ;reason=user-busy', "<tel:0044-20>, <sip:bob@h>" },
    ["History-Info"] = "<sip:0049301@gw?Reason=SIP;cause=302>;index=1, <sip:",
  })
  m:header("Diversion", '"00 <1>" <sip:+49301@gw;user=phone>;x="a,b";Counter=2 ;reason=user-busy, <tel:0044-20>, <sip:bob@h>')
  m:header("History-Info", "<sip:+49301@gw?Reason=SIP;cause=302>;index=1, <sip:")
end)

t.table("whom a call was meant for", {
  { name = "the last diversion", headers = { Diversion = "<sip:0049301@gw>;reason=no-answer, <sip:123@gw>" }, who = "+49301", entry = "<sip:0049301@gw>;reason=no-answer" },
  { name = "a history by RFC 7044", headers = { ["History-Info"] = "<sip:123@gw>;index=1,<sip:9@gw;cause=486>;index=1.1;mp=1" }, who = "123", entry = "<sip:123@gw>;reason=user-busy;counter=1" },
  { name = "a history that says nothing", headers = { ["History-Info"] = "<sip:123@gw>;index=1, <sip:9@gw>;index=1.1" }, who = "123", entry = "<sip:123@gw>;index=1" },
  { name = "Diversion wins", headers = { Diversion = "<sip:1@gw>;a", ["History-Info"] = "<sip:2@gw>;index=1,<sip:9@gw>;index=1.1" }, who = "1", entry = "<sip:1@gw>;a" },
  { name = "a name is no number", headers = { Diversion = "<sip:bob@gw>;a", ["History-Info"] = "<sip:2@gw>;index=1,<sip:9@gw>;index=1.1" }, who = "2", entry = "<sip:2@gw>;index=1" },
  { name = "a malformed entry is passed over", headers = { Diversion = "<>, <sip:1@gw>;a" }, who = "1", entry = "<sip:1@gw>;a" },
  { name = "nobody", headers = {}, who = "nobody", entry = "none" },
}, function(case)
  local m = invite("meant", case.headers)
  m:header("X-Meant", case.who)
  m:header("X-Entry", case.entry)
end)

t.test("who was called first, history before Diversion", function()
  invite("first", { Diversion = "<sip:2@gw>, <sip:1@gw>" }):header("X-Meant", "1")
  invite("first", { Diversion = "<sip:2@gw>", ["History-Info"] = "<sip:7@gw>;index=1,<sip:8@gw>;index=1.1,<sip:9@gw>;index=1.1.1" }):header("X-Meant", "7")
end)

t.test("a diversion is added before the others and counted", function()
  local m = invite("add", { Diversion = "<sip:1@gw>;counter=3, <sip:" })
  m:header("Diversion", "<sip:add@pbx.example>;reason=user-busy;counter=1, <sip:1@gw>;counter=3, <sip:")
  m:header("X-Count", "4")
end)

t.test("one says what the other says", function()
  local m = invite("convert", { Diversion = "<sip:1@gw>;reason=user-busy" })
  m:header("History-Info", "<sip:1@gw>;index=1, <sip:convert@pbx.example;cause=486>;index=1.1;mp=1")
  m:header("Diversion", nil)
  invite("convert", { ["History-Info"] = "<sip:1@gw>;index=1,<sip:2@gw;cause=408>;index=1.1;mp=1" }):header("Diversion", "<sip:1@gw>;reason=no-answer;counter=1")
end)

t.test("values are parsed as the call's own are", function()
  invite("parse", { Diversion = { "<sip:1@gw>, <sip:2@gw>", "<sip:3@gw>" } }):header("X-Count", "3 0")
end)
