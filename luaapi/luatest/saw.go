package luatest

import (
	"tandem/engine/trace"
	"tandem/luaapi"
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
	if s.Index() || n.sights == maxSights {
		return
	}
	n.sights++
	n.tape.Trace(trace.Event{At: n.sim.Now(), Kind: trace.Saw, Call: s.Call, Pos: s.Pos, Text: s.String()})
}
