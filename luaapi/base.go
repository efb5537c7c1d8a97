package luaapi

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/lower"
	"tandem/luaapi/mod"
)

// assert is assert. gopher-lua's takes no value for a false one, and refuses numbers as messages.
func assert(L *lua.LState) int {
	if !lua.LVAsBool(L.CheckAny(1)) {
		mod.Raise(L, mod.Where(L), "%s", optText(L, 2, "assertion failed!"))
	}
	return L.GetTop()
}

// selectFrom is select. gopher-lua's takes no number that is a string.
func selectFrom(L *lua.LState) int {
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(lua.LNumber(L.GetTop() - 1))
		return 1
	}
	top := L.GetTop()
	n := argInt(L, 1)
	if n < 0 {
		n += top
	}
	if n < 1 {
		L.ArgError(1, "index out of range")
	}
	return max(top-n, 0)
}

// raise is error.
func raise(L *lua.LState) int {
	if L.GetTop() > 1 {
		level := optInt(L, 2, 1)
		L.Replace(2, lua.LNumber(level))
	}
	return lower.Error(L)
}

// toString is tostring.
func toString(L *lua.LState) int {
	v := L.CheckAny(1)
	if s, ok := asText(v); ok {
		L.Push(lua.LString(s))
	} else {
		L.Push(L.ToStringMeta(v))
	}
	return 1
}

// display returns a value as tostring gives it.
func display(L *lua.LState, v lua.LValue) string {
	if s, ok := asText(v); ok {
		return s
	}
	return L.ToStringMeta(v).String()
}

// toNumber is tonumber. gopher-lua's knows no exponents.
func toNumber(L *lua.LState) int {
	base := optInt(L, 2, 10)
	v := L.CheckAny(1)
	if base == 10 {
		L.Push(numberOrNil(asNumber(v)))
		return 1
	}
	s := argText(L, 1)
	if base < 2 || base > 36 {
		L.ArgError(2, "base out of range")
	}
	L.Push(numberOrNil(parseInteger(s, base)))
	return 1
}

func numberOrNil(f float64, ok bool) lua.LValue {
	if !ok {
		return lua.LNil
	}
	return lua.LNumber(f)
}

// parseInteger reads an integer as C's strtoul does: a negative one comes out as what it is modulo 2^64.
func parseInteger(s string, base int) (float64, bool) {
	s = strings.Trim(s, space)
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	if base == 16 && len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil && (n == 0 || strings.Contains(digits, "_")) {
		return 0, false
	}
	if negative {
		n = -n
	}
	return float64(n), true
}
