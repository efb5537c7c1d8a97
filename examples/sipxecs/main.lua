-- Call sequences: a user's line, then the entries of the list, then the mailbox.
local number = require "number"
local plan = require "plan"
local sequence = require "sequence"
local route = {}

local MAILBOX = "sip:voicemail@192.0.2.40"
local site = number.plan { country = "1", area = "617", internal = { 3 }, outside = "9" }
local gateway = number.translate { { [[^\+1(\d{10})$]], "$1" } }

-- What is dialled goes to the gateway as the gateway wants it, from a phone and from a list alike.
local function dial(digits)
  local to, kind = site:dialled(digits)
  if kind == "internal" then return "sip:" .. to .. "@192.0.2.13" end
  return "sip:" .. (gateway(to)) .. "@192.0.2.30"
end

local users = {
  ["200"] = sequence.new { { "sip:200@192.0.2.11" }, mailbox = MAILBOX },
  ["201"] = sequence.new { { "sip:201@192.0.2.11" }, mailbox = MAILBOX, may_mailbox = function() return false end },
  ["202"] = sequence.new {
    { "sip:202@192.0.2.11", expires = 20 },
    { "sip:202@192.0.2.12", expires = 20 }, -- at the same time
    { dial "333", mode = "delayed", expires = 15, internal = true },
    { dial "95551234", mode = "delayed", expires = 25 },
    mailbox = MAILBOX,
  },
  ["203"] = sequence.new { { dial "333", expires = 15, internal = true }, { "sip:203@192.0.2.11", mode = "delayed" }, mailbox = MAILBOX, policy = "any" },
  ["204"] = sequence.new {
    { "sip:204@192.0.2.11", expires = 10 },
    { dial "333", mode = "delayed", expires = 15, internal = true, valid = "01FE:13B0" }, -- Sunday 08:30 to Wednesday 12:00 UTC
    { dial "95551234", mode = "delayed", enabled = false },
    mailbox = MAILBOX,
  },
}

function route.invite(call)
  local user = users[call.ruri.user]
  if user then return plan.serial { user } end
  return nil -- 404
end

return route
