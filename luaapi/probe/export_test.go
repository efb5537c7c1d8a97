package probe_test

import "github.com/yuin/gopher-lua/ast"

// returned is the expression that the function of a chunk returns.
func returned(tree []ast.Stmt) ast.Expr {
	fn := tree[0].(*ast.LocalAssignStmt).Exprs[0].(*ast.FunctionExpr)
	return fn.Stmts[0].(*ast.ReturnStmt).Exprs[0]
}
