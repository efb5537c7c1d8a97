// Package luatest runs the tests of scripts: files *_test.lua, on the real engine, in virtual time.
//
// A Runner-wide cache holds compiled programs. Everything else belongs to one run of one test: a fresh Lua state with the
// module `test`, the virtual networks that the test makes, each with an engine that runs the script under test, and the
// phones on them. All of it is stepped by the goroutine that runs the test. The seed of a run decides every identifier and
// every random number, so that the same seed gives the same run. What holds in every call (engine/sim.Check) is checked
// at the end of each test.
package luatest

import (
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"time"

	"tandem/luaapi"
)

// GCPercent is the setting of debug.SetGCPercent that suits a process that does nothing but run tests: each leaves a few
// hundred kilobytes behind, and hardly anything lives on.
const GCPercent = 800

// Options say which tests run, and how results look.
type Options struct {
	// Paths are test files, and folders that are searched for *_test.lua; none means the working folder.
	Paths []string
	// Run picks tests by name; nil = all.
	Run *regexp.Regexp
	// List only prints the tests' names.
	List bool
	// Verbose prints a line for each test, and what scripts log.
	Verbose bool
	// Count is how often each test runs, with seeds Seed, Seed+1, …; 0 means once.
	Count int
	// Shuffle runs files, and the tests in them, in an order drawn from Seed.
	Shuffle bool
	// Seed decides identifiers and random numbers.
	Seed uint64
	// FailFast stops at the first test that does not pass.
	FailFast bool

	// Out takes the results.
	Out io.Writer
	// Colour prints ANSI colours; ASCII draws ladders without box-drawing characters; Width bounds their lines (0 = not).
	Colour, ASCII bool
	Width         int
	// Now is the machine's clock, for the time in the summary; nil = time.Now.
	Now func() time.Time
}

// Summary counts what came of a run.
type Summary struct {
	// Passed, Failed (an assertion, or a rule that holds in every call), Errors (the test itself is wrong) and Skipped
	// count runs of tests.
	Passed, Failed, Errors, Skipped int
	// Broken counts test files, and scripts under test, that do not load.
	Broken int
	// Listed counts the tests that Options.List printed.
	Listed int
	// Calls were placed, Virtual is the virtual time that all networks took together.
	Calls   int
	Virtual time.Duration
}

// Bad reports whether a test did not pass.
func (s *Summary) Bad() bool { return s.Failed+s.Errors > 0 }

// Ran returns how many tests ran or were skipped.
func (s *Summary) Ran() int { return s.Passed + s.Failed + s.Errors + s.Skipped }

func (s *Summary) add(o *Summary) {
	s.Passed += o.Passed
	s.Failed += o.Failed
	s.Errors += o.Errors
	s.Skipped += o.Skipped
	s.Broken += o.Broken
	s.Listed += o.Listed
	s.Calls += o.Calls
	s.Virtual += o.Virtual
}

// runner runs test files.
type runner struct {
	Options
	out      reporter
	programs map[string]*loaded // scripts under test, by root
	modules  map[string]*loaded // what test files may require, by folder
	tapes    []*tape            // that are free
	total    Summary
}

// loaded is a program, or why there is none.
type loaded struct {
	prog *luaapi.Program
	err  error
}

// Run runs tests and prints what came of them. It is an error if a path cannot be read.
func Run(o Options) (Summary, error) {
	x := newRunner(o)
	files, err := discover(x.Paths)
	if err != nil {
		return Summary{}, err
	}
	if x.Shuffle {
		rand.New(rand.NewPCG(x.Seed, 0)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	}
	x.out.align(files)
	begin := x.Now()
	for _, f := range files {
		x.file(f)
		if x.stop() {
			break
		}
	}
	if !x.List && x.total.Ran()+x.total.Broken > 0 {
		x.out.summary(&x.total, x.Now().Sub(begin), x.Seed)
	}
	return x.total, nil
}

func newRunner(o Options) *runner {
	if len(o.Paths) == 0 {
		o.Paths = []string{"."}
	}
	o.Count = max(o.Count, 1)
	if o.ASCII {
		o.Out = asciiWriter{o.Out}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &runner{
		Options: o, out: reporter{w: o.Out, colour: o.Colour},
		programs: make(map[string]*loaded), modules: make(map[string]*loaded),
	}
}

// stop reports whether the run ends before all tests have run.
func (x *runner) stop() bool { return x.FailFast && (x.total.Bad() || x.total.Broken > 0) }

// script returns the program of a script under test.
func (x *runner) script(path string) (*luaapi.Program, error) {
	if filepath.Base(path) == "main.lua" {
		path = filepath.Dir(path) // what it requires lies beside it
	}
	return cached(x.programs, path, func() (*luaapi.Program, error) {
		p, err := luaapi.Load(path)
		if err == nil {
			err = p.DryLoad(luaapi.Options{})
		}
		return p, err
	})
}

func cached(m map[string]*loaded, key string, load func() (*luaapi.Program, error)) (*luaapi.Program, error) {
	l := m[key]
	if l == nil {
		l = &loaded{}
		l.prog, l.err = load()
		m[key] = l
	}
	return l.prog, l.err
}

// tape returns an empty tape.
func (x *runner) tape() *tape {
	if n := len(x.tapes); n > 0 {
		t := x.tapes[n-1]
		x.tapes = x.tapes[:n-1]
		return t
	}
	return &tape{}
}

// recycle takes the tapes of a run that was reported.
func (x *runner) recycle(r *run) {
	for _, n := range r.nets {
		n.tape.wipe()
		x.tapes = append(x.tapes, n.tape)
	}
}

// file runs the tests of a file.
func (x *runner) file(path string) {
	s := &suite{x: x, path: path}
	var sum Summary
	if err := s.load(); err != nil {
		sum.Broken++
		x.out.broken(s, err)
	} else if x.List {
		sum.Listed = x.list(s)
	} else {
		x.tests(s, &sum)
		if sum.Ran() > 0 {
			x.out.file(s, &sum)
		}
	}
	x.total.add(&sum)
}

// list prints the names of the tests.
func (x *runner) list(s *suite) (n int) {
	for _, t := range s.tests {
		if x.picks(t) {
			fmt.Fprintf(x.Out, "%s  %s\n", t.pos, t.name)
			n++
		}
	}
	return n
}

func (x *runner) picks(t *testCase) bool { return x.Run == nil || x.Run.MatchString(t.name) }

// tests runs the tests of a file.
func (x *runner) tests(s *suite, sum *Summary) {
	order := make([]int, len(s.tests))
	for i := range order {
		order[i] = i
	}
	for rep := range x.Count {
		seed := x.Seed + uint64(rep)
		if x.Shuffle {
			order = rand.New(rand.NewPCG(seed, 1)).Perm(len(s.tests))
		}
		for _, i := range order {
			if !x.picks(s.tests[i]) {
				continue
			}
			r := s.run(i, seed)
			r.addTo(sum)
			x.out.test(r)
			x.recycle(r)
			if x.FailFast && r.verdict.bad() {
				return
			}
		}
	}
}
