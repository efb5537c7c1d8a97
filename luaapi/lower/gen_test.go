package lower_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// node is a statement: lines (string) and the blocks between them ([]*node).
type node struct {
	parts []any
	keep  bool // without it the program might not end
}

func line(format string, args ...any) *node { return block(fmt.Sprintf(format, args...)) }

func block(parts ...any) *node { return &node{parts: parts} }

func kept(n *node) *node {
	n.keep = true
	return n
}

func (n *node) write(b *strings.Builder) {
	for _, p := range n.parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p + "\n")
		case []*node:
			for _, in := range p {
				in.write(b)
			}
		}
	}
}

func text(stmts []*node) string {
	var b strings.Builder
	for _, n := range stmts {
		n.write(&b)
	}
	return b.String()
}

// kind is what a variable holds. Programs are typed so that most of what they do is no error.
type kind int

const (
	number   kind = iota // an integer of moderate size: the machines print others differently
	str                  // a short string
	boolean              //
	anything             // also nil
	list                 // of numbers, without holes
	record               // a table with the fields a, b and c, of any kind
	object               // a table with metamethods
	function             // that returns anything
	closures             // a list of functions
	numKinds
)

var prefixes = [numKinds]string{"n", "s", "b", "v", "l", "t", "o", "f", "fs"}

type variable struct {
	name   string
	kind   kind
	level  int  // how many functions are around it
	fixed  bool // it bounds a loop
	effect bool // of functions: it assigns to locals of others, or calls one that does
}

// gen generates a program. The machines differ in when they read a local that is an operand beside a call that changes it; the
// language leaves that open, and programs do not ask: functions with effects are called where operands are copied in both.
type gen struct {
	r      *rand.Rand
	vars   []*variable
	level  int
	vararg []bool // of the functions around
	effect []bool
	stored int // functions around that can be called later
	loops  int
	left   int // statements
	names  int
}

// generate returns the program of a seed.
func generate(seed, i uint64) []*node {
	g := &gen{r: rand.New(rand.NewPCG(seed, i)), vararg: []bool{false}, effect: []bool{false}}
	g.left = 8 + g.n(36)
	var stmts []*node
	if g.chance(40) {
		stmts = append(stmts, line("%s", metatable))
		stmts = append(stmts, line("local o1, o2 = setmetatable({ v = 3 }, M), setmetatable({ v = %d }, M)", g.n(6)))
		g.declare(&variable{name: "o1", kind: object})
		g.declare(&variable{name: "o2", kind: object})
	}
	for _, k := range []kind{number, number, str, boolean, anything, anything, list, record} {
		v := g.name(k, 0)
		stmts = append(stmts, line("local %s = %s", v.name, g.fresh(k)))
		g.declare(v)
	}
	for g.left > 0 {
		stmts = append(stmts, g.stmt())
	}
	return append(stmts, g.report())
}

const metatable = `local M = {} local function val(x) return type(x) == "table" and rawget(x, "v") or tonumber(x) or 1 end
M.__add = function(a, b) return setmetatable({ v = (val(a) + val(b)) % 97 }, M) end M.__sub = function(a, b) return val(a) - val(b) end
M.__unm = function(a) return setmetatable({ v = val(a) + 1 }, M) end M.__concat = function(a, b) return tostring(a) .. "~" .. tostring(b) end
M.__eq = function(a, b) return a.v == b.v end M.__lt = function(a, b) return a.v < b.v end M.__le = function(a, b) return a.v <= b.v end
M.__call = function(self, ...) return self.v, select("#", ...), ... end M.__tostring = function(a) return "<" .. a.v .. ">" end
M.__index = function(t, k) return k == "zero" and 0 or nil end M.__newindex = function(t, k, v) rawset(t, k, v or false) end`

func (g *gen) n(n int) int           { return g.r.IntN(n) }
func (g *gen) chance(p int) bool     { return g.n(100) < p }
func (g *gen) of(s ...string) string { return s[g.n(len(s))] }

func (g *gen) declare(v *variable) { v.level = g.level; g.vars = append(g.vars, v) }

// name makes a variable. Some hide one of the same kind.
func (g *gen) name(k kind, hide int) *variable {
	if v := g.pick(k); v != nil && !v.fixed && g.chance(hide) {
		return &variable{name: v.name, kind: k}
	}
	g.names++
	return &variable{name: fmt.Sprint(prefixes[k], g.names), kind: k}
}

// visible returns the variables that can be named.
func (g *gen) visible(ok func(v *variable) bool) (out []*variable) {
	seen := make(map[string]bool)
	for i := len(g.vars) - 1; i >= 0; i-- {
		v := g.vars[i]
		if !seen[v.name] && ok(v) {
			out = append(out, v)
		}
		seen[v.name] = true
	}
	return out
}

