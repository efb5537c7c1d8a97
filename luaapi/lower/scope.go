package lower

import "github.com/yuin/gopher-lua/ast"

// variable is a local.
type variable struct {
	name     string
	fn       *function
	captured bool // by a function in its scope
	assigned bool // besides where it is declared
}

// cell reports whether a local lives in a table of one item. The machine closes upvalues when an error is raised, also
// those of functions that go on; that goes unseen as long as nobody assigns to them.
func (v *variable) cell() bool { return v != nil && v.captured && v.assigned }

type function struct {
	depth    int
	captures bool // one of its locals is captured
}

// block is a scope.
type block struct {
	outer *block
	fn    *function
	loop  bool
	vars  []*variable
	left  []*block // by a break that leaves this loop
}

// breaksOut reports whether a break leaves a block in the loop that has a captured local.
func (b *block) breaksOut() bool {
	for _, in := range b.left {
		for _, v := range in.vars {
			if v.captured {
				return true
			}
		}
	}
	return false
}

// names is what the first pass finds out about the names of a file.
type names struct {
	main  *function
	uses  map[*ast.IdentExpr]*variable // nil = global
	decls map[ast.PositionHolder][]*variable
	loops map[ast.Stmt]*block
	fns   map[*ast.FunctionExpr]*function
	// outer are the statements local f = function() … end whose function means another f.
	outer map[*ast.LocalAssignStmt]bool
}

// resolver is the first pass.
type resolver struct {
	names
	at      *block
	pending []pending
}

// pending is a local that a function literal is about to be assigned to.
type pending struct {
	stmt  *ast.LocalAssignStmt
	depth int // of the literal
}

func resolve(stmts []ast.Stmt) *names {
	main := &function{}
	r := resolver{at: &block{fn: main}, names: names{
		main: main, uses: make(map[*ast.IdentExpr]*variable), decls: make(map[ast.PositionHolder][]*variable),
		loops: make(map[ast.Stmt]*block), fns: make(map[*ast.FunctionExpr]*function), outer: make(map[*ast.LocalAssignStmt]bool),
	}}
	r.stmts(stmts)
	return &r.names
}

func (r *resolver) declare(at ast.PositionHolder, names ...string) {
	for _, n := range names {
		v := &variable{name: n, fn: r.at.fn}
		r.at.vars = append(r.at.vars, v)
		r.decls[at] = append(r.decls[at], v)
	}
}

// use notes what a name means.
func (r *resolver) use(id *ast.IdentExpr) *variable {
	v := r.find(id.Value)
	for _, p := range r.pending {
		if p.stmt.Names[0] == id.Value && (v == nil || v.fn.depth < p.depth) {
			r.outer[p.stmt] = true
		}
	}
	if v != nil {
		r.uses[id] = v
		if v.fn != r.at.fn {
			v.captured, v.fn.captures = true, true
		}
	}
	return v
}

func (r *resolver) find(name string) *variable {
	for b := r.at; b != nil; b = b.outer {
		for i := len(b.vars) - 1; i >= 0; i-- {
			if b.vars[i].name == name {
				return b.vars[i]
			}
		}
	}
	return nil
}

func (r *resolver) in(b *block, run func()) {
	outer := r.at
	b.outer = outer
	if b.fn == nil {
		b.fn = outer.fn
	}
	r.at = b
	run()
	r.at = outer
}

func (r *resolver) stmts(stmts []ast.Stmt) {
	for _, st := range stmts {
		r.stmt(st)
	}
}

func (r *resolver) inner(stmts []ast.Stmt) { r.in(&block{}, func() { r.stmts(stmts) }) }

