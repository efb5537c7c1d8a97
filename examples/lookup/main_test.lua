local json = require "json"
local t = require "test"
local pbx = t.script "main.lua"

local directory = "GET http://192.0.2.5/numbers"

local function place(options)
  local net = pbx:network {}
  local phones = {
    desk = net:phone { "sip:anna@192.0.2.11", answers = options.desk or t.after(3) },
    mobile = net:phone { "sip:anna-mobile@192.0.2.12", answers = t.after(4) },
    reception = net:phone { "sip:reception@192.0.2.20", answers = t.after(2) },
  }
  local call = net:call { from = "sip:alice@example.net", to = "sip:4711@pbx.example", cancel = options.cancel }
  net:run()
  return call, phones
end

local anna = json.encode {
  targets = { { uri = "sip:anna@192.0.2.11", ring = 15 }, { uri = "sip:anna-mobile@192.0.2.12" } },
}

t.test("the directory knows the number", function()
  local asked = t.stub("http", { [directory] = { body = anna, after = 0.2 } })
  local call, phones = place {}
  t.eq(call:answered_by(), phones.desk)
  t.at(call, 3.2):answered()
  t.eq(#asked, 1)
  t.eq(asked[1].query, { number = "4711", from = "alice" })
end)

t.test("nobody at the desk: the mobile rings after 15 s", function()
  t.stub("http", { [directory] = { body = anna, after = 0.2 } })
  local call, phones = place { desk = t.never() }
  t.at(call, 15.2):received(phones.desk, "CANCEL")
  t.eq(call:answered_by(), phones.mobile)
end)

t.test("a number that nobody has", function()
  t.stub("http", { [directory] = { status = 404 } })
  t.eq(place({}):final(), 404)
end)

t.table("without the directory reception rings", {
  ["it is down"] = { err = "connection refused" },
  ["it errs"] = { status = 500, body = "oops" },
  ["it speaks nonsense"] = { body = "<html>" },
  ["it knows no target"] = { body = '{"targets":[]}' },
  ["it is slow"] = { after = 5, body = anna },
}, function(answer)
  t.stub("http", { [directory] = answer })
  local call, phones = place {}
  t.eq(call:answered_by(), phones.reception)
  t.at(call, math.min(answer.after or 0, 0.8) + 2, { within = 0.02 }):answered()
end)

t.test("the caller gives up while the directory thinks", function()
  t.stub("http", { [directory] = { body = anna, after = 0.5 } })
  local call = place { cancel = 0.1 }
  t.eq(call:final(), 487)
  t.eq(call:order(), {})
end)
