package main

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/luaapi/luatest"
)

// testFlags are the flags of `tandem test` that are not options of the runner as they are.
type testFlags struct {
	pick, junit         string
	coverOut, coverHTML string
	coverMin            float64
	fuzz                int
	watch               bool
}

func newTestCommand() *cobra.Command {
	var o luatest.Options
	var more testFlags
	cmd := &cobra.Command{
		Use:   "test [PATH…]",
		Short: "Run the tests of scripts on the real engine in virtual time",
		Long: "Run the tests in files *_test.lua and *.txtar: those named, and those below the folders named; without any, below this one.\n" +
			"Phones and time are virtual, everything else is the engine that serves calls.\n\n" +
			"Exit status: 0 all passed, 1 tests failed, 2 there is nothing to run, 3 a script or a test file does not load, 4 less is covered\n" +
			"than --cover-min.",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Paths, o.Out, o.Settings = args, cmd.OutOrStdout(), config.Beside
			return runTests(cmd, o, more)
		},
	}
	f := cmd.Flags()
	f.StringVar(&more.pick, "run", "", "only tests whose name matches the `RE`gular expression")
	f.BoolVar(&o.List, "list", false, "print the names of the tests and run none")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "print a line for each test, and what scripts log")
	f.IntVar(&o.Count, "count", 1, "run each test `N` times, with one seed after the other")
	f.BoolVar(&o.Shuffle, "shuffle", false, "run files and tests in random order")
	f.Uint64Var(&o.Seed, "seed", 0, "decide everything random by `N`; without it, by chance")
	f.BoolVar(&o.FailFast, "fail-fast", false, "stop at the first test that does not pass")
	f.IntVar(&o.Parallel, "parallel", runtime.GOMAXPROCS(0), "run `N` files at a time")
	f.DurationVar(&o.MaxVirtual, "max-virtual", luatest.DefaultMaxVirtual, "how long a network may take, in virtual time")
	f.BoolVar(&o.Update, "update", false, "write golden ladders anew: those of t.golden, and in tests in words")
	f.BoolVar(&o.Bench, "bench", false, "run each test for half a second, or --count times, and print how fast it is")
	f.BoolVar(&more.watch, "watch", false, "run again what a change touches, what failed first, until interrupted")
	f.BoolVar(&o.Cover, "cover", false, "print which lines, handlers and edges of plans the tests have reached")
	f.Float64Var(&more.coverMin, "cover-min", 0, "fail with status 4 if less than `N` percent of the lines, or of the handlers and edges, were reached")
	f.StringVar(&more.coverOut, "cover-out", "", "write the coverage to `FILE` in the form of lcov")
	f.StringVar(&more.coverHTML, "cover-html", "", "write the coverage to `FILE` as a page")
	f.IntVar(&more.fuzz, "fuzz", 0, "instead of tests, try `N` random networks on the scripts: callers, phones, faults, dates")
	f.StringVar(&o.Format, "format", "pretty", "print results as `F`: pretty, tap (version 14), json (a line each) or github (annotations)")
	f.StringVar(&more.junit, "junit", "", "write results to `FILE` too, as JUnit's XML")
	return cmd
}

// runTests runs tests as the flags say.
func runTests(cmd *cobra.Command, o luatest.Options, more testFlags) (err error) {
	if o.Run, err = regexp.Compile(more.pick); err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	if err := checkTestFlags(&o); err != nil {
		return err
	}
	if !(more.coverMin >= 0 && more.coverMin <= 100) {
		return fmt.Errorf("--cover-min must be from 0 to 100, got %g", more.coverMin)
	}
	if !cmd.Flags().Changed("seed") {
		o.Seed = randomSeed()
	}
	terminal(&o)
	if cmd.Flags().Changed("fuzz") {
		return fuzzScripts(cmd, &o, more.fuzz)
	}
	o.Cover = o.Cover || more.coverOut != "" || more.coverHTML != "" || cmd.Flags().Changed("cover-min")
	if more.watch && (o.Cover || o.Bench || o.List || more.junit != "") {
		return errors.New("--watch runs tests again and again; it takes no --list, --bench, --cover… and --junit")
	}
	if more.junit != "" {
		file, err := os.Create(more.junit)
		if err != nil {
			return fmt.Errorf("--junit: %w", err)
		}
		defer file.Close() //nolint:errcheck // written without a buffer: Run has seen what goes wrong
		o.JUnit = file
	}
	o.Last = lastFolder()
	debug.SetGCPercent(luatest.GCPercent)
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
	defer stop()
	if more.watch {
		if err := luatest.Watch(ctx, o); err != nil {
			return exit.With(exit.Usage, err)
		}
		return errInterrupted
	}
	sum, err := luatest.Run(ctx, o)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return exit.With(exit.Usage, err)
	}
	if err := writeCoverage(sum.Coverage, &more); err != nil {
		return err
	}
	if err := testStatus(&sum, more.pick); err != nil {
		return err
	}
	if sum.Empty > 0 { // among others, nothing else would say so
		cmd.PrintErrln("tandem: " + sum.Nothing())
	}
	return enough(sum.Coverage, more.coverMin)
}

