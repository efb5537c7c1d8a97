local log = require "log"
local plan = require "plan"
local route = {}

function route.invite(call, branch) --> warning arity handler "invite" is given 1 argument, and declares 2 parameters
  if branch then
    return "sip:100@192.0.2.11" --> error type invite must return a plan, got a string
  elseif call then
    return function() return nil end --> error type invite must return a plan, got a function; call it: return f(call)
  end
  log.info("x", { from = call.form }) --> error unknown-field call.form: no such field; did you mean "from"?
  local from = call.from
  log.info(from.users) --> error unknown-field uri.users: no such field; did you mean "user"?
  log.info(call.headers["Diversion"][1], call.headers.anything, call.vars.anything) --> warning arity log.info takes 1 to 2 arguments, got 3
  call.hangup() --> error colon hangup is a method: write call:hangup(…)
  call:hang_up() --> error unknown-function a call has no method "hang_up"; did you mean "hangup"?
  call:progress(200) --> error type call:progress: code must be a whole number from 101 to 199, got 200
  call.language = "nl" --> error read-only call.language cannot be written; keep what belongs to a call in call.vars
  call.vars.language = "nl"
  if call.time.weekday == 1 then --> warning unknown-field time.weekday: no such field
    return plan.pass() --> error misplaced invite returns plan.pass(), which only route.refer may return
  end
end --> warning no-return a path through invite ends here without a decision: the call is answered 404; write return nil if that is meant

route.busy = function(call, branch)
  log.info(branch.urii, { id = call.id }) --> error unknown-field branch.urii: no such field; did you mean "uri"?
  return plan.to(branch.uri)
end

local function over(call)
  return call.id --> warning observer-return ended observes: what it returns is ignored, and logged as an error
end
route.ended = over

function route.refer(call, leg, target)
  log.info(target.usr, { leg, call.best.code }) --> error unknown-field uri.usr: no such field; did you mean "user"?
  return plan.pass()
end

function route.redirected()
  return plan.follow()
end

function route:offline(call, branch) --> error colon handler "offline" is no method, its first argument would be self: write function route.offline
  return plan.to("sip:100@192.0.2.11", { busy = plan.reject(486), timeout = 20 }) --> error unknown-option plan.to has no option "busy"; write on = { busy = … } --> error unknown-option plan.to has no option "timeout"; did you mean "ring"?
end

function route.register(req)
  if req.user == "a" then return plan.to "sip:100@192.0.2.11" end --> error misplaced register returns plan.to(), which is for calls; return plan.accept(…), plan.reject(…) or nil
  if req.user == "b" then return 200 end --> error type register must return plan.accept(…), plan.reject(…) or nil, got a number
  if req.user == "c" then return plan.accept { expires = 60 } end
  if req.user == "d" then return plan.reject(403) end
  return nil
end

function route.rejected()
  return plan.accept() --> error misplaced rejected returns plan.accept(), which only route.register may return
end

route.missed = function() end --> warning not-called nothing in this release calls handler "missed"
route.answred = function() end --> error unknown-handler "answred" is not a handler; did you mean "answered"?
route.timeout = plan.reject(408) --> error type handler "timeout" must be a function, got a plan
route.fallback = "sip:100@192.0.2.11" --> error type route: fallback must be a plan or a function, got a string
route.defaults = { rings = 5 } --> error unknown-option route has no option "rings"; did you mean "ring"?

return route
