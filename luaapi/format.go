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
		all[i] = 4
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
		spec, verb, rest := directive(L, f)
		f = rest
		if verb == '%' {
			out = append(out, '%')
			continue
		}
		arg++
		was := len(out)
		out = appendDirective(L, out, spec, verb, arg)
		v.meter.left -= directiveCost + (len(out)-was)/formatBytes[verb]
		bound(L, len(out))
	}
	v.push(L, out)
	return 1
}

// directive splits "%-5.2f…" into flags with width and precision, the verb, and what follows.
func directive(L *lua.LState, f string) (spec string, verb byte, rest string) {
	i := 1
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(f) && f[i] >= '0' && f[i] <= '9' {
			i++
		}
		return i-from <= 2
	}
	ok := i <= 6 && digits()
	if ok && i < len(f) && f[i] == '.' {
		i++
		ok = digits()
	}
	if !ok {
		mod.Raise(L, mod.Where(L), "string.format: width or precision has more than two digits")
	}
	if i == len(f) {
		mod.Raise(L, mod.Where(L), "string.format: the format ends after %q", f)
	}
	return f[:i], f[i], f[i+1:]
}

func appendDirective(L *lua.LState, out []byte, spec string, verb byte, arg int) []byte {
	if arg > L.GetTop() {
		mod.Raise(L, mod.Where(L), "string.format: no value for %s%c", spec, verb)
	}
	switch verb {
	case 'd', 'i':
		return fmt.Appendf(out, spec+"d", int64(argNumber(L, arg)))
	case 'u', 'x', 'X', 'o':
		if verb == 'u' {
			verb = 'd'
		}
		n := uint64(int64(argNumber(L, arg)))
		if n == 0 {
			spec = strings.ReplaceAll(spec, "#", "") // C writes no 0x before it
		}
		return fmt.Appendf(out, spec+string(verb), n)
	case 'c':
		return append(out, byte(argNumber(L, arg)))
	case 'e', 'E', 'f', 'g', 'G':
		return appendFloat(out, spec, verb, argNumber(L, arg))
	case 's':
		return appendText(out, spec, display(L, L.Get(arg)))
	case 'q':
		return appendQuoted(out, argText(L, arg))
	}
	mod.Raise(L, mod.Where(L), "string.format has no %s%c", spec, verb)
	return out
}

// appendText appends %s. Width and precision count bytes; Go would count characters.
func appendText(out []byte, spec, s string) []byte {
	spec, precision, ok := strings.Cut(spec, ".")
	if ok {
		n, _ := strconv.Atoi(precision) // no digits are 0
		s = s[:min(n, len(s))]
	}
	width, _ := strconv.Atoi(strings.TrimLeft(spec, "%-+ #0"))
	pad := strings.Repeat(" ", max(width-len(s), 0))
	if strings.Contains(spec, "-") {
		return append(append(out, s...), pad...)
	}
	return append(append(out, pad...), s...)
}

func appendFloat(out []byte, spec string, verb byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		spec, _, _ = strings.Cut(spec, ".")
		s := notFinite(f)
		if verb < 'a' {
			s = strings.ToUpper(s)
		}
		return appendText(out, spec, s)
	}
	if !strings.Contains(spec, ".") {
		spec += ".6"
	}
	return fmt.Appendf(out, spec+string(verb), f)
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
