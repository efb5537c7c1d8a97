package luatest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

// still is a clock of the machine that stands still.
func still() time.Time { return time.Unix(0, 0) }

// unpack writes the files of an archive into a new folder and works there.
func unpack(t testing.TB, files []txtar.File) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		at := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// in writes files given as an archive, and works among them.
func in(t testing.TB, archive string) {
	t.Helper()
	unpack(t, txtar.Parse([]byte(archive)).Files)
}

// runs runs the tests of the working folder and returns what was printed.
func runs(t testing.TB, o Options) (Summary, string) {
	t.Helper()
	var out strings.Builder
	o.Out, o.Now = &out, still
	s, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s, out.String()
}

// status is the exit status of a summary, as the command has it.
func status(s *Summary) int {
	switch {
	case s.Broken > 0:
		return 3
	case s.Bad():
		return 1
	}
	return 0
}

// setting returns what a golden file says of a name in its comment.
func setting(a *txtar.Archive, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + ` (.*)$`).FindSubmatch(a.Comment)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// TestGolden runs the files of each archive in testdata and compares what is printed.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives in testdata", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			path, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			last := len(a.Files) - 1
			unpack(t, a.Files[:last])
			o := Options{Seed: 8123, Verbose: setting(a, "flags") == "-v", Format: setting(a, "format")}
			o.Cover = setting(a, "cover") == "yes"
			var xml strings.Builder
			if o.Format == "junit" {
				o.Format, o.JUnit = "", &xml
			}
			s, got := runs(t, o)
			if o.JUnit != nil {
				got = xml.String()
			}
			if got, want := fmt.Sprint(status(&s)), setting(a, "status"); got != want {
				t.Errorf("status %s, want %s", got, want)
			}
			if *update {
				a.Files[last].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(a.Files[last].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestColours(t *testing.T) {
	in(t, "-- a_test.lua --\nlocal t = require 'test'\nt.test('x', function() end)\n")
	if _, got := runs(t, Options{}); strings.Contains(got, "\x1b") {
		t.Errorf("colours in %q", got)
	}
	if _, got := runs(t, Options{Colour: true}); !strings.HasPrefix(got, "\x1b[32mok\x1b[0m    a_test.lua") {
		t.Errorf("no colours in %q", got)
	}
}

func TestASCII(t *testing.T) {
	a, err := txtar.ParseFile("testdata/several.txtar")
	if err != nil {
		t.Fatal(err)
	}
	unpack(t, a.Files[:2])
	_, got := runs(t, Options{ASCII: true, Width: 60})
	for line := range strings.Lines(got) {
		if strings.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("not ASCII: %q", line)
		}
	}
}

func TestWrap(t *testing.T) {
	const line = "  +0.000  main.lua:5  call.from.user == \"nobody\" → false (call.from.user = \"alice\")"
	want := "  +0.000  main.lua:5  call.from.user == \"nobody\"\n" + strings.Repeat(" ", 20) + "→ false (call.from.user = \"alice\")"
	for _, c := range []struct {
		name, line string
		room       int
		want       string
	}{
		{"it fits", line, 100, line},
		{"in two", line, 48, want},
		{"no bound", line, -8, line},
		{"no place to break", strings.Repeat("x", 80), 40, strings.Repeat("x", 80)},
	} {
		if got := wrap(c.line, c.room); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
