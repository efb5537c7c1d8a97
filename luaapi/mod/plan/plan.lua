---@meta
error("Cannot require a meta file")

---Plans: where a call goes. A plan is a value; it may be made once and returned for every call.
---@class tandem.plan
local plan = {}

---A step of a plan. Where one may stand, a function that returns one may stand; it is called when reached.
---@alias tandem.step tandem.node | fun(call: tandem.call, branch?: tandem.branch): tandem.node?
---@alias tandem.edges table<"busy"|"no_answer"|"timeout"|"offline"|"rejected"|"failed"|"limited"|"denied", tandem.step>

---@class tandem.node

---@class tandem.options
---@field ring? number seconds that it may ring, above 0
---@field delay? number seconds to wait: from the start of the group, in a serial from the previous failure
---@field name? string shown in traces; of a group: branch.group
---@field on? tandem.edges plans that take its place when it fails

---@class tandem.target_options: tandem.options
---@field on_6xx? "stop"|"branch" what a 6xx does; "stop" ends the plan (default)
---@field headers? table<string, string|number|false> header fields that are set, or taken away with false
---@field redirect? "deny"|"follow"|"pass" what a 3xx does when no handler decides
---@field auth? "pass"|{ user: string, password: string } who answers 401 and 407: the caller, or Tandem with these credentials
---@field early_media? "first"|"all"|"none" which early dialogs the caller is shown; default "first"
---@field prack? "supported"|"off"|"required" reliable provisionals on this leg (RFC 3262); default "supported"
---@field max_duration? number the longest that the call may last, in seconds from its answer, above 0
---@field send_181? boolean tell the caller that it is forwarded when this target is called
---@field dialect? "minisipserver" whose form of Call-Info that 181 has
---@field params? table<string, string|number|true> parameters added to the Request-URI
---@field to? "keep"|string the URI in To; "keep" = the To that came in; default: the Request-URI
---@field from? { user?: string, host?: string, display?: string|false } what is changed of From
---@field display? string|false the display name in From; false = none
---@field clip? string|false the URI in P-Asserted-Identity; false takes it away

---@class tandem.group_options: tandem.options
---@field each? tandem.target_options what its members leave unset
---@field hold? boolean delayed members wait although no member runs

---One target.
---@param target string a SIP or SIPS URI
---@param options? tandem.target_options
---@return tandem.node
function plan.to(target, options) end

---Steps one after the other until one answers.
---@param list tandem.step[] | tandem.group_options
---@return tandem.node
function plan.serial(list) end

---Steps together; the first answer wins.
---@param list tandem.step[] | tandem.group_options
---@return tandem.node
function plan.parallel(list) end

---Ends the call with a response.
---@param code integer 300 to 699
---@param phrase? string
---@param headers? table<string, string|number>
---@return tandem.node
function plan.reject(code, phrase, headers) end

---Ends the call with 302 and contacts.
---@param contacts (string | { uri: string, q?: number })[]
---@return tandem.node
function plan.redirect(contacts) end

---The contacts of a 3xx in the branch's place. Only route.redirected may return it.
---@return tandem.node
function plan.follow() end

---The transfer request goes on to the other leg. Only route.refer may return it.
---@return tandem.node
function plan.pass() end

return plan
