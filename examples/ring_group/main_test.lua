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

local function customer(options)
  options.from, options.to = '"A Customer" <sip:5551234@example.net>', options.to or "sip:600@pbx.example"
  return options
end

t.test("both desks ring at once, the first to answer gets the call", function()
  local net = pbx:network {}
  local phones = team(net, { desk2 = t.after(4) })
  local call = net:call(customer {})
  net:run()

  t.eq(call:order(), { "201", "202" })
  t.eq(call:answered_by(), phones.desk2)
  t.at(call, 4):received(phones.desk1, "CANCEL"):header("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
end)

t.test("the leader is called after ten seconds, the desks go on ringing", function()
  local net = pbx:network {}
  local phones = team(net, { leader = t.after(2) })
  local call = net:call(customer {})
  net:run()

  t.at(call, 10):received(phones.leader, "INVITE")
  t.at(call, 12):answered()
  t.at(call, 12):received(phones.desk1, "CANCEL")
end)

t.test("a busy desk is called on the mobile, the other desk rings on", function()
  local net = pbx:network {}
  local phones = team(net, { desk1 = t.status(486), mobile = t.after(6) })
  local call = net:call(customer {})
  net:run()

  t.at(call, 0):received(phones.mobile, "INVITE")
  t.eq(call:order(), { "201", "202", "mobile201" })
  t.eq(call:answered_by(), phones.mobile)
end)

t.test("a desk rings for 15 s, the group for 20 s, then the mailbox answers", function()
  local net = pbx:network {}
  local phones = team(net, {})
  local call = net:call(customer {})
  net:run()

  t.at(call, 15):received(phones.desk1, "CANCEL"):header("Reason", nil)
  t.at(call, 20):received(phones.leader, "CANCEL"):header("Reason", nil)
  t.at(call, 20):received(phones.voicemail, "INVITE")
  t.eq(call:answered_by(), phones.voicemail)
end)

t.test("all are busy: the leader is called at once, and then the mailbox", function()
  local net = pbx:network {}
  local busy = t.status(486)
  local phones = team(net, { desk1 = busy, mobile = busy, desk2 = busy, leader = busy })
  local call = net:call(customer {})
  net:run()

  t.eq(call:order(), { "201", "202", "mobile201", "leader", "sales" })
  t.eq(call:answered_by(), phones.voicemail)
  t.at(call, 0.5, { within = 0.1 }):answered()
end)

t.test("the mailbox is gone too: the caller is asked to call again", function()
  local net = pbx:network {}
  team(net, { voicemail = t.status(503) })
  local call = net:call(customer {})
  net:run()

  t.eq(call:final(), 480)
  t.at(call, 20):received(call, 480):header("Retry-After", "600")
end)

t.test("the caller gives up: all phones stop, and no message is left", function()
  local net = pbx:network {}
  local phones = team(net, {})
  local call = net:call(customer { cancel = 11 })
  net:run()

  t.at(call, 11):received(phones.desk1, "CANCEL")
  t.at(call, 11):received(phones.leader, "CANCEL")
  t.eq(phones.voicemail:received("INVITE"):count(), 0)
end)

t.test("two customers at a time do not disturb each other", function()
  local net = pbx:network {}
  local phones = team(net, { desk1 = { t.after(3), t.status(486) }, desk2 = t.after(5) })
  local first = net:call(customer {})
  local second = net:call(customer { at = 4 })
  net:run()

  t.eq(first:answered_by(), phones.desk1)
  t.eq(second:answered_by(), phones.desk2)
  t.at(second, 0):received(phones.mobile, "INVITE")
end)

t.test("another number is unknown", function()
  local net = pbx:network {}
  local call = net:call(customer { to = "sip:601@pbx.example" })
  net:run()

  t.eq(call:final(), 404)
  t.eq(call:order(), {})
end)
