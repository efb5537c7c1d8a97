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

	"tandem/luaapi"
	"tandem/luaapi/scenario"
	"tandem/luaapi/watch"
)

// WatchDebounce is how long a folder must be still before its tests run again: two reads so far apart must find the same.
const WatchDebounce = 40 * time.Millisecond

// Watch runs tests, and runs those that a change touches whenever files change, what failed before first, until the context
// is done.
func Watch(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	w := &watching{
		o: o.withDefaults(), failed: make(map[string]bool), uses: make(map[string][]string),
		files: make(tree), trees: make(map[string]tree), settled: make(map[string]tree), changed: make(chan struct{}, 1),
	}
	defer w.watchers.Wait()
	defer cancel()
	w.follow(ctx)
	for paths := w.o.Paths; ; {
		if err := w.run(ctx, paths); err != nil {
			return err
		}
		w.follow(ctx)
		for paths = nil; len(paths) == 0; {
			select {
			case <-ctx.Done():
				return nil
			case <-w.changed:
				paths = w.touched(w.take())
			}
		}
	}
}

// tree are the hashes of files by their paths.
type tree map[string]string

// watching is what is known from one run to the next.
type watching struct {
	o      Options
	failed map[string]bool     // test files
	uses   map[string][]string // by test file, the roots of the scripts that it tests

	files    tree            // all that is watched, as it was last
	trees    map[string]tree // the same by root: one may lie in another
	watchers sync.WaitGroup

	mu      sync.Mutex // of what the watchers tell
	settled map[string]tree
	changed chan struct{} // there is something in settled
}

// follow watches the roots that are not watched yet.
func (w *watching) follow(ctx context.Context) {
	for _, root := range w.roots() {
		if w.trees[root] != nil {
			continue
		}
		now := readTree(root)
		for p, hash := range now {
			if !w.watched(p) { // else its root tells what has changed since the tests ran
				w.files[p] = hash
			}
		}
		w.trees[root] = now
		cfg := watch.Config{Root: root, Served: hashOf(now), Debounce: WatchDebounce, Read: func() watch.Version {
			now := readTree(root)
			return watch.Version{ID: hashOf(now), Load: func() { w.tell(root, now) }}
		}}
		w.watchers.Go(func() {
			if err := watch.Run(ctx, cfg); err != nil {
				fmt.Fprintln(w.o.Out, err)
			}
		})
	}
}

// watched reports whether a file lies below a root that is watched.
func (w *watching) watched(file string) bool {
	for root := range w.trees {
		if within(root, file) {
			return true
		}
	}
	return false
}

// roots are the folders that are watched: those of the paths, and the roots of scripts, which may lie elsewhere.
func (w *watching) roots() (roots []string) {
	for _, p := range w.o.Paths {
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			p = filepath.Dir(p)
		}
		roots = append(roots, absolute(p))
	}
	for _, used := range w.uses {
		for _, root := range used {
			roots = append(roots, absolute(root))
		}
	}
	slices.Sort(roots)
	return slices.Compact(roots)
}

// absolute is a path from the top, so that paths of the same file are equal.
func absolute(p string) string {
	if abs, err := filepath.Abs(p); err == nil {
		return abs
	}
	return filepath.Clean(p)
}

// tell says how a root is now that it has come to rest.
func (w *watching) tell(root string, now tree) {
	w.mu.Lock()
	w.settled[root] = now
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default: // it is going to look anyway
	}
}

// take returns the files that have changed in what has come to rest.
func (w *watching) take() (changed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for root, now := range w.settled {
		for p := range w.trees[root] {
			if _, is := now[p]; !is && w.files[p] != "" {
				delete(w.files, p)
				changed = append(changed, p)
			}
		}
		for p, hash := range now {
			if w.files[p] != hash {
				w.files[p] = hash
				changed = append(changed, p)
			}
		}
		w.trees[root] = now
	}
	clear(w.settled)
	slices.Sort(changed)
	return slices.Compact(changed)
}

// watchedKinds are how the names of the files end that tests depend on: those of script roots, tests, golden ladders.
var watchedKinds = append(luaapi.Suffixes(), ".ladder", scenario.Suffix)

// budgetsFile is where budgets are written.
const budgetsFile = "tandem.toml"

// readTree returns the files that tests depend on below a root.
func readTree(root string) tree {
	all := make(tree)
	_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error { // what cannot be read is not there
		switch {
		case err != nil:
			return nil
		case p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir() && (slices.Contains(watchedKinds, filepath.Ext(p)) || d.Name() == budgetsFile):
			if text, err := os.ReadFile(p); err == nil {
				sum := sha256.Sum256(text)
				all[p] = hex.EncodeToString(sum[:])
			}
		}
		return nil
	})
	return all
}

func hashOf(files tree) string {
	h := sha256.New()
	for _, p := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %s\n", p, files[p])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// touched returns the test files that a change touches, and says what has changed if there are any.
func (w *watching) touched(changed []string) []string {
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
	names := make([]string, len(changed))
	for i, c := range changed {
		names[i] = c
		if rel, err := filepath.Rel(absolute("."), c); err == nil {
			names[i] = rel
		}
	}
	fmt.Fprintf(w.o.Out, "\n%s changed\n\n", strings.Join(names, ", "))
	return files
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
	changed = absolute(changed)
	if filepath.Ext(changed) == ".ladder" {
		return filepath.Dir(changed) == absolute(goldenDir(test))
	}
	if strings.HasSuffix(changed, testSuffix) || isDeclared(changed) {
		return changed == absolute(test)
	}
	roots, known := w.uses[test]
	if !isDeclared(test) { // that requires nothing
		roots = append(slices.Clip(roots), filepath.Dir(test))
	}
	return !known || slices.ContainsFunc(roots, func(root string) bool { return within(absolute(root), changed) })
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
