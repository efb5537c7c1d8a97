-- How a call came to its target, by History-Info (RFC 7044): lists of entries as in call.history, the first target first. Lists are not changed; what is changed
-- comes back as a new one, and entries that nobody changed stay as they were received, byte for byte.
local identity = require "identity"
local history = {}

-- The entries of header values: a string, or a list of strings such as call.headers["History-Info"].
function history.parse(values) return identity.parse(values) end

-- The list with an entry for a request to target, and one for ruri, the Request-URI that came in, if the list has none for it. kind says how target was
-- found: "rc" (an address of the same user, the default), "mp" (another user) or "np" (nothing changed); n counts the requests sent for one that came in, from 1.
function history.forward(list, ruri, target, kind, n) return identity.forward(list, ruri, target, kind, n) end

-- The list with the last request as one that has failed, with a response.
function history.failed(list, code, phrase)
  local all = {}
  for i, e in ipairs(list) do
    all[i] = e
  end
  if #all > 0 then all[#all] = all[#all]:failed(code, phrase) end
  return all
end

-- The list as a header value, for option headers of plan.to; false, which takes the header away, for an empty list.
function history.value(list) return identity.value(list) end

-- The list with the number of each entry as change(number, entry) gives it; nil leaves an entry alone, and so it is with invalid ones.
function history.normalise(list, change)
  local all = {}
  for i, e in ipairs(list) do
    local to = not e.invalid and e.user and change(e.user, e)
    all[i] = to and to ~= e.user and e:with { user = to } or e
  end
  return all
end

-- The Diversion entries (RFC 5806) that say the same, the last diversion first.
function history.to_diversion(list) return identity.to_diversion(list) end

-- The list as it may leave the domain: entries that ask for privacy, or all of them, without address and name (RFC 7044 §10.1.2).
function history.anonymised(list, all) return identity.anonymised(list, all) end

return history
