package tests

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The guide is followed as a reader would: files are written where their snippets say, commands run in the order in
// which they stand, and print what stands below them. A snippet names its file ("lua first/main.lua"), a session its folder
// ("console first"); "# exit status 3" after a command is what it ends with, and … stands for any lines, or for the rest of
// one. What each script promises is a test in tests/guide, named by the folder of the script; "lua live/main.lua broken" promises nothing.

// reader is who follows the guide.
type reader struct {
	t      *testing.T
	dir    string // where everything is written
	page   string // which part is read
	engine *process
	// scripts are the folders whose main.lua is to be proved, and proved those that have been.
	scripts, proved map[string]bool
}

// guide are its parts, in the order in which they are read.
var guide = []string{"docs/lua/guide.md", "docs/lua/guide-live.md"}

func TestGuide(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	r := &reader{t: t, dir: t.TempDir(), scripts: make(map[string]bool), proved: make(map[string]bool)}
	for _, r.page = range guide {
		text, err := os.ReadFile(filepath.Join(root, r.page))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range readDocument(r.page, text).fences {
			r.snippet(&f)
		}
	}
	r.stop()
	for name := range r.scripts {
		r.prove(name)
	}
	tests, err := filepath.Glob("guide/*_test.lua")
	if err != nil || len(tests) != len(r.proved) {
		t.Errorf("%d scripts, %d tests of them (%v)", len(r.proved), len(tests), err)
	}
}

func (r *reader) snippet(f *fence) {
	switch {
	case f.lang == "console":
		r.session(f)
	case f.file == "":
		r.t.Errorf("%s:%d: a snippet that nobody runs: its first line must name a file", r.page, f.line)
	default:
		r.write(f)
	}
}

// write writes a file. A script that it takes the place of is proved before; one that is marked "broken" is what it is.
func (r *reader) write(f *fence) {
	name, broken := strings.CutSuffix(f.file, " broken")
	dir := path.Dir(name)
	if path.Base(name) == "main.lua" {
		if r.scripts[dir] {
			r.prove(dir)
		}
		r.scripts[dir] = true
		if broken {
			delete(r.scripts, dir)
		}
	}
	at := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		r.t.Fatal(err)
	}
	write(r.t, at, f.text)
	if f.lang == "toml" {
		r.configure(at)
	}
}

// configure starts an engine by a configuration, but for where it listens.
func (r *reader) configure(file string) {
	p := startProcess(r.t, "tandem run -c "+file, r.dir, binary, "run", "first", "-c", file, "--listen", "udp:127.0.0.1:0", "--admin=")
	p.waitLine("listening on ")
	p.stop()
}

// prove runs the test of a script, which must reach every line of it, in a folder of its own.
func (r *reader) prove(name string) {
	r.proved[name] = true
	r.t.Run(name, func(t *testing.T) {
		dir, test := t.TempDir(), "guide/"+name+"_test.lua"
		text, err := os.ReadFile(test)
		if err != nil {
			t.Fatalf("nothing shows what this script does: %v", err)
		}
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(r.dir, name))); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "proof_test.lua"), string(text))
		if status, out := command(t, "check", "--strict", dir); status != 0 {
			t.Errorf("tandem check: exit status %d\n%s", status, out)
		}
		if status, out := command(t, "test", "--cover-min", "100", dir); status != 0 {
			t.Errorf("tandem test: exit status %d\n%s", status, out)
		}
	})
}

// ends is what a command ends with.
var ends = regexp.MustCompile(`\s+# exit status (\d+)$`)

// session runs the commands of a session.
func (r *reader) session(f *fence) {
	dir := filepath.Join(r.dir, f.file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+f.text, "\n$ ") {
		line, output, _ := strings.Cut(part, "\n")
		if line == "" {
			continue
		}
		want := 0
		if m := ends.FindStringSubmatch(line); m != nil {
			want, _ = strconv.Atoi(m[1]) // digits
			line = strings.TrimSuffix(line, m[0])
		}
		r.command(f.line, dir, line, want, output)
	}
}

