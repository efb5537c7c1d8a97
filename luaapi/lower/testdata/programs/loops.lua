-- Loops: bounds, steps, iterators, break, and conditions that are constant.
local function run(a, b, c) local n = {} for i = a, b, c or 1 do n[#n + 1] = i if #n > 20 then break end end return table.concat(n, " ") end
out(run(1, 3)) out(run(3, 1)) out(run(3, 1, -1)) out(run(1, 2, 0.5)) out(run(1, 0, 1), run(0, 0), run(-1, 1)) out(run(1, 5, 2)) out(run(5, 1, -3))
for i = 1, 3 do local j = i i = i * 10 out(i, j) end
local t, n = { 10, 20, 30, x = 1, y = 2 }, 0
for k, v in pairs(t) do n = n + v t[k] = nil end
out(n, next(t))
for i, v in ipairs { 1, 2, nil, 4 } do out(i, v) end
for w in ("one two  three"):gmatch("%a+") do out(w) end
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do out(k, v) end
local function range(n) local i = 0 return function() i = i + 1 if i <= n then return i, i * i end end end
for i, sq in range(3) do out(i, sq) end
for i in range(3) do for j in range(3) do if j == 2 then break end out(i, j) end end
for a, b, c, d in function(s, c) if not c then return 1, s end end, "s" do out(a, b, c, d) end
local k, v = "k", "v"
for k, v in next, { 5 } do out(k, v) end
out(k, v)
while true do while true do break end if n > 100 then break end n = n + 50 end out(n)
repeat local done = n > 200 n = n + 60 until done out(n)
repeat repeat n = n + 1 if n % 2 == 0 then break end until false until n % 3 == 0 out(n)
local i = 0
while i < 3 do
  i = i + 1
  if i == 1 then else if i == 2 then local x = i out("two", x) else do out("three") break end end end
end
while nil do out("never") end
if false then out("never") elseif nil then out("never") end
for _ in pairs {} do out("never") end
do local fs = {} for i = 1, 3 do while true do local x = i * 2 fs[i] = function() x = x + 1 return x end break end end out(fs[1](), fs[1](), fs[2](), fs[3]()) end
out(pcall(function() for i = 1, {} do end end)) out(pcall(function() for i in 5 do end end)) out(pcall(function() for i = nil, 1 do end end)) out(pcall(function() for k in pairs(nil) do end end))
