local meta = { __index = {}, __pairs = print, __gc = print, __mode = "k" } --> warning dialect __gc has no effect: nothing is called when a value is gone --> warning dialect __mode has no effect: tables hold on to what is in them --> warning dialect __pairs has no effect: give the table a function that loops over it
local t = setmetatable({}, meta)
meta.__close = print --> warning dialect __close has no effect: nothing is called when a local goes out of scope
local holes, full = { 1, nil, 3 }, { 1, 2, nil_ = nil }
print(#holes, #full, #{ nil, 2 }, #t) --> warning dialect the list has holes, and # may stop at any of them: count in a field of its own
print(table.unpack(full)) --> error dialect Lua 5.1 has no table.unpack: write unpack
print(math.tointeger(3)) --> error dialect Lua 5.1 has no math.tointeger: write math.floor
print(string.rep("x", 3, ","), ("x"):rep(3, ","), ("x"):rep(3)) --> error dialect string.rep of Lua 5.1 has no separator, and ignores it: use table.concat
print(tonumber("1e1"), tonumber("10"), tonumber("x"), tonumber(1e1))
print("\x41", "\\x41", [[\x41]], '\z ') --> error dialect Lua 5.1 has no \x in strings, and leaves the letter: write the byte in decimal: "\65" --> error dialect Lua 5.1 has no \z in strings, and leaves the letter: join the parts with ..
print(("x"):find("%f[%w]%g")) -- these two are as in Lua 5.2
print(-0) --> warning dialect this is -0, and 0 and -0 are one constant of a function, with the sign of the first: write 0
print(0 * -1) --> warning dialect this is -0, and 0 and -0 are one constant of a function, with the sign of the first: write 0
print(-(0 * 1) + 1) --> warning dialect this is -0, and 0 and -0 are one constant of a function, with the sign of the first: write 0
print(-5 * 0) --> warning dialect this is -0, and 0 and -0 are one constant of a function, with the sign of the first: write 0
print(-1, 0 - 0, 5 * 0, -0x10, 1 - 1, -full[1])
print("^\d+$", "a\.b", '\/', "\\d", [[\d]], "\n\t\"\'\065") --> warning dialect Lua has no \. in strings, and leaves the backslash out: write \\., or the whole text as [[…]] --> warning dialect Lua has no \/ in strings, and leaves the backslash out: write \\/, or the whole text as [[…]] --> warning dialect Lua has no \d in strings, and leaves the backslash out: write \\d, or the whole text as [[…]]
for i = 1, 3 do
  if i == 2 then goto continue end
  print(i)
  ::continue::
end
return {}
