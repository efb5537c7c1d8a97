// Package lower rewrites the syntax tree of a Lua file into forms that gopher-lua compiles and runs correctly, and has
// the functions of the base library that handle errors, as Lua 5.1 has them. It keeps no state: a tree belongs to
// the caller, who gets it back changed in place. No RFC is involved; the reference is Lua 5.1 itself, which the tests
// of this package run beside it.
//
// What gopher-lua v1.1.2 gets wrong, and what takes its place:
//
//   - A logical expression, a call or ... in brackets, assigned to a local that exists, leaves the local or what stands
//     above it wrong: it goes through a new local.
//   - A multiple assignment writes locals before it has read all values: it goes through new locals, or is split where
//     no value reads a target.
//   - An error closes the upvalues of all functions that run, also of those that catch it: a local and the closures that
//     share it part. Locals that are captured and assigned to live in a table of one item; others cannot tell.
//   - break does not close the locals of the blocks inside of the loop that it leaves, and goto closes those of the
//     whole function: a captured local that is never used makes the compiler emit the right instruction.
//   - A jump back to an instruction that is itself a jump goes astray: loops and labels do not start with one, and
//     conditions that are constant are decided here.
//   - for k, v in f, s leaves the control variable as some expression before has left it: it gets all three values. One in
//     (f(x) == 1 and g or h)() compares something else: the call goes through new locals.
//   - { "a", k = f() } spreads f() into the list; lists of 50 items, 100, … lose items before a field with a key, or a call or
//     ... at the end; those of more than 25 550 items are cut.
//   - local f = function() … end sees itself as f.
package lower

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// Chunk rewrites the syntax tree of a file. The nodes that it keeps, and those that it makes, have the lines of the
// user's text.
func Chunk(stmts []ast.Stmt) []ast.Stmt {
	n := resolve(stmts)
	r := &rewriter{names: n, fn: n.main, joins: make(map[*ast.FuncCallExpr]bool)}
	out := r.block(stmts)
	if len(r.joins) == 0 {
		return out
	}
	line := stmts[0].Line() // a local is found sooner than a global
	return append([]ast.Stmt{localStmt(line, []string{Concat}, ident(line, Concat))}, out...)
}

// rewriter is the second pass: it knows which names are what.
type rewriter struct {
	*names
	fn    *function                  // around the node that is rewritten
	joins map[*ast.FuncCallExpr]bool // made of ".."
	fresh int
}

// temp returns a name that no script can have.
func (r *rewriter) temp() string {
	r.fresh++
	return "(" + strconv.Itoa(r.fresh) + ")"
}

// own reports whether an expression names a local of the function around it.
func (r *rewriter) own(e ast.Expr) bool {
	id, ok := e.(*ast.IdentExpr)
	return ok && r.uses[id] != nil && r.uses[id].fn == r.fn
}

func (r *rewriter) block(stmts []ast.Stmt) []ast.Stmt {
	out := make([]ast.Stmt, 0, len(stmts))
	for _, st := range stmts {
		out = append(out, r.stmt(st)...)
	}
	for i := len(out) - 1; i >= 0; i-- {
		if l, ok := out[i].(*ast.LabelStmt); ok && startOf(out[i+1:]) == startJump {
			out = append(out[:i+1], append([]ast.Stmt{r.guard(l.Line())}, out[i+1:]...)...)
		}
	}
	return out
}

func (r *rewriter) stmt(st ast.Stmt) []ast.Stmt {
	switch st := st.(type) {
	case *ast.AssignStmt:
		return r.assign(st)
	case *ast.LocalAssignStmt:
		return r.local(st)
	case *ast.FuncCallStmt:
		st.Expr = r.expr(st.Expr)
	case *ast.DoBlockStmt:
		st.Stmts = r.block(st.Stmts)
	case *ast.IfStmt:
		return r.branch(st)
	case *ast.FuncDefStmt:
		r.define(st)
	case *ast.ReturnStmt:
		r.exprs(st.Exprs)
	case *ast.GotoStmt:
		return r.jump(st)
	default:
		return r.loop(st)
	}
	return []ast.Stmt{st}
}

// branch decides a condition that is constant: an if that begins with a jump, as the first statement of a loop, sends the
// loop astray.
func (r *rewriter) branch(st *ast.IfStmt) []ast.Stmt {
	st.Condition = r.expr(st.Condition)
	st.Then, st.Else = r.block(st.Then), r.block(st.Else)
	if truth(st.Condition) != constFalse {
		return []ast.Stmt{st}
	}
	if len(st.Else) == 0 {
		return nil
	}
	do := &ast.DoBlockStmt{Stmts: st.Else}
	do.SetLine(st.Line())
	do.SetLastLine(st.LastLine())
	return []ast.Stmt{do}
}

func (r *rewriter) define(st *ast.FuncDefStmt) {
	if st.Name.Func == nil { // function a.b:name()
		st.Name.Receiver = r.expr(st.Name.Receiver)
	} else {
		st.Name.Func = r.expr(st.Name.Func)
	}
	r.function(st.Func)
}

// function rewrites a function. Parameters that live in cells are put there first.
func (r *rewriter) function(f *ast.FunctionExpr) {
	outer := r.fn
	r.fn = r.fns[f]
	body := r.block(f.Stmts)
	r.fn = outer
	f.Stmts = append(r.fill(f.Line(), r.decls[f]), body...)
}

// fill moves locals into their cells: local n = { n }.
func (r *rewriter) fill(line int, vars []*variable) (stmts []ast.Stmt) {
	for _, v := range vars {
		if v.cell() {
			stmts = append(stmts, localStmt(line, []string{v.name}, cell(line, ident(line, v.name))))
		}
	}
	return stmts
}

// jump makes the compiler emit the right OP_CLOSE for a goto: it takes the level from a block that is left and has a captured
// local, and closes the whole function without one.
func (r *rewriter) jump(st *ast.GotoStmt) []ast.Stmt {
	if !r.fn.captures {
		return []ast.Stmt{st}
	}
	do := place(&ast.DoBlockStmt{Stmts: append(r.anchor(st.Line()), st)}, st.Line())
	return []ast.Stmt{do}
}

// anchor declares a captured local, whose closure is never made.
func (r *rewriter) anchor(line int) []ast.Stmt {
	name := r.temp()
	fn := place(&ast.FunctionExpr{ParList: &ast.ParList{}, Stmts: []ast.Stmt{
		place(&ast.ReturnStmt{Exprs: []ast.Expr{ident(line, name)}}, line),
	}}, line)
	return []ast.Stmt{
		localStmt(line, []string{name}),
		place(&ast.IfStmt{Condition: ident(line, name), Then: []ast.Stmt{localStmt(line, []string{r.temp()}, fn)}}, line),
	}
}

// guard is a statement that does nothing, and not by jumping.
func (r *rewriter) guard(line int) ast.Stmt {
	return place(&ast.DoBlockStmt{Stmts: []ast.Stmt{localStmt(line, []string{r.temp()})}}, line)
}
