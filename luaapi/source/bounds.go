package source

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"tandem/luaapi/lower"
)

// What a file may have. The compiler calls itself for what stands inside of something else, and the time it takes grows with the
// square of the depth, and of the number of constants in a function.
const (
	maxDepth     = 1000
	maxElseif    = 2000
	maxConstants = 30_000
	maxLocals    = 200 // of the machine
)

var tooDeep = fmt.Sprintf("nested more than %d deep: split it", maxDepth)

// bounds looks for what is nested too deeply or has too many constants. It goes no deeper than what it allows.
type bounds struct {
	depth, line int
	locals      int             // of the function around that are in scope
	constants   map[string]bool // of the function around
	bad         *Error
}

// smallText is a text whose parsing takes no more than 40 MB however deep it is.
const smallText = 64 << 10

// open looks for what is nested too deeply in a large text before it is parsed: the parser takes 500 bytes for each bracket
// that is open.
func open(text []byte, name string) *Error {
	if len(text) <= smallText {
		return nil
	}
	sc, lexer := parse.NewScanner(bytes.NewReader(text), name), &parse.Lexer{}
	depth, operators := 0, 0
	for {
		tok, err := sc.Scan(lexer)
		if err != nil || tok.Type == parse.EOF {
			return nil // the parser says it better
		}
		switch tok.Type {
		case '(', '{', '[', parse.TFunction, parse.TIf, parse.TDo, parse.TRepeat:
			depth++
			operators = 0
		case ')', '}', ']', parse.TEnd, parse.TUntil:
			depth--
			operators = 0
		case '^', '-', '#', parse.TNot, parse.T2Comma:
			operators++
		case ',', ';', '=', parse.TLocal, parse.TReturn, parse.TThen:
			operators = 0
		}
		if depth > maxDepth || operators > maxDepth {
			return &Error{Line: tok.Pos.Line, Message: tooDeep}
		}
	}
}

// check returns what is wrong with a file, nil if nothing is.
func check(tree []ast.Stmt) *Error {
	b := bounds{constants: make(map[string]bool)}
	b.stmts(tree)
	return b.bad
}

func (b *bounds) fail(format string, args ...any) {
	if b.bad == nil {
		b.bad = &Error{Line: b.line, Message: fmt.Sprintf(format, args...)}
	}
}

// deeper looks at what is inside of a node.
func (b *bounds) deeper(at ast.PositionHolder, look func()) {
	if line := at.Line(); line > 0 {
		b.line = line
	}
	b.depth++
	switch {
	case b.depth > maxDepth:
		b.fail("%s", tooDeep)
	case b.bad == nil:
		look()
	}
	b.depth--
}

func (b *bounds) constant(value string) {
	if b.constants[value] = true; len(b.constants) == maxConstants+1 {
		b.fail("more than %d different constants in a function: put data into a .csv or .json file and read it with the module lookup", maxConstants)
	}
}

func (b *bounds) stmts(stmts []ast.Stmt) {
	had := b.locals
	defer func() { b.locals = had }()
	for _, st := range stmts {
		b.deeper(st, func() { b.stmt(st) })
		if b.bad != nil {
			return
		}
	}
}

func (b *bounds) stmt(st ast.Stmt) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		b.exprs(st.Lhs...)
		b.exprs(st.Rhs...)
	case *ast.LocalAssignStmt:
		b.exprs(st.Exprs...)
		if b.locals += len(st.Names); b.locals > maxLocals {
			b.fail("more than %d locals in a function: put some into a table, or into blocks of their own", maxLocals)
		}
	case *ast.FuncCallStmt:
		b.exprs(st.Expr)
	case *ast.FuncDefStmt:
		b.exprs(st.Name.Func, st.Name.Receiver)
		b.exprs(st.Func)
	case *ast.ReturnStmt:
		b.exprs(st.Exprs...)
	case *ast.DoBlockStmt:
		b.stmts(st.Stmts)
	case *ast.IfStmt:
		b.branches(st)
	case *ast.WhileStmt:
		b.exprs(st.Condition)
		b.stmts(st.Stmts)
	case *ast.RepeatStmt:
		b.exprs(st.Condition)
		b.stmts(st.Stmts)
	case *ast.NumberForStmt:
		b.exprs(st.Init, st.Limit, st.Step)
		b.stmts(st.Stmts)
	case *ast.GenericForStmt:
		b.exprs(st.Exprs...)
		b.stmts(st.Stmts)
	}
}

// branches looks at an if. An elseif is an if in the else of the one before, and does not count as deeper.
func (b *bounds) branches(st *ast.IfStmt) {
	for n := 0; ; n++ {
		b.exprs(st.Condition)
		b.stmts(st.Then)
		next, ok := elseif(st)
		switch {
		case !ok:
			b.stmts(st.Else)
			return
		case n == maxElseif:
			b.fail("more than %d branches of an if: use a table", maxElseif)
			return
		}
		st = next
	}
}

func elseif(st *ast.IfStmt) (*ast.IfStmt, bool) {
	if len(st.Else) != 1 {
		return nil, false
	}
	next, ok := st.Else[0].(*ast.IfStmt)
	return next, ok
}

func (b *bounds) exprs(es ...ast.Expr) {
	for _, e := range es {
		if e != nil && b.bad == nil {
			b.deeper(e, func() { b.expr(e) })
		}
	}
}

func (b *bounds) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.NumberExpr:
		b.constant(e.Value)
	case *ast.StringExpr:
		b.constant("'" + e.Value)
	case *ast.FunctionExpr:
		outer, had := b.constants, b.locals
		b.constants, b.locals = make(map[string]bool), 0
		b.stmts(e.Stmts)
		b.constants, b.locals = outer, had
	case *ast.FuncCallExpr:
		if e.Method != "" {
			b.constant("'" + e.Method)
		}
		b.exprs(e.Func, e.Receiver)
		b.exprs(e.Args...)
	case *ast.TableExpr:
		for i, f := range e.Fields {
			if i >= lower.MaxList && f.Key == nil {
				b.constant(strconv.Itoa(i))
			}
			b.exprs(f.Key, f.Value)
		}
	case *ast.AttrGetExpr:
		b.exprs(e.Object, e.Key)
	default:
		b.operator(e)
	}
}

func (b *bounds) operator(e ast.Expr) {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		b.exprs(e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		b.exprs(e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		b.exprs(e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		b.exprs(e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		b.exprs(e.Expr)
	case *ast.UnaryNotOpExpr:
		b.exprs(e.Expr)
	case *ast.UnaryLenOpExpr:
		b.exprs(e.Expr)
	}
}
