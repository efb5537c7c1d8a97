-- What the file is about.
-- tandem: disable=shadowed-local
local plan = require "plan"
local one = 1 -- tandem: disable=unused-local
local two = 2 --> warning unused-local local "two" is never read
-- tandem: disable=unused-local
-- (both are for later)
local three, four = 3, 4
-- tandem: disable=all
local five, plan = plan.too
local six = 6 -- tandem: disable=undefined-global, unused-local
local seven = 7 -- tandem: disable=unused-locals --> warning disable there is no rule "unused-locals"; did you mean "unused-local"? --> warning unused-local local "seven" is never read
local eight = 8 -- tandem: disable=unknown-handler --> warning disable rule unknown-handler cannot be disabled --> warning unused-local local "eight" is never read
-- tandem: ignore --> warning disable a comment says "tandem: ignore"; write "-- tandem: disable=RULE"
return { invte = nil } -- tandem: disable=all -- but not that --> error unknown-handler "invte" is not a handler; did you mean "invite"?
