package luatest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/luaapi/watch"
)

// WatchDebounce is how long a folder must be still before its tests run again: two reads so far apart must find the same.
const WatchDebounce = 40 * time.Millisecond

// Watch runs tests, and runs those that a change touches whenever files change, what failed before first, until the context
// is done.
func Watch(ctx context.Context, o Options) error {
	o = o.withDefaults()
	w := &watching{o: o, failed: make(map[string]bool), uses: make(map[string][]string)}
	before := w.read()
	changed := make(chan struct{}, 1)
	stop := w.watch(ctx, changed)
	defer stop()
	if err := w.run(ctx, o.Paths); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		now := w.read()
		if err := w.again(ctx, differ(before, now)); err != nil {
			return err
		}
		before = now
	}
}

// watching is what is known from one run to the next.
type watching struct {
	o      Options
	failed map[string]bool     // test files
	uses   map[string][]string // by test file, the roots of the scripts that it tests
}

// watch tells when something below the paths has changed and come to rest. The function that it returns ends it.
func (w *watching) watch(ctx context.Context, changed chan<- struct{}) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for _, root := range w.roots() {
		version := func() watch.Version {
			return watch.Version{ID: hashOf(readTree(root)), Load: func() {
				select {
				case changed <- struct{}{}:
				default: // it is going to look anyway
				}
			}}
		}
		cfg := watch.Config{Root: root, Served: version().ID, Read: version, Debounce: WatchDebounce}
		all.Go(func() {
			if err := watch.Run(ctx, cfg); err != nil {
				fmt.Fprintln(w.o.Out, err)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// roots are the folders that are watched: those of the paths.
func (w *watching) roots() (roots []string) {
	for _, p := range w.o.Paths {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			p = filepath.Dir(p)
		}
		if p = filepath.Clean(p); !slices.Contains(roots, p) {
			roots = append(roots, p)
		}
	}
	return roots
}

// read returns the hashes of the files below the roots.
func (w *watching) read() map[string]string {
	all := make(map[string]string)
	for _, root := range w.roots() {
		maps.Copy(all, readTree(root))
	}
	return all
}

// readTree returns the hashes of the files that tests depend on below a root: scripts, tests and golden ladders.
func readTree(root string) map[string]string {
	all := make(map[string]string)
	_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error { // what cannot be read is not there
		switch {
		case err != nil:
			return nil
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.IsDir() && slices.Contains([]string{".lua", ".ladder", ".txtar"}, filepath.Ext(p)):
			if text, err := os.ReadFile(p); err == nil {
				sum := sha256.Sum256(text)
				all[filepath.Clean(p)] = hex.EncodeToString(sum[:])
			}
		}
		return nil
	})
	return all
}

func hashOf(files map[string]string) string {
	h := sha256.New()
	for _, p := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %s\n", p, files[p])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// differ returns the files that are not the same, sorted.
func differ(a, b map[string]string) []string {
	changed := make(map[string]bool)
	for p, hash := range a {
		changed[p] = b[p] != hash
	}
	for p, hash := range b {
		changed[p] = a[p] != hash
	}
	maps.DeleteFunc(changed, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(changed))
}

// again runs the test files that a change touches.
func (w *watching) again(ctx context.Context, changed []string) error {
	files, err := discover(w.o.Paths)
	if err != nil {
		fmt.Fprintln(w.o.Out, err)
		return nil // it may come back
	}
	files = slices.DeleteFunc(files, func(f string) bool {
		return !slices.ContainsFunc(changed, func(c string) bool { return w.touches(c, f) })
	})
	if len(files) == 0 {
		return nil
	}
	slices.SortStableFunc(files, func(a, b string) int { return rank(w.failed[a]) - rank(w.failed[b]) })
	fmt.Fprintf(w.o.Out, "\n%s changed\n\n", strings.Join(changed, ", "))
	return w.run(ctx, files)
}

// rank puts what failed first.
func rank(failed bool) int {
	if failed {
		return 0
	}
	return 1
}

// touches reports whether a change of a file matters to a test file: it is the file, one of its golden ladders, a module
// beside it, or of a script that it tests.
func (w *watching) touches(changed, test string) bool {
	if filepath.Ext(changed) == ".ladder" {
		return filepath.Dir(changed) == goldenDir(test)
	}
	if strings.HasSuffix(changed, testSuffix) || isDeclared(changed) {
		return changed == test
	}
	roots, known := w.uses[test]
	return !known || slices.ContainsFunc(append(roots, filepath.Dir(test)), func(root string) bool { return within(root, changed) })
}

// within reports whether a file is a root or lies below it.
func within(root, file string) bool {
	rel, err := filepath.Rel(root, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// run runs test files and remembers which of them failed.
func (w *watching) run(ctx context.Context, paths []string) error {
	o := w.o
	o.Paths = paths
	x := &runner{Options: o, watched: w}
	_, err := x.run(ctx)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// saw takes note of a result.
func (w *watching) saw(r *Result) {
	if r.bad() {
		w.failed[r.File] = true
	}
}
