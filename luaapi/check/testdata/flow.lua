local plan = require "plan"

local function a(x)
  do return x end
  print(x) --> warning unreachable this is never reached
  print(x)
end

local function b(x)
  if x then
    error "no"
    print(x) --> warning unreachable this is never reached
  elseif x == false then
    return 1
  else
    return 2
  end
  print(x) --> warning unreachable this is never reached
end

local function c(x)
  while true do
    if x then break end
  end
  print(x)
  while true do --> warning endless this loop never ends: there is no break, return or error in it
    for _ = 1, 2 do break end
    print(x)
  end
  print(x) --> warning unreachable this is never reached
end

local function e(x)
  while true do
    x = x + 1
    if x > 3 then return x end
  end
end

local function g(x)
  repeat --> warning endless this loop never ends: there is no break, return or error in it
    x = function() return 1 end
  until false
end

local function h(x)
  while true do assert(x) end
end

local function k(x)
  while 1 do
    for _ = 1, x do
      if x > 3 then error "no" end
    end
  end
end

local function d(x)
  x = e(x) or g(x) or h(x) or k(x)
  for i = 1, x do
    do goto continue end
    ::continue::
    print(i)
  end
  repeat print(x) until true
  if x then return end
  return 3
end

return {
  invite = function(call)
    if a(call.id) then
      return plan.reject(404)
    elseif b(c) then
      error(d(1))
    else
      while true do print(1) end --> warning endless this loop never ends: there is no break, return or error in it
    end
  end,
}
