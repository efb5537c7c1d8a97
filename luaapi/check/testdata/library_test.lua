local t = require "test"
local pbx = t.script "main.lua"
local started = 0

t.test("busy", function()
  started = started + 1
  local net = pbx:network { att = "x" } --> error unknown-option pbx:network has no option "att"; did you mean "at"?
  local desk = net:phone { "sip:100@192.0.2.11", answer = t.status(486) } --> error unknown-option network:phone has no option "answer"; did you mean "answers"?
  local other = net:fone { "sip:101@192.0.2.12" } --> error unknown-function a network has no method "fone"
  local call = net:call { form = "sip:alice@example.net", to = "sip:100@pbx.example" } --> error arity network:call: from is missing --> error unknown-option network:call has no option "form"; did you mean "from"?
  net.run() --> error colon run is a method: write network:run(…)
  net:run()
  t.eq(call:answered_by(), other)
  t.eq(desk:received("CANCEL"):count(), 0)
  t.eq(desk:recieved("CANCEL"):count(), 0) --> error unknown-function a phone has no method "recieved"; did you mean "received"?
  t.eq(desk:received("CANCEL"):cuont()) --> error unknown-function a list of messages has no method "cuont"; did you mean "count"?
  t.eq(1) --> error arity test.eq takes 2 to 3 arguments, got 1
  t.at(call, 20):receive(desk, "CANCEL") --> error unknown-function a moment has no method "receive"; did you mean "received"?
  t.after("2") --> error type test.after: seconds must be a number of seconds from 0 to 86400, got a string
  net:phone { "sip:100@192.0.2.11", answers = { t.after(1), t.script(function(phone, offered)
    offered:rin() --> error unknown-function a call that a phone is offered has no method "rin"; did you mean "ring"?
    phone:sent()
  end) } }
end)
