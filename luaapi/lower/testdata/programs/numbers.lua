-- Numbers as text and texts as numbers.
local function call(f, ...) local a, b, c = f(...) return a, b, c end
local numbers = {
  0, 1, -1, 0.1, 1 / 3, -2 / 3, 100, 1e14, 1e15, 123456789012345, 1234567890123456, 2 ^ 53, 2 ^ 63, 1e100, 1e-5, 0.0001, 1e300 * 1e10, -1e300 * 1e10,
  5e-324, 3.14159265358979, 1e21, 12345.678, 99999999999999.9, 0.1 + 0.2, 100 / 3,
}
for i, n in ipairs(numbers) do
  out(i, tostring(n), n .. "", "" .. n, n .. n, (n .. ""):len(), string.len(n), table.concat({ n, n }, n), string.format("%s", n), ("x"):gsub("x", n))
  out(i, string.format("%g %5.2f %e %.3g %G", n, n, n, n, n), n - n ~= 0 or tonumber(tostring(n)) == n)
end
for _, n in ipairs { 0, 1, -1, 7, 255, 65536, -300, 1e10 } do
  out(string.format("%d %i %5d %-5d| %05d %+d % d", n, n, n, n, n, n, n))
  out(string.format("%x %X %#x %o", n, n, n, n))
end
out(string.format("%c%c%c", 65, 66, 67), string.format("%5s|%-5s|%.2s", "a", "b", "cde"), string.format("%q", "a\nb\"c\\d\0e\rf"))
out(string.format("%5.1f|%-8.3f|%08.3f|%+.2f", 3.14159, 2.5, -1.5, 0.005), string.format("%%"), string.format("%g %g", 1e20, 1e-10), string.format("%.0f", 0.5))
local texts = {
  "0", "1", "-1", "+1", " 1 ", "1 2", "", " ", "x", "0x", "0x10", "0XfF", "-0x10", "1e1", "1E+2", "1e", ".5", "5.", ".", "-.5", "1..2", "1e1.5", "010", "0612345678",
  "0b1", "0o7", "1_000", "1,5", "--1", "+-1", "- 1", "1e400", "\t7\n", "1f", "0x1g", "00", "1e-400",
}
for i, s in ipairs(texts) do
  out(i, s, tonumber(s), pcall(function() return s + 0 end))
  out(i, pcall(function() return s * 2, 10 - s, -s, s / 4, s % 7, s ^ 2, 1 + s, s + s end))
  out(i, pcall(call, math.floor, s), (tonumber(s) or 0) < 1000 and pcall(call, string.rep, "x", s))
  out(i, pcall(call, string.sub, "hello", s), pcall(call, string.format, "%d", s), pcall(call, string.format, "%5.1f", s))
end
for _, base in ipairs { 2, 8, 10, 16, 36, "16" } do
  out(base, tonumber("10", base), tonumber("ff", base), tonumber("zz", base), tonumber(" 11 ", base), tonumber("0x1f", base), tonumber("8", base), tonumber("1.5", base), tonumber(101, base), tonumber("", base), tonumber("1 1", base))
end
out(pcall(call, tonumber, "1", 1)) out(pcall(call, tonumber, "1", 37)) out(pcall(call, tonumber, {}, 16)) out(tonumber({}), tonumber(true), tonumber(nil))
out(pcall(function() return "a" + 1 end)) out(pcall(function() return 1 + "a" end)) out(pcall(function() return {} + "1" end)) out(pcall(function() return "1" + {} end))
out(pcall(function() return "1" + nil end)) out(pcall(function() return -"x" end)) out(pcall(function() return "x" .. nil end)) out(pcall(function() return nil .. "x" end))
out(pcall(function() return 1 < "2" end)) out(pcall(function() return "1" < 2 end)) out("10" < "9", 10 < 9, "a" < "B", "" < "a", "a" < "ab")
local M = {}
for _, event in ipairs { "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__concat" } do
  M[event] = function(a, b) return event .. type(a) .. type(b) end
