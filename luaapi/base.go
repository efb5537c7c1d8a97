package luaapi

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// assert is assert. gopher-lua's takes no value for a false one, and refuses numbers as messages.
func assert(L *lua.LState) int {
	if !lua.LVAsBool(L.CheckAny(1)) {
		mod.Raise(L, mod.Where(L), "%s", optText(L, 2, "assertion failed!"))
	}
	return L.GetTop()
}

// optText returns argument n as a string, or what stands in for it.
func optText(L *lua.LState, n int, missing string) string {
	if L.Get(n) == lua.LNil {
		return missing
	}
	return L.CheckString(n)
}

// selectFrom is select. gopher-lua's takes no number that is a string.
func selectFrom(L *lua.LState) int {
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(lua.LNumber(L.GetTop() - 1))
		return 1
	}
	top := L.GetTop()
	n := integer(L, 1)
	if n < 0 {
		n += top
	}
	if n < 1 {
		L.ArgError(1, "index out of range")
	}
	return max(top-n, 0)
}

// integer returns argument n as an integer. A string that reads as a number is one.
func integer(L *lua.LState, n int) int {
	if s, ok := L.Get(n).(lua.LString); ok {
		if f := lua.LVAsNumber(s); f != 0 || strings.ContainsRune(string(s), '0') {
			return int(f)
		}
	}
	return L.CheckInt(n)
}
