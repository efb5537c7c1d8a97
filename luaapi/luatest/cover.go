package luatest

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/probe"
)

// Coverage is what the tests have reached of the scripts under test.
type Coverage struct{ Files []*CoveredFile }

// CoveredFile is a file of a script.
type CoveredFile struct {
	// Path is the file as a reader finds it, Text what it was.
	Path, Text string
	// Lines are those with statements, in order, Handlers the functions that the engine calls, Edges what stands in `on`.
	Lines    []CoveredLine
	Handlers []Outcome
	Edges    []Outcome
}

// CoveredLine says how often a line ran.
type CoveredLine struct {
	Line  int
	Count uint64
}

// Outcome is a handler, or an edge of a plan, and how many events have reached it.
type Outcome struct {
	Name  string
	Line  int
	Count uint64
}

// share counts what was reached of how much.
type share struct{ reached, all int }

// percent is the share in percent; of nothing everything is reached.
func (s share) percent() float64 {
	if s.all == 0 {
		return 100
	}
	return 100 * float64(s.reached) / float64(s.all)
}

func (f *CoveredFile) lines() (s share) {
	for _, l := range f.Lines {
		s.all++
		if l.Count > 0 {
			s.reached++
		}
	}
	return s
}

func (f *CoveredFile) outcomes() (s share) {
	for _, o := range slices.Concat(f.Handlers, f.Edges) {
		s.all++
		if o.Count > 0 {
			s.reached++
		}
	}
	return s
}

// LinePercent is how much of the lines ran, OutcomePercent how much of the handlers and edges was reached, in percent.
func (c *Coverage) LinePercent() float64 { return c.total((*CoveredFile).lines).percent() }

// OutcomePercent is how much of the handlers and edges was reached, in percent.
func (c *Coverage) OutcomePercent() float64 { return c.total((*CoveredFile).outcomes).percent() }

func (c *Coverage) total(of func(*CoveredFile) share) (s share) {
	for _, f := range c.Files {
		part := of(f)
		s.reached += part.reached
		s.all += part.all
	}
	return s
}

// covering collects what tests reach. Files of tests add to it side by side.
type covering struct {
	mu       sync.Mutex
	programs map[*luaapi.Program]*reached
}

// taken is an edge that was taken: of a step made at a place, to a plan made at another.
type taken struct {
	outcome    string
	step, plan plan.Pos
}

// reached is what was reached of a program.
type reached struct {
	root     string
	probed   *luaapi.Program
	lines    []uint64 // by site
	handlers map[string]luaapi.HandlerUse
	edges    map[taken]uint64
}

// lineProbes returns the program that counts its lines, and where to count them.
func (x *runner) lineProbes(p *luaapi.Program) (*luaapi.Program, []uint64, error) {
	q, err := x.probed(p, probe.What{Lines: true})
	if err != nil {
		return nil, nil, err
	}
	return q, make([]uint64, len(q.Sites())), nil
}

// cover adds what a network has reached.
func (c *covering) cover(n *network) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.of(n)
	for i, count := range n.lines {
		r.lines[i] += count
	}
	for _, use := range luaapi.HandlerUses(n.scripts) {
		use.Calls += r.handlers[use.Name].Calls
		r.handlers[use.Name] = use
	}
	for _, e := range n.tape.events {
		if e.Kind == trace.Note && e.Edge != "" {
			r.edges[taken{e.Edge, e.Step, e.Pos}]++
		}
	}
}

func (c *covering) of(n *network) *reached {
	if c.programs == nil {
		c.programs = make(map[*luaapi.Program]*reached)
	}
	r := c.programs[n.pbx.prog]
	if r == nil {
		r = &reached{
			root: n.pbx.root, probed: n.counted, lines: make([]uint64, len(n.lines)), handlers: make(map[string]luaapi.HandlerUse),
			edges: make(map[taken]uint64),
		}
		c.programs[n.pbx.prog] = r
	}
	return r
}

// report sums up what was reached, by file.
func (c *covering) report() *Coverage {
	out := &Coverage{}
	for _, r := range c.programs { // sorted below
		for _, file := range r.probed.Snapshot.Files() {
			out.Files = append(out.Files, r.file(file))
		}
	}
	slices.SortFunc(out.Files, func(a, b *CoveredFile) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func (r *reached) file(name string) *CoveredFile {
	f := &CoveredFile{Path: scriptPath(r.root, name), Text: r.probed.Snapshot.File(name)}
	counts := make(map[int]uint64)
	for i, s := range r.probed.Sites() {
		if s.File == name {
			counts[s.Line] = max(counts[s.Line], r.lines[i])
		}
	}
	for _, line := range slices.Sorted(maps.Keys(counts)) {
		f.Lines = append(f.Lines, CoveredLine{line, counts[line]})
	}
	for _, use := range r.handlers {
		if use.Pos.File == name {
			f.Handlers = append(f.Handlers, Outcome{use.Name, use.Pos.Line, use.Calls})
		}
	}
	slices.SortFunc(f.Handlers, func(a, b Outcome) int { return cmp.Compare(a.Line, b.Line) })
	for _, e := range r.probed.Edges() {
		if e.File == name {
			f.Edges = append(f.Edges, Outcome{e.Outcome, e.Line, r.taken(&e)})
		}
	}
	return f
}

// taken counts how often an edge was: it is known by its own plan, or by the step that it belongs to.
func (r *reached) taken(e *probe.Edge) (n uint64) {
	for t, count := range r.edges { // a sum: the order does not matter
		if t.exactly(e) || t.member(e) && !slices.ContainsFunc(r.probed.Edges(), func(o probe.Edge) bool { return t.exactly(&o) }) {
			n += count
		}
	}
	return n
}

func (t *taken) exactly(e *probe.Edge) bool {
	step := e.Last == 0 && t.step == plan.Pos{File: e.File, Line: e.Plan}
	return t.outcome == e.Outcome && (step || t.plan == plan.Pos{File: e.File, Line: e.Value})
}

// member reports whether the step may be one of the group that the edge is for the members of.
func (t *taken) member(e *probe.Edge) bool {
	return t.outcome == e.Outcome && t.step.File == e.File && e.Plan <= t.step.Line && t.step.Line <= e.Last
}
