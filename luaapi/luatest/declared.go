package luatest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/probe"
	"tandem/luaapi/scenario"
)

// declared is a test that is said in words: a file *.txtar.
type declared struct {
	w     *worker
	path  string
	name  string
	text  []string // its lines
	s     *scenario.Scenario
	prog  *luaapi.Program
	root  string
	cover bool // the script is one on disk

	settings scenario.Settings
}

// isDeclared reports whether a file is such a test.
func isDeclared(path string) bool { return filepath.Ext(path) == scenario.Suffix }

// loadDeclared reads the test and the script that it is for.
func (w *worker) loadDeclared(path string) (*declared, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the test: %w", err)
	}
	s, err := scenario.Parse(path, text)
	if err != nil {
		return nil, err
	}
	d := &declared{w: w, path: path, s: s, name: s.Title, text: strings.Split(string(text), "\n")}
	if d.name == "" {
		d.name = strings.TrimSuffix(filepath.Base(path), scenario.Suffix)
	}
	if d.root = s.Root(); d.root != "" {
		w.use(path) // anew
		w.use(path, d.root)
		if d.settings, err = w.Settings.At(d.root); err != nil {
			return nil, fmt.Errorf("the settings of %s are not known: %w", d.root, err)
		}
	}
	if d.root != "" && len(s.Files) == 0 {
		d.cover = true
		script := d.root
		if filepath.Ext(script) != ".lua" {
			script = filepath.Join(script, "main.lua")
		}
		d.prog, err = w.script(script)
		return d, s.Mistaken(err)
	}
	snap, err := s.Snapshot()
	if err != nil {
		return nil, s.Mistaken(err)
	}
	if d.root == "" { // all is in the file
		w.use(path)
	}
	if d.prog, err = luaapi.Compile(snap, nil); err == nil {
		err = d.prog.DryLoad(luaapi.Options{})
	}
	return d, s.Mistaken(err)
}

// declared runs the test in a file.
func (w *worker) declared(path string) {
	d, err := w.loadDeclared(path)
	if err != nil {
		w.out <- notLoaded(path, err)
		return
	}
	if !w.picks(&testCase{name: d.name}) {
		return
	}
	if w.Bench {
		res := d.timed(w.Seed)
		if res.Verdict == Passed {
			res.Bench = w.again(res, d.timed)
		}
		w.out <- res
		return
	}
	for rep := range w.Count {
		res := d.timed(w.Seed + uint64(rep))
		w.out <- res
		if w.ended.Load() || w.FailFast && res.bad() {
			return
		}
	}
}

// timed runs the test and says how long it took.
func (d *declared) timed(seed uint64) *Result {
	begin := d.w.Now()
	res := d.run(seed)
	res.Took = d.w.Now().Sub(begin)
	return res
}

// run runs the test; one that fails runs again with everything written down.
func (d *declared) run(seed uint64) *Result {
	var notes []Note
	r, err := d.once(seed, d.w.Cover, false, func(w luaapi.SharedWrite) { notes = sharedNotes(notes, d.root, w) })
	if err != nil {
		return notLoaded(d.path, err)
	}
	broken := d.broken(r)
	res := &Result{
		File: d.path, Name: d.name, Declared: plan.Pos{File: d.path, Line: 1}, Seed: seed,
		Calls: len(r.Calls), Virtual: r.Virtual, Notes: notes,
	}
	if len(broken) == 0 {
		d.w.passed(nameIn(d.path, d.name), d.tried())
		if d.w.Verbose {
			res.Log = r.Logs
		}
		return res
	}
	if told, err := d.once(seed, false, true, nil); err == nil {
		r = told
	}
	res.Verdict, res.Pos, res.Log = Failed, broken[0].pos, r.Logs
	res.Rerun = fmt.Sprintf("tandem test %s --seed %d", shell(d.path), seed)
	for _, b := range broken {
		res.Message = append(res.Message, b.lines...)
	}
	res.Story = d.story(r, d.before(seed), broken, res.Rerun)
	return res
}

// tried is the script that the test is about.
func (d *declared) tried() tried { return tried{d.root: d.prog.Snapshot} }

// before runs the scenario with the script that the test has passed with last, nil if that is not known.
func (d *declared) before(seed uint64) *scenario.Run {
	old := d.w.before(nameIn(d.path, d.name), d.tried())
	if old == nil || d.w.Update {
		return nil
	}
	r, err := d.s.Run(scenario.Options{Program: old[d.root], Seed: seed, MaxVirtual: d.w.MaxVirtual, Settings: d.settings})
	if err != nil {
		return nil // it tells nothing
	}
	return r
}

// once runs the scenario.
func (d *declared) once(seed uint64, cover, told bool, shared func(luaapi.SharedWrite)) (*scenario.Run, error) {
	o := scenario.Options{Program: d.prog, Seed: seed, MaxVirtual: d.w.MaxVirtual, Values: told, Shared: shared, Settings: d.settings}
	var err error
	switch {
	case told:
		o.Program, err = d.w.probed(d.prog, probe.What{Values: true})
	case cover && d.cover:
		o.Program, o.Lines, err = d.w.lineProbes(d.prog)
	}
	if err != nil {
		return nil, err
	}
	r, err := d.s.Run(o)
	if err == nil && cover && d.cover && !told {
		n := &network{pbx: &pbx{prog: d.prog, root: d.root}, counted: o.Program, lines: o.Lines, scripts: r.Scripts, tape: &tape{}}
		for _, c := range r.Calls {
			n.tape.events = append(n.tape.events, c.Events()...)
		}
		d.w.covering.cover(n)
	}
	return r, err
}

