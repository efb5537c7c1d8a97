local a <const> = 1 --> error dialect Lua 5.1 has no <const>: leave it out

local function half(n)
  return n // 2 --> error dialect Lua 5.1 has no operator //: write math.floor(a / b)
end

local function mask(n)
  if n != 2 and n ~= 3 then return n & 1 end --> error dialect Lua 5.1 has no operator !=: write ~= --> error dialect Lua 5.1 has no operator &: there are no operators on bits
end

local function broken(n
  return n --> error syntax syntax error near "return"
end

return a < 2, half, mask, broken, "a // b" -- a // b
