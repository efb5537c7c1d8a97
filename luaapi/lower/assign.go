package lower

import "github.com/yuin/gopher-lua/ast"

// local rewrites the declaration of locals.
func (r *rewriter) local(st *ast.LocalAssignStmt) []ast.Stmt {
	vars, line := r.decls[st], st.Line()
	r.exprs(st.Exprs)
	if localFunction(st) && vars[0].cell() {
		to := item(ident(line, st.Names[0]))
		return []ast.Stmt{
			localStmt(line, st.Names, cell(line, place(&ast.NilExpr{}, line))), assignStmt(line, to, st.Exprs[0]),
		}
	}
	if r.outer[st] { // a second value makes the compiler declare the name after the function
		st.Exprs = append(st.Exprs, place(&ast.NilExpr{}, line))
	}
	if len(st.Exprs) > 0 && len(st.Exprs) < len(st.Names) {
		return append([]ast.Stmt{st}, r.fill(line, vars)...)
	}
	return []ast.Stmt{r.cells(st, vars)}
}

// cells puts the values of a declaration into cells where they belong there. There is a value for every name, or none
// for any.
func (r *rewriter) cells(st *ast.LocalAssignStmt, vars []*variable) ast.Stmt {
	any := false
	for _, v := range vars {
		any = any || v.cell()
	}
	if !any {
		return st
	}
	for len(st.Exprs) < len(st.Names) {
		st.Exprs = append(st.Exprs, place(&ast.NilExpr{}, st.Line()))
	}
	for i, v := range vars {
		if v.cell() {
			st.Exprs[i] = cell(st.Line(), st.Exprs[i])
		}
	}
	return st
}

func (r *rewriter) assign(st *ast.AssignStmt) []ast.Stmt {
	r.exprs(st.Lhs)
	r.exprs(st.Rhs)
	if len(st.Lhs) == 1 && len(st.Rhs) == 1 {
		return r.assignOne(st)
	}
	if r.spreads(st) {
		return []ast.Stmt{st}
	}
	if r.sequential(st) {
		var stmts []ast.Stmt
		for i, l := range st.Lhs {
			stmts = append(stmts, r.assignOne(assignStmt(st.Line(), l, st.Rhs[i]))...)
		}
		return stmts
	}
	return r.assignMany(st)
}

// assignOne rewrites the assignment of one value.
func (r *rewriter) assignOne(st *ast.AssignStmt) []ast.Stmt {
	to, value, line := st.Lhs[0], st.Rhs[0], st.Line()
	if get, ok := to.(*ast.AttrGetExpr); ok && truth(get.Object) != notConst { // ("text").x = 1
		name := r.temp()
		object := localStmt(line, []string{name}, get.Object)
		get.Object = ident(line, name)
		return []ast.Stmt{place(&ast.DoBlockStmt{Stmts: []ast.Stmt{object, st}}, line)}
	}
	if !r.own(to) {
		return []ast.Stmt{st}
	}
	st.Rhs[0] = adjust(value, false) // one target takes one value
	if op, ok := value.(*ast.LogicalOpExpr); ok {
		return r.assignLogical(st, op)
	}
	return []ast.Stmt{st}
}

// assignLogical makes an if of x = x or y, and takes a new local for other logical expressions.
func (r *rewriter) assignLogical(st *ast.AssignStmt, op *ast.LogicalOpExpr) []ast.Stmt {
	to, line := st.Lhs[0].(*ast.IdentExpr), st.Line()
	if id, ok := op.Lhs.(*ast.IdentExpr); ok && id.Value == to.Value {
		cond := op.Lhs
		if op.Operator == "or" {
			cond = place(&ast.UnaryNotOpExpr{Expr: cond}, id.Line())
		}
		then := r.assignOne(assignStmt(line, to, op.Rhs))
		return []ast.Stmt{place(&ast.IfStmt{Condition: cond, Then: then}, line)}
	}
	name := r.temp()
	return []ast.Stmt{place(&ast.DoBlockStmt{Stmts: []ast.Stmt{
		localStmt(line, []string{name}, op), assignStmt(line, to, ident(line, name)),
	}}, line)}
}

// targets returns the names that an assignment assigns to.
func targets(st *ast.AssignStmt) map[string]bool {
	names := make(map[string]bool)
	for _, l := range st.Lhs {
		if id, ok := l.(*ast.IdentExpr); ok {
			names[id.Value] = true
		}
	}
	return names
}

// spreads reports whether an assignment is one of the values of a call or of ... that the compiler gets right.
func (r *rewriter) spreads(st *ast.AssignStmt) bool {
	if len(st.Rhs) != 1 || !multiple(st.Rhs[0]) {
		return false
	}
	names := targets(st)
	for _, l := range st.Lhs {
		if get, ok := l.(*ast.AttrGetExpr); ok && (truth(get.Object) != notConst || mentions(get.Object, names)) {
			return false
		}
	}
	return true
}

// sequential reports whether an assignment may be done one by one: all targets are locals of the function, and no value
// reads one that is written before.
func (r *rewriter) sequential(st *ast.AssignStmt) bool {
	if len(st.Lhs) != len(st.Rhs) {
		return false
	}
	done := make(map[string]bool)
	for i, l := range st.Lhs {
		if !r.own(l) || done[l.(*ast.IdentExpr).Value] || mentions(st.Rhs[i], done) {
			return false
		}
		done[l.(*ast.IdentExpr).Value] = true
	}
	return true
}

// assignMany evaluates the tables and keys of the targets, then the values, and assigns from the last to the first, as
// Lua does. If there are as many values as targets the last needs no local.
func (r *rewriter) assignMany(st *ast.AssignStmt) []ast.Stmt {
	line, last := st.Line(), len(st.Lhs)-1
	stmts := r.settle(st)
	values := st.Rhs
	count := len(st.Lhs)
	if len(values) == count {
		values, count = values[:last], last
	}
	var names []string
	for range count {
		names = append(names, r.temp())
	}
	if count > 0 {
		stmts = append(stmts, localStmt(line, names, values...))
	}
	for i := last; i >= 0; i-- {
		if i >= count {
			stmts = append(stmts, r.assignOne(assignStmt(line, st.Lhs[i], st.Rhs[i]))...)
		} else {
			stmts = append(stmts, assignStmt(line, st.Lhs[i], ident(line, names[i])))
		}
	}
	return []ast.Stmt{place(&ast.DoBlockStmt{Stmts: stmts}, line)}
}

// settle evaluates the tables and keys of targets that the assignment could change.
func (r *rewriter) settle(st *ast.AssignStmt) (stmts []ast.Stmt) {
	names := targets(st)
	keep := func(e *ast.Expr, constant bool) {
		id, ok := (*e).(*ast.IdentExpr)
		if ok && r.uses[id] != nil && !names[id.Value] || constant && truth(*e) != notConst {
			return
		}
		name, line := r.temp(), (*e).Line()
		stmts = append(stmts, localStmt(line, []string{name}, single(*e)))
		*e = ident(line, name)
	}
	for _, l := range st.Lhs {
		if get, ok := l.(*ast.AttrGetExpr); ok {
			if id, ok := get.Object.(*ast.IdentExpr); !ok || !r.uses[id].cell() {
				keep(&get.Object, false)
			}
			keep(&get.Key, true)
		}
	}
	return stmts
}
