package luaapi

import "github.com/yuin/gopher-lua/ast"

// oneValue makes the compiler take one value of a call that is the last field of a table and has a key. It takes all
// of them otherwise, and puts them into the list part: { "a", n = f() } would get a second item, the value of f().
func oneValue(t *ast.TableExpr) {
	if len(t.Fields) == 0 {
		return
	}
	last := t.Fields[len(t.Fields)-1]
	if last.Key == nil {
		return
	}
	switch v := last.Value.(type) {
	case *ast.FuncCallExpr:
		v.AdjustRet = true
	case *ast.Comma3Expr:
		v.AdjustRet = true
	}
}