func (r *reader) command(at int, dir, line string, want int, output string) {
	args := words(line)
	if len(args) < 2 || args[0] != "tandem" {
		r.t.Fatalf("%s:%d: only tandem is run, not %q", r.page, at, line)
	}
	if args[1] == "run" {
		r.stop()
		r.engine = startProcess(r.t, line, dir, binary, append(args[1:], "--listen", "udp:127.0.0.1:0")...)
		r.engine.waitLine(`listening on `)
		r.compare(at, line, output, r.engine.output())
		return
	}
	p := startProcess(r.t, line, dir, binary, args[1:]...)
	if got := p.wait(); got != want {
		r.t.Errorf("%s:%d: %s: exit status %d, want %d\n%s", r.page, at, line, got, want, p.output())
	}
	r.compare(at, line, output, p.output())
}

// stop ends the engine that runs.
func (r *reader) stop() {
	if r.engine == nil {
		return
	}
	if err := r.engine.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Error(err)
	}
	if status := r.engine.wait(); status != 0 {
		r.t.Errorf("%s: exit status %d\n%s", r.engine.name, status, r.engine.output())
	}
	r.engine = nil
}

// differs is what differs from one run to the next.
var differs = regexp.MustCompile(`\b[0-9a-f]{12}\b|((at|since|until) |^)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ]*|127\.0\.0\.1:\d+|· [0-9a-f]{7}$|seed \d+|"took": "[^"]*"|in \d+ m?s|\S+ of virtual|\S+ virtual`)

// compare fails unless got has the lines that are wanted, in order, and none beside them but where … stands.
func (r *reader) compare(at int, line, want, got string) {
	wants, gots := plain(want), plain(got)
	if len(wants) == 0 {
		return // nothing is said about it
	}
	if !alike(wants, gots) {
		r.t.Errorf("%s:%d: %s prints\n%s", r.page, at, line, got)
	}
}

func plain(text string) (all []string) {
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimRight(line, " \n"), "unchanged, ") // who sees a change first is chance
		line = differs.ReplaceAllString(line, "~")
		if line != "" {
			all = append(all, line)
		}
	}
	return all
}

// alike matches lines with those wanted.
func alike(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case want[0] == "…":
		return alike(want[1:], got) || len(got) > 0 && alike(want, got[1:])
	case len(got) == 0:
		return false
	}
	start, open := strings.CutSuffix(want[0], "…")
	return (want[0] == got[0] || open && strings.HasPrefix(got[0], start)) && alike(want[1:], got[1:])
}

// words splits a command line; single quotes hold words together.
func words(line string) (all []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}

func TestGuideMatching(t *testing.T) {
	for _, c := range []struct {
		name, want, got string
		ok              bool
	}{
		{"the same", "a\nb\n", "a\nb\n", true},
		{"another line", "a\nb\n", "a\nc\n", false},
		{"one more", "a\n", "a\nb\n", false},
		{"one less", "a\nb\n", "a\n", false},
		{"any lines", "a\n…\nd\n", "a\nb\nc\nd\n", true},
		{"none for any", "a\n…\nd\n", "a\nd\n", true},
		{"the rest of a line", "a b…\n", "a bcd\n", true},
		{"a rest of another line", "a b…\n", "a cd\n", false},
		{"a hash", "sha256 0123456789ab", "sha256 ba9876543210", true},
		{"a time", "3 passed in 2 ms", "3 passed in 14 ms", true},
		{"another count", "3 passed in 2 ms", "2 passed in 2 ms", false},
	} {
		if got := alike(plain(c.want), plain(c.got)); got != c.ok {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if got := words("tandem test --run 'busy desk' first"); len(got) != 5 || got[3] != "busy desk" {
		t.Errorf("%q", got)
	}
}
