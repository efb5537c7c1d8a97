package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	planmod "tandem/luaapi/mod/plan"
	"tandem/luaapi/mod/re"
	"tandem/luaapi/pattern"
	"tandem/luaapi/spell"
)

// walk looks at every expression and statement.
func (f *file) walk(tree []ast.Stmt) {
	calls := make(map[ast.Expr]bool) // what is called: no field that is read
	var assigned []assignment
	targets := make(map[ast.Expr]bool)
	visitStmts(tree, func(st ast.Stmt) { assigned = append(assigned, assignments(st)...) })
	for _, a := range assigned {
		targets[a.to] = true
	}
	visit(tree, func(e ast.Expr) {
		switch e := e.(type) {
		case *ast.FuncCallExpr:
			calls[e.Func] = true
			f.call(e)
			f.plans(e)
		case *ast.AttrGetExpr:
			if !targets[e] {
				f.get(e, calls[e])
			}
		case *ast.TableExpr:
			f.metamethods(e)
		case *ast.UnaryLenOpExpr:
			f.length(e)
		case *ast.UnaryMinusOpExpr, *ast.ArithmeticOpExpr:
			f.negativeZero(e)
		}
	})
	for _, a := range assigned {
		f.set(a.to, a.line)
	}
	visitStmts(tree, func(st ast.Stmt) {
		if call, ok := st.(*ast.FuncCallStmt); ok {
			f.dropped(call)
		}
	})
}

// assignment is an assignment to a name or a field.
type assignment struct {
	to   ast.Expr
	line int
}

// assignments returns those that a statement makes.
func assignments(st ast.Stmt) (as []assignment) {
	switch st := st.(type) {
	case *ast.AssignStmt:
		for _, l := range st.Lhs {
			as = append(as, assignment{l, st.Line()})
		}
	case *ast.FuncDefStmt:
		if st.Name.Func != nil {
			as = append(as, assignment{st.Name.Func, st.Line()})
		}
	}
	return as
}

// call looks at a call.
func (f *file) call(e *ast.FuncCallExpr) {
	if name, ok := f.requires(e); ok {
		f.require(name, e.Line())
	}
	if e.Method != "" {
		f.methodCall(e)
	} else {
		f.dotCall(e)
	}
	c := f.callee(e, depth)
	if c == nil {
		return
	}
	f.arguments(e, c)
	f.patterns(e, c)
	f.dialectCall(e, c)
}

