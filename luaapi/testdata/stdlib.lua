-- What the standard library of scripts gives. stdlib.golden is what PUC Lua 5.1 prints.
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    out[i] = type(v) == "string" and string.format("%q", v) or tostring(v)
  end
  print(table.concat(out, " "))
end

local function fails(f, ...)
  local ok = pcall(f, ...)
  print(ok and "no error" or "error")
end

-- find
show(("hello world"):find("o w"))
show(("hello world"):find("o", 6))
show(("hello"):find("l+", -3))
show(("hello"):find("", 10))
show(("hello"):find("", 3))
show(("a.b"):find(".", 1, true))
show(("a.b"):find("%."))
show(("a)b"):find(")"))
show(("a.b"):find("x", 1, true))
show(("a.b"):find("^x"))
show(("hello"):find("xyz"))
show(("hello"):find("(l)(l)()"))
show(("hello"):find("h", 0))
show(("hello"):find("^e", 2))

-- match
show(("sip:alice@example.net;user=phone"):match("^sip:([^@]+)@([^;]+)"))
show(("+31 20 123"):match("%d+"))
show(("abc"):match("()b()"))
show(("abc"):match("x"))
show(("key = value"):match("^(%w+)%s*=%s*(%w+)$"))
show(("2026-11-23"):match("(%d+)-(%d+)-(%d+)"))

-- gmatch
for w in ("one two  three"):gmatch("%a+") do show(w) end
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do show(k, v) end
for p in ("abc"):gmatch("()") do show(p) end
for x in ("^a^b"):gmatch("^%a") do show(x) end
for x in (""):gmatch(".*") do show(x) end

-- gsub
show(("hello world"):gsub("o", "0"))
show(("hello world"):gsub("o", "0", 1))
show(("hello"):gsub("", "-"))
show(("abc"):gsub("%w", "%0%0"))
show(("abc"):gsub("(%w)(%w)", "%2%1"))
show(("abc"):gsub("%w", "%%"))
show(("abc"):gsub("b", "%1"))
show(("hello world"):gsub("%w+", { hello = "HI", world = false }))
show(("hello world"):gsub("(%w)%w*", function(c) if c == "h" then return c:upper() end end))
show(("abc"):gsub("^a", "x"))
show(("aaa"):gsub("^a", "x"))
show(("abc"):gsub("b", 5))
show(("abc"):gsub("()", "%1"))
show(("$name is $age"):gsub("%$(%w+)", { name = "Al", age = 42 }))
show(("x"):gsub("x*", "-"))
show(("abc"):gsub("b*", "-"))
show(("THE (quick) fox"):gsub("%f[%a]%a+", string.lower))
show(("abc"):gsub("x", "y"))
show(("abc"):gsub(".", "x", 0))
fails(string.gsub, "abc", "b", "%2")
fails(string.gsub, "abc", "b", {b = {}})
fails(string.gsub, "abc", "b")
fails(string.find, "abc", "[b")
fails(string.find, "abc", "%")

-- rep, case, reverse, byte, char, sub, len
show(("ab"):rep(3), ("ab"):rep(0), ("ab"):rep(-1), (""):rep(5))
show(("aBcÉ1"):upper(), ("AbCé1"):lower(), ("abc"):reverse(), (""):reverse())
show(("abc"):byte(), ("abc"):byte(2), ("abc"):byte(-1), ("abc"):byte(10))
show(("abc"):byte(1, -1))
show(string.char(72, 105), string.char())
show(("hello"):sub(2, 3), ("hello"):sub(-3), ("hello"):sub(4, 2), ("hello"):sub(0), ("hello"):sub(2, 100))
show(#"abc", ("abc"):len())

-- format
show(string.format("%d %5d %-5d| %05d %+d", 42, 42, 42, 42, 42))
show(string.format("%d", -3.7), string.format("%i", 7))
show(string.format("%x %X %o %#x", 255, 255, 8, 255))
show(string.format("%x", -1) == "ffffffffffffffff", string.format("%u", 42))
show(string.format("%f %.2f %10.3f|%-10.1f|", 3.14159, 3.14159, 3.14159, 3.14159))
show(string.format("%e %E %.3e", 12345.678, 12345.678, 0))
show(string.format("%g %g %g %g %g", 100000, 1000000, 0.0001, 0.00001, 3.5))
show(string.format("%G %.3g", 1e20, 1234567))
show(string.format("%s %10s|%-10s|%.2s", "abc", "abc", "abc", "abc"))
show(string.format("%c%c%c", 76, 117, 97))
show(string.format("%q", 'a "quoted"\n\\line\r\0end'))
show(string.format("%%"), string.format("100%%"), string.format(""))
show(string.format("%s %s", 1, 1.5))
show(string.format("%5.1f%%", 12.34))
show(string.format("%g %g %g", 1/0, -1/0, 2^53))
show(string.format("%5s|%-5d|%5.1f|%-5s|%.1s|%05s|%.s", "é", 3, 2.25, "é", "abc", "x", "abc"))
show(string.format("%f %5.1f|%-6f|%06.1f", 1/0, 1/0, -1/0, 1/0))
fails(string.format, "%d")
fails(string.format, "%y", 1)
fails(string.format, "%123d", 1)
fails(string.format, "%.123d", 1)
fails(string.format, "%d", "x")
fails(string.format, "%")

-- table
show(table.concat({ 1, 2, "x" }, ", "), table.concat({}, "x"), table.concat({ "a", "b", "c" }, "", 2), table.concat({ "a", "b", "c" }, "-", 2, 2))
show(table.concat({ "a", "b" }, ",", 3), table.concat({ "a", "b" }, ",", 2, 1))
fails(table.concat, { 1, {}, 3 })
fails(table.concat, { 1 }, ",", 1, 3)
local t = { 3, 1, 2 }
table.sort(t)
show(unpack(t))
table.sort(t, function(a, b) return a > b end)
show(unpack(t))
table.insert(t, 9)
table.insert(t, 1, 8)
show(unpack(t))
show(table.remove(t), table.remove(t, 1), unpack(t))
show(table.maxn(t), #t, table.getn(t))
show(select("#", unpack({}, 1, 3)))
show(unpack({ 1, 2, 3 }, 2))
show(unpack({}))
show(unpack({ 1, 2, 3 }, 3, 2))
show(rawset({}, "a", 1).a)
fails(table.insert, {})
fails(table.insert, {}, 1, 2, 3)

-- math
show(math.max(1, 5, 3), math.min(1, 5, 3), math.floor(-1.5), math.ceil(-1.5), math.abs(-2))
show(math.fmod(7, 3), 7 % 3, -7 % 3, 2 ^ 10, math.sqrt(16))
show(math.modf(3.5))
show(math.pi > 3.14, math.huge > 1e300)

-- base
show(type(nil), type(print), tostring(nil), tostring(true), tonumber("12"), tonumber("0x1F"), tonumber("ff", 16), tonumber("x"))
show(pcall(error, "msg", 0))
show(pcall(error, { 1 }) == false)
show(select(-1, 1, 2, 3))
show(next({}), rawequal(t, t), rawget({ a = 1 }, "a"))
show(setmetatable({}, { __index = { x = 1 } }).x)
show(getmetatable(setmetatable({}, { __metatable = "locked" })))
fails(setmetatable, setmetatable({}, { __metatable = "locked" }), {})
fails(setmetatable, 1, {})
show(xpcall(function() error("x", 0) end, function(m) return m .. "!" end))
show(_VERSION)
