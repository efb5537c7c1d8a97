// Package probe puts probes into the syntax tree of a Lua file: calls of two functions that no script can name. Line counts
// the statements that run, See is told what conditions, what they compare, and what looked-up fields come to; it returns
// what it is told, so that nothing is evaluated twice and the file does what it did.
//
// It holds no state. A tree belongs to the caller, who gets it back changed in place; lines stay as they are.
package probe

import (
	"github.com/yuin/gopher-lua/ast"
)

// The names of the functions: Line(site) and See(site, value).
const (
	Line = "(line)"
	See  = "(see)"
)

// Kind is what a Site is.
type Kind uint8

// The kinds of sites.
const (
	Statement Kind = iota
	Condition      // of an if, while, until, and, or: what it comes to decides
	Lookup         // of a field whose name is not fixed
	Operand        // what the condition or lookup Of looks at
)

// Site is where a probe stands. Its number is its place in Sites.List.
type Site struct {
	Kind Kind
	File string
	Line int
	// Text is the expression.
	Text string
	// Of is the number of the site that an operand belongs to.
	Of int
}

// Edge is a plan, or a function, that stands for an outcome in a table `on` of a plan.
type Edge struct {
	File, Outcome string
	// Line is where its name stands, Plan where what it is for starts: the call that has the table, Value where its own plan does.
	Line, Plan, Value int
	// Last is the last line of the group that the edge is for the members of; 0 = it is for one plan.
	Last int
}

// Sites are the sites of the files of a program, and the edges of its plans.
type Sites struct {
	List  []Site
	Edges []Edge
}

// What says which probes there are to be.
type What struct{ Lines, Values bool }

// Chunk puts probes into the tree of a file and adds their sites to s.
func (s *Sites) Chunk(file string, tree []ast.Stmt, what What) []ast.Stmt {
	p := &prober{sites: s, file: file, what: what, each: make(map[*ast.TableExpr]bool)}
	return p.block(tree)
}

type prober struct {
	sites *Sites
	file  string
	what  What
	plans []int                   // lines of the calls around
	each  map[*ast.TableExpr]bool // tables whose edges are known
}

// edges notes the edges in a table of options, and those that it gives the members of a group.
func (p *prober) edges(t *ast.TableExpr) {
	if len(p.plans) == 0 {
		return
	}
	p.on(t, 0)
	for _, f := range t.Fields {
		if each, ok := f.Value.(*ast.TableExpr); ok && nameOf(f.Key) == "each" {
			p.on(each, lastLine(t))
		}
	}
}

func (p *prober) on(t *ast.TableExpr, last int) {
	for _, f := range t.Fields {
		on, ok := f.Value.(*ast.TableExpr)
		if !ok || nameOf(f.Key) != "on" || p.each[t] {
			continue
		}
		if last > 0 {
			p.each[t] = true
		}
		for _, e := range on.Fields {
			if o := nameOf(e.Key); o != "" {
				p.sites.Edges = append(p.sites.Edges, Edge{p.file, o, e.Key.Line(), p.plans[len(p.plans)-1], e.Value.Line(), last})
			}
		}
	}
}

// nameOf returns the name that a key is, "" if it is none.
func nameOf(key ast.Expr) string {
	if k, ok := key.(*ast.StringExpr); ok {
		return k.Value
	}
	return ""
}

// lastLine returns the last line on which something of an expression starts.
func lastLine(e ast.Expr) int {
	last := e.Line()
	switch e := e.(type) {
	case *ast.TableExpr:
		for _, f := range e.Fields {
			last = max(last, lastLine(f.Value))
		}
	case *ast.FuncCallExpr:
		for _, arg := range e.Args {
			last = max(last, lastLine(arg))
		}
	}
	return last
}

func (p *prober) site(k Kind, line int, text string, of int) int {
	p.sites.List = append(p.sites.List, Site{k, p.file, line, text, of})
	return len(p.sites.List) - 1
}

// call makes the call of a probe.
func call(name string, line, site int, args ...ast.Expr) *ast.FuncCallExpr {
	fn := &ast.IdentExpr{Value: name}
	n := &ast.NumberExpr{Value: itoa(site)}
	c := &ast.FuncCallExpr{Func: fn, Args: append([]ast.Expr{n}, args...)}
	for _, e := range []ast.Expr{fn, n, c} {
		e.SetLine(line)
		e.SetLastLine(line)
	}
	return c
}

func (p *prober) block(stmts []ast.Stmt) []ast.Stmt {
	out := make([]ast.Stmt, 0, 2*len(stmts))
	for _, st := range stmts {
		if _, label := st.(*ast.LabelStmt); p.what.Lines && !label {
			line := st.Line()
			count := &ast.FuncCallStmt{Expr: call(Line, line, p.site(Statement, line, "", 0))}
			count.SetLine(line)
			count.SetLastLine(line)
			out = append(out, count)
		}
		p.stmt(st)
		out = append(out, st)
	}
	return out
}

