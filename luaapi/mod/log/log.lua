---@meta
error("Cannot require a meta file")

---Lines in Tandem's log, with the id of the call and the place in the script that wrote them.
---@class tandem.log
local log = {}

---Writes a line of level info.
---@param text any what happened
---@param fields? table<string, any> values by name
function log.info(text, fields) end

---Writes a line of level warn.
---@param text any what happened
---@param fields? table<string, any> values by name
function log.warn(text, fields) end

---Writes a line of level error.
---@param text any what happened
---@param fields? table<string, any> values by name
function log.error(text, fields) end

return log
