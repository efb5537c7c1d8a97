package lower

import "github.com/yuin/gopher-lua/ast"

func (r *rewriter) loop(st ast.Stmt) []ast.Stmt {
	switch st := st.(type) {
	case *ast.WhileStmt:
		st.Condition = r.expr(st.Condition)
		body := r.body(st, st.Stmts)
		switch truth(st.Condition) {
		case constFalse:
			return nil
		case constTrue:
			body = r.guarded(st.Line(), body)
		}
		st.Stmts = body
	case *ast.RepeatStmt:
		st.Stmts = r.guarded(st.Line(), r.body(st, st.Stmts))
		st.Condition = r.expr(st.Condition)
	case *ast.NumberForStmt:
		st.Init, st.Limit = r.expr(st.Init), r.expr(st.Limit)
		if st.Step != nil {
			st.Step = r.expr(st.Step)
		}
		names := []string{st.Name}
		st.Stmts = r.variables(st, names, st.Stmts)
		st.Name = names[0]
	case *ast.GenericForStmt:
		r.exprs(st.Exprs)
		st.Stmts = r.guarded(st.Line(), r.variables(st, st.Names, st.Stmts))
		return r.iterate(st)
	}
	return []ast.Stmt{st}
}

// body rewrites the body of a loop. It gets a captured local of its own if a break leaves a block that has one.
func (r *rewriter) body(loop ast.Stmt, stmts []ast.Stmt) []ast.Stmt {
	stmts = r.block(stmts)
	if b := r.loops[loop]; b != nil && b.breaksOut() {
		return append(r.anchor(loop.Line()), stmts...)
	}
	return stmts
}

// variables is body for a loop with variables: those that live in cells get another name, and are put there first.
func (r *rewriter) variables(loop ast.Stmt, names []string, stmts []ast.Stmt) []ast.Stmt {
	var first []ast.Stmt
	for i, v := range r.decls[loop] {
		if v.cell() {
			names[i] = r.temp()
			first = append(first, localStmt(loop.Line(), []string{v.name}, cell(loop.Line(), ident(loop.Line(), names[i]))))
		}
	}
	return append(first, r.body(loop, stmts)...)
}

func (r *rewriter) guarded(line int, body []ast.Stmt) []ast.Stmt {
	if startOf(body) != startJump {
		return body
	}
	return append([]ast.Stmt{r.guard(line)}, body...)
}

// iterate gives a loop its function, state and control variable. The compiler evaluates what stands after in, but cares
// only for as many values as there are names.
func (r *rewriter) iterate(st *ast.GenericForStmt) []ast.Stmt {
	if len(st.Exprs) == 1 && multiple(st.Exprs[0]) && !calls(head(st.Exprs[0])) {
		return []ast.Stmt{st}
	}
	simple := len(st.Exprs) <= 3
	for _, e := range st.Exprs {
		simple = simple && plain(e)
	}
	line := st.Line()
	if simple {
		for len(st.Exprs) < 3 {
			st.Exprs = append(st.Exprs, place(&ast.NilExpr{}, line))
		}
		return []ast.Stmt{st}
	}
	names := []string{r.temp(), r.temp(), r.temp()}
	values := localStmt(line, names, st.Exprs...)
	st.Exprs = []ast.Expr{ident(line, names[0]), ident(line, names[1]), ident(line, names[2])}
	do := place(&ast.DoBlockStmt{Stmts: []ast.Stmt{values, st}}, line)
	do.SetLastLine(st.LastLine())
	return []ast.Stmt{do}
}

// head is the function of a call, or what a method is called on; nil if it is no call.
func head(e ast.Expr) ast.Expr {
	call, ok := e.(*ast.FuncCallExpr)
	switch {
	case !ok:
		return nil
	case call.Func != nil:
		return call.Func
	}
	return call.Receiver
}

// calls reports whether an expression has a call in it. For one in the head of the call after in, the compiler takes the
// registers of the loop for those of locals, and evaluates what follows in the place of its value.
func calls(e ast.Expr) bool {
	if _, ok := e.(*ast.FuncCallExpr); ok {
		return true
	}
	found := false
	if e != nil {
		each(e, func(sub *ast.Expr) { found = found || calls(*sub) })
	}
	return found
}

// start is what the first instruction of some statements is.
type start int

const (
	startNone start = iota // there is no instruction
	startJump              // OP_JMP
	startOther
)

func startOf(stmts []ast.Stmt) start {
	for _, st := range stmts {
		if s := startOfStmt(st); s != startNone {
			return s
		}
	}
	return startNone
}

func startOfStmt(st ast.Stmt) start {
	switch st := st.(type) {
	case *ast.BreakStmt:
		return startJump
	case *ast.LabelStmt:
		return startNone
	case *ast.DoBlockStmt:
		return startOf(st.Stmts)
	case *ast.IfStmt:
		return startOfIf(st)
	case *ast.WhileStmt:
		if truth(st.Condition) != constTrue {
			return startOther
		}
		if s := startOf(st.Stmts); s != startNone {
			return s
		}
		return startJump
	case *ast.RepeatStmt:
		if s := startOf(st.Stmts); s != startNone {
			return s
		}
		return [...]start{notConst: startOther, constTrue: startNone, constFalse: startJump}[truth(st.Condition)]
	}
	return startOther
}

func startOfIf(st *ast.IfStmt) start {
	if truth(st.Condition) != constTrue {
		return startOther
	}
	s := startOf(st.Then)
	if s == startNone && len(st.Else) > 0 {
		return startJump
	}
	return s
}
