package check

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/yuin/gopher-lua/ast"
)

// foreign are operators that Lua 5.1 does not have.
var foreign = map[string]string{
	"//": "write math.floor(a / b)", "&": "there are no operators on bits", "|": "there are no operators on bits", "~": "there are no operators on bits",
	"<<": "multiply by a power of 2", ">>": "divide by a power of 2, and math.floor", "!=": "write ~=", "&&": "write and", "||": "write or", "!": "write not",
	"+=": "write a = a + b", "-=": "write a = a - b", "*=": "write a = a * b", "/=": "write a = a / b",
}

// escapes of later Luas, which leave the letter in the string.
var escapes = map[byte]string{
	'x': `write the byte in decimal: "\65"`, 'u': `write the bytes in decimal, or the character itself`, 'z': "join the parts with ..",
}

// dialectTokens looks at what the tree does not show or a syntax error hides.
func (f *file) dialectTokens() {
	ts := make([]token, 0, len(f.tokens))
	for _, t := range f.tokens {
		if t.kind != comment {
			ts = append(ts, t)
		}
	}
	for i, t := range ts {
		switch t.kind {
		case operator:
			if why := foreign[t.raw]; why != "" {
				f.report(t.line, ruleDialect, Error, fmt.Sprintf("Lua 5.1 has no operator %s: %s", t.raw, why))
			}
		case text:
			f.escape(t)
		case word:
			if i+4 < len(ts) && t.raw == "local" && ts[i+2].raw == "<" && ts[i+4].raw == ">" {
				f.report(t.line, ruleDialect, Error, fmt.Sprintf("Lua 5.1 has no <%s>: leave it out", ts[i+3].raw))
			}
		}
	}
}

func (f *file) escape(t token) {
	if strings.HasPrefix(t.raw, "[") {
		return
	}
	for i := 0; i+1 < len(t.raw); i++ {
		if t.raw[i] != '\\' {
			continue
		}
		i++
		if why := escapes[t.raw[i]]; why != "" {
			f.report(t.line, ruleDialect, Error, fmt.Sprintf(`Lua 5.1 has no \%c in strings, and leaves the letter: %s`, t.raw[i], why))
		} else if c := t.raw[i]; c < utf8.RuneSelf && !strings.ContainsRune("abfnrtv\\\"'\r\n0123456789", rune(c)) {
			f.report(t.line, ruleDialect, Warning, fmt.Sprintf(`Lua has no \%[1]c in strings, and leaves the backslash out: write \\%[1]c, or the whole text as [[…]]`, c))
		}
	}
}

// newerMembers are functions of later Luas, and of LuaJIT.
var newerMembers = map[string]string{
	"table.unpack": "write unpack", "table.pack": "write { ... }", "table.move": "copy in a loop",
	"table.clear": "make a new table", "table.new": "write {}",
	"string.pack": "there is none", "string.unpack": "there is none", "string.packsize": "there is none", "string.gfind": "write string.gmatch",
	"string.dump": "there is none",
	"math.type":   "compare with math.floor", "math.tointeger": "write math.floor", "math.ult": "write <", "math.maxinteger": "write 2 ^ 53",
	"math.mininteger": "write -2 ^ 53", "math.randomseed": "the engine owns the randomness, so that a test can repeat it",
}

// ignored are the fields of metatables that nothing asks for.
var ignored = map[string]string{
	"__pairs": "give the table a function that loops over it", "__ipairs": "give the table a function that loops over it",
	"__gc": "nothing is called when a value is gone", "__close": "nothing is called when a local goes out of scope",
	"__mode": "tables hold on to what is in them", "__idiv": "there is no operator //", "__band": "there are no operators on bits",
	"__bor": "there are no operators on bits", "__bxor": "there are no operators on bits", "__bnot": "there are no operators on bits",
	"__shl": "there are no operators on bits", "__shr": "there are no operators on bits", "__name": "errors do not ask it",
}

func (f *file) metamethods(e *ast.TableExpr) {
	for _, field := range e.Fields {
		if key, ok := constant(field.Key); ok {
			f.metamethod(key, field.Key.Line())
		}
	}
}

func (f *file) metamethod(key string, line int) {
	if why := ignored[key]; why != "" {
		f.report(line, ruleDialect, Warning, fmt.Sprintf("%s has no effect: %s", key, why))
	}
}

// length looks at #t where t has holes: any of its borders may come out.
func (f *file) length(e *ast.UnaryLenOpExpr) {
	t, ok := e.Expr.(*ast.TableExpr)
	if id, isName := e.Expr.(*ast.IdentExpr); isName {
		t, ok = f.names.uses[id].known().(*ast.TableExpr)
	}
	if !ok {
		return
	}
	for _, field := range t.Fields {
		if _, isNil := field.Value.(*ast.NilExpr); isNil && field.Key == nil {
			f.report(e.Line(), ruleDialect, Warning, "the list has holes, and # may stop at any of them: count in a field of its own")
			return
		}
	}
}

// negativeZero looks for constants that come to -0, which is the same constant as 0: a function has the one that it meets first, for both.
func (f *file) negativeZero(e ast.Expr) {
	n, ok := folded(e)
	if !ok || n != 0 || !math.Signbit(n) {
		return
	}
	for _, part := range operands(e) {
		if n, _ := folded(part); n == 0 && math.Signbit(n) {
			return // told there
		}
	}
	f.report(e.Line(), ruleDialect, Warning, "this is -0, and 0 and -0 are one constant of a function, with the sign of the first: write 0")
}

// folded returns the value of a constant expression of numbers.
func folded(e ast.Expr) (float64, bool) {
	switch e := e.(type) {
	case *ast.NumberExpr:
		n, err := strconv.ParseFloat(e.Value, 64)
		return n, err == nil
	case *ast.UnaryMinusOpExpr:
		n, ok := folded(e.Expr)
		return -n, ok
	case *ast.ArithmeticOpExpr:
		a, known := folded(e.Lhs)
		b, also := folded(e.Rhs)
		switch {
		case !known || !also:
		case e.Operator == "*":
			return a * b, true
		case e.Operator == "/" && b != 0:
			return a / b, true
		case e.Operator == "+":
			return a + b, true
		case e.Operator == "-":
			return a - b, true
		}
	}
	return 0, false
}

// dialectCall looks at functions that later Luas have with another meaning.
func (f *file) dialectCall(e *ast.FuncCallExpr, c *called) {
	if c.what == "string.rep" && len(e.Args) > 2-c.first {
		f.report(e.Line(), ruleDialect, Error, "string.rep of Lua 5.1 has no separator, and ignores it: use table.concat")
	}
}
