-- Calls: parameters, ..., tail calls, methods, __call, several values.
local function count(...) return select("#", ...), ... end
out(count()) out(count(nil)) out(count(nil, nil)) out((count(1, 2))) out(count(count(1, 2))) out(count(count(1), count(2)))
local function v(a, ...) local b, c = ... return a, b, c, select("#", ...) end
out(v()) out(v(1)) out(v(1, 2)) out(v(1, 2, 3, 4))
local function old(...) return arg.n, arg[1], #arg end
out(old(5, nil, 7))
local t = { n = 0 }
function t.a(x) return x end
function t:b(x) self.n = self.n + (x or 1) return self end
out(t:b():b(2):b().n, t.a(t.n), t.b(t, 3).n)
t.u = { v = {} }
function t.u.v.f(x) return x, "f" end
function t.u.v:g(x) self.x = x return x, "g" end
out(t.u.v.f(1)) out(t.u.v:g(2)) out(t.u.v.x)

local function tail(n, ...) if n == 0 then return count(...) end return tail(n - 1, n, ...) end
out(tail(10))
local function loop(n) if n > 0 then return loop(n - 1) end return "done" end
out(loop(5000))
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
out(even(1001), odd(1001))

local c = setmetatable({}, { __call = function(self, ...) return self == c, select("#", ...), ... end })
out(c(1, nil)) out(pcall(c, 2)) out((c(3)))
local function tailed(...) return c(...) end
out(tailed(4, 5))
out(pcall(tailed)) out(select(2, pcall(pcall, error, "x"))) out(pcall(pcall, 1))
out(xpcall(function() return c() end, out)) out(xpcall(function() local x = nil; return x() end, function(m) return type(m) end))
out(string.format("%s %d", "x", 3), ("%s"):format(tostring(c ~= nil)), #("x"):rep(3))

local r = { pcall(function(...) local a, b = ... if a then error({ b }) end return ... end, true, 9) }
out(r[1], r[2][1])
out((function(...) return select(-1, ...) end)(1, 2, 3)) out(unpack({ 1, 2, 3 }, 2)) out(unpack({ 1, 2 }, 1, 3)) out((unpack { 1, 2 }))
local function deep(n) if n == 0 then return error("deep", 0) end return 1 + deep(n - 1) end
out(pcall(deep, 50))

-- the place of an error, where a function has left its own to one that it called last
local function fail(level) error("here", level) end
local function last(level) return fail(level) end
local function notLast(level) fail(level) return 1 end
for level = 0, 2 do
  out(level, pcall(fail, level)) out(level, pcall(last, level)) out(level, pcall(notLast, level))
  out(level, pcall(function() return last(level) end)) out(level, pcall(function() last(level) return 1 end))
  out(level, pcall(function() local x = last(level) return x end)) out(level, pcall(function() return (fail(level)) end))
end
