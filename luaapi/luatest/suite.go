package luatest

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"tandem/engine/plan"
	"tandem/luaapi"
	"tandem/luaapi/mod"
)

// budget is how many instructions the chunk of a test file may run, and each test in it.
const budget = 10_000_000

// memory is how many bytes they may make.
const memory = 1 << 30

// suite is a test file.
type suite struct {
	w      *worker
	path   string // as results name it
	prog   *luaapi.Program
	beside *luaapi.Program // the modules in its folder
	tests  []*testCase
	old    map[string]*luaapi.Program // by root, in place of those on the disk
	first  *run                       // the file as it was loaded to find its tests: not used yet
}

// testCase is a test as the file declares it.
type testCase struct {
	name string
	pos  plan.Pos
	fn   *lua.LFunction // in the state that declared it
	args []lua.LValue   // the case of t.table

	generators map[string]*generator // of t.property
}

// load compiles the file and finds its tests.
func (s *suite) load() error {
	dir := filepath.Dir(s.path)
	var err error
	if s.beside, err = s.w.modules.get(dir, func() (*luaapi.Program, error) { return luaapi.Modules(dir) }); err != nil {
		return err
	}
	if s.prog, err = s.beside.TestFile(s.path, s.path); err != nil {
		return err
	}
	r, err := s.fresh(s.w.Seed)
	if err != nil {
		return err
	}
	s.first, s.tests = r, r.found
	return nil
}

