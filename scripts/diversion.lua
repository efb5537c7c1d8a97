-- Who diverted a call, by Diversion (RFC 5806): lists of entries as in call.diversion, the last diversion first. Lists are not changed; what is
-- changed comes back as a new one, and entries that nobody changed stay as they were received, byte for byte.
local history = require "history"
local identity = require "identity"
local diversion = {}

-- The entries of header values: a string, or a list of strings such as call.headers["Diversion"].
function diversion.parse(values) return identity.parse(values) end

-- An entry for one more diversion: by is a URI, fields are those of entry:with. It counts as one.
function diversion.new(by, fields)
  local all = { counter = 1 }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return identity.diversion(by, all)
end

-- The list with an entry before all others: it is the last diversion.
function diversion.add(list, entry)
  local all = { entry }
  for _, e in ipairs(list) do
    all[#all + 1] = e
  end
  return all
end

-- The list as a header value, for option headers of plan.to; false, which takes the header away, for an empty list.
function diversion.value(list) return identity.value(list) end

-- How many diversions the list stands for: the sum of the counters.
function diversion.count(list)
  local n = 0
  for _, e in ipairs(list) do
    if not e.invalid then n = n + e.counter end
  end
  return n
end

-- The list with the number of each entry as change(number, entry) gives it; nil leaves an entry alone, and so it is with invalid ones.
function diversion.normalise(list, change) return history.normalise(list, change) end

-- The history (RFC 7044) that says the same of a call that goes to target now.
function diversion.to_history(list, target) return identity.to_history(list, target) end

local function valid(list)
  local all = {}
  for _, e in ipairs(list) do
    if not e.invalid then all[#all + 1] = e end
  end
  return all
end

-- The entries that say who diverted the call, the last one first, by the header of that name. A history that does not say why targets changed, as from
-- before RFC 7044, says so by its order: whoever stands before the present target.
local function diverters(call, header)
  if header == "diversion" then return valid(call.diversion) end
  local history = valid(call.history)
  local said = identity.to_diversion(history)
  if #said > 0 then return said end
  local all = {}
  for i = #history - 1, 1, -1 do
    all[#all + 1] = history[i]
  end
  return all
end

-- A function that finds whom a call was meant for: of a call it returns the number and the entry that it stands in, nil if there is none.
--   from     which header wins: { "diversion", "history" } unless told otherwise
--   pick     "last" (who diverted the call to us, the default) or "first" (who was called first)
--   pattern  what takes the number out of an entry, such as number.xcc_pattern; its user part unless told otherwise
--   rules    translations (number.translate) that the number goes through, one after the other
function diversion.reader(options)
  options = options or {}
  local from = options.from or { "diversion", "history" }
  local rules = options.rules or {}
  local pattern = options.pattern or function(e) return e.user end
  return function(call)
    for _, header in ipairs(from) do
      local all = diverters(call, header)
      local entry = options.pick == "first" and all[#all] or all[1]
      local found = entry and pattern(entry)
      if found then
        for _, rule in ipairs(rules) do
          found = (rule(found))
        end
        return found, entry
      end
    end
    return nil
  end
end

return diversion
