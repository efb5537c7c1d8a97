-- Table constructors, the table library and metatables.
local function f(...) return ... end
local t = { f(1, 2), f(3, 4) } out(#t, t[3])
t = { f(1, 2), (f(3, 4)) } out(#t)
t = { f(1, 2), n = f(3, 4) } out(#t, t.n)
t = { n = f(3, 4), f(1, 2) } out(#t, t.n)
t = { [1] = "a", "b", [2] = "c", f() } out(t[1], t[2])
t = { { { 1 }, x = { y = { z = 2 } } } } out(t[1][1][1], t[1].x.y.z)
t = { "x"; "y", z = 1; } out(#t, t.z)
local q = {} for i = 1, 60 do q[i] = i end
t = { unpack(q) } out(#t, t[60])
out(#{ 1, unpack(q) }, #{ unpack(q), 1 })
t = {} for i = 1, 10 do t[#t + 1] = i end for i = 1, 4 do t[#t] = nil end out(#t, table.remove(t), table.remove(t, 1), #t, table.concat(t, "-"))
table.insert(t, 1, "first") table.insert(t, "last") table.insert(t, 3, "third") out(table.concat(t, " "))
out(table.concat({}), table.concat({ 1 }, ","), table.concat({ 1, 2, 3 }, ",", 2), table.concat({ 1, 2, 3 }, ",", 2, 2), table.concat({ 1, 2 }, ",", 3))
t = { 5, 2, 8, 1 } table.sort(t) out(t) table.sort(t, function(a, b) return a > b end) out(t)
t = { "b", "a", "" } table.sort(t) out(t) out((pcall(table.sort, { 1, "x" }))) out(table.maxn { 1, 2, nil, 4 }, table.getn { 1, 2 })
out(rawequal(t, t), rawequal(t, {}), rawget(t, 1), #t, next({}), type(next), select("#", next({})))

local log = {}
local P = {}
P.__index = function(o, k) log[#log + 1] = "index " .. tostring(k) return rawget(P, k) end
P.__newindex = function(o, k, v) log[#log + 1] = "set " .. tostring(k) rawset(o, k, v) end
for _, op in ipairs { "add", "sub", "mul", "div", "mod", "pow", "concat" } do
  P["__" .. op] = function(a, b) log[#log + 1] = op return (type(a) == "table" and a.n or a) .. op .. (type(b) == "table" and b.n or b) end
end
P.__unm = function(a) return "-" .. a.n end
P.__eq = function(a, b) log[#log + 1] = "eq" return a.n == b.n end
P.__lt = function(a, b) log[#log + 1] = "lt" return a.n < b.n end
P.__tostring = function(a) return "P" .. a.n end
P.__metatable = "locked"
local a, b = setmetatable({ n = 1 }, P), setmetatable({ n = 2 }, P)
out(a + b, a - 1, 2 * b, a / b, a % 3, 3 ^ a, a .. b, "x" .. a, a .. "x" .. "y", 1 .. a, -a)
out(a == b, a ~= b, a < b, a <= b, a > b, a >= b, a == 1, not a, tostring(a), getmetatable(a))
out(a.missing, a.__add ~= nil) a.x = 5 a.x = 6 out(a.x) out(pcall(function() setmetatable(a, nil) end))
out(table.concat(log, " "))
local base = { hello = function(self) return "hello " .. self.name end, name = "base" }
local mid = setmetatable({}, { __index = base }) local top = setmetatable({ name = "top" }, { __index = mid, __newindex = mid })
out(top:hello(), mid:hello()) top.new = 1 out(rawget(top, "new"), mid.new, top.new)
out(pcall(function() return a < 1 end)) out(pcall(function() return {} .. "x" end)) out(pcall(function() return a() end)) out(pcall(function() return #nil end))

-- next, from keys that are there, that have been, and that never were
for _, key in ipairs { "x", 0, -1, 0.5, 7, true, "a" } do out(key, (pcall(next, { 1, 2, a = 3 }, key)), (pcall(next, {}, key))) end
t = { 1, 2, 3, a = 1, b = 2, [100] = 3, [0.5] = 4 } local n = 0
for k in pairs(t) do t[k] = nil n = n + 1 end out(n, next(t)) out(next({ 5 })) out(next({ 5 }, 1)) out(next({ x = 1 }, "x"))
t = { 1, 2, 3 } for k in pairs(t) do table.remove(t) end out(#t)
