package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"tandem/luaapi/api"
	planmod "tandem/luaapi/mod/plan"
	"tandem/luaapi/spell"
)

// arguments looks at how many arguments a call has, and at each.
func (f *file) arguments(e *ast.FuncCallExpr, c *called) {
	params := c.fn.Params[c.first:]
	n, open := len(e.Args), len(e.Args) > 0 && f.open(e.Args[len(e.Args)-1])
	if need := c.fn.Required() - c.first; n < need && !open {
		f.report(e.Line(), ruleArity, Error, fmt.Sprintf("%s takes %s, got %d", c.what, arguments(need, len(params), c.fn.Variadic()), n))
	}
	if surplus := n > len(params); surplus && !open && !c.fn.Variadic() && c.what != "string.rep" {
		f.report(e.Line(), ruleArity, Warning, fmt.Sprintf("%s takes %s, got %d", c.what, arguments(c.fn.Required()-c.first, len(params), false), n))
	}
	for i, a := range e.Args {
		if i < len(params) && params[i].Name != "..." && !f.open(a) {
			f.value(c.what, &params[i], a)
		}
	}
	if c.what == "plan.to" && n > 0 {
		f.uri(e.Args[0], c.what)
	}
}

// open reports whether an expression may have more or fewer values than one. Functions of Tandem's modules have as many as they say.
func (f *file) open(e ast.Expr) bool {
	if call, ok := e.(*ast.FuncCallExpr); ok && several(e) {
		c := f.callee(call, depth)
		return c == nil || !c.strict || len(c.fn.Returns) != 1
	}
	return several(e)
}

