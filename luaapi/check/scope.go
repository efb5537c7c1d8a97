package check

import "github.com/yuin/gopher-lua/ast"

// origin is how a local came to be.
type origin uint8

const (
	byLocal origin = iota
	byFunction
	byParameter
	byLoop
	bySelf
)

// variable is a local.
type variable struct {
	name   string
	line   int
	depth  int // functions around it; 0 = the chunk
	origin origin
	// value is what it is declared with, nil if that is nothing or one of several results.
	value ast.Expr
	// outer is a local of the same name that it hides.
	outer         *variable
	read, written bool
}

// known returns the one value that the local ever has, nil if there may be others.
func (v *variable) known() ast.Expr {
	if v == nil || v.written {
		return nil
	}
	return v.value
}

// global is a use of a name that is no local.
type global struct {
	name   string
	line   int
	write  bool
	called bool
}

// leak is an assignment from a function to a local of the chunk.
type leak struct {
	name string
	line int
}

// names is what the names of a file mean.
type names struct {
	uses    map[*ast.IdentExpr]*variable
	params  map[*ast.FunctionExpr][]*variable
	all     []*variable
	globals []global
	leaks   []leak
	called  map[*ast.IdentExpr]bool
	// declared and distinct are made when they are first asked for.
	declared map[string]int
	// wrote are the globals that are assigned to.
	wrote    map[string]bool
	distinct []string
}

// lines returns where each name is first a local.
func (n *names) lines() map[string]int {
	if n.declared == nil {
		n.declared = make(map[string]int)
		for _, v := range n.all {
			if n.declared[v.name] == 0 {
				n.declared[v.name] = max(v.line, 1)
				n.distinct = append(n.distinct, v.name)
			}
		}
	}
	return n.declared
}

type scope struct {
	outer *scope
	depth int
	vars  []*variable
}

type resolver struct {
	names
	at *scope
}

func resolve(tree []ast.Stmt) *names {
	r := resolver{at: &scope{}, names: names{
		uses: make(map[*ast.IdentExpr]*variable), params: make(map[*ast.FunctionExpr][]*variable), called: make(map[*ast.IdentExpr]bool),
		wrote: make(map[string]bool),
	}}
	r.stmts(tree)
	return &r.names
}

func (r *resolver) declare(name string, line int, by origin, value ast.Expr) *variable {
	v := &variable{name: name, line: line, depth: r.at.depth, origin: by, value: value, outer: r.find(name)}
	r.at.vars = append(r.at.vars, v)
	r.all = append(r.all, v)
	return v
}

func (r *resolver) find(name string) *variable {
	for s := r.at; s != nil; s = s.outer {
		for i := len(s.vars) - 1; i >= 0; i-- {
			if s.vars[i].name == name {
				return s.vars[i]
			}
		}
	}
	return nil
}

func (r *resolver) in(depth int, run func()) {
	r.at = &scope{outer: r.at, depth: r.at.depth + depth}
	run()
	r.at = r.at.outer
}

func (r *resolver) stmts(stmts []ast.Stmt) {
	for _, st := range stmts {
		r.stmt(st)
	}
}

func (r *resolver) inner(stmts []ast.Stmt) { r.in(0, func() { r.stmts(stmts) }) }

func (r *resolver) stmt(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		r.exprs(st.Rhs...)
		for _, l := range st.Lhs {
			r.assign(l, st.Line())
		}
	case *ast.LocalAssignStmt:
		r.local(st)
	case *ast.FuncDefStmt:
		r.define(st)
	case *ast.IfStmt:
		r.exprs(st.Condition)
		r.inner(st.Then)
		r.inner(st.Else)
	case *ast.NumberForStmt:
		r.exprs(st.Init, st.Limit, st.Step)
		r.in(0, func() { r.declare(st.Name, st.Line(), byLoop, nil); r.stmts(st.Stmts) })
	case *ast.GenericForStmt:
		r.exprs(st.Exprs...)
		r.in(0, func() {
			for _, n := range st.Names {
				r.declare(n, st.Line(), byLoop, nil)
			}
			r.stmts(st.Stmts)
		})
	case *ast.RepeatStmt: // the condition sees the locals of the body
		r.in(0, func() { r.stmts(st.Stmts); r.exprs(st.Condition) })
	default:
		es, blocks := children(st)
		r.exprs(es...)
		for _, b := range blocks {
			r.inner(b)
		}
	}
}

// localFunction reports whether a statement is local function f() … end: the parser gives only that one a last line.
func localFunction(st *ast.LocalAssignStmt) bool { return st.LastLine() != 0 }

func (r *resolver) local(st *ast.LocalAssignStmt) {
	if localFunction(st) {
		r.declare(st.Names[0], st.Line(), byFunction, st.Exprs[0])
		r.exprs(st.Exprs...)
		return
	}
	r.exprs(st.Exprs...)
	for i, n := range st.Names {
		var value ast.Expr
		if i < len(st.Exprs) {
			value = st.Exprs[i]
		}
		r.declare(n, st.Line(), byLocal, value)
	}
}

func (r *resolver) define(st *ast.FuncDefStmt) {
	if st.Name.Func == nil { // function a.b:name()
		r.exprs(st.Name.Receiver)
		r.function(st.Func, true)
		return
	}
	r.assign(st.Name.Func, st.Line())
	r.function(st.Func, false)
}

func (r *resolver) function(fn *ast.FunctionExpr, method bool) {
	r.in(1, func() {
		if method {
			r.declare("self", fn.Line(), bySelf, nil)
		}
		for _, n := range fn.ParList.Names {
			r.params[fn] = append(r.params[fn], r.declare(n, fn.Line(), byParameter, nil))
		}
		if fn.ParList.HasVargs {
			r.declare("arg", fn.Line(), bySelf, nil) // as Lua 5.0 had it, and 5.1 still has
		}
		r.stmts(fn.Stmts)
	})
}

func (r *resolver) assign(l ast.Expr, line int) {
	id, ok := l.(*ast.IdentExpr)
	if !ok {
		r.exprs(l)
		return
	}
	v := r.find(id.Value)
	if v == nil {
		r.globals = append(r.globals, global{name: id.Value, line: line, write: true})
		r.wrote[id.Value] = true
		return
	}
	v.written = true
	if v.depth == 0 && r.at.depth > 0 {
		r.leaks = append(r.leaks, leak{id.Value, line})
	}
}

func (r *resolver) exprs(es ...ast.Expr) {
	for _, e := range es {
		r.expr(e)
	}
}

func (r *resolver) expr(e ast.Expr) {
	switch e := e.(type) {
	case nil:
	case *ast.IdentExpr:
		v := r.find(e.Value)
		if v == nil {
			r.globals = append(r.globals, global{name: e.Value, line: e.Line(), called: r.called[e]})
			return
		}
		v.read = true
		r.uses[e] = v
	case *ast.FunctionExpr:
		r.function(e, false)
	case *ast.FuncCallExpr:
		if id, ok := e.Func.(*ast.IdentExpr); ok {
			r.called[id] = true
		}
		r.exprs(operands(e)...)
	default:
		r.exprs(operands(e)...)
	}
}
