-- The routes of the benchmark: a table of about 1000 users, looked up by the user of the Request-URI.
local plan = require "plan"

local host = "@SIP_IP@"
local routes = {
  s1 = { ":7001" },
  s2 = { ":7001", ":7002", ":7003", ":7004" },
  s3 = { ":7005", ":7002", ":7001", serial = true },
  s3b = { ":7005", ":7006", ":7001", serial = true },
}
for i = 1, 1000 do
  routes["4930" .. string.format("%06d", i)] = { ":7001" }
end

local uris = {}
for user, r in pairs(routes) do
  local list = { serial = r.serial }
  for i, port in ipairs(r) do
    list[i] = "sip:" .. (#user > 3 and "x" or user) .. "@" .. host .. port
  end
  uris[user] = list
end

-- <sip:0049-(30)-765-4321@h>;reason=… becomes <sip:+49307654321@h>;reason=…
local function normalise(diversion)
  local _, start = string.find(diversion, "<sip:", 1, true)
  local at = start and string.find(diversion, "@", start, true)
  if not at then
    return nil
  end
  local user = string.gsub(string.sub(diversion, start + 1, at - 1), "[^%d+]", "")
  if string.sub(user, 1, 2) == "00" then
    user = "+" .. string.sub(user, 3)
  end
  return "<sip:" .. user .. string.sub(diversion, at)
end

local route = {}

function route.invite(call)
  local list = uris[call.ruri.user]
  if not list then
    return plan.reject(404)
  end
  local opts
  local diversion = call.headers["Diversion"][1]
  if diversion then
    opts = { headers = { Diversion = normalise(diversion) or false } }
  end
  if not list[2] then
    return plan.to(list[1], opts)
  end
  local targets = {}
  for i = 1, #list do
    targets[i] = plan.to(list[i], opts)
  end
  if list.serial then
    targets.each = { ring = 1 }
    return plan.serial(targets)
  end
  return plan.parallel(targets)
end

return route
