local t = require "test"
local pbx = t.script "testdata/diversion/main.lua"

local function invite(user, headers)
  local net = pbx:network {}
  local phone = net:phone { "sip:200@192.0.2.21", answers = t.after(0) }
  net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example", headers = headers }
  net:run()
  return phone:received "INVITE"
end

t.test("a history starts with the Request-URI, and a request that failed says so", function()
  invite("forward", {}):header(
    "History-Info",
    "<sip:forward@pbx.example>;index=1, <sip:200@192.0.2.21?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1;mp=1"
  )
end)

t.test("a history that came in goes on", function()
  invite("forward", { ["History-Info"] = "<sip:1@gw>;index=1,<sip:forward@pbx.example>;index=1.1;rc=1" }):header(
    "History-Info",
    "<sip:1@gw>;index=1, <sip:forward@pbx.example>;index=1.1;rc=1, <sip:200@192.0.2.21?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1.1;mp=1.1"
  )
end)

t.test("who asks for privacy is not named", function()
  invite("private", { ["History-Info"] = '"Bob" <sip:1@gw?Privacy=history>;index=1, <sip:2@gw>;index=1.1' }):header(
    "History-Info",
    "<sip:anonymous@anonymous.invalid>;index=1, <sip:2@gw>;index=1.1"
  )
end)
