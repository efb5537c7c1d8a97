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
--> error syntax syntax error: the file ends too early; is an "end", a bracket or a quote missing?