func (f *file) require(name string, line int) {
	m := f.api.Module(name)
	switch {
	case f.hasModule(name):
	case m != nil && m.Tests && !f.test:
		f.report(line, ruleModule, Error, fmt.Sprintf("only tests have module %q", name))
	case m == nil || m.Standard:
		hint := spell.Hint(name, f.moduleNames())
		if dots := strings.NewReplacer("/", ".", `\`, ".").Replace(strings.TrimSuffix(name, ".lua")); dots != name && f.hasModule(dots) {
			hint = fmt.Sprintf("; modules are named with dots: require %q", dots)
		}
		f.report(line, ruleModule, Error, fmt.Sprintf("no module %q%s", name, hint))
	}
}

// methodCall looks at the receiver of a:b().
func (f *file) methodCall(e *ast.FuncCallExpr) {
	t := f.typeOf(e.Receiver)
	if m := f.module(t); m != nil {
		f.report(e.Line(), ruleColon, Error, fmt.Sprintf("%s.%s is a function, not a method: write %s.%s(…)", m.Name, e.Method, m.Name, e.Method))
		return
	}
	cs := f.classes(t)
	var known []string
	for _, c := range cs {
		if c.Method(e.Method) != nil || c.Open != "" {
			return
		}
		for i := range c.Methods {
			known = append(known, c.Methods[i].Name)
		}
	}
	if len(cs) > 0 {
		f.report(e.Line(), ruleFunction, Error, fmt.Sprintf("a %s has no method %q%s", cs[0].Name, e.Method, spell.Hint(e.Method, known)))
	}
}

// dotCall looks at a.b() where b is a method.
func (f *file) dotCall(e *ast.FuncCallExpr) {
	get, ok := e.Func.(*ast.AttrGetExpr)
	if !ok {
		return
	}
	key, ok := constant(get.Key)
	for _, c := range f.classes(f.typeOf(get.Object)) {
		if ok && c.Method(key) != nil {
			f.report(e.Line(), ruleColon, Error, fmt.Sprintf("%s is a method: write %s:%s(…)", key, shortName(c), key))
			return
		}
	}
}

// get looks at a field that is read, or called.
func (f *file) get(e *ast.AttrGetExpr, called bool) {
	key, ok := constant(e.Key)
	if !ok {
		return
	}
	t := f.typeOf(e.Object)
	if m := f.module(t); m != nil {
		f.getMember(e, m.Name, key, called)
		return
	}
	cs := f.classes(t)
	severity := Warning
	var known []string
	for _, c := range cs {
		members := c.Members()
		if c.Open != "" || slices.Contains(members, key) {
			return
		}
		known = append(known, members...)
		if len(c.Fields)+len(c.Methods) > 0 && c.Kind == 0 {
			severity = Error
		}
	}
	if len(cs) > 0 {
		f.report(e.Key.Line(), ruleField, severity, fmt.Sprintf("%s.%s: no such field%s", shortName(cs[0]), key, spell.Hint(key, known)))
	}
}

func (f *file) getMember(e *ast.AttrGetExpr, name, key string, called bool) {
	m := f.api.Module(name)
	if slices.Contains(m.Members(), key) {
		return
	}
	line := e.Key.Line()
	if why := newerMembers[name+"."+key]; why != "" {
		f.report(line, ruleDialect, Error, fmt.Sprintf("Lua 5.1 has no %s.%s: %s", name, key, why))
		return
	}
	severity := Error
	if m.Standard && !called {
		severity = Warning // it is nil
	}
	f.report(line, ruleFunction, severity, fmt.Sprintf("%s has no %q%s", name, key, spell.Hint(key, m.Members())))
}

// set looks at what is assigned to.
func (f *file) set(l ast.Expr, line int) {
	get, ok := l.(*ast.AttrGetExpr)
	if !ok {
		return
	}
	key, named := constant(get.Key)
	if named {
		f.metamethod(key, line)
	}
	t := f.typeOf(get.Object)
	if m := f.module(t); m != nil {
		f.report(line, ruleReadOnly, Error, fmt.Sprintf("module %s cannot be changed; keep it in a local of your own", m.Name))
		return
	}
	for _, c := range f.classes(t) {
		if c.Kind == 0 {
			f.report(line, ruleReadOnly, Error, fmt.Sprintf("%s.%s cannot be written; keep what belongs to a call in call.vars", shortName(c), key))
			return
		}
	}
}

// dropped looks at a call that is a statement.
func (f *file) dropped(st *ast.FuncCallStmt) {
	e, ok := st.Expr.(*ast.FuncCallExpr)
	if !ok {
		return
	}
	if c := f.callee(e, depth); c != nil && slices.Contains(c.fn.Returns, "tandem.node") {
		f.report(st.Line(), ruleDropped, Warning, fmt.Sprintf("%s makes a plan, and nothing is done with it; return it", c.what))
	}
}

// patterns compiles the pattern that a function of strings is given, and the expression that one of module re is.
func (f *file) patterns(e *ast.FuncCallExpr, c *called) {
	compile := re.Check
	switch c.what {
	case "string.find", "string.match", "string.gmatch", "string.gsub":
		compile = func(text string) error {
			_, err := pattern.Compile(text, c.what != "string.gmatch")
			return err
		}
	case "re.find", "re.match", "re.gmatch", "re.gsub", "re.split":
	default:
		return
	}
	at := 1 - c.first
	if len(e.Args) <= at || c.what == "string.find" && len(e.Args) > at+2 {
		return
	}
	text, ok := constant(e.Args[at])
	if !ok {
		return
	}
	if err := compile(text); err != nil {
		f.report(e.Args[at].Line(), rulePattern, Error, fmt.Sprintf("%s: %v", c.what, err))
	}
}

// uri looks at the target of plan.to.
func (f *file) uri(e ast.Expr, what string) {
	if text, ok := constant(e); ok {
		if problem := planmod.Undialled(text); problem != "" {
			f.report(e.Line(), ruleTarget, Error, fmt.Sprintf("%s %q: %s", what, text, problem))
			return
		}
		f.user(e.Line(), text)
	}
}

// user looks at a target that is a user. Tests have users of their own.
func (f *file) user(line int, target string) {
	name := planmod.Registrant(target)
	if users := f.script.Users; name != "" && len(users) > 0 && !f.test && !slices.Contains(users, name) {
		f.report(line, ruleUser, Warning, fmt.Sprintf("tandem.toml has no [[user]] %q, so nobody registers as that%s", name, spell.Hint(name, users)))
	}
}