func (g *gen) any(vs []*variable) *variable {
	if len(vs) == 0 {
		return nil
	}
	return vs[min(g.n(len(vs)), g.n(len(vs)))] // rather a near one
}

func (g *gen) pick(k kind) *variable {
	return g.any(g.visible(func(v *variable) bool { return v.kind == k }))
}

// target returns a variable to assign to, and notes the effect.
func (g *gen) target(k kind) *variable {
	v := g.any(g.visible(func(v *variable) bool { return v.kind == k && !v.fixed }))
	if v != nil {
		g.assigned(v)
	}
	return v
}

func (g *gen) assigned(v *variable) {
	for l := v.level + 1; l <= g.level; l++ {
		g.effect[l] = true
	}
}

// fresh is a first value of a kind.
func (g *gen) fresh(k kind) string {
	switch k {
	case number:
		return fmt.Sprint(g.n(20))
	case str:
		return g.of(`"a"`, `"bc"`, `"def"`, `""`)
	case boolean:
		return g.of("true", "false")
	case list:
		return g.list(1)
	case record:
		return g.record(1)
	case closures:
		return "{}"
	case object:
		return fmt.Sprintf("setmetatable({ v = %d }, M)", g.n(9))
	}
	return g.of("nil", "false", "true", "5", `"v"`)
}

// block generates statements in a scope of their own.
func (g *gen) block(n int) []*node {
	vars := len(g.vars)
	var out []*node
	for range 1 + g.n(n) {
		if g.left > 0 {
			out = append(out, g.stmt())
		}
	}
	g.vars = g.vars[:vars]
	return out
}

// report writes what variables hold.
func (g *gen) report() *node {
	var names []string
	for _, v := range g.visible(func(v *variable) bool { return v.kind != function && v.kind != closures }) {
		names = append(names, v.name)
	}
	if len(names) > 12 {
		names = names[:12]
	}
	return line("out(%s)", strings.Join(names, ", "))
}

func (g *gen) stmt() *node {
	g.left--
	nested := []func() *node{g.ifStmt, g.whileStmt, g.repeatStmt, g.numberFor, g.genericFor, g.do, g.function, g.function, g.closure, g.protected, g.protected, g.realFor, g.shared}
	flat := []func() *node{
		g.local, g.local, g.assign, g.assign, g.assign, g.multiple, g.multiple, g.multiple, g.call, g.call, g.library, g.library,
		g.write, g.report, g.callClosures, g.useObject, g.reassign, g.reals, g.format, g.patterns, g.patterns, g.texts, g.errors, g.records, g.metatables,
	}
	if g.loops < 3 && g.level < 4 && g.left > 3 && g.chance(35) {
		return nested[g.n(len(nested))]()
	}
	for {
		if n := flat[g.n(len(flat))](); n != nil {
			return n
		}
	}
}

func (g *gen) plainKind() kind {
	return []kind{number, number, str, boolean, anything, anything}[g.n(6)]
}

func (g *gen) local() *node {
	if g.chance(15) {
		k := []kind{list, record, record, closures}[g.n(4)]
		v := g.name(k, 20)
		n := line("local %s = %s", v.name, g.fresh(k))
		g.declare(v)
		return n
	}
	var vs []*variable
	var values []string
	for range 1 + g.n(3) {
		vs = append(vs, g.name(g.plainKind(), 25))
		values = append(values, g.expr(vs[len(vs)-1].kind, 3, false))
	}
	var names []string
	for _, v := range vs {
		names = append(names, v.name)
	}
	switch {
	case g.chance(10): // some values are missing, or there is one too many
		for _, v := range vs[1:] {
			v.kind, v.name = anything, g.name(anything, 0).name
		}
		for i := range names {
			names[i] = vs[i].name
		}
		values = []string{values[0], g.spread(false)}
	case g.chance(10):
		values = append(values, g.expr(anything, 1, false))
	}
	for _, v := range vs {
		g.declare(v)
	}
	return line("local %s = %s", strings.Join(names, ", "), strings.Join(values, ", "))
}

func (g *gen) assign() *node {
	if g.chance(15) {
		if t := g.pick(record); t != nil {
			return line("%s.%s = %s", t.name, g.of("a", "b", "c"), g.expr(anything, 3, true))
		}
	}
	k := g.plainKind()
	v := g.target(k)
	if v == nil {
		return nil
	}
	value := g.expr(k, 4, false)
	if k == anything && g.chance(25) { // one value of several
		value = "(" + g.spread(false) + ")"
	}
	return line("%s = %s", v.name, value)
}

