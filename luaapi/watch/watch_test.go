package watch

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder is a watched script root. What it loads is the text of its files in order, or the error of reading them.
type folder struct {
	t     *testing.T
	root  string
	loads chan string
}

// watched starts watching root, which holds "one" and nothing else to read.
func watched(t *testing.T, root string) *folder {
	t.Helper()
	f := &folder{t: t, root: root, loads: make(chan string, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	served := f.read()
	go func() {
		done <- Run(ctx, Config{Root: root, Served: served, Read: f.version, Debounce: 10 * time.Millisecond, Poll: time.Hour})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *folder) version() Version {
	v := f.read()
	return Version{ID: v, Load: func() { f.loads <- v }}
}

// read reads main.lua and the other files as scripts are read: links are followed, hidden names left out.
func (f *folder) read() string {
	info, err := os.Stat(f.root)
	if err != nil {
		return "gone"
	}
	if !info.IsDir() {
		b, _ := os.ReadFile(f.root)
		return string(b)
	}
	var all []string
	var walk func(dir string)
	walk = func(dir string) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				walk(path)
			} else if b, err := os.ReadFile(path); err == nil {
				all = append(all, string(b))
			}
		}
	}
	walk(f.root)
	if len(all) == 0 {
		return "empty"
	}
	return strings.Join(all, "+")
}

// wait waits until a version is loaded.
func (f *folder) wait(want string) {
	f.t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case got := <-f.loads:
			if got == want {
				return
			}
		case <-deadline:
			f.t.Fatalf("%q is not loaded; the folder holds %q", want, f.read())
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start makes a folder with main.lua = "one" and watches it once the watches are known to stand.
func start(t *testing.T) *folder {
	t.Helper()
	root := filepath.Join(t.TempDir(), "scripts")
	write(t, filepath.Join(root, "main.lua"), "one")
	f := watched(t, root)
	f.settle()
	return f
}

// settle makes sure that the watcher is at work: it has loaded a change.
func (f *folder) settle() {
	f.t.Helper()
	write(f.t, filepath.Join(f.root, "main.lua"), "started")
	f.wait("started")
}

func (f *folder) path(name string) string { return filepath.Join(f.root, name) }

func TestAtomicRename(t *testing.T) {
	f := start(t)
	for _, v := range []string{"two", "three"} {
		write(t, f.path(".main.lua.tmp"), v)
		must(t, os.Rename(f.path(".main.lua.tmp"), f.path("main.lua")))
		f.wait(v)
	}
	// As vim does: the old file is moved away and a new one written.
	must(t, os.Rename(f.path("main.lua"), f.path(".main.lua~")))
	write(t, f.path("main.lua"), "four")
	f.wait("four")
}

// A file that is written slowly is not loaded by halves, as long as no pause is longer than the debounce time.
func TestHalfWrittenFile(t *testing.T) {
	f := start(t)
	file, err := os.OpenFile(f.path("main.lua"), os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	defer file.Close()
	parts := strings.Split("two halves make a whole", "")
	for _, p := range parts {
		_, err := file.WriteString(p)
		must(t, err)
	}
	f.wait("two halves make a whole")
}

func TestFolderMovedAwayAndBack(t *testing.T) {
	f := start(t)
	must(t, os.Rename(f.root, f.root+".away"))
	f.wait("gone")
	must(t, os.Rename(f.root+".away", f.root))
	f.wait("started")
	write(t, f.path("main.lua"), "two") // its watch is a new one
	f.wait("two")
	must(t, os.Rename(f.root, f.root+".old"))
	write(t, f.path("main.lua"), "another folder")
	f.wait("another folder")
	write(t, f.path("main.lua"), "changed there")
	f.wait("changed there")
	must(t, os.RemoveAll(f.root))
	f.wait("gone")
	write(t, f.path("main.lua"), "made again")
	f.wait("made again")
}

// A mounted configuration map: main.lua leads through ..data to the folder of a version, and ..data is swapped.
func TestSymlinkSwap(t *testing.T) {
	root := filepath.Join(t.TempDir(), "scripts")
	write(t, filepath.Join(root, "..v1/main.lua"), "one")
	must(t, os.Symlink("..v1", filepath.Join(root, "..data")))
	must(t, os.Symlink("..data/main.lua", filepath.Join(root, "main.lua")))
	f := watched(t, root)
	for i, v := range []string{"two", "three", "four"} {
		dir := "..v" + string(rune('2'+i))
		write(t, f.path(dir+"/main.lua"), v)
		must(t, os.Symlink(dir, f.path("..data_tmp")))
		must(t, os.Rename(f.path("..data_tmp"), f.path("..data")))
		f.wait(v)
	}
	// Written in place in the folder of the version.
	write(t, f.path("..v4/main.lua"), "five")
	f.wait("five")
}

// The root itself is a link to the newest release.
func TestRootIsALink(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "releases/1/main.lua"), "one")
	write(t, filepath.Join(dir, "releases/2/main.lua"), "two")
	must(t, os.Symlink("releases/1", filepath.Join(dir, "current")))
	f := watched(t, filepath.Join(dir, "current"))
	f.settle()
	must(t, os.Symlink("releases/2", filepath.Join(dir, "next")))
	must(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current")))
	f.wait("two")
	write(t, filepath.Join(dir, "releases/2/main.lua"), "two and a half")
	f.wait("two and a half")
}

func TestDeletion(t *testing.T) {
	f := start(t)
	must(t, os.Remove(f.path("main.lua")))
	f.wait("empty")
	write(t, f.path("main.lua"), "back")
	f.wait("back")
}

func TestNewSubfolder(t *testing.T) {
	f := start(t)
	write(t, f.path("lib/deep/hours.lua"), "hours")
	f.wait("hours+started")
	write(t, f.path("lib/deep/hours.lua"), "changed")
	f.wait("changed+started")
	must(t, os.Rename(f.path("lib"), f.path("other")))
	write(t, f.path("other/deep/hours.lua"), "moved along")
	f.wait("started+moved along")
	must(t, os.RemoveAll(f.path("other")))
	f.wait("started")
}

func TestLinkedFolder(t *testing.T) {
	f := start(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "shared/a.lua"), "shared")
	must(t, os.Symlink(filepath.Join(outside, "shared"), f.path("a")))
	f.wait("shared+started")
	write(t, filepath.Join(outside, "shared/a.lua"), "changed")
	f.wait("changed+started")
}

func TestOneFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pbx.lua")
	write(t, file, "one")
	f := watched(t, file)
	write(t, file, "two")
	f.wait("two")
	write(t, filepath.Join(dir, "other.lua"), "not of the script")
	write(t, file+".tmp", "three")
	must(t, os.Rename(file+".tmp", file))
	f.wait("three")
}

// What the operating system does not report is found by reading.
func TestPoll(t *testing.T) {
	loads := make(chan string, 10)
	ctx, cancel := context.WithCancel(context.Background())
	reads := 0
	err := Run(ctx, Config{
		Root: t.TempDir(), Served: "one", Debounce: time.Millisecond, Poll: 2 * time.Millisecond,
		Read: func() Version {
			reads++
			id := "one"
			if reads > 3 {
				id = "two"
			}
			return Version{ID: id, Load: func() { loads <- id; cancel() }}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-loads; got != "two" {
		t.Errorf("loaded %s", got)
	}
}

// A root whose folder is not there either cannot be watched; that is said once, and the poll finds it.
func TestFolderThatCannotBeWatched(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	root := filepath.Join(t.TempDir(), "not/yet")
	ctx, cancel := context.WithCancel(context.Background())
	f := &folder{t: t, root: root}
	reads := 0
	err := Run(ctx, Config{
		Root: root, Served: "gone", Debounce: time.Millisecond, Poll: 2 * time.Millisecond, Logger: zap.New(core),
		Read: func() Version {
			if reads++; reads == 5 {
				write(t, filepath.Join(root, "main.lua"), "made")
			}
			v := f.read()
			return Version{ID: v, Load: func() {
				if v != "made" {
					t.Errorf("loaded %s", v)
				}
				cancel()
			}}
		},
	})
	must(t, err)
	if n := logs.Len(); n != 1 || !strings.HasPrefix(logs.All()[0].Message, "cannot watch a folder of scripts") {
		t.Errorf("%d warnings: %v", n, logs.All())
	}
}

func TestPathsOfLinks(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	write(t, filepath.Join(dir, "real/lib/a.lua"), "")
	must(t, os.Symlink("real", filepath.Join(dir, "one")))
	must(t, os.Symlink("one/../one", filepath.Join(dir, "two")))
	must(t, os.Symlink(filepath.Join(dir, "two/lib"), filepath.Join(dir, "real/three")))
	p := find(filepath.Join(dir, "two"))
	rel := func(m map[string]bool) (out []string) {
		for k := range m {
			r, err := filepath.Rel(dir, k)
			must(t, err)
			out = append(out, r)
		}
		slices.Sort(out)
		return out
	}
	if got, want := rel(p.entries), []string{"one", "real", "real/lib", "real/three", "two"}; !slices.Equal(got, want) {
		t.Errorf("entries %v, want %v", got, want)
	}
	if got, want := rel(p.whole), []string{"two", "two/lib", "two/three"}; !slices.Equal(got, want) {
		t.Errorf("whole %v, want %v", got, want)
	}
	for path, want := range map[string]bool{"two/x.lua": true, "two": true, "one": true, "real/lib": true, "x": false, "two/lib/a.lua": true} {
		if got := p.concerns(filepath.Join(dir, path)); got != want {
			t.Errorf("concerns %s: %v", path, got)
		}
	}
}

func TestLinksInACircle(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("b", filepath.Join(dir, "a")))
	must(t, os.Symlink("a", filepath.Join(dir, "b")))
	must(t, os.Symlink(".", filepath.Join(dir, "self")))
	find(dir) // ends
}