// wrong is something that a declared test finds.
type wrong struct {
	pos    plan.Pos
	lines  []string
	call   int // number of the call that departs from its golden ladder
	depart int // the message in which it does
}

// broken is all that is not as it should be.
func (d *declared) broken(r *scenario.Run) (all []wrong) {
	for _, b := range r.Judge() {
		all = append(all, wrong{pos: plan.Pos{File: d.path, Line: b.Line}, lines: []string{"got   " + b.Got, "want  " + b.Want}})
	}
	first := plan.Pos{File: d.path, Line: 1}
	if len(r.Missing) > 0 {
		all = append(all, wrong{pos: first, lines: []string{"no line says what these phones do: " + strings.Join(r.Missing, ", ")}})
	}
	if len(r.Unasked) > 0 {
		all = append(all, wrong{pos: first, lines: []string{"no line http says what servers answer: " + strings.Join(r.Unasked, ", ")}})
	}
	if errs := r.Unexpected(); len(errs) > 0 {
		all = append(all, wrong{pos: first, lines: append([]string{"handlers raised errors; write, if that is right: expect error " + raisedAt(errs[0])}, errs...)})
	}
	if len(r.Faults) > 0 {
		all = append(all, wrong{pos: first, lines: append([]string{"a rule that holds in every call is broken:"}, r.Faults...)})
	}
	return append(all, d.golden(r)...)
}

// raisedAt is where an error of a handler was raised: "main.lua:12" of "invite: main.lua:12: …".
func raisedAt(raised string) string {
	parts := strings.SplitN(raised, ": ", 3)
	return scenario.Quote(parts[min(1, len(parts)-1)])
}

// golden compares the calls with their golden ladders, or writes those anew.
func (d *declared) golden(r *scenario.Run) (all []wrong) {
	anew := make(map[int]string)
	for i, c := range r.Calls {
		want, ok := d.s.Ladders[i+1]
		got := c.Ladder(trace.Options{HideNotes: true})
		if !ok || strings.TrimSpace(want) == strings.TrimSpace(got) {
			continue
		}
		if d.w.Update {
			anew[i+1] = got
			continue
		}
		was, is := trace.ReadLadder(want), trace.ReadLadder(got)
		depart := trace.Departure(was, is)
		w := wrong{pos: plan.Pos{File: d.path, Line: d.ladderLine(i+1, want, depart)}, call: i + 1, depart: depart}
		w.lines = []string{"the ladder is none as Tandem draws it; write it: tandem test --update"}
		if w.depart > 0 {
			w.lines = []string{
				"got   " + arrowAt(is, w.depart), "want  " + arrowAt(was, w.depart),
				"message " + strconv.Itoa(w.depart) + " of the ladder; if the new ladder is right: tandem test --update",
			}
		}
		all = append(all, w)
	}
	if len(anew) > 0 {
		if err := scenario.Update(d.path, anew); err != nil {
			all = append(all, wrong{pos: plan.Pos{File: d.path, Line: 1}, lines: []string{err.Error()}})
		}
	}
	return all
}

// ladderLine returns the line of a message, from 1, in the golden ladder of a call; that of its heading if it has no such message.
func (d *declared) ladderLine(call int, ladder string, message int) int {
	first := max(1, d.s.LadderLines[call])
	return first + trace.LineOf(ladder, message)
}

// story is all that a failure is told with; was is the run with the script that the test has passed with last, nil if there is none.
func (d *declared) story(r, was *scenario.Run, broken []wrong, rerun string) []Section {
	var all []Section
	for _, b := range broken {
		number := strconv.Itoa(b.pos.Line)
		margin := strings.Repeat(" ", len(number)+2)
		text := fmt.Sprintf("  %s │ %s\n", number, d.line(b.pos.Line))
		for _, l := range b.lines {
			text += fmt.Sprintf("%s │ %s\n", margin, l)
		}
		all = append(all, Section{Text: text})
	}
	for i, c := range r.Calls {
		if i == maxStories {
			break
		}
		if at := c.At().Sub(r.Calls[0].At()); len(r.Calls) > 1 {
			all = append(all, Section{Heading: "call", Lines: []string{callLine(i+1, c.Caller(), c.Said.To, at)}})
		}
		t := telling{events: c.Events()}
		if lines := t.decisions(); len(lines) > 0 {
			all = append(all, Section{Heading: "why", Lines: lines})
		}
		o := trace.Options{ASCII: d.w.ASCII, Width: d.w.Width, Rows: maxRows}
		if at := slices.IndexFunc(broken, func(b wrong) bool { return b.call == i+1 }); at >= 0 {
			o.Mark, o.MarkText = broken[at].depart, departsGolden
		}
		if o.Mark == 0 && was != nil {
			o.Mark, o.MarkText = trace.Departure(was.Calls[i].Arrows(), c.Arrows()), departsLast
		}
		all = append(all, Section{Text: c.Ladder(o)})
	}
	if len(r.Logs) > 0 {
		all = append(all, Section{Heading: "log", Lines: r.Logs})
	}
	return append(all, Section{Heading: "rerun", Lines: []string{rerun}})
}

// line is a line of the test.
func (d *declared) line(n int) string {
	if n > len(d.text) {
		return ""
	}
	return strings.TrimSpace(d.text[n-1])
}
