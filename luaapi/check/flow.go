package check

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// flow reports statements that are never reached.
func (f *file) flow(tree []ast.Stmt) {
	f.block(tree)
	visit(tree, func(e ast.Expr) {
		if fn, ok := e.(*ast.FunctionExpr); ok {
			f.block(fn.Stmts)
		}
	})
}

func (f *file) block(stmts []ast.Stmt) {
	for i, st := range stmts {
		if line, ok := f.endless(st); ok {
			f.report(line, ruleEndless, Warning, "this loop never ends: there is no break, return or error in it")
		}
		if i+1 < len(stmts) && f.ends(st) {
			if _, label := stmts[i+1].(*ast.LabelStmt); !label {
				f.report(stmts[i+1].Line(), ruleUnreachable, Warning, "this is never reached")
			}
			break
		}
	}
	for _, st := range stmts {
		_, blocks := children(st)
		for _, b := range blocks {
			f.block(b)
		}
	}
}

// ends reports whether nothing that follows a statement in its block is reached.
func (f *file) ends(st ast.Stmt) bool {
	switch st := st.(type) {
	case *ast.ReturnStmt, *ast.BreakStmt, *ast.GotoStmt:
		return true
	case *ast.DoBlockStmt:
		return f.blockEnds(st.Stmts)
	case *ast.IfStmt:
		return f.blockEnds(st.Then) && f.blockEnds(st.Else)
	case *ast.WhileStmt:
		_, forever := st.Condition.(*ast.TrueExpr)
		return forever && !leaves(st.Stmts)
	case *ast.FuncCallStmt:
		call, ok := st.Expr.(*ast.FuncCallExpr)
		if !ok {
			return false
		}
		id, ok := call.Func.(*ast.IdentExpr)
		return ok && id.Value == "error" && f.names.uses[id] == nil
	}
	return false
}

func (f *file) blockEnds(stmts []ast.Stmt) bool {
	return slices.ContainsFunc(stmts, f.ends)
}

// endless reports whether a statement is a loop that nothing leaves, and the line that says so.
func (f *file) endless(st ast.Stmt) (line int, ok bool) {
	switch st := st.(type) {
	case *ast.WhileStmt:
		return st.Line(), always(st.Condition) && !f.abandons(st.Stmts)
	case *ast.RepeatStmt:
		return st.Line(), never(st.Condition) && !f.abandons(st.Stmts)
	}
	return 0, false
}

func always(e ast.Expr) bool {
	switch e.(type) {
	case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr:
		return true
	}
	return false
}

func never(e ast.Expr) bool {
	switch e.(type) {
	case *ast.FalseExpr, *ast.NilExpr:
		return true
	}
	return false
}

// abandons reports whether something in the body of a loop may end the loop, or the function around it.
func (f *file) abandons(body []ast.Stmt) bool {
	return leaves(body) || f.returns(body)
}

// returns reports whether a return or a goto stands in a body, or a call that raises an error by its name.
func (f *file) returns(body []ast.Stmt) (found bool) {
	visitBlock(body, func(st ast.Stmt) {
		switch st.(type) {
		case *ast.ReturnStmt, *ast.GotoStmt:
			found = true
		}
		exprs, _ := children(st)
		found = found || slices.ContainsFunc(exprs, f.raises)
	})
	return found
}

// raises reports whether an expression calls error or assert.
func (f *file) raises(e ast.Expr) bool {
	if call, ok := e.(*ast.FuncCallExpr); ok {
		id, ok := call.Func.(*ast.IdentExpr)
		if ok && (id.Value == "error" || id.Value == "assert") && f.names.uses[id] == nil {
			return true
		}
	}
	return slices.ContainsFunc(operands(e), f.raises)
}

// leaves reports whether a loop with that body may be left for what follows it.
func leaves(body []ast.Stmt) bool {
	for _, st := range body {
		switch st.(type) {
		case *ast.BreakStmt, *ast.GotoStmt:
			return true
		case *ast.WhileStmt, *ast.RepeatStmt, *ast.NumberForStmt, *ast.GenericForStmt:
			continue // a break in it leaves that loop
		}
		_, blocks := children(st)
		for _, b := range blocks {
			if leaves(b) {
				return true
			}
		}
	}
	return false
}
