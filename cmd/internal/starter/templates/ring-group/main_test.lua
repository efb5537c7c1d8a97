local t = require "test"
local pbx = t.script "main.lua"

-- The team. What a phone does is said by each test; without that it rings for ever, and the mailbox answers.
local function team(net, answers)
  return {
    desk1 = net:phone { "sip:201@192.0.2.21", answers = answers.desk1 or t.never() },
    desk2 = net:phone { "sip:202@192.0.2.22", answers = answers.desk2 or t.never() },
    leader = net:phone { "sip:leader@192.0.2.23", answers = answers.leader or t.never() },
    mobile = net:phone { "sip:mobile201@192.0.2.31", answers = answers.mobile or t.never() },
    voicemail = net:phone { "sip:sales@192.0.2.40", name = "voicemail", answers = answers.voicemail or t.after(0.5) },
  }
end

local customer = { from = "sip:5551234@example.net", to = "sip:600@pbx.example" }

t.test("both desks ring at once, the first to answer gets the call", function()
  local net = pbx:network {}
  local phones = team(net, { desk2 = t.after(4) })
  local call = net:call(customer)
  net:run()

  t.eq(call:order(), { "201", "202" })
  t.eq(call:answered_by(), phones.desk2)
  t.at(call, 4):received(phones.desk1, "CANCEL"):header("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
end)

t.test("the leader joins after ten seconds, the mailbox answers after twenty-five", function()
  local net = pbx:network {}
  local phones = team(net, {})
  local call = net:call(customer)
  net:run()

  t.at(call, 10):received(phones.leader, "INVITE")
  t.at(call, 25):received(phones.voicemail, "INVITE")
  t.eq(call:answered_by(), phones.voicemail)
end)

t.test("a busy desk is called on the mobile, the other desk rings on", function()
  local net = pbx:network {}
  local phones = team(net, { desk1 = t.status(486), mobile = t.after(6) })
  local call = net:call(customer)
  net:run()

  t.eq(call:order(), { "201", "202", "mobile201" })
  t.eq(call:answered_by(), phones.mobile)
end)

t.test("the mailbox is gone too: the caller is asked to call again", function()
  local net = pbx:network {}
  team(net, { voicemail = t.status(503) })
  local call = net:call(customer)
  net:run()

  t.eq(call:final(), 480)
  t.eq(call:received(480):header "Retry-After", "600")
end)
