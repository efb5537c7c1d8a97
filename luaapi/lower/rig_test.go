package lower_test

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi"
)

//go:embed testdata/prelude.lua
var prelude string

// file is what errors call a file of programs, on both sides.
const file = "p.lua"

// assemble makes a file of programs.
func assemble(programs []string) string {
	var b strings.Builder
	b.WriteString(prelude)
	for _, p := range programs {
		b.WriteString("program(function(out, tick)\n" + p + "\nend)\n")
	}
	return b.String()
}

// bodyLine is the line of the first line of the first program.
var bodyLine = strings.Count(prelude, "\n") + 2

// inTandem runs a file of programs as Tandem runs scripts, and returns what they write.
func inTandem(t testing.TB, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte("return {}")}), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := modules.TestFile(path, file)
	if err != nil {
		return "does not compile: " + err.Error()
	}
	var b strings.Builder
	s := p.Sandbox(luaapi.Options{LoadBudget: 1 << 26}, func(L *lua.LState) map[string]*lua.LTable {
		write := func(L *lua.LState) int { b.WriteString(L.CheckString(1)); return 0 }
		return map[string]*lua.LTable{"out": L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{"write": write})}
	})
	if err := s.Load(); err != nil {
		fmt.Fprintf(&b, "does not run: %v\n", err)
	}
	return b.String()
}

// needReference skips a test where there is no Lua 5.1.
func needReference(t testing.TB) {
	if _, err := exec.LookPath("lua5.1"); err != nil {
		t.Skip("there is no lua5.1; make tools installs it")
	}
}

// notLua is written instead by what Lua 5.1 does not compile.
const notLua = "does not run"

// inReference runs a file of programs in Lua 5.1.
func inReference(t testing.TB, dir, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	driver, err := filepath.Abs("testdata/driver.lua")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "lua5.1", driver, file)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out) + string(exit.Stderr) + notLua
	case err != nil:
		return string(out) + notLua
	}
	return string(out)
}

// kinds are the error messages that both machines have words of their own for, and what they have in common.
var kinds = []struct {
	re *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`attempt to index [^"]*`), "attempt to index"},
	{regexp.MustCompile(`attempt to call [^"]*`), "attempt to call"},
	{regexp.MustCompile(`(attempt to perform arithmetic on|cannot perform (add|sub|mul|div|mod|pow) operation|__unm undefined)[^"]*`), "attempt to perform arithmetic"},
	{regexp.MustCompile(`attempt to compare [^"]*`), "attempt to compare"},
	{regexp.MustCompile(`(attempt to concatenate|cannot perform concat operation)[^"]*`), "attempt to concatenate"},
	{regexp.MustCompile(`(attempt to get length of|__len undefined)[^"]*`), "attempt to get length"},
	{regexp.MustCompile(`('for' (initial|limit|step)|for statement (init|limit|step))[^"]*`), "for needs numbers"},
	{regexp.MustCompile(`\\"\w+\\" is global(, and .*?call\.vars)?`), "it is global"},
	{regexp.MustCompile(`(invalid value|table\.concat: item)[^"]*`), "not for concat"},
	{regexp.MustCompile(`(cannot change a|setmetatable: the metatable is) protected( metatable)?`), "protected metatable"},
	{regexp.MustCompile(`(wrong number of arguments to 'insert'|table.insert takes)[^"]*`), "wrong number of arguments"},
	{regexp.MustCompile(`bad argument [^"]*`), "bad argument"},
	{regexp.MustCompile(`-nan\b`), "nan"}, // x % 0: the sign is the processor's
	// Where pcall itself calls a function of the library, Lua 5.1 names no line.
	{regexp.MustCompile(`p\.lua:\d+: (bad argument|invalid replacement|not for concat|invalid capture|malformed|invalid option)`), "$1"},
}

func normalise(out string) string {
	for _, k := range kinds {
		out = k.re.ReplaceAllString(out, k.to)
	}
	return out
}

var heading = regexp.MustCompile(`(?m)^#\d+\n`)

// split returns what each program has written.
func split(out string) []string { return heading.Split(out, -1)[1:] }

// same reports whether two programs have written the same, but for the words of errors.
func same(want, got string) bool { return want == got || normalise(want) == normalise(got) }

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
