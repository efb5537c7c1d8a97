package source

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// nested is a text with n of what opens before what closes.
func nested(before, open, middle, end string, n int) string {
	return before + strings.Repeat(open, n) + middle + strings.Repeat(end, n)
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// maxParsing is how many bytes the parser may make of a text of a megabyte.
const maxParsing = 256 << 20

// TestBounds: what no person writes is refused before it costs much, with its line.
func TestBounds(t *testing.T) {
	const deep = "nested more than 1000 deep: split it"
	for _, c := range []struct{ name, text, want string }{
		{"brackets that stay open", "\nreturn " + strings.Repeat("(", 900_000), "2 " + deep},
		{"braces that stay open", "return " + strings.Repeat("{", 900_000), "1 " + deep},
		{"brackets", nested("return ", "((x))(", "1", ")", 100_000), "1 " + deep},
		{"braces", nested("return ", "{", "", "}", 100_000), "1 " + deep},
		{"few braces", nested("return ", "{", "", "}", 100), ""},
		{"calls in calls", nested("return ", "f(", "1", ")", 2000), "1 " + deep},
		{"calls of calls", "return f" + strings.Repeat("()", 2000), "1 " + deep},
		{"functions in functions", nested("", "local function f()\n", "", "end ", 2000), "501 " + deep},
		{"a few functions in functions", nested("", "local function f()\n", "", "end ", 100), ""},
		{"blocks", nested("", "do ", "", "end ", 100_000), "1 " + deep},
		{"loops", nested("", "while x do ", "", "end ", 2000), "1 " + deep},
		{"ifs", nested("", "if x then ", "", "end ", 2000), "1 " + deep},
		{"nots", "return " + strings.Repeat("not ", 100_000) + "x", "1 " + deep},
		{"signs", "return " + strings.Repeat("- ", 100_000) + "x", "1 " + deep},
		{"powers", "return x" + strings.Repeat("^x", 100_000), "1 " + deep},
		{"a long concatenation", "return x" + strings.Repeat(" ..x", 100_000), "1 " + deep},
		{"a concatenation", "return x" + strings.Repeat(" ..x", 180), ""},
		{"a long sum", "return x" + strings.Repeat("+x", 2000), "1 " + deep},
		{"many fields", "return x" + strings.Repeat(".x", 2000), "1 " + deep},
		{"many branches", "if x then " + strings.Repeat("\nelseif x then ", 3000) + "end", "2001 more than 2000 branches of an if: use a table"},
		{"branches", "if x then " + strings.Repeat("\nelseif x then ", 1500) + "end", ""},
		{"many constants", "return {" + numbered("\n%d,", 40_000) + "}", "30001 more than 30000 different constants in a function: put data into a .csv or .json file and read it with the module lookup"},
		{"constants", "return {" + numbered("\n%d,", 9_000) + "}", ""},
		{"the same constant", "return {" + strings.Repeat("1,", 30_000) + "}", ""},
		{"a very long list", "return {" + strings.Repeat("1,", 100_000) + "}", "1 more than 30000 different constants in a function: put data into a .csv or .json file and read it with the module lookup"},
		{"many locals", strings.Repeat("local x\n", 300), "201 more than 200 locals in a function: put some into a table, or into blocks of their own"},
		{"locals in blocks", strings.Repeat("do local x, y end\n", 300), ""},
		{"locals in functions", strings.Repeat("f(function() local x, y end)\n", 300), ""},
		{"a long string", "return '" + strings.Repeat("x", 1_000_000) + "'", ""},
		{"a long number", "return " + strings.Repeat("9", 1_000_000), ""},
		{"a long bracket", "return [" + strings.Repeat("=", 900_000) + "[", `1 unterminated multiline string: the file ends too early; is an "end", a bracket or a quote missing?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			tree, bad := Parse([]byte(c.text), "main.lua")
			runtime.ReadMemStats(&after)
			if bad == nil {
				_, bad = Compile(tree, []byte(c.text), "main.lua")
			}
			got := ""
			if bad != nil {
				got = fmt.Sprint(bad.Line, " ", bad.Message)
			}
			if got != c.want {
				t.Errorf("\ngot  %.300s\nwant %s", got, c.want)
			}
			if made := after.TotalAlloc - before.TotalAlloc; made > maxParsing {
				t.Errorf("parsing made %d MB", made>>20)
			}
		})
	}
}
