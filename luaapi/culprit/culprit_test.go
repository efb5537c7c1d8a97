package culprit_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"tandem/luaapi"
)

// run runs a script as scripts are run, and returns the message of its error.
func run(t *testing.T, src string) string {
	t.Helper()
	p, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(src)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	var e *luaapi.Error
	if !errors.As(p.DryLoad(luaapi.Options{}), &e) {
		t.Fatal("no error")
	}
	return e.Message
}

var cases = []struct {
	src  string
	want string
	puc  string // what Lua 5.1 says, where that differs
}{
	{src: `foo()`, want: "attempt to call global 'foo' (a nil value)"},
	{src: `local foo = 5 foo()`, want: "attempt to call local 'foo' (a number value)"},
	{src: `local f f(1, 2)`, want: "attempt to call local 'f' (a nil value)"},
	{src: `local f return f(1)`, want: "attempt to call local 'f' (a nil value)"},
	{src: `local t = {} t.x()`, want: "attempt to call field 'x' (a nil value)"},
	{src: `local t = {} t:go(1)`, want: "attempt to call method 'go' (a nil value)"},
	{src: `local t = {} t[1]()`, want: "attempt to call item 1 of local 't' (a nil value)", puc: "attempt to call field '?' (a nil value)"},
	{src: `local h = {A = {}} return "x" .. h["A"][1]`, want: "attempt to concatenate item 1 of field 'A' (a nil value)", puc: "attempt to concatenate field '?' (a nil value)"},
	{src: `local h = {A = {}} return h.A[1]:lower()`, want: "attempt to index item 1 of field 'A' (a nil value) with key 'lower'", puc: "attempt to index field '?' (a nil value)"},
	{src: `local h = {{}} return h[1][2].x`, want: "attempt to index item 2 of item 1 of local 'h' (a nil value) with key 'x'", puc: "attempt to index field '?' (a nil value)"},
	{src: `local function h() return {} end return h()[1].x`, want: "attempt to index a nil value with key 'x'", puc: "attempt to index field '?' (a nil value)"},
	{src: `local f local function g() f() end g()`, want: "attempt to call upvalue 'f' (a nil value)"},
	{src: `local a, b = {}, {} print(a.one, b.two())`, want: "attempt to call field 'two' (a nil value)"},
	{src: `(nil)()`, want: "attempt to call a nil value"},
	{src: `for k in {} do end`, want: "attempt to call the iterator of a for loop (a table value): write in pairs(t), or in ipairs(t)", puc: "attempt to call a table value"},
	{src: `x.y = 1`, want: "attempt to index global 'x' (a nil value) with key 'y'", puc: "attempt to index global 'x' (a nil value)"},
	{src: `return x.y`, want: "attempt to index global 'x' (a nil value) with key 'y'", puc: "attempt to index global 'x' (a nil value)"},
	{src: `local x return x.y.z`, want: "attempt to index local 'x' (a nil value) with key 'y'", puc: "attempt to index local 'x' (a nil value)"},
	{src: `local x = {} return x.y.z`, want: "attempt to index field 'y' (a nil value) with key 'z'", puc: "attempt to index field 'y' (a nil value)"},
	{src: `local x return x:y()`, want: "attempt to index local 'x' (a nil value) with key 'y'", puc: "attempt to index local 'x' (a nil value)"},
	{src: `local x = 5 local function f() x.y = 1 end f()`, want: "attempt to index upvalue 'x' (a number value) with key 'y'", puc: "attempt to index upvalue 'x' (a number value)"},
	{src: `local function f() end return f().x`, want: "attempt to index a nil value with key 'x'", puc: "attempt to index a nil value"},
	{src: `local a, b return (a or b).x`, want: "attempt to index a nil value with key 'x'", puc: "attempt to index a nil value"},
	{src: `return 1 + x`, want: "attempt to perform arithmetic on global 'x' (a nil value)"},
	{src: `local t = {} return t.n + 1`, want: "attempt to perform arithmetic on field 'n' (a nil value)"},
	{src: `local t = {} return t * t`, want: "attempt to perform arithmetic on local 't' (a table value)"},
	{src: `local t return -t`, want: "attempt to perform arithmetic on local 't' (a nil value)"},
	{src: `local t return #t`, want: "attempt to get length of local 't' (a nil value)"},
	{src: `return "a" .. x .. "b"`, want: "attempt to concatenate global 'x' (a nil value)"},
	{src: `local a = "a" return a .. "b" .. x`, want: "attempt to concatenate global 'x' (a nil value)"},
	{src: `local a = {} return a.b .. "c"`, want: "attempt to concatenate field 'b' (a nil value)"},
	{src: `local a, b return "x" .. a .. b`, want: "attempt to concatenate local 'a' (a nil value)"},
	{src: `local a, b return a .. 1 .. b`, want: "attempt to concatenate local 'b' (a nil value)"},
	{src: `local s = {} return "x" .. s.a .. "y" .. s.b .. "z"`, want: "attempt to concatenate field 'b' (a nil value)"},
	{src: `local s local function f() return s .. "x" end return f()`, want: "attempt to concatenate upvalue 's' (a nil value)"},
	{src: `error("attempt to concatenate a nil value")`, want: "attempt to concatenate a nil value"},
	{src: `local a = "abc" return a + 1`, want: "attempt to perform arithmetic on local 'a' (a string value)"},
	{src: `local a = "5" local b return a + b`, want: "attempt to perform arithmetic on local 'b' (a nil value)"},
	{src: `local b return "5" + b`, want: "attempt to perform arithmetic on local 'b' (a nil value)"},
	{src: `local n return n < 5`, want: "attempt to compare nil with number: local 'n' is nil", puc: "attempt to compare nil with number"},
	{src: `local t = {} return 5 >= t.n`, want: "attempt to compare nil with number: field 'n' is nil", puc: "attempt to compare nil with number"},
	{src: `return {} < {}`, want: "attempt to compare table with table", puc: "attempt to compare two table values"},
	{src: `error("attempt to call a non-function object")`, want: "attempt to call a non-function object"},
	{src: `local x x = (foo() and 1)`, want: "attempt to call global 'foo' (a nil value)"},
	{src: `local x x = foo.bar and 1`, want: "attempt to index global 'foo' (a nil value) with key 'bar'", puc: "attempt to index global 'foo' (a nil value)"},
}

func TestNames(t *testing.T) {
	for _, c := range cases {
		if got := run(t, c.src); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.src, got, c.want)
		}
	}
}

// Lua 5.1 gives the same names.
func TestNamesAreThoseOfLua(t *testing.T) {
	bin, err := exec.LookPath("lua5.1")
	if err != nil {
		t.Skip("lua5.1 is not installed")
	}
	for _, c := range cases {
		want := c.want
		if c.puc != "" {
			want = c.puc
		}
		out, _ := exec.Command(bin, "-e", c.src).CombinedOutput()
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("%s\n got  %s\n want %s", c.src, out, want)
		}
	}
}

// Nothing is named for code of the machine's library.
func TestErrorsOfTheLibrary(t *testing.T) {
	if got := run(t, `string.rep()`); !strings.Contains(got, "bad argument #1 to ") {
		t.Error(got)
	}
}
