package luatest

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/engine/plan"
	"tandem/luaapi"
)

// Verdict is what came of a test.
type Verdict uint8

// The verdicts.
const (
	Passed  Verdict = iota
	Failed          // an assertion, or a rule that holds in every call
	Erred           // the test itself is wrong
	Skipped         // by t.skip
	Broken          // the test file does not load: it stands for all of its tests
)

var verdictNames = [...]string{"pass", "fail", "error", "skip", "error"}

// String returns the verdict as machines read it.
func (v Verdict) String() string { return verdictNames[v] }

// Result is what came of one run of a test. It does not change.
type Result struct {
	// File is the test file, Name the test's name, "" if the file does not load; Declared is where the test is.
	File, Name string
	Declared   plan.Pos
	Verdict    Verdict
	// Pos is where it went wrong, Message what: lines such as "got   2".
	Pos     plan.Pos
	Message []string
	// Story tells a failure: the line with its values, the script's decisions, the ladder, how to run it again.
	Story []Section
	// Skip is the reason of a skipped test.
	Skip string
	// Log is what scripts logged, of a failure or if Options.Verbose is set.
	Log []string
	// Notes are what is no failure, and should be known: a handler that writes into a table that calls share.
	Notes []Note
	// Rerun is the command that runs a failed test again.
	Rerun string
	Seed  uint64
	// Calls were placed; Virtual is the virtual time of the networks together, Took that of the machine.
	Calls         int
	Virtual, Took time.Duration

	// Bench is how often the test ran for Options.Bench, and how long that took; nil = it was not asked for.
	Bench *Bench

	script bool // a script under test does not load
}

func (r *Result) bad() bool { return r.Verdict == Failed || r.Verdict == Erred || r.Verdict == Broken }

// Note is what should be known of a script: Pos is where, as people name the file, Text what, which says where too.
type Note struct {
	Pos  plan.Pos
	Text string
}

// Bench says how fast a test is.
type Bench struct {
	Runs, Calls int
	Took        time.Duration
}

// perRun returns how long one run takes, perSecond how many calls there are in a second.
func (b *Bench) perRun() time.Duration { return b.Took / time.Duration(b.Runs) }

func (b *Bench) perSecond() float64 {
	if b.Took <= 0 {
		return 0
	}
	return float64(b.Calls) / b.Took.Seconds()
}

// Section is a part of a story: Text as it is, or Lines with a heading before the first.
type Section struct {
	Text    string
	Heading string
	Lines   []string
}

// notLoaded is the result of a file that does not load.
func notLoaded(path string, err error) *Result {
	res := &Result{File: path, Declared: plan.Pos{File: path}, Pos: plan.Pos{File: path}, Verdict: Broken}
	res.Message = strings.Split(err.Error(), "\n")
	var e *luaapi.Error
	if errors.As(err, &e) {
		res.Pos = e.Pos
		res.Message = append(res.Message, callers(e.Trace, e.Pos)...)
	}
	return res
}

// result makes the result of a run.
func (r *run) result() *Result {
	res := &Result{
		File: r.suite.path, Name: r.test.name, Declared: r.test.pos, Verdict: r.verdict, Pos: r.pos, Seed: r.seed,
		Calls: r.calls(), Notes: r.notes, script: r.broken,
	}
	for _, n := range r.nets {
		res.Virtual += time.Duration(n.sim.Now())
	}
	switch {
	case res.bad():
		res.Message, res.Log, res.Story, res.Rerun = r.lines, r.logs, r.story(), r.rerun()
	case res.Verdict == Skipped:
		res.Skip = *r.skipped
	case r.suite.w.Verbose:
		res.Log = r.logs
	}
	return res
}

// maxNotes bounds the notes of a test.
const maxNotes = 20

// sharedNotes adds a write into a table that calls share, by the script at a root.
func sharedNotes(notes []Note, root string, w luaapi.SharedWrite) []Note {
	note := Note{Pos: plan.Pos{File: scriptPath(root, w.Pos.File), Line: w.Pos.Line}, Text: w.String()}
	if len(notes) < maxNotes && !slices.Contains(notes, note) {
		notes = append(notes, note)
	}
	return notes
}

// scriptPath is a file of the script at a root, as people name it.
func scriptPath(root, name string) string {
	if filepath.Base(root) == name && filepath.Ext(root) == ".lua" {
		return filepath.ToSlash(root)
	}
	return filepath.ToSlash(filepath.Join(root, name))
}

// noteTexts are the texts of notes.
func noteTexts(notes []Note) (all []string) {
	for _, n := range notes {
		all = append(all, n.Text)
	}
	return all
}

func (r *run) calls() (n int) {
	for _, net := range r.nets {
		n += len(net.calls)
	}
	return n
}

// count adds a result.
func (s *Summary) count(r *Result) {
	switch r.Verdict {
	case Passed:
		s.Passed++
	case Failed:
		s.Failed++
	case Erred:
		s.Errors++
	case Skipped:
		s.Skipped++
	case Broken:
		s.Broken++
	}
	if r.script {
		s.Broken++
	}
	s.Calls += r.Calls
	s.Virtual += r.Virtual
}
