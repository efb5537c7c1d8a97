package inspect

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// in makes files of an archive in a folder of its own and goes there.
func in(t *testing.T, archive string) {
	t.Helper()
	dir := t.TempDir()
	if err := txtar.Write(txtar.Parse([]byte(archive)), dir); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
}

// found returns the lines that a check writes.
func found(t *testing.T, paths ...string) (string, Summary) {
	t.Helper()
	var out strings.Builder
	s, err := Run(Options{Paths: paths, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), s
}

// Every example passes.
func TestExamples(t *testing.T) {
	if out, s := found(t, "../../examples"); out != "" || s.Files < 4 {
		t.Errorf("%d files:\n%s", s.Files, out)
	}
}

func TestRun(t *testing.T) {
	const broken = "local a = = 1\n"
	for _, c := range []struct {
		name, archive string
		paths         []string
		want          string
		files         int
	}{
		{"two roots", "-- a/main.lua --\n" + broken + "-- b/main.lua --\n" + broken, []string{"."}, "a/main.lua:1 syntax", 2},
		{"a root in a root belongs to it", "-- main.lua --\nreturn {}\n-- sub/main.lua --\nreturn 1\n", nil, "", 2},
		{"a part of a root", "-- main.lua --\n" + broken + "-- lib/a.lua --\nreturn require 'lib.b'\n-- lib/b.lua --\nreturn {}\n", []string{"lib"}, "", 2},
		{"named twice", "-- main.lua --\n" + broken, []string{"main.lua", "."}, "main.lua:1 syntax", 1},
		{"one file", "-- one.lua --\nreturn { invte = nil, busy = 1 }\n", []string{"one.lua"}, "one.lua:1 type", 1},
		{"a test alone", "-- a_test.lua --\nlocal t = require 'test'\nt.tset()\n", []string{"a_test.lua"}, "a_test.lua:2 unknown-function", 1},
		{"the load says no more than the check", "-- main.lua --\nreturn { invite = 1 }\n", nil, "main.lua:1 type", 1},
		{"a key that is made", "-- main.lua --\nreturn { [('inv'):rep(2)] = print }\n", nil, "main.lua load \"invinv\" is not a handler", 1},
		{"an error in a module", "-- main.lua --\nreturn { ended = require 'lib' }\n-- lib.lua --\n\nerror 'no'\n", nil, "lib.lua:2 load no", 2},
		{"a leak is why it does not load", "-- main.lua --\nlocal n = 0\nreturn { ended = function() n = n + 1 end }\n", nil, "main.lua:2 leak", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, c.archive)
			out, s := found(t, c.paths...)
			if !strings.HasPrefix(out, c.want) || c.want == "" && out != "" || s.Files != c.files {
				t.Errorf("%d files, want %d; found\n%swant\n%s", s.Files, c.files, out, c.want)
			}
			if again, _ := found(t, c.paths...); again != out {
				t.Errorf("and another time\n%s", again)
			}
		})
	}
}

func TestFullPaths(t *testing.T) {
	in(t, "-- main.lua --\nreturn 1 +\n")
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := found(t, dir); !strings.HasPrefix(out, filepath.Join(dir, "main.lua")+":1 syntax") {
		t.Error(out)
	}
}

func TestNothing(t *testing.T) {
	in(t, "-- notes.txt --\n")
	if _, err := Run(Options{}); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
}

var update = flag.Bool("update", false, "write the reference of the rules into docs/lua")

// docs/lua/check.md is what the rules say.
func TestPage(t *testing.T) {
	const file = "../../docs/lua/check.md"
	if *update {
		if err := os.WriteFile(file, []byte(Page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if diff := cmp.Diff(Page(), string(got)); err != nil || diff != "" {
		t.Errorf("%s is not up to date (%v): go test ./luaapi/inspect -run TestPage -update\n%s", file, err, diff)
	}
}