func (r *resolver) stmt(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		for _, l := range st.Lhs {
			r.target(l)
		}
		r.exprs(st.Rhs)
	case *ast.LocalAssignStmt:
		r.local(st)
	case *ast.FuncCallStmt:
		r.expr(st.Expr)
	case *ast.DoBlockStmt:
		r.inner(st.Stmts)
	case *ast.IfStmt:
		r.expr(st.Condition)
		r.inner(st.Then)
		r.inner(st.Else)
	case *ast.FuncDefStmt:
		r.define(st)
	case *ast.ReturnStmt:
		r.exprs(st.Exprs)
	case *ast.BreakStmt:
		r.leave()
	default:
		r.loop(st)
	}
}

func (r *resolver) loop(st ast.Stmt) {
	b := &block{loop: true}
	r.loops[st] = b
	switch st := st.(type) {
	case *ast.WhileStmt:
		r.expr(st.Condition)
		r.in(b, func() { r.stmts(st.Stmts) })
	case *ast.RepeatStmt:
		r.in(b, func() { r.stmts(st.Stmts); r.expr(st.Condition) })
	case *ast.NumberForStmt:
		r.exprs([]ast.Expr{st.Init, st.Limit, st.Step})
		r.in(b, func() { r.declare(st, st.Name); r.stmts(st.Stmts) })
	case *ast.GenericForStmt:
		r.exprs(st.Exprs)
		r.in(b, func() { r.declare(st, st.Names...); r.stmts(st.Stmts) })
	}
}

// leave notes the blocks that a break leaves besides that of the loop.
func (r *resolver) leave() {
	var left []*block
	for b := r.at; b != nil && b.fn == r.at.fn; b = b.outer {
		if b.loop {
			b.left = append(b.left, left...)
			return
		}
		left = append(left, b)
	}
}

// localFunction reports whether a statement is local function f() … end, and not local f = function() … end: the parser
// gives only the former a last line.
func localFunction(st *ast.LocalAssignStmt) bool { return functionLiteral(st) && st.LastLine() != 0 }

func functionLiteral(st *ast.LocalAssignStmt) bool {
	if len(st.Names) != 1 || len(st.Exprs) != 1 {
		return false
	}
	_, ok := st.Exprs[0].(*ast.FunctionExpr)
	return ok
}

func (r *resolver) local(st *ast.LocalAssignStmt) {
	if localFunction(st) {
		r.declare(st, st.Names...)
		r.exprs(st.Exprs)
		return
	}
	if functionLiteral(st) {
		r.pending = append(r.pending, pending{st, r.at.fn.depth + 1})
		defer func() { r.pending = r.pending[:len(r.pending)-1] }()
	}
	r.exprs(st.Exprs)
	r.declare(st, st.Names...)
}

func (r *resolver) define(st *ast.FuncDefStmt) {
	if st.Name.Func == nil {
		r.expr(st.Name.Receiver)
		r.function(st.Func, "self")
		return
	}
	r.target(st.Name.Func)
	r.function(st.Func)
}

func (r *resolver) function(f *ast.FunctionExpr, more ...string) {
	fn := &function{depth: r.at.fn.depth + 1}
	r.fns[f] = fn
	r.in(&block{fn: fn}, func() {
		r.declare(f, more...)
		r.declare(f, f.ParList.Names...)
		if f.ParList.HasVargs {
			r.declare(f, "arg") // as Lua 5.0 had it, and 5.1 still has
		}
		r.stmts(f.Stmts)
	})
}

// target notes an assignment.
func (r *resolver) target(l ast.Expr) {
	if id, ok := l.(*ast.IdentExpr); ok {
		if v := r.use(id); v != nil {
			v.assigned = true
		}
		return
	}
	r.expr(l)
}

func (r *resolver) exprs(es []ast.Expr) {
	for _, e := range es {
		r.expr(e)
	}
}

func (r *resolver) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		r.use(e)
	case *ast.FunctionExpr:
		r.function(e)
	case *ast.StringConcatOpExpr:
		r.main.captures = true // functions share Concat
		r.expr(e.Lhs)
		r.expr(e.Rhs)
	default:
		each(e, func(sub *ast.Expr) { r.expr(*sub) })
	}
}
