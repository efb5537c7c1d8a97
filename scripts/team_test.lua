local t = require "test"
local team = require "team"
local pbx = t.script "testdata/team/main.lua"

local function place(user, options)
  options = options or {}
  local net = pbx:network {}
  local phones = {}
  for i, name in ipairs { "own", "left", "right" } do
    phones[name] = net:phone { "sip:" .. name .. "@192.0.2.2" .. i, answers = options[name] or t.never() }
  end
  local call = net:call { from = "sip:alice@example.net", to = "sip:" .. user .. "@pbx.example", headers = options.headers }
  net:run()
  return call, phones
end

t.test("the team joins after its delay, and all end together", function()
  local call, phones = place "anna"
  t.at(call, 0):received(phones.own, "INVITE")
  t.at(call, 50):received(phones.left, "INVITE")
  t.at(call, 50):received(phones.right, "INVITE")
  t.at(call, 60):received(phones.own, "CANCEL")
  t.at(call, 60):received(phones.right, "CANCEL")
end)

t.test("without a delay all ring at once", function()
  local call, phones = place("now", { right = t.after(4) })
  t.at(call, 0):received(phones.left, "INVITE")
  t.eq(call:answered_by(), phones.right)
end)

t.test("a phone that is busy lets the team ring at once, unless it is to wait", function()
  local call, phones = place("anna", { own = t.status(486) })
  t.at(call, 0):received(phones.left, "INVITE")
  call, phones = place("hold", { own = t.status(486) })
  t.at(call, 5):received(phones.left, "INVITE")
end)

t.test("phones of the team are told whose call it is", function()
  local _, phones = place("now")
  phones.left:received("INVITE"):header("To", "<sip:now@pbx.example>"):header("Referred-By", "<sip:anna@pbx.example>")
    :header("History-Info", "<sip:now@pbx.example>;index=1;ms-retarget-reason=team-call, <sip:left@192.0.2.22>;index=1.1;mp=1")
  phones.own:received("INVITE"):header("Referred-By", nil):header("History-Info", nil)
end)

t.test("a delegate is told so; what came before stays as it was", function()
  local came = '<sip:boss@pbx.example>;index=1;ms-target-phone="tel:+4930;ext=1"'
  local call, phones = place("boss", { headers = { ["History-Info"] = came } })
  phones.left:received("INVITE"):header("Referred-By", nil)
    :header("History-Info", came .. ";ms-retarget-reason=delegation, <sip:left@192.0.2.22>;index=1.1;mp=1")
  t.at(call, 7):ended()
end)

t.test("a team without members", function()
  t.raises(function() local _ = team.new { owner = "sip:a@pbx.example", members = {} } end, "needs members")
end)
