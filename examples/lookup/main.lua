-- A directory service says where a number rings. While it does not answer, the number rings at reception.
local http = require "http"
local json = require "json"
local plan = require "plan"
local route = {}

local directory = "http://192.0.2.5/numbers"
local reception = plan.to("sip:reception@192.0.2.20", { ring = 30 })

-- The targets that the directory knows, one after the other; nil for an answer that is of no use.
local function targets(answer)
  if type(answer) ~= "table" or type(answer.targets) ~= "table" or #answer.targets == 0 then
    return nil
  end
  local steps = {}
  for i, target in ipairs(answer.targets) do
    steps[i] = plan.to(target.uri, { ring = target.ring or 20 })
  end
  steps[#steps + 1] = reception
  return plan.serial(steps)
end

function route.invite(call)
  local question = http.get(directory, {
    query = { number = call.ruri.user or "", from = call.from.user or "" },
    timeout = 0.8,
  })
  return plan.await(question, function(_, result)
    if result.status == 404 then
      return plan.reject(404)
    end
    local found = result.status == 200 and targets((json.decode(result.body)))
    if not found then
      call:log("the directory is of no use", { err = result.err, status = result.status })
    end
    return found or reception
  end)
end

return route
