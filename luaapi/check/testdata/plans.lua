local plan = require "plan"

local desk = plan.to "sip:100@192.0.2.11"
local mobile = plan.to("sip:mobile@192.0.2.12", { delay = 20 }) --> error late-delay delay of 20 s is not below the 20 s that the group of line 25 rings: it would never start
local mailbox = plan.to("sip:100@192.0.2.20", { name = "voicemail" })
local all = plan.parallel { desk, mobile }

local route = {}

route.fallback = plan.serial {
  desk,
  plan.parallel {
    plan.to "sip:100@192.0.2.11;x=y",
    plan.to "sip:100@192.0.2.11", --> warning ring-twice sip:100@192.0.2.11 has rung in an earlier step of this plan and rings again
    plan.to "SIP:100@192.0.2.11:5060",
    plan.to "sip:101@192.0.2.12",
    plan.to "sip:101@192.0.2.12", --> warning ring-twice sip:101@192.0.2.12 stands in this group twice: it rings once
  },
}

function route.busy()
  return plan.serial {
    mailbox, --> warning early-voicemail a mailbox answers at once: the steps after it are never reached
    plan.parallel { all, plan.serial { plan.to "sip:1@192.0.2.1", desk }, ring = 15 },
    plan.parallel { mobile, --> warning ring-twice sip:mobile@192.0.2.12 has rung in an earlier step of this plan and rings again
      plan.to("sip:2@192.0.2.2", { delay = 5 }), ring = 20 },
    plan.parallel { plan.to "sip:3@192.0.2.3", ring = 5, each = { delay = 5 } }, --> error late-delay delay of 5 s is not below the 5 s that the group of line 27 rings: it would never start
    plan.parallel { plan.to "sip:4@192.0.2.4", plan.to "sip:VoiceMail@192.0.2.20" }, --> warning early-voicemail a mailbox answers at once: what rings beside it is never heard
    plan.parallel { plan.to "sip:5@192.0.2.4", plan.to("sip:vm5@192.0.2.20", { delay = 30 }) },
    plan.to "sip:vm7@192.0.2.20",
  }
end

function route.failed()
  return plan.parallel { --> warning wide-parallel 13 devices ring at once; 12 are enough
    plan.to "sip:1@192.0.2.1", plan.to "sip:2@192.0.2.1", plan.to "sip:3@192.0.2.1", plan.to "sip:4@192.0.2.1",
    plan.to "sip:5@192.0.2.1", plan.to "sip:6@192.0.2.1", plan.to "sip:7@192.0.2.1", plan.to "sip:8@192.0.2.1",
    plan.parallel { plan.to "sip:9@192.0.2.1", plan.to "sip:10@192.0.2.1", plan.to "sip:11@192.0.2.1" },
    plan.serial { plan.to "sip:12@192.0.2.1", plan.to "sip:13@192.0.2.1" },
    plan.to "sip:14@192.0.2.1",
  }
end

return route
