-- Upvalues: what is shared, what is fresh in each turn, and what stays when a block, a loop or a function is left.
local a = {}
for i = 1, 10 do a[i] = { set = function(x) i = x end, get = function() return i end } end
out(a[3].get()) a[3].set(10) out(a[3].get(), a[2].get())
a = {}
for i, k in ipairs { "a", "b" } do
  a[i] = { set = function(x, y) i = x k = y end, get = function() return i, k end }
  if i == 2 then break end
end
a[1].set(10, 20)
out(a[2].get()) out(a[1].get())
a[2].set("a", "b") out(a[2].get())

local function f(x)
  local first = 1
  while 1 do
    if x == 3 and not first then return end
    local y = "xuxu"
    a = { set = function(v) y = v end, get = function() return y end }
    if x == 1 then do break end elseif x == 2 then return else if x ~= 3 then error() end end
    first = nil
  end
end
for i = 1, 3 do
  f(i)
  out(a.get()) a.set("a" .. i) out(a.get())
end
out(pcall(f, 4)) out(a.get()) a.set("x") out(a.get())

local w
function f(x) return function(y) return function(z) return w + x + y + z end end end
local y = f(10)
w = 1.5
out(y(20)(30))

local stack = {}
repeat
  local x = #stack
  stack[x + 1] = function() x = x + 1 return x end
until x > 3 or not pcall(stack[x + 1])
for _, g in ipairs(stack) do out(g(), g()) end

-- one variable in three functions, over errors
local function account()
  local sum, log = 0, {}
  local function add(n)
    sum = sum + n
    log[#log + 1] = n
    if n > 10 then error({ n = n, sum = sum }) end
    return sum
  end
  return add, function() return sum, #log end, function() sum, log = 0, {} end
end
local add, get, clear = account()
out(pcall(add, 5)) out(pcall(add, 11)) out(get()) clear() out(get()) out(pcall(add, 1)) out(get())

-- errors in errors
local depth = 0
local function nested(n)
  depth = depth + 1
  local mine = depth
  local ok, e = pcall(function()
    if n > 0 then nested(n - 1) end
    mine = mine * 2
    error("at " .. n, 0)
  end)
  out(n, mine, ok, e)
  error(mine, 0)
end
out(pcall(nested, 4)) out(depth)
