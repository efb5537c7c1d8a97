local function first(
  local x = 1 --> error syntax syntax error near "local"
end

local function second()
  return = 2 --> error syntax syntax error near "="
end

local function third()
  break --> error syntax no loop to break
end

return { first, second, third
--> error syntax syntax error: "}" expected (to close "{" at line 13)
