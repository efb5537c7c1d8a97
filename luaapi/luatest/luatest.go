// Package luatest runs the tests of scripts: files *_test.lua, on the real engine, in virtual time.
//
// Compiled programs are kept for a whole run; a lock guards them. Test files run side by side, the tests of a file one
// after the other on one goroutine, which owns the rest: a fresh Lua state with the module `test`, the virtual networks
// that the test makes, each with an engine that runs the script under test, and the phones on them. What came of a test is
// a Result, which owns nothing of that. Reporters see results on the goroutine that called Run, files in order. The seed of
// a run decides every identifier and every random number, so that the same seed gives the same run. What holds in every
// call (engine/sim.Check) is checked at the end of each test.
package luatest

import (
	"io"
	"regexp"
	"runtime"
	"time"

	"tandem/luaapi"
	"tandem/luaapi/scenario"
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
	// Programs are scripts under test that were compiled already, by their path: what is on the disk there is not looked at.
	Programs map[string]*luaapi.Program
	// Settings returns what the configuration says for the scripts at a root; nil = the defaults.
	Settings scenario.SettingsOf
	// Observe is given every result, before it is reported; nil = nobody is.
	Observe func(*Result)
	// FailFast stops at the first test that does not pass.
	FailFast bool
	// Parallel is how many files run at a time; 0 = as many as there are processors.
	Parallel int
	// MaxVirtual is how long a network may run, in virtual time, and how far in it something may be put; 0 = 24 h.
	MaxVirtual time.Duration

	// Bench runs each test that passes again and again, and says how fast it is: Count times, or as often as fits into half a
	// second if Count is 1.
	Bench bool
	// Cover collects what the tests reach, for Summary.Coverage.
	Cover bool
	// Last is a folder that keeps the scripts which each test has passed with last, at most a megabyte of them: where a test
	// fails, they show at which message the call departs. "" = none are kept.
	Last string
	// Update writes golden ladders anew.
	Update bool

	// Format is how results are written to Out: one of Formats; "" = "pretty".
	Format string
	// JUnit takes results as JUnit's XML too; nil = none.
	JUnit io.Writer

	// Out takes the results.
	Out io.Writer
	// Colour prints ANSI colours; ASCII draws ladders without box-drawing characters; Width bounds their lines (0 = not).
	Colour, ASCII bool
	Width         int
	// Now is the machine's clock, for the time in the summary; nil = time.Now.
	Now func() time.Time
}

// DefaultMaxVirtual is the virtual time that a network may take unless the options say otherwise.
const DefaultMaxVirtual = 24 * time.Hour

func (o Options) withDefaults() Options {
	if len(o.Paths) == 0 {
		o.Paths = []string{"."}
	}
	o.Count = max(o.Count, 1)
	if o.Bench {
		o.Parallel = 1 // others would be in the way
	}
	if o.Parallel < 1 {
		o.Parallel = runtime.GOMAXPROCS(0)
	}
	if o.MaxVirtual <= 0 {
		o.MaxVirtual = DefaultMaxVirtual
	}
	if o.Format == "" {
		o.Format = Formats[0]
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
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
	// Empty counts the test files that declare no test; FirstEmpty is the first of them.
	Empty      int
	FirstEmpty string
	// Calls were placed, Virtual is the virtual time that all networks took together.
	Calls   int
	Virtual time.Duration
	// Coverage is set by Options.Cover.
	Coverage *Coverage
}

// Bad reports whether a test did not pass.
func (s *Summary) Bad() bool { return s.Failed+s.Errors > 0 }

// Ran returns how many tests ran or were skipped.
func (s *Summary) Ran() int { return s.Passed + s.Failed + s.Errors + s.Skipped }

// Nothing says why no test ran, and what to do.
func (s *Summary) Nothing() string {
	if s.Empty == 0 {
		return "no tests found; they stand in files *_test.lua and *.txtar"
	}
	files, has, it := s.FirstEmpty, "has", "it"
	if n := s.Empty - 1; n > 0 {
		files, has, it = files+" and "+Plural(n, "other file"), "have", "them"
	}
	return files + " " + has + " no tests; write t.test(\"what holds\", function() … end) into " + it
}

// without counts a file that declares no test.
func (s *Summary) without(file string) {
	if s.Empty++; s.Empty == 1 {
		s.FirstEmpty = file
	}
}

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
