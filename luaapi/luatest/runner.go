package luatest

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"tandem/luaapi"
)

// runner runs test files.
type runner struct {
	Options
	programs cache    // scripts under test, by root
	modules  cache    // what test files may require, by folder
	variants struct { // of scripts under test, with probes
		sync.Mutex
		all map[variant]*luaapi.Program
	}
	covering covering
	last     last
	watched  *watching  // nil = the tests run once
	using    sync.Mutex // of what watched knows
	ended    atomic.Bool
}

// Run runs tests and reports what came of them. It is an error if a path cannot be read, if there is no such format, and if
// the context is done before the end.
func Run(ctx context.Context, o Options) (Summary, error) {
	return (&runner{Options: o.withDefaults()}).run(ctx)
}

func (x *runner) run(ctx context.Context) (Summary, error) {
	for path, p := range x.Programs {
		x.programs.put(filepath.Clean(path), p)
	}
	out, err := newReporter(&x.Options)
	if err != nil {
		return Summary{}, err
	}
	files, err := discover(x.Paths)
	if err != nil {
		return Summary{}, err
	}
	if x.Shuffle {
		rand.New(rand.NewPCG(x.Seed, 0)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	}
	if x.List {
		return x.list(files, out), out.err()
	}
	out.begin(files)
	begin := x.Now()
	total := x.files(ctx, files, out)
	if x.Cover {
		total.Coverage = x.covering.report()
		out.cover(total.Coverage)
	}
	if total.Ran()+total.Broken > 0 {
		out.end(&total, x.Now().Sub(begin), x.Seed)
	}
	if err := out.err(); err != nil {
		return total, err
	}
	if err := x.keep(); err != nil {
		return total, err
	}
	return total, ctx.Err()
}

// ahead is how many results a file that is not reported yet may have.
const ahead = 1024

// queued is a file whose results are on their way to the reporter.
type queued struct {
	path    string
	results chan *Result
	empty   bool // it declares no test; known when results is closed
}

// files runs files side by side and reports them one after the other.
func (x *runner) files(ctx context.Context, files []string, out reporter) (total Summary) {
	stop := context.AfterFunc(ctx, func() { x.ended.Store(true) })
	defer stop()
	if ctx.Err() != nil {
		x.ended.Store(true)
	}
	all := make([]*queued, len(files))
	for i, f := range files {
		all[i] = &queued{path: f, results: make(chan *Result, ahead)}
	}
	var workers sync.WaitGroup
	var next atomic.Int64
	for range min(x.Parallel, len(files)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				w := &worker{runner: x, out: all[i].results}
				w.file(all[i].path)
				all[i].empty = w.empty
				close(all[i].results)
			}
		})
	}
	for _, q := range all {
		if !x.report(q, out, &total) {
			break
		}
	}
	x.ended.Store(true)
	for _, q := range all { // nobody waits for what is not reported
		for range q.results { // its worker can end then
		}
	}
	workers.Wait()
	return total
}

// report reports a file and says whether there is to be another one.
func (x *runner) report(q *queued, out reporter, total *Summary) bool {
	var sum Summary
	x.forget(q.path)
	for r := range q.results {
		x.remember(r)
		sum.count(r)
		if x.Observe != nil {
			x.Observe(r)
		}
		out.test(r)
		if x.FailFast && r.bad() {
			x.ended.Store(true)
			break
		}
	}
	if sum.Ran() > 0 {
		out.file(q.path, &sum)
	}
	total.add(&sum)
	if x.ended.Load() {
		return false
	}
	if q.empty {
		total.without(q.path)
	}
	return true
}

// forget and remember keep what is to be known when files change.
func (x *runner) forget(file string) {
	if x.watched != nil {
		delete(x.watched.failed, file)
	}
}

func (x *runner) remember(r *Result) {
	if x.watched != nil {
		x.watched.saw(r)
	}
}

// use takes note that a test file tests scripts; without any, that it starts anew.
func (x *runner) use(file string, roots ...string) {
	if x.watched == nil {
		return
	}
	x.using.Lock()
	defer x.using.Unlock()
	if len(roots) == 0 {
		x.watched.uses[file] = nil
	}
	for _, root := range roots {
		if all := x.watched.uses[file]; !slices.Contains(all, root) {
			x.watched.uses[file] = append(all, root)
		}
	}
}

// cache keeps programs, or why there are none.
type cache struct {
	mu  sync.Mutex
	all map[string]func() (*luaapi.Program, error)
}

// put keeps a program under a key.
func (c *cache) put(key string, p *luaapi.Program) {
	c.get(key, func() (*luaapi.Program, error) { return p, nil }) //nolint:errcheck // it is there
}

// get returns the program of a key, made by load the first time.
func (c *cache) get(key string, load func() (*luaapi.Program, error)) (*luaapi.Program, error) {
	c.mu.Lock()
	if c.all == nil {
		c.all = make(map[string]func() (*luaapi.Program, error))
	}
	once := c.all[key]
	if once == nil {
		once = sync.OnceValues(load)
		c.all[key] = once
	}
	c.mu.Unlock()
	return once()
}

// rootOf returns the root of a script: of main.lua its folder, where what it requires lies.
func rootOf(path string) string {
	if filepath.Base(path) == "main.lua" {
		return filepath.Dir(path)
	}
	return filepath.Clean(path)
}

// script returns the program of a script under test.
func (x *runner) script(path string) (*luaapi.Program, error) {
	path = rootOf(path)
	return x.programs.get(path, func() (*luaapi.Program, error) {
		p, err := luaapi.Load(path)
		if err == nil {
			err = p.DryLoad(luaapi.Options{})
		}
		return p, err
	})
}

func (x *runner) picks(t *testCase) bool { return x.Run == nil || x.Run.MatchString(t.name) }
