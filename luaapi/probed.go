package luaapi

import (
	"maps"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"tandem/engine"
	"tandem/engine/plan"
	"tandem/luaapi/probe"
	"tandem/luaapi/show"
)

// Probes take what the probes of a program see.
type Probes struct {
	// Lines counts how often statements ran, by their number among the sites of the program; nil = nothing is counted.
	Lines []uint64
	// Saw is told what handlers look at while they decide; nil = nobody is.
	Saw func(s Sight)
}

// Sight is what a condition, or the lookup of a field, came to in a handler.
type Sight struct {
	// Call is the Call-ID of the caller's leg.
	Call string
	Pos  plan.Pos
	// Text is the expression and Value what it came to. Operands are what it looked at.
	Text     string
	Value    lua.LValue
	Operands []Operand
}

// Index reports whether it is the lookup of an item by its number, which says nothing.
func (s *Sight) Index() bool {
	_, number := s.Value.(lua.LNumber)
	return number && len(s.Operands) == 0
}

// String is what was seen on one line: branch.user == "100" → false (branch.user = "1OO").
func (s *Sight) String() string {
	text := s.Text + " → " + show.Brief(s.Value)
	var parts []string
	for _, o := range s.Operands {
		if o.Text != s.Text {
			parts = append(parts, o.Text+" = "+show.Brief(o.Value))
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// Operand is a part of an expression and what it came to.
type Operand struct {
	Text  string
	Value lua.LValue
}

// Probed returns the program with probes in the files of its snapshot.
func (p *Program) Probed(what probe.What) (*Program, error) {
	q := &Program{Snapshot: p.Snapshot, tables: p.tables, chunks: maps.Clone(p.chunks), byFile: maps.Clone(p.byFile), sites: &probe.Sites{}}
	for _, file := range p.Snapshot.Files() {
		c, err := compileTree(file, p.Snapshot.files[file], func(tree []ast.Stmt) []ast.Stmt { return q.sites.Chunk(file, tree, what) })
		if err != nil {
			return nil, err
		}
		q.byFile[file] = c
		q.chunks[moduleName(file)] = c
		if file == p.Snapshot.Entry {
			q.chunks[""] = c
		}
	}
	return q, nil
}

// Sites are where the probes of the program stand, by number; none if it has no probes.
func (p *Program) Sites() []probe.Site {
	if p.sites == nil {
		return nil
	}
	return p.sites.List
}

// Edges are the edges of the plans in the program's files; none if it has no probes.
func (p *Program) Edges() []probe.Edge {
	if p.sites == nil {
		return nil
	}
	return p.sites.Edges
}

// HandlerUse says how often a handler that the script has was called.
type HandlerUse struct {
	Name  string
	Pos   plan.Pos
	Calls uint64
}

// HandlerUses returns the handlers of scripts that Program.Serve returned.
func HandlerUses(s engine.Scripts) (all []HandlerUse) {
	h, ok := s.(*Host)
	if !ok {
		return nil
	}
	for i, fn := range h.served.Load().gen.vms[0].route.handlers {
		if fn == nil {
			continue
		}
		use := HandlerUse{Name: handler(i).String(), Pos: plan.Pos{File: fn.Proto.SourceName, Line: fn.Proto.LineDefined}}
		for _, st := range h.stats {
			use.Calls += st.of(handler(i)).calls.Load()
		}
		all = append(all, use)
	}
	return all
}

// probeCost is what the meter takes for the call of a probe: two instructions for the function and its site, one for the call, and what calls
// cost. So much is given back, or a handler could end by its budget only because somebody looks on. What the machine does besides to have a
// condition as a value is not: a loop of nothing but conditions has to end.
const probeCost = 2 + 1 + anyCall + goCall

// probeLine is the probe of a statement.
func (v *vm) probeLine(L *lua.LState) int {
	v.meter.left += probeCost
	if n := int(L.Get(1).(lua.LNumber)); n < len(v.opt.Probes.Lines) {
		v.opt.Probes.Lines[n]++
	}
	return 0
}

// probeValue is the probe of a value, which it returns.
func (v *vm) probeValue(L *lua.LState) int {
	v.meter.left += probeCost
	n, is := int(L.Get(1).(lua.LNumber)), L.Get(2)
	if v.opt.Probes.Saw != nil && v.current != nil {
		v.saw(n, is)
	}
	L.Push(is)
	return 1
}

// saw takes note of an operand, and tells of what operands were for.
func (v *vm) saw(n int, is lua.LValue) {
	s := &v.prog.sites.List[n]
	if s.Kind == probe.Operand {
		if v.operands == nil {
			v.operands = make(map[int][]Operand)
		}
		known := func(o Operand) bool { return o.Text == s.Text }
		if !slices.ContainsFunc(v.operands[s.Of], known) {
			v.operands[s.Of] = append(v.operands[s.Of], Operand{s.Text, is})
		}
		return
	}
	v.opt.Probes.Saw(Sight{Call: v.callID(), Pos: plan.Pos{File: s.File, Line: s.Line}, Text: s.Text, Value: is, Operands: v.operands[n]})
	delete(v.operands, n)
}
