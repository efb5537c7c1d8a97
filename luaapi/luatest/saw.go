package luatest

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/mod"
	"tandem/luaapi/probe"
)

// probed returns the program as the network runs it: with probes where something is to be told.
func (n *network) probed(prog *luaapi.Program) (*luaapi.Program, luaapi.Probes, error) {
	switch {
	case n.r.told:
	case n.r.suite.w.Cover:
		var err error
		n.counted, n.lines, err = n.r.suite.w.lineProbes(prog)
		return n.counted, luaapi.Probes{Lines: n.lines}, err
	default:
		return prog, luaapi.Probes{}, nil
	}
	q, err := n.r.suite.w.probed(prog, probe.What{Values: true})
	return q, luaapi.Probes{Saw: n.saw}, err
}

// variant is a program with probes.
type variant struct {
	of   *luaapi.Program
	what probe.What
}

// probed returns a program with probes, made the first time.
func (x *runner) probed(p *luaapi.Program, what probe.What) (*luaapi.Program, error) {
	x.variants.Lock()
	defer x.variants.Unlock()
	if q := x.variants.all[variant{p, what}]; q != nil {
		return q, nil
	}
	q, err := p.Probed(what)
	if err != nil {
		return nil, err
	}
	if x.variants.all == nil {
		x.variants.all = make(map[variant]*luaapi.Program)
	}
	x.variants.all[variant{p, what}] = q
	return q, nil
}

// maxSights bounds how many are kept of a network.
const maxSights = 1000

// saw writes down what a handler looked at.
func (n *network) saw(s luaapi.Sight) {
	if _, index := s.Value.(lua.LNumber); index && len(s.Operands) == 0 || n.sights == maxSights {
		return
	}
	n.sights++
	n.tape.Trace(trace.Event{At: n.sim.Now(), Kind: trace.Saw, Call: s.Call, Pos: s.Pos, Text: sightText(&s)})
}

// sightText is what a handler saw on one line: branch.user == "100" → false (branch.user = "1OO").
func sightText(s *luaapi.Sight) string {
	text := s.Text + " → " + brief(s.Value)
	var parts []string
	for _, o := range s.Operands {
		if o.Text != s.Text {
			parts = append(parts, o.Text+" = "+brief(o.Value))
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}

// maxBrief is how much of a value a line shows, in bytes.
const maxBrief = 60

// brief writes a value so that it fits on a line: of tables and objects only what they are.
func brief(v lua.LValue) string {
	switch v.(type) {
	case *lua.LTable:
		if s := show(v); len(s) <= maxBrief {
			return s
		}
		return "a table"
	case *lua.LFunction, *lua.LUserData:
		return "a " + mod.TypeName(v)
	}
	s := show(v)
	if len(s) > maxBrief {
		return strings.ToValidUTF8(s[:maxBrief], "") + "…"
	}
	return s
}
