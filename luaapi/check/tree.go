package check

import "github.com/yuin/gopher-lua/ast"

// children returns the expressions of a statement and the blocks in it.
func children(st ast.Stmt) (es []ast.Expr, blocks [][]ast.Stmt) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		es = append(append(es, st.Lhs...), st.Rhs...)
	case *ast.LocalAssignStmt:
		es = st.Exprs
	case *ast.FuncCallStmt:
		es = []ast.Expr{st.Expr}
	case *ast.FuncDefStmt:
		es = []ast.Expr{st.Name.Func, st.Name.Receiver, st.Func}
	case *ast.ReturnStmt:
		es = st.Exprs
	case *ast.DoBlockStmt:
		blocks = [][]ast.Stmt{st.Stmts}
	case *ast.IfStmt:
		es, blocks = []ast.Expr{st.Condition}, [][]ast.Stmt{st.Then, st.Else}
	case *ast.WhileStmt:
		es, blocks = []ast.Expr{st.Condition}, [][]ast.Stmt{st.Stmts}
	case *ast.RepeatStmt:
		es, blocks = []ast.Expr{st.Condition}, [][]ast.Stmt{st.Stmts}
	case *ast.NumberForStmt:
		es, blocks = []ast.Expr{st.Init, st.Limit, st.Step}, [][]ast.Stmt{st.Stmts}
	case *ast.GenericForStmt:
		es, blocks = st.Exprs, [][]ast.Stmt{st.Stmts}
	}
	return es, blocks
}

// operands returns the expressions that an expression is made of; not the body of a function.
func operands(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		return []ast.Expr{e.Object, e.Key}
	case *ast.TableExpr:
		var es []ast.Expr
		for _, f := range e.Fields {
			es = append(es, f.Key, f.Value)
		}
		return es
	case *ast.FuncCallExpr:
		return append([]ast.Expr{e.Func, e.Receiver}, e.Args...)
	case *ast.LogicalOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.RelationalOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.StringConcatOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.ArithmeticOpExpr:
		return []ast.Expr{e.Lhs, e.Rhs}
	case *ast.UnaryMinusOpExpr:
		return []ast.Expr{e.Expr}
	case *ast.UnaryNotOpExpr:
		return []ast.Expr{e.Expr}
	case *ast.UnaryLenOpExpr:
		return []ast.Expr{e.Expr}
	}
	return nil
}

// visit calls fn for every expression of a tree, outer ones first.
func visit(stmts []ast.Stmt, fn func(ast.Expr)) {
	for _, st := range stmts {
		es, blocks := children(st)
		for _, e := range es {
			visitExpr(e, fn)
		}
		for _, b := range blocks {
			visit(b, fn)
		}
	}
}

func visitExpr(e ast.Expr, fn func(ast.Expr)) {
	if e == nil {
		return
	}
	fn(e)
	if f, ok := e.(*ast.FunctionExpr); ok {
		if f != nil {
			visit(f.Stmts, fn)
		}
		return
	}
	for _, o := range operands(e) {
		visitExpr(o, fn)
	}
}

// visitStmts calls fn for every statement of a tree, outer ones first, those in functions too.
func visitStmts(stmts []ast.Stmt, fn func(ast.Stmt)) {
	visitBlock(stmts, fn)
	visit(stmts, func(e ast.Expr) {
		if f, ok := e.(*ast.FunctionExpr); ok {
			visitBlock(f.Stmts, fn)
		}
	})
}

// visitBlock calls fn for the statements of a block and of those in it, but not in functions.
func visitBlock(block []ast.Stmt, fn func(ast.Stmt)) {
	for _, st := range block {
		fn(st)
		_, blocks := children(st)
		for _, b := range blocks {
			visitBlock(b, fn)
		}
	}
}

// constant returns the string that an expression is, and whether it is one.
func constant(e ast.Expr) (string, bool) {
	s, ok := e.(*ast.StringExpr)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// several reports whether an expression may have any number of results.
func several(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}
