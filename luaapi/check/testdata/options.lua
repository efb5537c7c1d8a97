local log = require "log"
local plan = require "plan"
local hours = require "lib/hours" --> error unknown-module no module "lib/hours"; modules are named with dots: require "lib.hours"
local lgo = require "lgo" --> error unknown-module no module "lgo"; did you mean "log"?
local t = require "test" --> error unknown-module only tests have module "test"
local right = require "lib.hours"
log.info(hours.a, { lgo, t, right.anything })

local steps = {
  plan.to("100@192.0.2.11"), --> error target plan.to "100@192.0.2.11": no SIP URI; write "sip:100@192.0.2.11"
  plan.to(100), --> error type plan.to: target must be a string or a URI, got a number
  plan.to(), --> error arity plan.to takes 1 to 2 arguments, got 0
  plan.to("sip:100@192.0.2.11", { ring = 0 }), --> error type plan.to: ring must be a number of seconds above 0, at most 1000000, got 0
  plan.to("sip:100@192.0.2.11", { ring = "20" }), --> error type plan.to: ring must be a number of seconds above 0, at most 1000000, got a string
  plan.to("sip:100@192.0.2.11", { delay = -1 }), --> error type plan.to: delay must be a number of seconds from 0 to 1000000, got -1
  plan.to("sip:100@192.0.2.11", { prack = "of" }), --> error type plan.to: prack must be "supported", "off" or "required", got "of"; did you mean "off"?
  plan.to("sip:100@192.0.2.11", { send_181 = "yes" }), --> error type plan.to: send_181 must be a boolean, got a string
  plan.to("sip:100@192.0.2.11", { headers = { ["X-A"] = true } }), --> error type plan.to: headers.X-A must be a string, a number or false, got true
  plan.to("sip:100@192.0.2.11", { headers = { ["X-A"] = false, ["X-B"] = 1, ["X-C"] = log.x } }), --> error unknown-function log has no "x"
  plan.to("sip:100@192.0.2.11", {
    rings = 20, --> error unknown-option plan.to has no option "rings"; did you mean "ring"?
    on = {
      bussy = plan.reject(486), --> error unknown-option plan.to: on has no option "bussy"; did you mean "busy"?
      denied = plan.reject(486), --> warning not-called plan.to: on: nothing in this release fails as "denied"
      busy = "sip:101@192.0.2.11", --> error type plan.to: on: busy must be a plan or a function, got a string
      failed = function(call, branch)
        return plan.to(branch.urii or call.ruri) --> error unknown-field branch.urii: no such field; did you mean "uri"?
      end,
    },
  }),
  plan.serial {}, plan.serial(),  --> error arity plan.serial takes 1 argument, got 0
  plan.serial(plan.to "sip:a@h", plan.to "sip:b@h"), --> warning arity plan.serial takes 1 argument, got 2 --> error type plan.serial: list must be a table, got a plan
  plan.to("sip:a@h", { headers = { Subject = nil } }), --> warning type plan.to: headers.Subject = nil is as if it were not there; false takes it away
  plan.serial("x"), --> error type plan.serial: list must be a table, got a string
  plan.parallel { plan.to "sip:1@192.0.2.1", each = { name = "x" } }, --> error unknown-option plan.parallel: each has no option "name"
  plan.parallel { "sip:1@192.0.2.1", nil, ring = 5 }, --> error nil-item plan.parallel: item 2 is nil; leave out what is not there --> error type plan.parallel: item 1 must be a plan or a function, got a string
  plan.serial { plan.follow() }, --> error misplaced plan.serial: item 1 is plan.follow(), which only route.redirected may return
  plan.reject(200), --> error type plan.reject: code must be a whole number from 300 to 699, got 200
  plan.reject(486.5), --> error type plan.reject: code must be a whole number from 300 to 699, got 486.5
  plan.reject(486, nil, { ["X-A"] = false }), --> error type plan.reject: headers.X-A must be a string or a number, got false
  plan.redirect { "sip:a@h", { uri = "sip:b@h", q = 2 }, { q = 1 } }, --> error arity plan.redirect: uri is missing --> error type plan.redirect: q must be a number from 0 to 1, got 2
  plan.too "x", --> error unknown-function plan has no "too"; did you mean "to"?
  plan:to("sip:100@192.0.2.11"), --> error colon plan.to is a function, not a method: write plan.to(…)
}
plan.to = nil --> error read-only module plan cannot be changed; keep it in a local of your own
local to = plan.to
steps[1] = to("sip:100@192.0.2.11", { rings = 2 }) --> error unknown-option plan.to has no option "rings"; did you mean "ring"?
plan.reject(486) --> warning dropped-plan plan.reject makes a plan, and nothing is done with it; return it
return { invite = function() return steps[1] end }
