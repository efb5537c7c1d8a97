-- The base library called with no value, which is not nil.
local none = function() end
local function call(f, ...) local a, b, c = f(...) return a, b, c end
for i, f in ipairs { assert, getmetatable, ipairs, next, pairs, pcall, rawequal, rawget, select, setmetatable, tonumber, tostring, type, unpack, xpcall, error } do
  out(i, pcall(call, f, none()))
  out(i, pcall(call, f, nil))
  out(i, pcall(call, f, none(), none()))
  out(i, pcall(call, f, false, none()))
end
out(pcall(call, rawequal, 1, none())) out(pcall(call, rawget, {}, none())) out(pcall(call, setmetatable, {}, none()))
out(pcall(call, rawset, {}, 1, none())) out(pcall(call, xpcall, none, none()))
out(pcall(call, assert, false, 12)) out(pcall(call, assert, nil, {})) out(pcall(call, assert, 1, 2, nil))
out(call(select, "2", "a", "b")) out(call(select, "#")) out(call(select, "#x", nil, nil)) out(pcall(call, select, 0)) out(pcall(call, select, "x"))