// writeCoverage writes the files that the flags ask for.
func writeCoverage(c *luatest.Coverage, more *testFlags) error {
	if c == nil {
		return nil
	}
	for _, out := range []struct {
		flag, path string
		write      func(io.Writer) error
	}{{"--cover-out", more.coverOut, c.LCOV}, {"--cover-html", more.coverHTML, c.HTML}} {
		if out.path == "" {
			continue
		}
		file, err := os.Create(out.path)
		if err == nil {
			err = errors.Join(out.write(file), file.Close())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", out.flag, err)
		}
	}
	return nil
}

// enough is an error if less is covered than there must be.
func enough(c *luatest.Coverage, least float64) error {
	if c == nil {
		return nil
	}
	var short []string
	if p := c.LinePercent(); p < least {
		short = append(short, fmt.Sprintf("%.1f %% of the lines ran", p))
	}
	if p := c.OutcomePercent(); p < least {
		short = append(short, fmt.Sprintf("%.1f %% of the handlers and edges were reached", p))
	}
	if len(short) == 0 {
		return nil
	}
	return exit.Errorf(exit.Threshold, "%s, --cover-min asks for %g %%", strings.Join(short, " and "), least)
}

// checkTestFlags refuses numbers that mean nothing.
func checkTestFlags(o *luatest.Options) error {
	switch {
	case o.Count < 1:
		return fmt.Errorf("--count must be 1 or more, got %d", o.Count)
	case o.Parallel < 1:
		return fmt.Errorf("--parallel must be 1 or more, got %d", o.Parallel)
	case o.MaxVirtual <= 0:
		return fmt.Errorf("--max-virtual must be more than 0, got %s; write 24h", o.MaxVirtual)
	}
	return nil
}

// testStatus is the exit status of what came of the tests; everything has been said by then, except that there was nothing.
func testStatus(s *luatest.Summary, pick string) error {
	switch {
	case s.Broken > 0:
		return exit.With(exit.Script, nil)
	case s.Bad():
		return exit.With(exit.Failed, nil)
	case s.Ran()+s.Listed > 0:
		return nil
	case pick != "" && s.Empty > 0:
		return exit.Errorf(exit.Usage, "no test's name matches %q; %s", pick, s.Nothing())
	case pick != "":
		return exit.Errorf(exit.Usage, "no test's name matches %q", pick)
	}
	return exit.With(exit.Usage, errors.New(s.Nothing()))
}

// randomSeed is short, since people type it.
func randomSeed() uint64 {
	var b [4]byte
	crand.Read(b[:])
	return uint64(binary.BigEndian.Uint32(b[:]))%99_999 + 1
}

// lastFolder is where what the tests have passed with last is kept: nowhere on machines that throw it away, and where no
// command has made the folder of Tandem's own files.
func lastFolder() string {
	if info, err := os.Stat(ownFolder); os.Getenv("CI") != "" || err != nil || !info.IsDir() {
		return ""
	}
	return filepath.Join(ownFolder, "last")
}

// ownFolder is what `tandem init` and `tandem stubs` make.
const ownFolder = ".tandem"

// terminal sees how results look best where they go.
func terminal(o *luatest.Options) {
	out, ok := o.Out.(*os.File)
	if !ok || !term.IsTerminal(int(out.Fd())) {
		return
	}
	o.Width, _, _ = term.GetSize(int(out.Fd())) // 0 if it has none
	o.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	o.ASCII = !utf8Locale()
}

// utf8Locale reports whether the terminal shows UTF-8, as far as the environment says.
func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
