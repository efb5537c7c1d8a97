package check

import (
	"fmt"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"tandem/luaapi/api"
	"tandem/luaapi/spell"
)

// handlers looks at the table that the entry file returns.
func (f *file) handlers(tree []ast.Stmt) {
	if f.name != f.script.Entry || len(tree) == 0 {
		return
	}
	ret, ok := tree[len(tree)-1].(*ast.ReturnStmt)
	if !ok || len(ret.Exprs) != 1 {
		return
	}
	table, ok := ret.Exprs[0].(*ast.TableExpr)
	if id, isName := ret.Exprs[0].(*ast.IdentExpr); isName {
		v := f.names.uses[id]
		if table, ok = v.known().(*ast.TableExpr); ok {
			f.handlersOf(tree, v)
		}
	}
	if !ok {
		return
	}
	for _, field := range table.Fields {
		if key, ok := constant(field.Key); ok {
			f.key(key, field.Key.Line(), field.Value)
		}
	}
}

// handlersOf looks at the handlers that are assigned to fields of a local: route.invite = …, function route.invite() … end.
func (f *file) handlersOf(tree []ast.Stmt, route *variable) {
	set := func(l ast.Expr, line int, value ast.Expr) {
		get, ok := l.(*ast.AttrGetExpr)
		if !ok {
			return
		}
		id, ok := get.Object.(*ast.IdentExpr)
		key, named := constant(get.Key)
		if ok && named && f.names.uses[id] == route {
			f.key(key, line, value)
		}
	}
	visitStmts(tree, func(st ast.Stmt) {
		switch st := st.(type) {
		case *ast.AssignStmt:
			for i, l := range st.Lhs {
				if i < len(st.Rhs) && len(st.Lhs) == len(st.Rhs) {
					set(l, st.Line(), st.Rhs[i])
				}
			}
		case *ast.FuncDefStmt:
			set(st.Name.Func, st.Line(), st.Func)
			f.withSelf(st, route)
		}
	})
}

// withSelf reports a handler that is written as a method: the call would be its self.
func (f *file) withSelf(st *ast.FuncDefStmt, route *variable) {
	id, ok := st.Name.Receiver.(*ast.IdentExpr)
	if h := f.api.Handler(st.Name.Method); ok && h != nil && f.names.uses[id] == route {
		f.report(st.Line(), ruleColon, Error, fmt.Sprintf("handler %q is no method, its first argument would be self: write function %s.%s", h.Name, id.Value, h.Name))
	}
}

// key looks at one key of the table of handlers.
func (f *file) key(name string, line int, value ast.Expr) {
	for i := range f.api.Keys {
		if k := &f.api.Keys[i]; k.Name == name {
			f.value("route", k, value)
			return
		}
	}
	h := f.api.Handler(name)
	if h == nil {
		f.report(line, ruleHandler, Error, fmt.Sprintf("%q is not a handler%s", name, spell.Hint(name, f.api.RouteKeys())))
		return
	}
	if h.Later {
		f.report(line, ruleNotCalled, Warning, fmt.Sprintf("nothing in this release calls handler %q", name))
	}
	fn, ok := f.written(value).(*ast.FunctionExpr)
	if ok {
		f.handler(h, fn)
		return
	}
	if t := f.typeOf(value); t != "" && t != "any" && t != "nil" && !t.Function() {
		f.report(line, ruleType, Error, fmt.Sprintf("handler %q must be a function, got %s", name, f.api.Describe(&api.Value{Type: t})))
	}
}

func (f *file) handler(h *api.Handler, fn *ast.FunctionExpr) {
	var types []api.Type
	for i := range h.Params {
		types = append(types, h.Params[i].Type)
	}
	f.bindAll(fn, types)
	if n := len(fn.ParList.Names); n > len(h.Params) {
		f.report(fn.Line(), ruleArity, Warning, fmt.Sprintf("handler %q is given %s, and declares %d parameters", h.Name, arguments(len(h.Params), len(h.Params), false), n))
	}
	visitBlock(fn.Stmts, func(st ast.Stmt) {
		if ret, ok := st.(*ast.ReturnStmt); ok && len(ret.Exprs) > 0 {
			f.returned(h, ret.Exprs[0], ret.Line())
		}
	})
	if h.Name == "invite" && !f.blockEnds(fn.Stmts) {
		f.report(fn.LastLine(), ruleNoReturn, Warning, "a path through invite ends here without a decision: the call is answered 404; write return nil if that is meant")
	}
}

// returned looks at what a handler returns.
func (f *file) returned(h *api.Handler, e ast.Expr, line int) {
	if _, isNil := e.(*ast.NilExpr); isNil {
		return
	}
	if !h.Decides {
		f.report(line, ruleObserver, Warning, fmt.Sprintf("%s observes: what it returns is ignored, and logged as an error", h.Name))
		return
	}
	call, ok := e.(*ast.FuncCallExpr)
	if ok {
		c := f.callee(call, depth)
		if c != nil && (c.what == "plan.pass" && h.Name != "refer" || c.what == "plan.follow" && h.Name != "redirected") {
			f.report(line, ruleMisplaced, Error, fmt.Sprintf("%s returns %s", h.Name, f.special(e)))
		}
		if c != nil {
			f.registers(h, c.what, line)
		}
		return
	}
	want := api.Value{Name: "what " + h.Name + " returns", Type: "tandem.node"}
	if problem := f.problem(&want, []api.Type{"tandem.node"}, e); problem != "" {
		if problem == "a function" {
			problem += "; call it: return f(call)"
		}
		if h.Name == "register" {
			f.report(line, ruleType, Error, "register must return plan.accept(…), plan.reject(…) or nil, got "+strings.TrimSuffix(problem, "; call it: return f(call)"))
			return
		}
		f.report(line, ruleType, Error, fmt.Sprintf("%s must return a plan, got %s", h.Name, problem))
	}
}

// registers looks at what a handler returns of a function: register decides about registrations, and the others do not.
func (f *file) registers(h *api.Handler, what string, line int) {
	switch {
	case h.Name != "register" && what == "plan.accept":
		f.report(line, ruleMisplaced, Error, h.Name+" returns plan.accept(), which only route.register may return")
	case h.Name == "register" && strings.HasPrefix(what, "plan.") && what != "plan.accept" && what != "plan.reject":
		f.report(line, ruleMisplaced, Error, "register returns "+what+"(), which is for calls; return plan.accept(…), plan.reject(…) or nil")
	}
}
