package check

import (
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"tandem/luaapi/api"
)

// moduleType starts the types of modules, which LuaCATS has no name for.
const moduleType = "module:"

// depth bounds how far a value is followed.
const depth = 40

// typeOf returns the type of an expression, "" if it is not known.
func (f *file) typeOf(e ast.Expr) api.Type { return f.infer(e, depth) }

func (f *file) infer(e ast.Expr, left int) api.Type {
	if left == 0 {
		return ""
	}
	switch e := e.(type) {
	case *ast.StringExpr, *ast.StringConcatOpExpr:
		return "string"
	case *ast.NumberExpr:
		return "number"
	case *ast.TrueExpr, *ast.FalseExpr, *ast.UnaryNotOpExpr:
		return "boolean"
	case *ast.NilExpr:
		return "nil"
	case *ast.TableExpr:
		return "table"
	case *ast.FunctionExpr:
		return "function"
	case *ast.IdentExpr:
		return f.nameType(e, left)
	case *ast.AttrGetExpr:
		return f.fieldType(e, left)
	case *ast.FuncCallExpr:
		return f.callType(e, left)
	}
	return ""
}

func (f *file) nameType(e *ast.IdentExpr, left int) api.Type {
	v := f.names.uses[e]
	if v == nil {
		if m := f.api.Module(e.Value); m != nil && m.Standard && e.Value != "_G" {
			return api.Type(moduleType + m.Name)
		}
		return ""
	}
	if v.written {
		return ""
	}
	if t := f.types[v]; t != "" {
		return t
	}
	if v.value == nil {
		return ""
	}
	return f.infer(v.value, left-1)
}

func (f *file) fieldType(e *ast.AttrGetExpr, left int) api.Type {
	key, ok := constant(e.Key)
	if !ok {
		return ""
	}
	for _, c := range f.classes(f.infer(e.Object, left-1)) {
		switch field := c.Field(key); {
		case field != nil && field.Optional:
			return field.Type + "?"
		case field != nil:
			return field.Type
		case c.Open != "":
			return c.Open
		}
	}
	return ""
}

func (f *file) callType(e *ast.FuncCallExpr, left int) api.Type {
	if m := f.required(e); m != "" {
		return m
	}
	if c := f.callee(e, left-1); c != nil && len(c.fn.Returns) > 0 {
		return c.fn.Returns[0]
	}
	return ""
}

// required returns the type of require "NAME" if that is a module of Tandem.
func (f *file) required(e *ast.FuncCallExpr) api.Type {
	name, ok := f.requires(e)
	if !ok || f.hasModule(name) {
		return ""
	}
	if m := f.api.Module(name); m != nil && !m.Standard && (!m.Tests || f.test) {
		return api.Type(moduleType + name)
	}
	return ""
}

// requires returns the name in require "NAME".
func (f *file) requires(e *ast.FuncCallExpr) (string, bool) {
	id, ok := e.Func.(*ast.IdentExpr)
	if !ok || id.Value != "require" || f.names.uses[id] != nil || len(e.Args) == 0 {
		return "", false
	}
	return constant(e.Args[0])
}

// module returns the module that a type is, nil if it is none.
func (f *file) module(t api.Type) *api.Module {
	name, ok := strings.CutPrefix(string(t), moduleType)
	if !ok {
		return nil
	}
	return f.api.Module(name)
}

// classes returns the classes that a value of a type may be of; none if it may be something else too.
func (f *file) classes(t api.Type) []*api.Class {
	if t == "" || f.module(t) != nil {
		return nil
	}
	var cs []*api.Class
	for _, a := range f.api.Alternatives(t) {
		switch c := f.api.Class(a); {
		case a == "nil":
		case c == nil:
			return nil
		default:
			cs = append(cs, c)
		}
	}
	return cs
}

// called is a function of the API that a call calls.
type called struct {
	fn *api.Function
	// what is its name in messages: "plan.to", "call:hangup".
	what string
	// strict says that surplus arguments are refused or mean a mistake, and not Lua's own.
	strict bool
	// first is the parameter of the first argument: 1 for methods of strings.
	first int
}

// callee returns the function that is called, nil if it is not known.
func (f *file) callee(e *ast.FuncCallExpr, left int) *called {
	if e.Method != "" {
		return f.method(e, left)
	}
	switch fn := e.Func.(type) {
	case *ast.IdentExpr:
		if f.names.uses[fn] != nil {
			return f.alias(fn, left)
		}
		if g := f.api.Module("_G").Function(fn.Value); g != nil {
			return &called{fn: g, what: fn.Value}
		}
	case *ast.AttrGetExpr:
		return f.member(fn, left)
	}
	return nil
}

// alias follows a local that is a function of a module: local to = plan.to.
func (f *file) alias(id *ast.IdentExpr, left int) *called {
	get, ok := f.names.uses[id].known().(*ast.AttrGetExpr)
	if !ok {
		return nil
	}
	return f.member(get, left)
}

func (f *file) member(get *ast.AttrGetExpr, left int) *called {
	key, ok := constant(get.Key)
	m := f.module(f.infer(get.Object, left))
	if !ok || m == nil {
		return nil
	}
	if fn := m.Function(key); fn != nil {
		return &called{fn: fn, what: m.Name + "." + key, strict: !m.Standard}
	}
	return nil
}

func (f *file) method(e *ast.FuncCallExpr, left int) *called {
	t := f.infer(e.Receiver, left)
	for _, c := range f.classes(t) {
		if fn := c.Method(e.Method); fn != nil {
			return &called{fn: fn, what: shortName(c) + ":" + e.Method, strict: true}
		}
	}
	for _, a := range f.api.Alternatives(t) {
		if a == "string" {
			if fn := f.api.Module("string").Function(e.Method); fn != nil {
				return &called{fn: fn, what: "string." + e.Method, first: 1}
			}
		}
	}
	return nil
}

// shortName is what messages call an object of a class.
func shortName(c *api.Class) string {
	_, last, _ := strings.Cut(string(c.Type), ".")
	if _, more, ok := strings.Cut(last, "."); ok {
		last = more
	}
	return last
}