// fresh runs the file in a new state.
func (s *suite) fresh(seed uint64) (*run, error) {
	r := &run{suite: s, seed: seed}
	r.box = s.prog.Sandbox(luaapi.Options{
		Logger: zap.New(&logCore{r: r}), Budget: budget, LoadBudget: budget, Memory: memory, LoadMemory: memory,
		Random: func(uint64, int) rand.Source { return rand.NewPCG(seed, 2) },
	}, r.library)
	r.L = r.box.State()
	err := r.box.Load()
	if f := r.failure; f != nil {
		err = &luaapi.Error{Pos: f.pos, Message: strings.Join(f.lines, "; ")}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// state returns the file in a state that no test has run in.
func (s *suite) state(seed uint64) (*run, error) {
	if r := s.first; r != nil && r.seed == seed {
		s.first = nil
		return r, nil
	}
	return s.fresh(seed)
}

// line returns a line of the file, or of a module beside it; "" if it is not known.
func (s *suite) line(pos plan.Pos) string {
	text := s.prog.Snapshot.File(filepath.Base(s.path))
	if pos.File != s.path {
		text = s.beside.Snapshot.File(pos.File)
	}
	lines := strings.Split(text, "\n")
	if pos.Line < 1 || pos.Line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[pos.Line-1])
}

// run is one run of a test, in a Lua state of its own.
type run struct {
	suite *suite
	seed  uint64
	box   *luaapi.Sandbox
	L     *lua.LState
	class *library
	found []*testCase // by the file's t.test

	told    bool        // everything is written down, for the story of a failure
	again   bool        // the test needs that to run
	test    *testCase   // the one that runs; nil while the file loads
	cased   *lua.LTable // the case of a property
	nets    []*network
	failure *failure
	skipped *string
	webs    []*web // what is said of servers
	stubs   map[string]luaapi.Stub
	focus   *call    // the call that the test looked at last
	looked  plan.Pos // and where
	placed  int      // calls
	logs    []string
	notes   []Note // what is no failure, and should be known
	broken  bool   // a script under test does not load
	before  *run   // the same test with the scripts that it has passed with last; nil = that is not known

	verdict Verdict
	lines   []string // what went wrong
	pos     plan.Pos // and where
}

// run runs the test with an index. What a failure is told with is not written down at first: a test that fails runs again,
// since the same seed gives the same run.
func (s *suite) run(i int, seed uint64) *run {
	if s.tests[i].generators != nil {
		return s.property(i, seed)
	}
	r := s.once(i, seed, false)
	if r.told || !r.bad() && !r.again {
		return r
	}
	again := s.once(i, seed, true)
	if again.bad() || r.again {
		s.w.recycle(r)
		again.before = s.before(i, again)
		return again
	}
	return r
}

// before runs a test that has failed with the scripts that it has passed with last, nil if they are not known.
func (s *suite) before(i int, r *run) *run {
	if !r.bad() || s.w.Update {
		return nil
	}
	if s.old = s.w.before(nameIn(s.path, r.test.name), r.tried()); s.old == nil {
		return nil
	}
	defer func() { s.old = nil }()
	return s.once(i, r.seed, true)
}

// once runs the test with an index; told says that everything in it is written down.
func (s *suite) once(i int, seed uint64, told bool) *run { return s.with(i, seed, told, nil) }

// with runs the test for the case that is made by some choices, if it is a property.
func (s *suite) with(i int, seed uint64, told bool, d *draws) *run {
	r, err := s.state(seed)
	if err == nil && (len(r.found) != len(s.tests) || r.found[i].name != s.tests[i].name) {
		err = errors.New("the file declares other tests than before; let its tests not depend on chance")
	}
	if err != nil {
		r = &run{suite: s, seed: seed, test: s.tests[i], told: true}
		r.erred(err)
		return r
	}
	r.test, r.told = r.found[i], told
	args := r.test.args
	if r.test.generators != nil {
		r.cased = r.caseOf(d)
		args = []lua.LValue{r.cased}
	}
	r.judge(r.box.Call(r.test.fn, args...))
	if s.w.Cover && !told {
		for _, n := range r.nets {
			s.w.covering.cover(n)
		}
	}
	return r
}

// judge decides what came of a test that has returned.
func (r *run) judge(err error) {
	r.pos = r.test.pos
	switch {
	case r.again: // it runs again anyway
	case r.failure != nil:
		r.verdict, r.pos, r.lines = Failed, r.failure.pos, slices.Concat(r.failure.lines, r.failure.from)
	case r.skipped != nil:
		r.verdict = Skipped
	case err != nil:
		r.erred(err)
	default:
		r.finish()
	}
}

// finish ends what the test has left running and checks the rules that hold in every call.
func (r *run) finish() {
	for _, n := range r.nets {
		if len(n.calls) > 0 && !n.ran {
			r.erred(&luaapi.Error{Pos: n.calls[0].pos, Message: "the call was never run; write net:run()"})
			return
		}
	}
	for _, n := range r.nets {
		r.lines = append(r.lines, n.finish()...)
	}
	if errs := r.unexpected(); len(errs) > 0 && len(r.lines) == 0 {
		errs = append(errs, "a test that is about such an error looks at it: t.match(net:errors()[1], …)")
		r.verdict, r.lines = Erred, errs
		return
	}
	if len(r.lines) > 0 {
		r.verdict, r.lines = Failed, append([]string{"no assertion failed, but a rule that holds in every call is broken:"}, r.lines...)
	}
}

// unexpected are the errors of handlers that the test has not looked at.
func (r *run) unexpected() (all []string) {
	for _, n := range r.nets {
		for _, e := range n.raised[n.expected:] {
			if e = "an error in " + e; !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return all
}

// written reports whether what happens is written down.
func (r *run) written() bool { return r.told || r.suite.w.Cover }

func (r *run) bad() bool { return r.verdict == Failed || r.verdict == Erred }

// erred takes note of an error of the test itself.
func (r *run) erred(err error) {
	r.verdict, r.pos = Erred, r.test.pos
	var e *luaapi.Error
	if !errors.As(err, &e) {
		r.lines = []string{err.Error()}
		return
	}
	r.lines = []string{e.Message}
	if e.Pos.Line > 0 {
		r.pos = e.Pos
	}
	r.lines = append(r.lines, callers(e.Trace, r.pos)...)
}

// callers are the places that a stack trace names besides pos, innermost first.
func callers(trace string, pos plan.Pos) (lines []string) {
	at := []string{pos.String()}
	for line := range strings.Lines(trace) {
		where, _, ok := strings.Cut(strings.TrimSpace(line), ": in ")
		if ok && strings.Contains(where, ".lua:") && !slices.Contains(at, where) {
			at = append(at, where)
			lines = append(lines, "called at "+where)
		}
	}
	return lines
}

// declare is t.test(name, function).
func (r *run) declare(L *lua.LState) int {
	a := argsOf(L, "t.test")
	name, ok := L.Get(1).(lua.LString)
	fn, isFunction := L.Get(2).(*lua.LFunction)
	switch {
	case !ok || !isFunction:
		a.fail("takes a name and a function, got %s and %s", show(L.Get(1)), mod.TypeName(L.Get(2)))
	case fn.IsG:
		a.fail("the function must be written in Lua")
	}
	r.add(a, string(name), fn)
	return 0
}

// add declares a test.
func (r *run) add(a *args, name string, fn *lua.LFunction, with ...lua.LValue) {
	if r.test != nil {
		a.fail("a test cannot stand in another one")
	}
	for _, t := range r.found {
		if t.name == name {
			a.fail("there is a test of that name at line %d", t.pos.Line)
		}
	}
	r.found = append(r.found, &testCase{name: name, pos: a.pos, fn: fn, args: with})
}

// load is t.script(path).
func (r *run) load(a *args, path string) int {
	full := path
	if !filepath.IsAbs(path) {
		full = filepath.Join(filepath.Dir(r.suite.path), filepath.FromSlash(path))
	}
	r.suite.w.use(r.suite.path, rootOf(full))
	prog, err := r.suite.old[rootOf(full)], error(nil)
	if prog == nil {
		prog, err = r.suite.w.script(full)
	}
	if err != nil {
		r.broken = true
		a.fail("%s does not load: %v", path, err)
	}
	p := &pbx{r: r, prog: prog, name: path, root: rootOf(full)}
	if p.settings, err = r.suite.w.Settings.At(p.root); err != nil {
		a.fail("the settings of %s are not known: %v", path, err)
	}
	a.L.Push(object(a.L, p, r.class.pbx))
	return 1
}
