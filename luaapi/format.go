package luaapi

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// directiveCost is what a directive costs besides its length, in instructions.
const directiveCost = 12

// formatBytes is how many bytes of a directive cost an instruction.
var formatBytes = func() (all [256]int) {
	for i := range all {
		all[i] = 3
	}
	all['s'], all['q'] = 64, 16
	return all
}()

// format is string.format, as C has it: gopher-lua hands the format to Go, whose verbs differ.
func (v *vm) format(L *lua.LState) int {
	f := argText(L, 1)
	var out []byte
	arg := 1
	for len(f) > 0 {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			i = len(f)
		}
		out = append(out, f[:i]...)
		if f = f[i:]; f == "" {
			break
		}
		fl, verb, rest := directive(L, f)
		f = rest
		if verb == '%' {
			out = append(out, '%')
			continue
		}
		arg++
		was := len(out)
		out = appendDirective(L, out, fl, verb, arg)
		v.meter.left -= directiveCost + (len(out)-was)/formatBytes[verb]
		bound(L, len(out))
	}
	v.push(L, out)
	return 1
}

// flags are what stands between the % and the verb of a directive.
type flags struct {
	text                            string // all of it, with the %
	left, plus, space, zero, prefix bool
	width, precision                int // precision is -1 if there is none
}

// directive splits "%-5.2f…" into its flags, the verb, and what follows.
func directive(L *lua.LState, f string) (fl flags, verb byte, rest string) {
	i := 1
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		switch f[i] {
		case '-':
			fl.left = true
		case '+':
			fl.plus = true
		case ' ':
			fl.space = true
		case '#':
			fl.prefix = true
		case '0':
			fl.zero = true
		}
		i++
	}
	digits := func() (n int, ok bool) {
		from := i
		for i < len(f) && f[i] >= '0' && f[i] <= '9' {
			n = n*10 + int(f[i]-'0')
			i++
		}
		return n, i-from <= 2
	}
	ok := i <= 6
	if ok {
		fl.width, ok = digits()
	}
	fl.precision = -1
	if ok && i < len(f) && f[i] == '.' {
		i++
		fl.precision, ok = digits()
	}
	if !ok {
		mod.Raise(L, mod.Where(L), "string.format: width or precision has more than two digits")
	}
	if i == len(f) {
		mod.Raise(L, mod.Where(L), "string.format: the format ends after %q", f)
	}
	fl.text = f[:i]
	return fl, f[i], f[i+1:]
}

func appendDirective(L *lua.LState, out []byte, fl flags, verb byte, arg int) []byte {
	if arg > L.GetTop() {
		mod.Raise(L, mod.Where(L), "string.format: no value for %s%c", fl.text, verb)
	}
	switch verb {
	case 'd', 'i':
		return appendSigned(out, fl, int64(toInt(argNumber(L, arg))))
	case 'u', 'x', 'X', 'o':
		return appendUnsigned(out, fl, verb, uint64(toInt(argNumber(L, arg))))
	case 'c':
		fl.precision = -1
		return appendText(out, fl, string([]byte{byte(toInt(argNumber(L, arg)))}))
	case 'e', 'E', 'f', 'g', 'G':
		return appendFloat(out, fl, verb, argNumber(L, arg))
	case 's':
		return appendText(out, fl, display(L, L.Get(arg)))
	case 'q':
		return appendQuoted(out, argText(L, arg))
	}
	mod.Raise(L, mod.Where(L), "string.format has no %s%c", fl.text, verb)
	return out
}

// sign is what stands before a number.
func (fl *flags) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case fl.plus:
		return "+"
	case fl.space:
		return " "
	}
	return ""
}

func appendSigned(out []byte, fl flags, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	return appendDigits(out, fl, fl.sign(n < 0), strconv.FormatUint(u, 10))
}

func appendUnsigned(out []byte, fl flags, verb byte, n uint64) []byte {
	switch prefix := ""; verb {
	case 'u':
		return appendDigits(out, fl, "", strconv.FormatUint(n, 10))
	case 'o':
		digits := strconv.FormatUint(n, 8)
		filled := fl.zero && !fl.left && fl.precision < 0 && fl.width > len(digits)
		switch {
		case fl.prefix && n > 0 && !filled:
			fl.precision = max(fl.precision, len(digits)+1)
		case fl.prefix && n == 0 && fl.precision == 0:
			fl.precision = 1
		}
		return appendDigits(out, fl, "", digits)
	default:
		if fl.prefix && n > 0 {
			prefix = "0" + string(verb)
		}
		digits := strconv.FormatUint(n, 16)
		if verb == 'X' {
			digits = strings.ToUpper(digits)
		}
		return appendDigits(out, fl, prefix, digits)
	}
}

// appendDigits appends an integer: the precision is the least number of digits, and the flag 0 fills what is left of the width
// unless there is a precision.
func appendDigits(out []byte, fl flags, sign, digits string) []byte {
	least := fl.precision
	switch {
	case least == 0 && digits == "0":
		digits = ""
	case least < 0 && fl.zero && !fl.left:
		least = fl.width - len(sign)
	}
	return pad(out, fl, sign+strings.Repeat("0", max(least-len(digits), 0))+digits)
}

// appendText appends %s. Width and precision count bytes; Go would count characters.
func appendText(out []byte, fl flags, s string) []byte {
	if fl.precision >= 0 {
		s = s[:min(fl.precision, len(s))]
	}
	return pad(out, fl, s)
}

// pad fills the width with spaces.
func pad(out []byte, fl flags, s string) []byte {
	spaces := strings.Repeat(" ", max(fl.width-len(s), 0))
	if fl.left {
		return append(append(out, s...), spaces...)
	}
	return append(append(out, spaces...), s...)
}

func appendFloat(out []byte, fl flags, verb byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		s := strings.TrimPrefix(notFinite(f), "-")
		if verb < 'a' {
			s = strings.ToUpper(s)
		}
		return pad(out, fl, fl.sign(math.Signbit(f))+s)
	}
	text := fl.text
	if fl.precision < 0 {
		text += ".6"
	}
	return fmt.Appendf(out, text+string(verb), f)
}

// appendQuoted appends a string so that Lua reads it back.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			out = append(out, '\\', c)
		case '\r':
			out = append(out, `\r`...)
		case 0:
			out = append(out, `\000`...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
