package luaapi

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"

	"tandem/engine/plan"
)

// survey is what is learnt from the syntax tree of a file: the lines of keys, which the compiled code does not have,
// and assignments that would leak from call to call.
type survey struct {
	file   string
	keys   map[keyAt]int  // keys that stand below the line where their call starts
	fields map[string]int // where x.NAME is first assigned
	named  map[string]int // where a table constructor first has NAME =
	leak   *Error         // the first
}

type keyAt struct {
	call int
	key  string
}

// newSurvey walks a file's syntax tree.
func newSurvey(file string, chunk []ast.Stmt) *survey {
	s := &survey{file: file, keys: make(map[keyAt]int), fields: make(map[string]int), named: make(map[string]int)}
	s.block(&block{}, chunk)
	return s
}

// keyLine is where a key stands in the call that starts at a line, 0 if it is on that line or unknown. Line 0 asks
// where the file sets a field of that name.
func (s *survey) keyLine(call int, key string) int {
	if call > 0 {
		return s.keys[keyAt{call, key}]
	}
	if line, ok := s.fields[key]; ok {
		return line
	}
	return s.named[key]
}

// block is a scope: its locals and how many functions are around it (0 = the chunk).
type block struct {
	outer  *block
	depth  int
	locals map[string]bool
}

func (b *block) declare(names ...string) {
	if b.locals == nil {
		b.locals = make(map[string]bool)
	}
	for _, n := range names {
		b.locals[n] = true
	}
}

// ofChunk reports whether a name is a local of the chunk, seen from inside a function.
func (b *block) ofChunk(name string) bool {
	for in := b; in != nil; in = in.outer {
		if in.locals[name] {
			return b.depth > 0 && in.depth == 0
		}
	}
	return false
}

func (s *survey) block(b *block, stmts []ast.Stmt) {
	for _, st := range stmts {
		s.stmt(b, st)
	}
}

func (s *survey) inner(b *block, stmts []ast.Stmt, locals ...string) *block {
	in := &block{outer: b, depth: b.depth}
	in.declare(locals...)
	s.block(in, stmts)
	return in
}

func (s *survey) stmt(b *block, st ast.Stmt) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		for _, l := range st.Lhs {
			s.assign(b, l, st.Line())
		}
		s.exprs(b, st.Rhs...)
	case *ast.LocalAssignStmt:
		s.local(b, st)
	case *ast.FuncCallStmt:
		s.exprs(b, st.Expr)
	case *ast.FuncDefStmt:
		s.define(b, st)
	case *ast.ReturnStmt:
		s.exprs(b, st.Exprs...)
	case *ast.DoBlockStmt:
		s.inner(b, st.Stmts)
	case *ast.IfStmt:
		s.exprs(b, st.Condition)
		s.inner(b, st.Then)
		s.inner(b, st.Else)
	default:
		s.loop(b, st)
	}
}

func (s *survey) loop(b *block, st ast.Stmt) {
	switch st := st.(type) {
	case *ast.WhileStmt:
		s.exprs(b, st.Condition)
		s.inner(b, st.Stmts)
	case *ast.RepeatStmt:
		s.exprs(s.inner(b, st.Stmts), st.Condition)
	case *ast.NumberForStmt:
		s.exprs(b, st.Init, st.Limit, st.Step)
		s.inner(b, st.Stmts, st.Name)
	case *ast.GenericForStmt:
		s.exprs(b, st.Exprs...)
		s.inner(b, st.Stmts, st.Names...)
	}
}

// local declares locals. local function f() … end sees itself; the parser gives it, and no other, a last line.
func (s *survey) local(b *block, st *ast.LocalAssignStmt) {
	if st.LastLine() != 0 {
		b.declare(st.Names...)
	}
	s.exprs(b, st.Exprs...)
	b.declare(st.Names...)
}

func (s *survey) define(b *block, st *ast.FuncDefStmt) {
	if st.Name.Func == nil { // function a.b:name()
		s.exprs(b, st.Name.Receiver)
		s.function(b, st.Func, "self")
		return
	}
	s.assign(b, st.Name.Func, st.Line())
	s.function(b, st.Func)
}

func (s *survey) function(b *block, f *ast.FunctionExpr, more ...string) {
	in := &block{outer: b, depth: b.depth + 1}
	in.declare(more...)
	if f.ParList != nil {
		in.declare(f.ParList.Names...)
	}
	s.block(in, f.Stmts)
}

// assign looks at what is assigned to.
func (s *survey) assign(b *block, l ast.Expr, line int) {
	switch l := l.(type) {
	case *ast.IdentExpr:
		if s.leak == nil && b.ofChunk(l.Value) {
			s.leak = &Error{Pos: plan.Pos{File: s.file, Line: line}, Message: fmt.Sprintf(
				"a function assigns to %q, a local of the file: it would leak from call to call and differ between shards; "+
					"keep what belongs to a call in call.vars", l.Value)}
		}
	case *ast.AttrGetExpr:
		s.exprs(b, l.Object, l.Key)
		if k, ok := l.Key.(*ast.StringExpr); ok {
			first(s.fields, k.Value, line)
		}
	}
}

func first[K comparable](m map[K]int, k K, line int) {
	if _, ok := m[k]; !ok && line > 0 {
		m[k] = line
	}
}

func (s *survey) exprs(b *block, es ...ast.Expr) {
	for _, e := range es {
		s.expr(b, e)
	}
}

func (s *survey) expr(b *block, e ast.Expr) {
	switch e := e.(type) {
	case *ast.FunctionExpr:
		s.function(b, e)
	case *ast.FuncCallExpr:
		if e.Func != nil {
			s.expr(b, e.Func)
		} else {
			s.expr(b, e.Receiver)
		}
		for _, a := range e.Args {
			s.argument(e.Line(), a)
		}
		s.exprs(b, e.Args...)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			if k, ok := f.Key.(*ast.StringExpr); ok {
				first(s.named, k.Value, k.Line())
			}
			s.exprs(b, f.Key, f.Value)
		}
	case *ast.AttrGetExpr:
		s.exprs(b, e.Object, e.Key)
	default:
		s.operator(b, e)
	}
}

func (s *survey) operator(b *block, e ast.Expr) {
	switch e := e.(type) {
	case *ast.LogicalOpExpr:
		s.exprs(b, e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		s.exprs(b, e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		s.exprs(b, e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		s.exprs(b, e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		s.expr(b, e.Expr)
	case *ast.UnaryNotOpExpr:
		s.expr(b, e.Expr)
	case *ast.UnaryLenOpExpr:
		s.expr(b, e.Expr)
	}
}

// argument notes the lines of the keys of a table that is an argument of a call, and of the tables in it.
func (s *survey) argument(call int, a ast.Expr) {
	t, ok := a.(*ast.TableExpr)
	if !ok {
		return
	}
	for _, f := range t.Fields {
		if k, ok := f.Key.(*ast.StringExpr); ok && k.Line() != call {
			first(s.keys, keyAt{call, k.Value}, k.Line())
		}
		s.argument(call, f.Value)
	}
}