// reassign gives a function variable another function, which calls none: calls never form a circle.
func (g *gen) reassign() *node {
	v := g.any(g.visible(func(v *variable) bool { return v.kind == function && !v.fixed && v.level == g.level && !v.effect }))
	if v == nil || g.loops > 0 {
		return nil
	}
	g.assigned(v)
	return line("%s = function(x, ...) return %s end", v.name, g.of("x", "x and 1 or 2", "...", "select('#', ...), x"))
}

func (g *gen) multiple() *node {
	var to, values []string
	for range 2 + g.n(3) {
		k := g.plainKind()
		switch t := g.pick(record); {
		case t != nil && g.chance(20):
			to, k = append(to, t.name+"."+g.of("a", "b", "c")), anything
		case t != nil && g.chance(10):
			to, k = append(to, fmt.Sprintf("%s[%s]", t.name, g.expr(str, 1, true))), anything
		default:
			v := g.target(k)
			if v == nil {
				return nil
			}
			to = append(to, v.name)
		}
		values = append(values, g.value(k, to, 2))
	}
	if l := g.pick(list); l != nil && g.chance(10) {
		return line("%s[1], %s[2] = %s[2] or 2, %s[1]", l.name, l.name, l.name, l.name)
	}
	if g.chance(10) {
		if v, w := g.target(anything), g.target(anything); v != nil {
			return line("%s, %s = %s", v.name, w.name, g.spread(false))
		}
	}
	return line("%s = %s", strings.Join(to, ", "), strings.Join(values, ", "))
}

// value is a value for a multiple assignment: rather one that reads what the others assign to. It calls nothing with effects, which
// could change the tables that are assigned to.
func (g *gen) value(k kind, to []string, d int) string {
	for _, name := range to {
		if strings.HasPrefix(name, prefixes[k]) && len(name) < 4 && !strings.ContainsAny(name, ".[") && g.chance(40) {
			switch k {
			case number:
				return fmt.Sprintf("(%s + %d) %% 97", name, g.n(9))
			case anything, boolean, str:
				return name
			}
		}
	}
	return g.expr(k, d, true)
}

func (g *gen) call() *node {
	c := g.callOf(false)
	if c == "" {
		return nil
	}
	switch g.n(3) {
	case 0:
		return line("%s", c)
	case 1:
		return line("out(%s, %s)", g.expr(anything, 2, true), c)
	}
	a, b := g.name(anything, 20), g.name(anything, 0)
	g.declare(a)
	g.declare(b)
	return line("local %s, %s = %s", a.name, b.name, c)
}

func (g *gen) write() *node { return line("out(%s, %s)", g.expr(anything, 4, false), g.spread(false)) }

func (g *gen) library() *node {
	l := g.pick(list)
	if l == nil {
		return nil
	}
	switch g.n(7) {
	case 0:
		return line("%s[#%s + 1] = %s", l.name, l.name, g.expr(number, 2, true))
	case 1:
		return line("table.insert(%s, %s)", l.name, g.expr(number, 2, true))
	case 2:
		return line("table.insert(%s, 1, %s)", l.name, g.expr(number, 2, true))
	case 3:
		return line("out((table.remove(%s%s)))", l.name, g.of("", "", ", 1"))
	case 4:
		return line("table.sort(%s%s)", l.name, g.of("", ", function(a, b) return a > b end"))
	case 5:
		return line("out(unpack(%s, 1, 3))", l.name)
	}
	return line("out(table.concat(%s, %s))", l.name, g.of(`","`, `""`))
}

func (g *gen) useObject() *node {
	o, p := g.pick(object), g.pick(object)
	if o == nil {
		return nil
	}
	switch g.n(9) {
	case 0:
		return line("out((%s + %s).v, (-%s).v)", o.name, g.of(p.name, g.expr(number, 1, true)), p.name)
	case 1:
		return line("out(%s == %s, %s < %s, %s <= %s, %s ~= %s, %s > %s)", o.name, p.name, o.name, p.name, o.name, p.name, o.name, p.name, o.name, p.name)
	case 2:
		return line("out(%s(%s, %s))", o.name, g.expr(anything, 2, false), g.spread(false))
	case 3:
		return line("out(%s .. %s .. %s)", g.of(`"x"`, o.name, "1"), p.name, g.of(`"y"`, o.name, "2"))
	case 4:
		return line("%s.%s = %s", o.name, g.of("k", "w"), g.expr(anything, 2, true))
	case 5:
		return line("out(tostring(%s), %s.zero, %s.none, %s - %s)", o.name, o.name, p.name, o.name, p.name)
	case 6:
		return line("%s.v = %s", o.name, g.expr(number, 2, true))
	case 7:
		g.assigned(o)
		return line("%s = %s and %s", o.name, g.expr(boolean, 2, true)+" or "+p.name, p.name+" or "+o.name)
	}
	g.assigned(o)
	return line("%s = %s + %s", o.name, o.name, p.name)
}
