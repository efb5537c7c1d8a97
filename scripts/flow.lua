-- Call flows as data, as monitor-events have them: nodes that call somebody, and what comes next by how that went.
--   flow.new {
--     start = "callto100",
--     callto100 = { "sip:100@192.0.2.11", ring = 15, monitor = { busy = "callto101", no_answer = "mailbox" } },
--     callto101 = { "sip:101@192.0.2.12" },                    -- without monitor the flow ends here
--     mailbox = { "sip:mailbox@192.0.2.40", divert = true },  -- somebody else than who was called: Diversion and History-Info
--   }
-- Detections are outcomes; "no-answer" and "unavailable" are written so too. A flow that names no node, or goes in a circle without end, is an error when it
-- is made; nodes may be reached in more than one way.
local plan = require "plan"
local flow = {}

local detections = {
  busy = "busy", no_answer = "no_answer", ["no-answer"] = "no_answer", timeout = "timeout", offline = "offline", unavailable = "offline",
  rejected = "rejected", failed = "failed", limited = "limited", denied = "denied",
}

local own = { monitor = true, divert = true, on = true }

-- The plan of a node; path are the names on the way to it.
local function node(nodes, name, path)
  local n = nodes[name]
  if type(n) ~= "table" or not n[1] then error("flow.new: there is no node " .. tostring(name) .. ", reached by " .. table.concat(path, " → "), 0) end
  for _, before in ipairs(path) do
    if before == name then error("flow.new: the flow goes in a circle: " .. table.concat(path, " → ") .. " → " .. name, 0) end
  end
  local further = { unpack(path) }
  further[#further + 1] = name
  local o, on = {}, {}
  for key, value in pairs(n) do
    if type(key) == "string" and not own[key] then o[key] = value end
  end
  for detection, next_name in pairs(n.monitor or {}) do
    local outcome = detections[detection]
    if not outcome then error("flow.new: node " .. name .. " monitors " .. tostring(detection) .. ", which is no outcome", 0) end
    on[outcome] = node(nodes, next_name, further)
  end
  -- Nobody answers a phone that does not even ring in time: the one event stands for both.
  on.timeout = on.timeout or on.no_answer
  if not n.divert then
    o.on = on
    return plan.to(n[1], o)
  end
  return plan.divert(plan.to(n[1], o), { by = type(n.divert) == "string" and n.divert or nil, on = on })
end

function flow.new(nodes)
  local ok, made = pcall(node, nodes, nodes.start, { "start" })
  if not ok then error(made, 2) end
  return made
end

return flow
