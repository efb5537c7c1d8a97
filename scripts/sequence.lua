-- Call sequences as sipXecs has them: a list of entries, each at the same time as the one before or if there is no response from it, and a mailbox at the end.
--   { "sip:333@192.0.2.13", mode = "delayed", expires = 25, valid = "01FE:13B0", internal = true, enabled = false }
--   mode      "immediate" (at the same time, the default) or "delayed" (if no response)
--   expires   how long it rings, 30 s unless told otherwise
--   valid     pairs of minutes since Sunday 00:00 UTC, in hexadecimal; an entry whose text cannot be read is left out
--   internal  it is an extension with a mailbox of its own
--   allowed   function(call), whether the call may go there; without it it may
local log = require "log"
local plan = require "plan"
local re = require "re"
local sequence = {}

local WEEK = 7 * 24 * 60

-- One to three decimals: 1.0, 0.95, 0.933.
local function q_text(q)
  local text = ("%.3f"):format(q):gsub("0+$", "")
  return (text:gsub("%.$", ".0"))
end

local function enabled(entries)
  local all = {}
  for _, e in ipairs(entries) do
    if e.enabled ~= false and e[1] and e[1] ~= "" then all[#all + 1] = e end
  end
  return all
end

-- The q values of a list: from 1 downwards and above 0.8, the same for those that ring at the same time.
function sequence.q(entries)
  local all = enabled(entries)
  local step, q, texts = (1.0 - 0.8) / (#all + 1), 1.0, {}
  for i, e in ipairs(all) do
    if e.mode == "delayed" then q = q - step end
    texts[i] = q_text(q)
  end
  return texts
end

-- The list as contacts: <sip:333@h;sipx-noroute=Voicemail?expires=25>;q=0.95. Nobody but the last, if it stands alone, is taken to its own mailbox.
function sequence.contacts(entries, o)
  local all, q, texts = enabled(entries), sequence.q(entries), {}
  for i, e in ipairs(all) do
    local params = ""
    if e.mode ~= "delayed" or i < #all then params = ";sipx-noroute=Voicemail" end
    if not e.internal then params = "" end
    if o and o.recursion == false then params = params .. ";sipx-userforward=false" end
    if e.valid then params = params .. (';sipx-ValidTime="%s"'):format(e.valid) end
    texts[i] = ("<%s%s?expires=%d>;q=%s"):format(e[1], params, e.expires or 30, q[i])
  end
  return texts
end

-- Entries by falling q, in their order where it is equal, with the modes that say so.
local function sorted(entries)
  table.sort(entries, function(a, b)
    if a.q ~= b.q then return a.q > b.q end
    return a.place < b.place
  end)
  local before
  for _, e in ipairs(entries) do
    e.mode = before and e.q < before and "delayed" or "immediate"
    before, e.q, e.place = e.q, nil, nil
  end
  return entries
end

-- The entries of such a list of contacts, by falling q.
function sequence.parse(contacts)
  local all = {}
  for i, text in ipairs(contacts) do
    local uri, headers, q = re.match(text, [[^\s*<([^?>]+)(?:\?([^>]*))?>(?:\s*;\s*q=([0-9.]+))?]])
    if not uri then error("sequence.parse: contact " .. i .. " is none: " .. text, 2) end
    if not re.match(uri, "^(?i)[a-z][a-z0-9+.-]*:") then uri = "sip:" .. uri end
    local expires = headers and re.match(headers, [[(?i)(?:^|&)expires=(\d+)]])
    local valid = re.match(uri, [[(?i);sipx-ValidTime=(?:"|%22)([^";%]*)]])
    local internal = re.match(uri, [[(?i);sipx-noroute=Voicemail]]) ~= nil
    all[i] = {
      (re.gsub(uri, [[(?i);sipx-(?:noroute=Voicemail|userforward=false|ValidTime=(?:"[^"]*"|[^;]*))]], "")),
      expires = expires and tonumber(expires) or nil, valid = valid, internal = internal or nil,
      q = tonumber(q or "1.0"), place = i,
    }
  end
  return sorted(all)
end

-- Whether the minute of the week lies in one of the pairs of a text; false for one that cannot be read.
function sequence.is_valid(text, unix)
  if not re.match(text, [[^[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4})*$]]) then return false end
  local minute = (math.floor(unix / 60) + 4 * 24 * 60) % WEEK -- 1970 began on a Thursday
  for from, to in re.gmatch(text, [[([0-9A-Fa-f]+):([0-9A-Fa-f]+)]]) do
    if minute >= tonumber(from, 16) and minute < tonumber(to, 16) then return true end
  end
  return false
end

-- The entries that this call may ring now, with the level that each has in the whole list: those of one level ring at the same time. Who may not be called is a branch that is denied: it is left out, and the others ring.
local function ready(o, call)
  local all, level = {}, 0
  for i, e in ipairs(enabled(o)) do
    if i == 1 or e.mode == "delayed" then level = level + 1 end
    if not e.valid or sequence.is_valid(e.valid, call.time.unix) then
      if not e.allowed or e.allowed(call) then
        all[#all + 1] = { entry = e, level = level }
      else
        call:log("not allowed to call " .. e[1])
      end
    end
  end
  return all
end

-- Lists of entries that ring together; more than most are cut off.
local function levels(entries, most)
  local all, last = {}, nil
  for _, r in ipairs(entries) do
    if r.level ~= last then all[#all + 1] = {} end
    last = r.level
    local e, level = r.entry, all[#all]
    if #level < most then
      level[#level + 1] = e
    else
      log.warn("more than " .. most .. " devices would ring at the same time; left out: " .. e[1])
    end
  end
  return all
end

-- The own mailbox of an extension that is busy or away, by policy "any".
local function own_mailbox(o, e)
  if not (e.internal and o.mailbox and o.policy == "any") then return nil end
  local to = plan.divert(o.mailbox, { by = e[1] })
  return { busy = to, offline = to }
end

-- A function that may stand wherever a plan may. Besides the entries:
--   mailbox       the target at the end
--   may_mailbox   function(call), whether the callee has the right to one; without it there is
--   by            whose mailbox it is: who diverts; whoever was called unless told otherwise
--   policy        "last" (an extension on the way never gets to its own mailbox, the default) or "any" (one that is busy or away does)
--   max_parallel  how many devices may ring at the same time, 12 unless told otherwise
function sequence.new(o)
  if o.policy ~= nil and o.policy ~= "last" and o.policy ~= "any" then error('sequence.new: policy is "last" or "any", got ' .. tostring(o.policy), 2) end
  return function(call)
    local steps = {}
    for i, level in ipairs(levels(ready(o, call), o.max_parallel or 12)) do
      local targets = {}
      for j, e in ipairs(level) do
        targets[j] = plan.to(e[1], { ring = e.expires or 30, on = own_mailbox(o, e) })
      end
      steps[i] = #targets == 1 and targets[1] or plan.parallel(targets)
    end
    if o.mailbox and (not o.may_mailbox or o.may_mailbox(call)) then steps[#steps + 1] = plan.divert(o.mailbox, { by = o.by }) end
    return plan.serial(steps)
  end
end

return sequence