// arguments says how many arguments a function takes.
func arguments(least, most int, any bool) string {
	switch {
	case most == 0:
		return "no argument"
	case any:
		return fmt.Sprintf("%d or more arguments", least)
	case least != most:
		return fmt.Sprintf("%d to %d arguments", least, most)
	case most == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", most)
}

// value looks at what a parameter, an option or a field is given.
func (f *file) value(what string, v *api.Value, e ast.Expr) {
	alternatives := f.api.Alternatives(v.Type)
	switch e := f.written(e).(type) {
	case *ast.TableExpr:
		if f.table(what, v, alternatives, e) {
			return
		}
	case *ast.FunctionExpr:
		f.bind(e, alternatives)
	}
	if problem := f.problem(v, alternatives, e); problem != "" {
		f.report(e.Line(), ruleType, Error, fmt.Sprintf("%s: %s must be %s, got %s", what, v.Name, f.api.Describe(v), problem))
	}
}

// written returns the table or function that a name stands for, if it is known, and else the expression.
func (f *file) written(e ast.Expr) ast.Expr {
	if id, ok := e.(*ast.IdentExpr); ok {
		if fn, ok := f.names.uses[id].known().(*ast.FunctionExpr); ok {
			return fn
		}
	}
	return e
}

// problem says what a value is that it must not be, "" if it may or nobody knows.
func (f *file) problem(v *api.Value, alternatives []api.Type, e ast.Expr) string {
	switch lit := e.(type) {
	case *ast.NilExpr:
		if v.Optional || slices.Contains(alternatives, "nil") || slices.Contains(alternatives, "any") {
			return ""
		}
		return "nil"
	case *ast.StringExpr:
		return stringProblem(alternatives, lit.Value)
	case *ast.NumberExpr:
		if n, err := strconv.ParseFloat(lit.Value, 64); err == nil {
			return numberProblem(v, alternatives, n, lit.Value)
		}
	case *ast.UnaryMinusOpExpr:
		if num, ok := lit.Expr.(*ast.NumberExpr); ok {
			if n, err := strconv.ParseFloat(num.Value, 64); err == nil {
				return numberProblem(v, alternatives, -n, "-"+num.Value)
			}
		}
	case *ast.TrueExpr:
		return f.otherProblem(alternatives, "true", "true")
	case *ast.FalseExpr:
		return f.otherProblem(alternatives, "false", "false")
	}
	t := f.typeOf(e)
	if t == "" {
		return ""
	}
	if m := f.module(t); m != nil {
		return f.otherProblem(alternatives, "table", "module "+m.Name)
	}
	return f.otherProblem(alternatives, t, "")
}

func stringProblem(alternatives []api.Type, s string) string {
	var words []string
	for _, a := range alternatives {
		w, ok := a.Literal()
		switch {
		case a == "string", a == "any", ok && w == s:
			return ""
		case ok:
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return "a string"
	}
	return strconv.Quote(s) + spell.Hint(s, words)
}

func numberProblem(v *api.Value, alternatives []api.Type, n float64, shown string) string {
	for _, a := range alternatives {
		switch a {
		case "any":
			return ""
		case "number", "integer":
			if a == "integer" && n != float64(int64(n)) || !v.Range.Holds(n) {
				return shown
			}
			return ""
		}
	}
	return "a number"
}

// otherProblem compares types; shown is what a message calls the value, "" for its type.
func (f *file) otherProblem(alternatives []api.Type, t api.Type, shown string) string {
	for _, got := range f.api.Alternatives(t) {
		for _, want := range alternatives {
			if got != "nil" && f.fits(got, want) {
				return ""
			}
		}
	}
	if shown != "" {
		return shown
	}
	return f.api.Describe(&api.Value{Type: api.Type(strings.TrimSuffix(string(t), "?"))})
}

// fits reports whether a value of one type can be one of another.
func (f *file) fits(got, want api.Type) bool {
	_, literal := want.Literal()
	switch {
	case got == want, got == "any", want == "any":
		return true
	case got == "number" || got == "integer":
		return want == "number" || want == "integer"
	case got == "boolean":
		return want == "true" || want == "false"
	case got == "true" || got == "false":
		return want == "boolean"
	case got == "string":
		return literal
	case got.Function():
		return want.Function()
	}
	return f.api.Table(got) && f.api.Table(want)
}

// bind tells the parameters of a function that is given where one of a type is expected.
func (f *file) bind(fn *ast.FunctionExpr, alternatives []api.Type) {
	for _, a := range alternatives {
		inner, ok := strings.CutPrefix(string(a), "fun(")
		if !ok {
			continue
		}
		inner, _, _ = strings.Cut(inner, ")")
		var types []api.Type
		for p := range strings.SplitSeq(inner, ",") {
			_, t, _ := strings.Cut(p, ": ")
			types = append(types, api.Type(t))
		}
		f.bindAll(fn, types)
	}
}

func (f *file) bindAll(fn *ast.FunctionExpr, types []api.Type) {
	for i, v := range f.names.params[fn] {
		if i < len(types) && f.types[v] == "" {
			f.types[v] = types[i]
		}
	}
}

// table looks at a table that is given; false if none is expected.
func (f *file) table(what string, v *api.Value, alternatives []api.Type, e *ast.TableExpr) bool {
	var tables []api.Type
	for _, a := range alternatives {
		if a == "any" || a == "table" {
			return true
		}
		if f.api.Table(a) {
			tables = append(tables, a)
		}
	}
	if len(tables) != 1 {
		return len(tables) > 1
	}
	t := tables[0]
	if c := f.api.Class(t); c != nil {
		inner := what
		if v.Name == "each" || v.Name == "on" {
			inner += ": " + v.Name
		}
		f.options(inner, c, e)
		return true
	}
	item := api.Value{Name: v.Name, Type: t.Item() + t.Values()}
	for _, field := range e.Fields {
		if key, ok := constant(field.Key); ok {
			item.Name = v.Name + "." + key
		}
		if _, isNil := field.Value.(*ast.NilExpr); isNil && slices.Contains(f.api.Alternatives(item.Type), "false") {
			f.report(e.Line(), ruleType, Warning, fmt.Sprintf("%s: %s = nil is as if it were not there; false takes it away", what, item.Name))
			continue
		}
		f.value(what, &item, field.Value)
	}
	return true
}

// options looks at a table of options.
func (f *file) options(what string, c *api.Class, e *ast.TableExpr) {
	items, dynamic := 0, false
	given := make(map[string]bool)
	for _, field := range e.Fields {
		key, named := constant(field.Key)
		switch {
		case field.Key == nil:
			items++
			f.item(what, c, items, field.Value, e.Line())
		case named:
			given[key] = true
			f.option(what, c, key, field)
		default:
			dynamic = true
		}
	}
	if c.Type == "tandem.site_plan_options" {
		f.central(what, e)
	}
	for i := range c.Fields {
		if o := &c.Fields[i]; !o.Optional && !given[o.Name] && !dynamic {
			f.report(e.Line(), ruleArity, Error, fmt.Sprintf("%s: %s is missing", what, o.Name))
		}
	}
}

func (f *file) option(what string, c *api.Class, key string, field *ast.Field) {
	o := c.Field(key)
	switch {
	case o == nil:
		f.report(field.Key.Line(), ruleOption, Error, fmt.Sprintf("%s has no option %q%s", what, key, planmod.OptionHint(key, api.Names(c.Fields))))
		return
	case o.Later:
		f.report(field.Key.Line(), ruleNotCalled, Warning, fmt.Sprintf("%s: nothing in this release fails as %q", what, key))
	}
	f.value(what, o, field.Value)
}

func (f *file) item(what string, c *api.Class, n int, e ast.Expr, line int) {
	if e.Line() > 0 {
		line = e.Line()
	}
	if c.Items == "" {
		f.report(line, ruleType, Error, fmt.Sprintf("%s: item %d has no meaning; options have names", what, n))
		return
	}
	if _, isNil := e.(*ast.NilExpr); isNil {
		f.report(line, ruleNilItem, Error, fmt.Sprintf("%s: item %d is nil; leave out what is not there", what, n))
		return
	}
	if name := f.special(e); name != "" {
		f.report(line, ruleMisplaced, Error, fmt.Sprintf("%s: item %d is %s", what, n, name))
		return
	}
	f.value(what, &api.Value{Name: fmt.Sprintf("item %d", n), Type: c.Items}, e)
}

// special returns which of the plans that have one place only an expression makes, "" if none.
func (f *file) special(e ast.Expr) string {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok {
		return ""
	}
	switch c := f.callee(call, depth); {
	case c == nil:
		return ""
	case c.what == "plan.follow":
		return "plan.follow(), which only route.redirected may return"
	case c.what == "plan.pass":
		return "plan.pass(), which only route.refer may return"
	}
	return ""
}
