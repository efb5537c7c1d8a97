package lower

import "github.com/yuin/gopher-lua/ast"

// each calls f with the places of the expressions that an expression is made of, in the order of evaluation.
func each(e ast.Expr, f func(sub *ast.Expr)) {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		f(&e.Object)
		f(&e.Key)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			f(&e.Func)
		} else {
			f(&e.Receiver)
		}
		for i := range e.Args {
			f(&e.Args[i])
		}
	case *ast.TableExpr:
		for _, field := range e.Fields {
			if field.Key != nil {
				f(&field.Key)
			}
			f(&field.Value)
		}
	default:
		eachOperand(e, f)
	}
}

func eachOperand(e ast.Expr, f func(sub *ast.Expr)) {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		f(&e.Lhs)
		f(&e.Rhs)
	case *ast.RelationalOpExpr:
		f(&e.Lhs)
		f(&e.Rhs)
	case *ast.StringConcatOpExpr:
		f(&e.Lhs)
		f(&e.Rhs)
	case *ast.ArithmeticOpExpr:
		f(&e.Lhs)
		f(&e.Rhs)
	case *ast.UnaryMinusOpExpr:
		f(&e.Expr)
	case *ast.UnaryNotOpExpr:
		f(&e.Expr)
	case *ast.UnaryLenOpExpr:
		f(&e.Expr)
	}
}

func (r *rewriter) exprs(es []ast.Expr) {
	for i := range es {
		es[i] = r.expr(es[i])
	}
}

// expr rewrites an expression and returns what takes its place.
func (r *rewriter) expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if r.uses[e].cell() {
			return item(e)
		}
		return e
	case *ast.FunctionExpr:
		r.function(e)
		return e
	}
	each(e, func(sub *ast.Expr) { *sub = r.expr(*sub) })
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		return decide(e)
	case *ast.UnaryNotOpExpr:
		return negate(e)
	case *ast.StringConcatOpExpr:
		return r.concat(e)
	case *ast.TableExpr:
		return r.table(e)
	}
	return e
}

// Concat is the name of the function that joins strings and numbers, which the globals of a state must have. What the machine itself
// does with a.."" writes numbers as Go does, and has no bound.
const Concat = "(..)"

// maxParts is how many values one call of Concat joins: they must fit into the registers of a function.
const maxParts = 50

// concat makes a call of a .. b .. c. What stands right of the last operator has been rewritten, and is a call already.
func (r *rewriter) concat(e *ast.StringConcatOpExpr) ast.Expr {
	line := e.Line()
	call := place(&ast.FuncCallExpr{Func: ident(line, Concat), Args: []ast.Expr{single(e.Lhs)}, AdjustRet: true}, line)
	if right, ok := e.Rhs.(*ast.FuncCallExpr); ok && r.joins[right] && len(right.Args) < maxParts {
		call.Args = append(call.Args, right.Args...)
	} else {
		call.Args = append(call.Args, single(e.Rhs))
	}
	r.joins[call] = true
	return call
}

// constness is what is known of a value as a condition.
type constness int

const (
	notConst constness = iota
	constTrue
	constFalse
)

// truth returns what an expression is as a condition, as far as the compiler knows it too.
func truth(e ast.Expr) constness {
	switch e.(type) {
	case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr:
		return constTrue
	case *ast.FalseExpr, *ast.NilExpr:
		return constFalse
	}
	return notConst
}

// decide drops an operand that is constant on the left: the compiler makes a jump of it.
func decide(e *ast.LogicalOpExpr) ast.Expr {
	t := truth(e.Lhs)
	switch {
	case t == notConst:
		return e
	case (t == constTrue) == (e.Operator == "or"):
		return e.Lhs
	}
	return single(e.Rhs)
}

func negate(e *ast.UnaryNotOpExpr) ast.Expr {
	switch truth(e.Expr) {
	case constTrue:
		return place(&ast.FalseExpr{}, e.Line())
	case constFalse:
		return place(&ast.TrueExpr{}, e.Line())
	}
	return e
}

// multiple reports whether an expression may have several values.
func multiple(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

// single cuts an expression to one value.
func single(e ast.Expr) ast.Expr { return adjust(e, true) }

func adjust(e ast.Expr, one bool) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = one
	case *ast.Comma3Expr:
		e.AdjustRet = one
	}
	return e
}

// plain reports whether an expression is a name or a constant.
func plain(e ast.Expr) bool {
	_, ok := e.(*ast.IdentExpr)
	return ok || truth(e) != notConst
}

// mentions reports whether an expression has one of some names in it, or a function, which may.
func mentions(e ast.Expr, names map[string]bool) bool {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return names[e.Value]
	case *ast.FunctionExpr:
		return true
	}
	found := false
	each(e, func(sub *ast.Expr) { found = found || mentions(*sub, names) })
	return found
}

// place gives a node its line.
func place[N ast.PositionHolder](n N, line int) N {
	n.SetLine(line)
	n.SetLastLine(line)
	return n
}

func ident(line int, name string) *ast.IdentExpr { return place(&ast.IdentExpr{Value: name}, line) }

func localStmt(line int, names []string, values ...ast.Expr) *ast.LocalAssignStmt {
	return place(&ast.LocalAssignStmt{Names: names, Exprs: values}, line)
}

func assignStmt(line int, to, value ast.Expr) *ast.AssignStmt {
	return place(&ast.AssignStmt{Lhs: []ast.Expr{to}, Rhs: []ast.Expr{value}}, line)
}

// cell makes the table that a local lives in.
func cell(line int, value ast.Expr) ast.Expr {
	return place(&ast.TableExpr{Fields: []*ast.Field{{Value: single(value)}}}, line)
}

// item is the value in a cell.
func item(id *ast.IdentExpr) ast.Expr {
	one := place(&ast.NumberExpr{Value: "1"}, id.Line())
	return place(&ast.AttrGetExpr{Object: id, Key: one}, id.Line())
}
