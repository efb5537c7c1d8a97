-- Follow-Me: a call to the central number is for whoever has diverted it there, and goes to that person's device.
local diversion = require "diversion"
local number = require "number"
local plan = require "plan"
local re = require "re"
local route = {}

-- As it stands in the administration: 00 is read as +49, 99 is the prefix of the node, and a + before an extension is too much.
local pattern = [==[default]||[^00([1-9][0-9]{3,})$||+49$1]||[^99([1-9][0-9]{2})$||$1]||[^\+([1-9][0-9]{2})$||$1]==]
local meant = diversion.reader { pattern = number.xcc_pattern(pattern) }

-- The switches of a trunk, by the address of its PBX: whether the person's own number is shown to the PBX (XccLineNumberAsClipFirstLeg).
local trunks = {
  ["192.0.2.201"] = { first_leg = true },
}

-- Whose device is where now. line: the provider takes no foreign caller, so the person's own number is shown to it (XccLineNumberAsClipSecondLeg).
local users = {
  ["+498912345"] = { device = "sip:+491701234@192.0.2.30" },
  ["123"] = { device = "sip:+491705678@192.0.2.30", line = "sip:+4989123@pbx.example" },
}

-- Extensions have three digits, and so has the central number: a longer one would be taken for a number outside, and the script does not load.
local site = number.plan { country = "49", area = "89", internal = { 3 }, outside = "0", central = "900" }

-- Two forms may be assigned to people: E.164, and extensions.
local function assignable(n)
  local _, kind = site:dialled(n)
  return kind == "internal" or re.match(n, [[^\+[1-9]\d{3,14}$]]) ~= nil
end

function route.invite(call)
  local who = meant(call)
  local user = who and assignable(who) and users[who]
  if not user then
    call:log("follow-me: user unknown", { number = who or "none" })
    return plan.reject(503)
  end
  local trunk = trunks[call.source.ip] or {}
  local shown = trunk.first_leg and user.line or nil
  return plan.to(user.device, { ring = 30, clip = user.line, colp = shown, codecs = { "PCMA", "PCMU", first = true } })
end

return route
