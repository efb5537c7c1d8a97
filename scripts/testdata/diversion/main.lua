-- What scripts do with Diversion and History-Info, one dialled user for each; tests beside the library call them.
local diversion = require "diversion"
local history = require "history"
local number = require "number"
local plan = require "plan"
local route = {}

local e164 = number.translate { { [[^00([1-9]\d+)$]], "+$1" } }
local meant = diversion.reader { pattern = number.xcc_pattern "default", rules = { e164 } }
local first = diversion.reader { from = { "history", "diversion" }, pick = "first" }

local function sent(headers) return plan.to("sip:200@192.0.2.21", { headers = headers }) end

local does = {
  normalise = function(call)
    return sent {
      Diversion = diversion.value(diversion.normalise(call.diversion, e164)),
      ["History-Info"] = history.value(history.normalise(call.history, e164)),
    }
  end,
  meant = function(call)
    local who, entry = meant(call)
    return sent { ["X-Meant"] = who or "nobody", ["X-Entry"] = entry and entry.raw or "none" }
  end,
  first = function(call) return sent { ["X-Meant"] = first(call) or "nobody" } end,
  add = function(call)
    local list = diversion.add(call.diversion, diversion.new(call.ruri, { reason = "user-busy" }))
    return sent { Diversion = diversion.value(list), ["X-Count"] = diversion.count(list) }
  end,
  convert = function(call)
    return sent {
      ["History-Info"] = history.value(diversion.to_history(call.diversion, call.ruri)),
      Diversion = diversion.value(history.to_diversion(call.history)),
    }
  end,
  forward = function(call)
    local list = history.failed(history.forward(call.history, call.ruri, "sip:200@192.0.2.21", "mp"), 486)
    return sent { ["History-Info"] = history.value(list) }
  end,
  private = function(call) return sent { ["History-Info"] = history.value(history.anonymised(call.history)) } end,
  parse = function(call)
    local d, h = diversion.parse(call.headers["Diversion"]), history.parse(call.headers["History-Info"])
    return sent { ["X-Count"] = #d .. " " .. #h }
  end,
}

function route.invite(call) return does[call.ruri.user](call) end

return route
