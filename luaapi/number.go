package luaapi

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// gopher-lua writes numbers as Go does, "+Inf" and 0.3333333333333333, and reads them as Go does, "010" as 8 and "1_0" as 10.
// What scripts see goes through here instead: numbers are written with %.14g and read as C's strtod does.

// numberText returns a number as Lua writes it, but for -0: the machine gives it for -31 % 31.
func numberText(f float64) string {
	switch {
	case f == math.Trunc(f) && math.Abs(f) < 1e14:
		return strconv.FormatInt(int64(f), 10)
	case math.IsInf(f, 0) || math.IsNaN(f):
		return notFinite(f)
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

// notFinite writes what is no number as C does, which shows the sign of NaN too.
func notFinite(f float64) string {
	text := "inf"
	if math.IsNaN(f) {
		text = "nan"
	}
	if math.Signbit(f) {
		return "-" + text
	}
	return text
}

const space = " \t\n\v\f\r"

// maxNumber bounds the work of reading a number: a longer text is none.
const maxNumber = 256

// parseNumber reads a number: decimal or, after 0x, hexadecimal, with white space around it.
func parseNumber(s string) (float64, bool) {
	if len(s) > maxNumber {
		return 0, false
	}
	s = strings.Trim(s, space)
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9') || strings.Contains(s, "_") {
		return 0, false
	}
	if len(digits) > 1 && digits[1]|0x20 == 'x' && !strings.ContainsAny(digits, "pP") {
		s += "p0"
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

// asNumber returns a value as a number, if it is one or reads as one.
func asNumber(v lua.LValue) (float64, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		return float64(v), true
	case lua.LString:
		return parseNumber(string(v))
	}
	return 0, false
}

// asText returns a value as a string, if it is one or a number.
func asText(v lua.LValue) (string, bool) {
	switch v := v.(type) {
	case lua.LString:
		return string(v), true
	case lua.LNumber:
		return numberText(float64(v)), true
	}
	return "", false
}

// argText returns argument n as a string.
func argText(L *lua.LState, n int) string {
	s, ok := asText(L.Get(n))
	if !ok {
		L.TypeError(n, lua.LTString)
	}
	return s
}

// optText returns argument n as a string, or what stands in for it.
func optText(L *lua.LState, n int, missing string) string {
	if L.Get(n) == lua.LNil {
		return missing
	}
	return argText(L, n)
}

// argNumber returns argument n as a number.
func argNumber(L *lua.LState, n int) float64 {
	f, ok := asNumber(L.Get(n))
	if !ok {
		L.TypeError(n, lua.LTNumber)
	}
	return f
}

// argInt returns argument n as an integer.
func argInt(L *lua.LState, n int) int { return toInt(argNumber(L, n)) }

// optInt returns argument n as an integer, or what stands in for it.
func optInt(L *lua.LState, n, missing int) int {
	if L.Get(n) == lua.LNil {
		return missing
	}
	return argInt(L, n)
}

// toInt cuts a number to an integer. Go leaves open what becomes of one that is too large.
func toInt(f float64) int {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64, math.IsNaN(f):
		return math.MinInt64
	}
	return int(f)
}

// arity is how many numbers functions of math take that do not take one; 0 = any number.
var arity = map[string]int{"atan2": 2, "fmod": 2, "ldexp": 2, "mod": 2, "pow": 2, "max": 0, "min": 0}

// numbers gives a function of gopher-lua that takes n numbers (0 = any) only those, and no more.
func numbers(fn lua.LGFunction, n int) lua.LGFunction {
	return func(L *lua.LState) int {
		if n > 0 {
			L.SetTop(n)
		}
		for i := 1; i <= max(L.GetTop(), 1); i++ {
			if _, ok := L.Get(i).(lua.LNumber); !ok {
				f := argNumber(L, i)
				L.Replace(i, lua.LNumber(f))
			}
		}
		return fn(L)
	}
}

// operators are what the machine asks the metatable of strings for, before it would read them in its own way.
var operators = map[string]func(a, b float64) float64{
	"__add": func(a, b float64) float64 { return a + b },
	"__sub": func(a, b float64) float64 { return a - b },
	"__mul": func(a, b float64) float64 { return a * b },
	"__div": func(a, b float64) float64 { return a / b },
	"__mod": func(a, b float64) float64 { return a - math.Floor(a/b)*b },
	"__pow": math.Pow,
	"__unm": func(a, _ float64) float64 { return -a },
}

// operator is an operation on strings that read as numbers. The metatable of the other operand may know it too.
func operator(event string, op func(a, b float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		lhs, rhs := L.Get(1), L.Get(2)
		if event == "__unm" {
			rhs = lhs
		}
		a, ok := asNumber(lhs)
		b, okToo := asNumber(rhs)
		if ok && okToo {
			L.Push(lua.LNumber(op(a, b)))
			return 1
		}
		if rhs.Type() != lua.LTString {
			if fn, ok := L.GetMetaField(rhs, event).(*lua.LFunction); ok {
				L.Push(fn)
				L.Push(lhs)
				L.Push(rhs)
				L.Call(2, 1)
				return 1
			}
		}
		wrong := rhs
		if !ok {
			wrong = lhs
		}
		mod.Raise(L, mod.Where(L), "attempt to perform arithmetic on a %s value", mod.TypeName(wrong))
		return 0
	}
}

// join is "..": package lower makes calls of it. What it makes is bounded, and its length taken from the budget.
func (v *vm) join(L *lua.LState) int {
	n := L.GetTop()
	right := L.Get(n)
	for i := n - 1; i > 0; {
		if _, ok := asText(right); ok {
			if from := firstText(L, i); from <= i {
				right = v.joined(L, from, i, right)
				i = from - 1
				continue
			}
		}
		right = concatMeta(L, L.Get(i), right)
		i--
	}
	L.Push(right)
	return 1
}

// firstText returns where the strings and numbers that end with argument i start, i+1 if that is none.
func firstText(L *lua.LState, i int) int {
	for ; i > 0; i-- {
		switch L.Get(i).(type) {
		case lua.LString, lua.LNumber:
		default:
			return i + 1
		}
	}
	return 1
}

// joined joins arguments from to last, and what is right of them.
func (v *vm) joined(L *lua.LState, from, last int, right lua.LValue) lua.LValue {
	var buf [8]string
	parts, size := buf[:0], 0
	for i := from; i <= last+1; i++ {
		val := right
		if i <= last {
			val = L.Get(i)
		}
		s, _ := asText(val)
		parts = append(parts, s)
		size += len(s)
	}
	bound(L, size)
	v.meter.copied(size)
	return lua.LString(strings.Join(parts, ""))
}

func concatMeta(L *lua.LState, lhs, rhs lua.LValue) lua.LValue {
	op := L.GetMetaField(lhs, "__concat")
	if op == lua.LNil {
		op = L.GetMetaField(rhs, "__concat")
	}
	if fn, ok := op.(*lua.LFunction); ok {
		L.Push(fn)
		L.Push(lhs)
		L.Push(rhs)
		L.Call(2, 1)
		ret := L.Get(-1)
		L.Pop(1)
		return ret
	}
	wrong := rhs
	if _, ok := asText(lhs); !ok {
		wrong = lhs
	}
	mod.Raise(L, mod.Where(L), "attempt to concatenate a %s value", mod.TypeName(wrong))
	return nil
}
