package luaapi

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/lower"
	"tandem/luaapi/machine"
	"tandem/luaapi/mod"
)

// assert is assert. gopher-lua's takes no value for a false one, and refuses numbers as messages.
func (v *vm) assert(L *lua.LState) int {
	if !lua.LVAsBool(L.CheckAny(1)) {
		message := optText(L, 2, "assertion failed!")
		v.meter.copied(2 * len(message))
		mod.Raise(L, mod.Where(L), "%s", message)
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
func (v *vm) raise(L *lua.LState) int {
	if s, ok := asText(L.Get(1)); ok {
		v.meter.copied(2 * len(s)) // the machine adds the place
	}
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
	if len(s) > maxNumber {
		return 0, false
	}
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

// deepTrace is how many instructions it costs to write down a stack of which the middle is left out: the machine walks it from the top for
// every level, and there may be 120.
const deepTrace = 3000

// protectedCall is how many instructions a call costs that catches errors, besides those of any call of a function that is written in Go.
const protectedCall = 6

// protected charges for calls of pcall and xpcall.
func protected(call lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		vmOf(L).meter.left -= protectedCall
		return call(L)
	}
}

// caught charges for an error that a script has caught: the machine writes the stack down.
func caught(L *lua.LState, err *lua.ApiError) {
	m := &vmOf(L).meter
	m.left -= 150 + 2*len(err.StackTrace)
	if strings.Contains(err.StackTrace, "\n\t...\n") {
		m.left -= deepTrace
	}
}

// next is next. It charges for what is passed over: holes of a list, and fields that have been removed, which stay behind.
func (v *vm) next(L *lua.LState) int {
	t := L.CheckTable(1)
	from := L.Get(2)
	in := machine.Inside(t)
	if !in.Has(from) {
		mod.Raise(L, mod.Where(L), "invalid key to 'next'")
	}
	key, value := t.Next(from)
	if fields := len(in.Dict) + len(in.Strdict); len(in.Keys) > 4*fields+64 {
		v.meter.left -= len(in.Keys) / 16
	}
	v.meter.left -= passed(from, key, len(in.Array))
	L.Push(key)
	if key == lua.LNil {
		return 1
	}
	L.Push(value)
	return 2
}

// passed returns how many items of a list lie between two keys.
func passed(from, to lua.LValue, length int) int {
	a, ok := from.(lua.LNumber)
	if from != lua.LNil && (!ok || a < 0) {
		return 0
	}
	b, ok := to.(lua.LNumber)
	if !ok || int(b) > length {
		b = lua.LNumber(length)
	}
	return max(int(b-a), 0)
}

// pairs is pairs.
func (v *vm) pairs(L *lua.LState) int {
	t := L.CheckTable(1)
	L.Push(v.shares.next)
	L.Push(t)
	L.Push(lua.LNil)
	return 3
}
