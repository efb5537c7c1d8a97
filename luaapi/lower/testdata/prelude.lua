-- What programs that are run by Lua 5.1 and by Tandem begin with: program(function(out, tick) … end).
local write = require("out").write

local shown, depth
local function show(v)
  local kind = type(v)
  if kind == "number" then return tostring(v + 0) end
  if kind == "string" then return string.format("%q", v) end
  if kind == "function" then return "function" end
  if kind ~= "table" then return tostring(v) end
  if shown[v] or depth > 4 then return "{...}" end
  shown[v] = true
  depth = depth + 1
  local keys, parts = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if type(a) ~= type(b) then return type(a) < type(b) end
    if type(a) == "number" or type(a) == "string" then return a < b end
    return false
  end)
  for _, k in ipairs(keys) do
    parts[#parts + 1] = "[" .. show(k) .. "]=" .. show(rawget(v, k))
  end
  depth = depth - 1
  return "{" .. table.concat(parts, ",") .. "}"
end

local ticks, lines = 0, 0
local function out(...)
  lines = lines + 1
  if lines > 200 then error("too much", 0) end
  local n = select("#", ...)
  for i = 1, n do
    shown, depth = {}, 0
    write(show((select(i, ...))))
    write(i < n and " " or "")
  end
  write("\n")
end

-- tick bounds what a program does: all calls of its functions count.
local function tick()
  ticks = ticks + 1
  if ticks > 500 then error("too long", 0) end
end

local number = 0
local function program(f)
  number = number + 1
  write("#" .. number .. "\n")
  ticks, lines = 0, 0
  local function done(...)
    lines = 0
    out(...)
  end
  done(pcall(f, out, tick))
end