end
M.__unm = function(a, b) return "unm" .. type(a) end
local o = setmetatable({}, M)
out(o + 1, 1 + o, o + "1", "1" + o, o + "x", "x" + o, o + o, "x" - o, o * "y", "2" / o, "z" % o, "z" ^ o, -o)
out(o .. 1, 1 .. o, o .. "x", "x" .. o, o .. o, "a" .. "b" .. o, o .. "a" .. "b", 1 .. 2 .. o .. 3 .. 4, "a" .. (o .. "b"))
out(1 .. 2, 1 .. "", 1.5 .. "|", -1 .. "|", 2 ^ 31 .. "", 1e15 .. "", 0 / 1 .. "")
out(#("abc" .. 1), ("a" .. "b"):upper(), ("a" .. 1 == "a1"), "a" .. "b" == "ab" and 1 or 2, not ("a" .. "b"))
local t = { ["a" .. 1] = 2, "x" .. "y" } out(t.a1, t[1], t["a" .. "1"])
local s = "" for i = 1, 5 do s = s .. i .. "," end out(s)
local a, b = "x" .. 1, "y" .. 2 a, b = b .. a, a .. b out(a, b)
local function f(...) return "<" .. select("#", ...) .. ">", ... end
out("a" .. f(1, 2), (f(1)), "a" .. (f()) .. "b", f("a" .. "b", 1 .. 2))
local d = "" .. 1 .. 2 .. 3 .. 4 .. 5 .. 6 .. 7 .. 8 .. 9 .. 10 .. 11 .. 12 .. 13 .. 14 .. 15 .. 16 .. 17 .. 18 .. 19 .. 20 .. 21 .. 22 .. 23 .. 24 .. 25 .. 26 .. 27 .. 28 .. 29 .. 30 .. 31 .. 32 .. 33 .. 34 .. 35 .. 36 .. 37 .. 38 .. 39 .. 40 .. 41 .. 42 .. 43 .. 44 .. 45 .. 46 .. 47 .. 48 .. 49 .. 50 .. 51 .. 52 .. 53 .. 54 .. 55
out(d)
out(math.max("10", 9), math.min("3", "20"), math.abs("-4"), math.floor("2.7"), math.ceil("2.1"), math.sqrt("16"), math.fmod("7", 3), math.modf("3.7"))
out(math.floor(-2.5), math.ceil(-2.5), math.fmod(-7, 3), -7 % 3, 7 % -3, 5.5 % 2, math.modf(-3.25)) out(math.huge, -math.huge, math.pi, 2 ^ 0.5, 10 / 2, 7 / 2)
out(math.pow(2, 10), math.ldexp(1, 4), math.frexp(8)) out(math.log(1), math.exp(0), math.log10(1000), math.sin(0), math.cos(0))
-- flags, width and precision together
for _, f in ipairs { "%0#11X", "%.X", "%#x", "%#o", "%#.o", "%0#10o", "%#.8o", "%-#10x|", "%010.4x", "%-08x|", "%.0x", "%8.3u", "%#.0x" } do out(f, string.format(f, 0), string.format(f, 8), string.format(f, 48879)) end
for _, f in ipairs { "%+ d", "% d", "%+5d", "%-+6d|", "%06d", "%+06d", "%-06d|", "%08.3d", "%.0d", "%+.0d", "%5.d", "% 05d", "%- 5d|" } do out(f, string.format(f, 0), string.format(f, 7), string.format(f, -7)) end
for _, f in ipairs { "%+f", "% f", "%+ 18E", "%08f", "%-9.1f|", "%#.0f", "%#g", "%+g", "%.g", "%.0e", "%#.0e", "%010.2e", "%.14g", "%.20f", "%99.99f" } do out(f, string.format(f, 0.5), string.format(f, -1e20), string.format(f, 1 / 0), string.format(f, -1 / 0)) end
for _, f in ipairs { "%5c|", "%-5c|", "%.2s", "%5.1s|", "%-5.s|", "%.s|" } do out(f, string.format(f, f:find("c") and 65 or "xyz")) end
