local t = require "test"
local forward = require "forward"
local pbx = t.script "testdata/people/main.lua"

-- Who was called, and how INVITEs of the others say who diverted and why, when the line answers so.
local function to(user, answers)
  local net = pbx:network {}
  net:phone { "sip:a@192.0.2.11", answers = answers or t.never() }
  local b = net:phone { "sip:b@192.0.2.12", answers = t.after(1) }
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example" }
  net:run()
  local invite = b:received("INVITE")
  return table.concat(call:order(), " "), call:final(), invite:count() > 0 and invite:header("Diversion"):match ";reason=([%a-]+)" or nil
end

t.table("each reason has its target", {
  { name = "busy", user = "forward", answers = t.status(486), want = "a b", reason = "user-busy" },
  { name = "rejected", user = "forward", answers = t.status(603), want = "a b", reason = "deflection" },
  { name = "nobody answers", user = "forward", answers = t.never(), want = "a c", reason = nil },
  { name = "offline", user = "forward", answers = t.status(480, nil), want = "a d", reason = nil },
  { name = "silent", user = "forward", answers = t.silent(), want = "a d", reason = nil },
  { name = "always", user = "always", answers = t.after(1), want = "b", reason = "unconditional" },
  { name = "do not disturb", user = "dnd", answers = t.after(1), want = "b", reason = "user-busy" },
}, function(c)
  local order, _, reason = to(c.user, c.answers)
  t.eq(order, c.want)
  t.eq(reason, c.reason)
end)

t.test("a line that takes the call is not forwarded", function() t.eq({ to("forward", t.after(1)) }, { "a", 200 }) end)

t.test("do not disturb without a target is busy", function() t.eq({ to("quiet", t.after(1)) }, { "", 486 }) end)

t.test("who cannot be reached goes where nobody answers, if nothing else is said", function() t.eq((to("simple", t.status(480, nil))), "a b") end)

t.test("a mailbox behind a forward", function()
  local net = pbx:network {}
  net:phone { "sip:a@192.0.2.11", answers = t.status(486) }
  net:phone { "sip:b@192.0.2.12", answers = t.never() }
  local box = net:phone { "sip:box@192.0.2.14", answers = t.after(0) }
  local call = net:call { from = "sip:alice@example.net", to = "sip:chain@pbx.example" }
  net:run()
  t.eq(call:order(), { "a", "b", "box" })
  box:received("INVITE"):header("Diversion", "<sip:b@192.0.2.12>;reason=no-answer;counter=1, <sip:chain@pbx.example>;reason=user-busy;counter=1")
end)

t.test("mistakes are told when the script loads", function()
  t.raises(function() forward.new { busy = "sip:b@192.0.2.12" } end, "the first item must be the line")
end)