func (p *prober) stmt(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		p.exprs(st.Rhs)
	case *ast.LocalAssignStmt:
		p.exprs(st.Exprs)
	case *ast.FuncCallStmt:
		p.inside(st.Expr)
	case *ast.FuncDefStmt:
		st.Func.Stmts = p.block(st.Func.Stmts)
	case *ast.ReturnStmt:
		p.exprs(st.Exprs)
	case *ast.DoBlockStmt:
		st.Stmts = p.block(st.Stmts)
	case *ast.IfStmt:
		st.Condition = p.cond(st.Condition)
		st.Then, st.Else = p.block(st.Then), p.block(st.Else)
	case *ast.WhileStmt:
		st.Condition = p.cond(st.Condition)
		st.Stmts = p.block(st.Stmts)
	case *ast.RepeatStmt:
		st.Condition = p.cond(st.Condition)
		st.Stmts = p.block(st.Stmts)
	case *ast.NumberForStmt:
		st.Stmts = p.block(st.Stmts)
	case *ast.GenericForStmt:
		p.exprs(st.Exprs)
		st.Stmts = p.block(st.Stmts)
	}
}

func (p *prober) exprs(es []ast.Expr) {
	for i, e := range es {
		es[i] = p.expr(e)
	}
}

// expr puts probes into an expression whose value is used.
func (p *prober) expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.RelationalOpExpr, *ast.UnaryNotOpExpr:
		return p.cond(e)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = p.cond(e.Lhs), p.expr(e.Rhs)
		return e
	case *ast.AttrGetExpr:
		if _, fixed := e.Key.(*ast.StringExpr); fixed || !p.what.Values {
			p.inside(e)
			return e
		}
		n := p.site(Lookup, e.Line(), Text(e), 0)
		e.Object = p.object(e.Object)
		e.Key = p.operand(e.Key, n)
		return call(See, e.Line(), n, e)
	}
	p.inside(e)
	return e
}

// inside puts probes into the parts of an expression that cannot have one itself.
func (p *prober) inside(e ast.Expr) {
	switch e := e.(type) {
	case *ast.FunctionExpr:
		e.Stmts = p.block(e.Stmts)
	case *ast.FuncCallExpr:
		p.called(e)
		p.plans = append(p.plans, e.Line())
		p.exprs(e.Args)
		p.plans = p.plans[:len(p.plans)-1]
	case *ast.TableExpr:
		p.edges(e)
		for _, f := range e.Fields {
			f.Value = p.expr(f.Value)
		}
	case *ast.AttrGetExpr:
		e.Object = p.object(e.Object)
	case *ast.StringConcatOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = p.expr(e.Lhs), p.expr(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = p.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = p.expr(e.Expr)
	}
}

// called puts probes into what is called.
func (p *prober) called(e *ast.FuncCallExpr) {
	if e.Func != nil {
		p.inside(e.Func)
	} else {
		e.Receiver = p.object(e.Receiver)
	}
}

// object puts probes into what a field is taken of.
func (p *prober) object(e ast.Expr) ast.Expr {
	if _, field := e.(*ast.AttrGetExpr); field {
		return p.expr(e)
	}
	p.inside(e)
	return e
}

// cond puts probes into an expression that decides something.
func (p *prober) cond(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = p.cond(e.Lhs), p.cond(e.Rhs)
		return e
	case *ast.UnaryNotOpExpr:
		e.Expr = p.cond(e.Expr)
		return e
	case *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr, *ast.NumberExpr, *ast.StringExpr, *ast.FunctionExpr, *ast.TableExpr, *ast.Comma3Expr:
		p.inside(e)
		return e
	}
	if !p.what.Values {
		return p.plain(e)
	}
	n := p.site(Condition, e.Line(), Text(e), 0)
	switch e := e.(type) {
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = p.operand(e.Lhs, n), p.operand(e.Rhs, n)
	case *ast.FuncCallExpr:
		p.arguments(e, n)
	case *ast.AttrGetExpr:
		e.Object = p.object(e.Object)
		e.Key = p.operand(e.Key, n)
	default:
		p.inside(e)
	}
	return call(See, e.Line(), n, e)
}

// plain looks for functions, and statements in them, only.
func (p *prober) plain(e ast.Expr) ast.Expr {
	if r, ok := e.(*ast.RelationalOpExpr); ok {
		r.Lhs, r.Rhs = p.expr(r.Lhs), p.expr(r.Rhs)
		return r
	}
	p.inside(e)
	return e
}

// arguments makes the arguments of a call that decides something its operands.
func (p *prober) arguments(e *ast.FuncCallExpr, of int) {
	p.called(e)
	p.plans = append(p.plans, e.Line())
	defer func() { p.plans = p.plans[:len(p.plans)-1] }()
	for i, arg := range e.Args {
		switch arg.(type) {
		case *ast.IdentExpr, *ast.AttrGetExpr:
			e.Args[i] = p.operand(arg, of)
		default:
			e.Args[i] = p.expr(arg)
		}
	}
}

// operand puts a probe round what a condition or a lookup looks at, unless it is the same at all times.
func (p *prober) operand(e ast.Expr, of int) ast.Expr {
	switch e := e.(type) {
	case *ast.IdentExpr, *ast.FuncCallExpr, *ast.StringConcatOpExpr, *ast.ArithmeticOpExpr, *ast.UnaryLenOpExpr, *ast.UnaryMinusOpExpr:
	case *ast.AttrGetExpr:
		e.Object = p.object(e.Object)
		if _, fixed := e.Key.(*ast.StringExpr); !fixed {
			e.Key = p.operand(e.Key, of)
		}
		return call(See, e.Line(), p.site(Operand, e.Line(), Text(e), of), e)
	default:
		return p.expr(e)
	}
	n := p.site(Operand, e.Line(), Text(e), of)
	p.inside(e)
	return call(See, e.Line(), n, e)
}
