package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/cmd/internal/exit"
)

// tests runs `tandem test` with arguments in a folder with some files, and returns what it printed and its exit status.
func tests(t *testing.T, files map[string]string, args ...string) (string, int) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out strings.Builder
	root := newRootCommand()
	root.SetArgs(append([]string{"test"}, args...))
	root.SetOut(&out)
	err := root.Execute()
	if err != nil && err.Error() != "" {
		out.WriteString("tandem: " + err.Error() + "\n")
	}
	return out.String(), exit.Status(err)
}

func TestTestCommand(t *testing.T) {
	declare := func(body string) string { return "local t = require 'test'\n" + body }
	good := declare("t.test('good', function() end)\nt.test('skipped', function() t.skip() end)")
	bad := declare("t.test('bad', function() t.eq(1, 2) end)\nt.test('good', function() end)")
	broken := declare("t.tset('x')")
	for _, c := range []struct {
		name   string
		files  map[string]string
		args   []string
		status int
		want   string
	}{
		{"all pass", map[string]string{"a_test.lua": good}, nil, exit.OK, "1 passed, 1 skipped in "},
		{"a test fails", map[string]string{"a_test.lua": good, "b_test.lua": bad}, nil, exit.Failed, "1 failed, 2 passed, 1 skipped in "},
		{"a test is wrong", map[string]string{"a_test.lua": declare("t.test('x', function() error 'no' end)")}, nil, exit.Failed, "1 error in "},
		{"a file does not load", map[string]string{"a_test.lua": broken, "b_test.lua": bad}, nil, exit.Script, "1 failed, 1 file not loaded, 1 passed in "},
		{"no tests", map[string]string{"main.lua": "return {}"}, nil, exit.Usage, "tandem: no tests found; they stand in files *_test.lua and *.txtar\n"},
		{
			"a file without tests",
			map[string]string{"a_test.lua": declare("")},
			[]string{"a_test.lua"},
			exit.Usage,
			"tandem: a_test.lua has no tests; write t.test(\"what holds\", function() … end) into it\n",
		},
		{"files without tests", map[string]string{"a_test.lua": declare(""), "b_test.lua": declare("")}, nil, exit.Usage, "tandem: a_test.lua and 1 other file have no tests; "},
		{"a list of a file without tests", map[string]string{"a_test.lua": declare("")}, []string{"--list"}, exit.Usage, "tandem: a_test.lua has no tests; "},
		{
			"no test of that name, and none at all",
			map[string]string{"a_test.lua": declare("")},
			[]string{"--run", "none"},
			exit.Usage,
			"tandem: no test's name matches \"none\"; a_test.lua has no tests; ",
		},
		{"no test of that name", map[string]string{"a_test.lua": good}, []string{"--run", "none"}, exit.Usage, "tandem: no test's name matches \"none\"\n"},
		{"no such path", nil, []string{"a_test.lua"}, exit.Usage, "tandem: cannot read the tests: stat a_test.lua: no such file or directory\n"},
		{"no expression", nil, []string{"--run", "("}, exit.Usage, "tandem: --run: error parsing regexp"},
		{"no count", nil, []string{"--count", "0"}, exit.Usage, "tandem: --count must be 1 or more, got 0\n"},
		{"no flag", nil, []string{"--seeds", "1"}, exit.Usage, "tandem: unknown flag: --seeds"},
		{"a list", map[string]string{"a_test.lua": bad}, []string{"--list", "--run", "^g"}, exit.OK, "a_test.lua:3  good\n"},
		{"each test", map[string]string{"a_test.lua": good}, []string{"-v"}, exit.OK, "ok    a_test.lua:2  good\nskip  a_test.lua:3  skipped\nok "},
		{"the first failure", map[string]string{"a_test.lua": bad}, []string{"--fail-fast"}, exit.Failed, "1 failed in "},
		{"a seed", map[string]string{"a_test.lua": good}, []string{"--seed", "77", "--shuffle", "--count", "2"}, exit.OK, "2 passed, 2 skipped in "},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, status := tests(t, c.files, c.args...)
			if status != c.status || !strings.Contains(out, c.want) {
				t.Errorf("status %d, want %d with %q in\n%s", status, c.status, c.want, out)
			}
		})
	}
}

// The summary names the seed: the one given, else one drawn.
func TestSeedIsNamed(t *testing.T) {
	files := map[string]string{"a_test.lua": "local t = require 'test'\nt.test('x', function() end)"}
	if out, _ := tests(t, files, "--seed", "77"); !strings.HasSuffix(out, " · seed 77\n") {
		t.Error(out)
	}
	seeds := make(map[string]bool)
	for range 4 {
		out, _ := tests(t, files)
		seeds[out[strings.LastIndex(out, "seed"):]] = true
	}
	if len(seeds) < 2 {
		t.Errorf("four runs have one seed: %v", seeds)
	}
}

// What is interrupted says so.
func TestInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a_test.lua", []byte("local t = require 'test'\nt.test('x', function() end)"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"test"}, {"test", "--watch"}} {
		root := newRootCommand()
		root.SetArgs(args)
		root.SetOut(io.Discard)
		if err := root.ExecuteContext(ctx); exit.Status(err) != exit.Interrupted {
			t.Errorf("%v: %v", args, err)
		}
	}
}
