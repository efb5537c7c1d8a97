package re

import (
	"errors"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// run runs a script with the module and returns what it returns, or the error.
func run(t *testing.T, src string) (string, int) {
	t.Helper()
	L := lua.NewState()
	defer L.Close()
	spent := 0
	m := &Module{MaxString: 1000, Cost: func(_ *lua.LState, instructions, _ int) { spent += instructions }}
	L.SetGlobal("re", Table(L, func(*lua.LState) *Module { return m }))
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		t.Fatal(err)
	}
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		var e *lua.ApiError
		errors.As(err, &e)
		return e.Object.String(), spent
	}
	var out []string
	for i := 1; i <= L.GetTop(); i++ {
		out = append(out, L.Get(i).String())
	}
	return strings.Join(out, " "), spent
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"whole match", `return re.match("call 100 now", [[\d+]])`, "100"},
		{"groups", `return re.match("sip:alice@example.net;user=phone", "^sips?:([^@]+)@([^;]+)")`, "alice example.net"},
		{"alternatives", `return re.match("tel:+49301234567", "^(?:tel|sip):(.+)$")`, "+49301234567"},
		{"a group that takes no part", `return re.match("b", "(a)?(b)")`, "nil b"},
		{"no match", `return re.match("abc", "x")`, "nil"},
		{"from a position", `return re.match("a1b2", [[\d]], 3), re.match("a1b2", [[\d]], -1), re.match("a1", [[\d]], 9)`, "2 2 nil"},
		{"a number as the text", `return re.match(12345, "^12(.*)")`, "345"},
		{"find", `return re.find("hello", "l+")`, "3 4"},
		{"find with groups", `return re.find("hello", "(l)(o)", 2)`, "4 5 l o"},
		{"find nothing", `return re.find("hello", "x")`, "nil"},
		{"gmatch", `local t = {} for k, v in re.gmatch("a=1;b=2", [[(\w)=(\d)]]) do t[#t + 1] = k .. v end return table.concat(t, ",")`, "a1,b2"},
		{"gsub", `return re.gsub("0301234", "^0([1-9])", "+49$1")`, "+49301234 1"},
		{"gsub with names", `return re.gsub("ab", "(?P<x>a)(b)", "${2}${x}")`, "ba 1"},
		{"gsub with a function", `return re.gsub("a1b2", [[\d]], function(d) return d * 2 end)`, "a2b4 2"},
		{"gsub with a table", `return re.gsub("a b c", [[\w]], { a = "1", b = false })`, "1 b c 3"},
		{"gsub that keeps", `return re.gsub("ab", ".", function() end)`, "ab 2"},
		{"gsub with a bound", `return re.gsub("aaa", "a", "b", 2)`, "bba 2"},
		{"gsub of nothing", `return re.gsub("aaa", "a", "b", 0)`, "aaa 0"},
		{"gsub between characters", `return re.gsub("abc", "", "-")`, "-a-b-c- 4"},
		{"split", `return table.concat(re.split("a, b;c", "[,;] *"), "|")`, "a|b|c"},
		{"split with a bound", `return table.concat(re.split("a,b,c", ",", 2), "|")`, "a|b,c"},
		{"letters of all languages", `return re.match("Müller", [[^\p{L}+$]])`, "Müller"},
		{"case", `return re.match("SIP:x", "(?i)^sip:")`, "SIP:"},

		{"malformed", "\nreturn re.match('a', '(')", "main.lua:2: re.match: error parsing regexp: missing closing ): `(`"},
		{"no back references", `return re.match("aa", [[(a)\1]])`, "main.lua:1: re.match: error parsing regexp: invalid escape sequence: `\\1`"},
		{"too long", `return re.match("a", ("a"):rep(1001))`, "main.lua:1: re.match: the expression has 1001 bytes, at most 1000 are possible"},
		{"too large", `return re.match("a", "(?:a{100}){50}")`, "main.lua:1: re.match: error parsing regexp: invalid repeat count: `{50}`"},
		{"too much code", `return re.match("a", "(?:[ab]{100}){9}[cd]{1000}[ef]{1000}[gh]{1000}[ij]{1000}")`, "main.lua:1: re.match: the expression is too large; repeat less"},
		{"no text", `return re.match(nil, "a")`, "main.lua:1: re.match: the text must be a string, got nil"},
		{"no expression", `return re.split("a", {})`, "main.lua:1: re.split: the expression must be a string, got table"},
		{"no replacement", `return re.gsub("a", "a")`, "main.lua:1: re.gsub: the replacement must be a string, a table or a function, got nil"},
		{"a wrong replacement", `return re.gsub("a", "a", function() return true end)`, "main.lua:1: re.gsub: the replacement must be a string, got boolean"},
		{"a wrong position", `return re.find("a", "a", "x")`, "main.lua:1: re.find: the position must be a number, got string"},
		{"a wrong bound", `return re.split("a", "a", 0)`, "main.lua:1: re.split: the bound must be at least 1"},
		{"a text that grows", `return re.gsub(("a"):rep(100), "a", ("b"):rep(20))`, "main.lua:1: re.gsub: the text gets longer than 1000 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := run(t, c.src); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestCost: the work is charged by the length of the text, and an expression is read once.
func TestCost(t *testing.T) {
	_, short := run(t, `re.match(("a"):rep(100), "b")`)
	_, long := run(t, `re.match(("a"):rep(10100), "b")`)
	if long-short < 10000 {
		t.Errorf("10 000 bytes more cost %d instructions more", long-short)
	}
	_, once := run(t, `re.match("", "[a-z]+b")`)
	_, twice := run(t, `re.match("", "[a-z]+b") re.match("", "[a-z]+b")`)
	if twice-once > 20 {
		t.Errorf("the second use of an expression costs %d instructions", twice-once)
	}
}

// TestKept: the expressions that are kept are bounded.
func TestKept(t *testing.T) {
	L := lua.NewState()
	defer L.Close()
	m := &Module{MaxString: 1000, Cost: func(*lua.LState, int, int) {}}
	L.SetGlobal("re", Table(L, func(*lua.LState) *Module { return m }))
	if err := L.DoString(`for i = 1, 3000 do assert(re.match("x" .. i .. "y", "^x" .. i .. "y$")) end`); err != nil {
		t.Fatal(err)
	}
	if len(m.kept) > maxKept {
		t.Errorf("%d expressions are kept", len(m.kept))
	}
}
