local plan, re = require "plan", require "re"
local unused = 1 --> warning unused-local local "unused" is never read
local _, _ignored = 1, 2
local written --> warning unused-local local "written" is assigned to and never read
written = 3
local count = 0
desk = plan.reject(486) --> error global-write "desk" is global, and globals cannot be written; write "local desk", or keep what belongs to a call in call.vars

local function helper() --> warning unused-local local "helper" is never read
  count = count + 1 --> error leak a function assigns to "count", a local of the file: it would leak from call to call and differ between shards; keep what belongs to a call in call.vars
  return conut --> warning undefined-global "conut" is not defined; did you mean "count"?
end

local function invite(call)
  local call = call --> warning shadowed-local local "call" hides the one of line 14
  for i = 1, 3 do
    for i = 1, i do print(i) end --> warning shadowed-local local "i" hides the one of line 16
  end
  if early(call) then local inner = call end --> error undefined-global "early" is not defined; the local of line 34 is there from that line on: move it up --> warning unused-local local "inner" is never read
  print(inner) --> warning undefined-global "inner" is not defined; the local of line 19 ends with the block that it stands in
  print(desk)
  prnt(call.id) --> error undefined-global "prnt" is not defined
  log.info("x") --> warning undefined-global "log" is not defined; write local log = require "log"
  os.time() --> error sandbox scripts have no "os": the time of a call is call.time
  utf8.char(65) --> error dialect Lua 5.1 has no "utf8": strings are bytes
  string.trim(" x ") --> error unknown-function string has no "trim"
  print(string.trim, math.pi, math.random(3), tostring(1, 2)) --> warning arity tostring takes 1 argument, got 2 --> warning unknown-function string has no "trim"
  print(("x"):upper(), ("x"):find(), select("#", 1, 2)) --> error arity string.find takes 1 to 3 arguments, got 0
  print(call.ruri.user:match("[0-9"), call.ruri.user:match("^%d+$"), string.find("[", "[", 1, true)) --> error pattern string.match: malformed pattern (missing ']')
  print(re.match(call.body, [[([0-9]]), re.gsub(call.body, [[(?=1)]], ""), re.match(call.body, [[^\d+$]])) --> error pattern re.gsub: error parsing regexp: invalid or unsupported Perl syntax: `(?=` --> error pattern re.match: error parsing regexp: missing closing ]: `[0-9`
  return plan.to(call.ruri)
end

local function early() return nil end --> warning unused-local local "early" is never read

return { invite = invite }
