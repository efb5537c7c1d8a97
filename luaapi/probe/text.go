package probe

import (
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Text writes an expression on one line, as a script would. What takes many lines, a table or a function, is only hinted
// at.
func Text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.TrueExpr:
		return "true"
	case *ast.FalseExpr:
		return "false"
	case *ast.NilExpr:
		return "nil"
	case *ast.NumberExpr:
		return e.Value
	case *ast.StringExpr:
		return strconv.Quote(e.Value)
	case *ast.Comma3Expr:
		return adjusted("...", e.AdjustRet)
	case *ast.IdentExpr:
		return e.Value
	case *ast.TableExpr:
		if len(e.Fields) == 0 {
			return "{}"
		}
		return "{ … }"
	case *ast.FunctionExpr:
		return "function … end"
	case *ast.AttrGetExpr:
		return attr(e)
	case *ast.FuncCallExpr:
		return adjusted(funcCall(e), e.AdjustRet)
	}
	return operator(e)
}

// adjusted writes what has as many values as it likes: in brackets it has one (Lua 5.1 §2.5).
func adjusted(text string, one bool) string {
	if one {
		return "(" + text + ")"
	}
	return text
}

// prefix writes what an index or a call follows, in brackets unless it may stand there as it is (Lua 5.1 §8, prefixexp).
func prefix(e ast.Expr) string {
	switch e.(type) {
	case *ast.IdentExpr, *ast.AttrGetExpr, *ast.FuncCallExpr:
		return Text(e)
	case *ast.Comma3Expr:
		return "(...)"
	}
	return "(" + Text(e) + ")"
}

func attr(e *ast.AttrGetExpr) string {
	object := prefix(e.Object)
	if k, ok := e.Key.(*ast.StringExpr); ok && isName(k.Value) {
		return object + "." + k.Value
	}
	return object + "[" + Text(e.Key) + "]"
}

// isName reports whether a key may stand after a dot.
func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func funcCall(e *ast.FuncCallExpr) string {
	var args []string
	for _, a := range e.Args {
		args = append(args, Text(a))
	}
	var fn string
	if e.Func != nil {
		fn = prefix(e.Func)
	} else {
		fn = prefix(e.Receiver) + ":" + e.Method
	}
	return fn + "(" + strings.Join(args, ", ") + ")"
}

// The operators by how strongly they bind (Lua 5.1 §2.5.6).
var binds = map[string]int{
	"or": 1, "and": 2, "<": 3, ">": 3, "<=": 3, ">=": 3, "~=": 3, "==": 3, "..": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "^": 8,
}

const unary = 7

func operator(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.UnaryNotOpExpr:
		return "not " + part(e.Expr, unary)
	case *ast.UnaryMinusOpExpr:
		return "-" + part(e.Expr, unary)
	case *ast.UnaryLenOpExpr:
		return "#" + part(e.Expr, unary)
	}
	if op, lhs, rhs := parts(e); op != "" {
		return part(lhs, binds[op]) + " " + op + " " + part(rhs, binds[op]+1)
	}
	return "…"
}

// parts takes a binary operation apart; op is "" if it is none.
func parts(e ast.Expr) (op string, lhs, rhs ast.Expr) {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		return e.Operator, e.Lhs, e.Rhs
	case *ast.RelationalOpExpr:
		return e.Operator, e.Lhs, e.Rhs
	case *ast.StringConcatOpExpr:
		return "..", e.Lhs, e.Rhs
	case *ast.ArithmeticOpExpr:
		return e.Operator, e.Lhs, e.Rhs
	}
	return "", nil, nil
}

// part writes a part of an operation, in brackets where it would bind less than the operation.
func part(e ast.Expr, bind int) string {
	op, _, _ := parts(e)
	if op != "" && binds[op] < bind && (op != ".." || binds[op]+1 != bind) {
		return "(" + Text(e) + ")"
	}
	return Text(e)
}
