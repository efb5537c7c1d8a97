local t = require "test"
local pbx = t.script "main.lua"

local function dial(net, to)
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. (to or "100") .. "@pbx.example", hangup = 1 }
  net:run()
  return call
end

t.test("all that are registered ring", function()
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = t.status(486), registers = true }
  local mobile = net:phone { "sip:mobile@192.0.2.12", registers = { user = "100" } }
  t.eq(dial(net):answered_by(), mobile)
end)

t.test("nobody is there", function()
  local net = pbx:network {}
  local voicemail = net:phone { "sip:voicemail@192.0.2.40", answers = t.after(0) }
  local call = dial(net)
  t.eq(call:answered_by(), voicemail)
  t.at(call, 0):received(voicemail, "INVITE"):header("Diversion", "<sip:100@pbx.example>;reason=unavailable;counter=1")
end)

t.test("the lobby is asked for more often", function()
  local net = pbx:network {}
  local lobby = net:phone { "sip:lobby@192.0.2.13", registers = { refresh = false } }
  net:run(119)
  t.eq(dial(net, "lobby"):answered_by(), lobby)
  local gone = pbx:network {}
  gone:phone { "sip:lobby@192.0.2.13", registers = { refresh = false } }
  gone:phone { "sip:voicemail@192.0.2.40" }
  gone:run(121)
  t.eq(dial(gone, "lobby"):order(), { "voicemail" })
end)
