-- The base library and the libraries of strings, tables and numbers called with no value, with nil, and with one
-- value too few.
local none = function() end
local function call(f, ...) local a, b, c = f(...) return a, b, c end
local functions = {
  assert = assert, ipairs = ipairs, next = next, pairs = pairs, pcall = pcall, rawequal = rawequal,
  rawget = rawget, rawset = rawset, select = select, setmetatable = setmetatable, tonumber = tonumber, tostring = tostring,
  type = type, unpack = unpack, xpcall = xpcall, error = error,
  ["table.concat"] = table.concat, ["table.insert"] = table.insert, ["table.remove"] = table.remove, ["table.sort"] = table.sort,
  ["table.maxn"] = table.maxn, ["table.getn"] = table.getn,
  ["string.byte"] = string.byte, ["string.char"] = string.char, ["string.find"] = string.find, ["string.format"] = string.format,
  ["string.gmatch"] = string.gmatch, ["string.gsub"] = string.gsub, ["string.len"] = string.len, ["string.lower"] = string.lower,
  ["string.match"] = string.match, ["string.rep"] = string.rep, ["string.reverse"] = string.reverse, ["string.sub"] = string.sub,
  ["string.upper"] = string.upper,
  ["math.abs"] = math.abs, ["math.ceil"] = math.ceil, ["math.floor"] = math.floor, ["math.fmod"] = math.fmod, ["math.max"] = math.max,
  ["math.min"] = math.min, ["math.modf"] = math.modf, ["math.pow"] = math.pow, ["math.sqrt"] = math.sqrt, ["math.ldexp"] = math.ldexp,
  ["math.frexp"] = math.frexp,
}
local names = {}
for name in pairs(functions) do names[#names + 1] = name end
table.sort(names)
local values = { 1, "2", "x", {}, true, false }
for _, name in ipairs(names) do
  local f = functions[name]
  setmetatable(values[4], { __tostring = function() return "table" end })
  out(name, "none", pcall(call, f, none()))
  out(name, "nil", pcall(call, f, nil))
  out(name, "two nils", pcall(call, f, nil, nil))
  for i = 1, #values do
    out(name, i, pcall(call, f, values[i]))
    out(name, i, "a function", pcall(call, f, name ~= "tostring" and none, values[i]))
    out(name, i, "none", pcall(call, f, values[i], none()))
    out(name, i, "nil", pcall(call, f, values[i], nil))
    setmetatable(values[4], { __tostring = function() return "table" end })
    out(name, "nil", i, pcall(call, f, nil, values[i]))
    for k = 1, #values do
      if not (name == "table.insert" and i == 4 or name == "next" and i == 4) then
        out(name, i, k, pcall(call, f, values[i], values[k]))
        out(name, i, k, "nil", pcall(call, f, values[i], values[k], nil))
      end
    end
  end
end
