-- Assignment: the values first, then the targets from the last to the first.
local a, i, j, b
a = { "a", "b" } i = 1 j = 2 b = a
i, a[i], a, j, a[j], a[i + j] = j, i, i, b, j, i
out(i, b[1], a, b[2], b[3]) out(j == b)

local function f(...) return ... end
local t = {}
a, b, t.x = f(1, 2) out(a, b, t.x)
a, b, t.x = (f(1, 2)) out(a, b, t.x)
a, b, t.x = f(1), f(2, 3) out(a, b, t.x)
a, t[a], b = f(4), f(5), f(6) out(a, t[1], b)
t.x, t.y, t.z = t.y, t.z, t.x out(t)

-- each target once, whatever it takes
local log = {}
local function note(x) log[#log + 1] = x return x end
local p = setmetatable({}, { __index = function(_, k) note("get " .. tostring(k)) return { k = 1 } end, __newindex = function(_, k) note("set " .. tostring(k)) end })
p.a.k, p[note("b")], a = note("c"), note("d"), note("e")
out(table.concat(log, ","))

-- logical expressions in every place
local function g(v, ...) return v end
local x, y, z = 1, false, nil
x = x and y or z out(x) x = 5 x = y or x and z or x out(x) x = (x and y) == z out(x) x = x == false and (y == false and "both") out(x)
x = g(false) and 1 out(x) x = g(nil) or g(false) or 3 out(x) x, y = x and y, y or x out(x, y) x = not x and not z out(x)
t = { x and 1, y and 2, y and nil, z or 4, k = x and y, [x and 1 or 2] = "v" } out(t[1], t[2], t[3], t[4], t.k)
out(g(x and 1 or 2), g(z or nil), (x or y) and "s", #(z or "abc"), -(z or 1), (x and "a" or "b") .. (z or "c"), (x and t or y).k)
for n = z or 1, x and 3 or 4, z or 2 do out(n) end
while x do x = z and 1 or nil end out(x)
repeat local u = z or 7 y = u > 6 and u out(y) until u and y
local function h(...) local v, n = (...), select("#", ...) v = v and (...) or n return v or (...), v and n end
out(h(), h(false, 2)) out(h(3))
if x and x.y.z or y then out("then") else out("else") end
if not (x and x.y or y ~= 7) and true then out("then") else out("else") end
if x == nil and (y == 7 or x.y) and not z then out("then") end

-- numbers near the edges of constants and conversions
out(2 ^ 3 ^ 2, -2 ^ 2, not nil == true, 1 .. 2, "10" + 5, "0x10" * 1, -"2", 10 % 3, -10 % 3, 10 % -3, 5.5 % 2)
out("a" < "b", "a" < "B", "" < "a", "a\0b" < "a\0c", 1 < 2 == true, "2" == 2)
