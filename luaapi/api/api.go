// Package api is the one registry of the Lua API: every module, function, handler, option, type and field that scripts
// see, with its types, units, ranges and words.
//
// From it come the stubs for editors (Stubs), the reference (Pages), `tandem doc` (Doc), and what `tandem check` knows.
// Nothing here runs: the code that does stands in luaapi and luaapi/mod, and tests hold both to each other. A module
// that is new gets a file here that describes it, named in Modules. The registry is made once and never changed.
package api

import (
	"strings"
	"sync"
)

// Type is a type as LuaCATS writes it: "number", `"stop"|"branch"`, "tandem.step[]".
type Type string

// Range bounds a number. Both ends belong to it but for Above, which leaves Min out. With Max 0 it has no upper end.
type Range struct {
	Min, Max float64
	Above    bool
	Whole    bool
}

// Value is a parameter, an option or a field.
type Value struct {
	Name string
	Type Type
	// Optional says that it may be left out, or that it may be nil when read.
	Optional bool
	Doc      string
	// Unit is the unit of a number: "s".
	Unit string
	// Range bounds a number that a script gives; nil = any.
	Range *Range
	// Default is what holds when it is left out, in Lua; "" if that is nothing or said in Doc.
	Default string
	// Later says that the name is known and this release does nothing with it.
	Later bool
	// Since is the release that brought it; "" = that of what it belongs to.
	Since string
}

// Function is a function of a module or a method of a class.
type Function struct {
	Name   string
	Doc    string
	Params []Value
	// Returns are the types of the results; none = the function returns nothing.
	Returns []Type
	// Errors says when it raises an error besides for arguments of wrong types and ranges; "" = never.
	Errors string
	// Use is a line of Lua that shows it.
	Use   string
	Since string
}

// Module is what `require` gives, or a global table of the standard library.
type Module struct {
	// Name is what it is required as; "_G" are the global functions.
	Name string
	// Doc starts with a sentence that says what the module is for.
	Doc string
	// Standard says that it belongs to Lua: it is there without require.
	Standard bool
	// Tests says that only test files have it.
	Tests bool
	// Library says that it is written in Lua, in scripts/.
	Library   bool
	Functions []Function
	// Fields are its values that are not functions.
	Fields []Value
	Since  string
}

// Kind says where the values of a class come from.
type Kind uint8

// The kinds of classes.
const (
	// Object is made by Tandem: scripts read it and call its methods.
	Object Kind = iota
	// Record is a plain table that Tandem makes.
	Record
	// Options is a table that the script writes: its fields may be left out, others than them are mistakes.
	Options
)

// Class is a type with fields.
type Class struct {
	// Name is what errors and texts call it: "call", "URI".
	Name string
	// Type is its name in LuaCATS: "tandem.call".
	Type Type
	Doc  string
	Kind Kind
	// Module is the module that it belongs to, "" if scripts get it from handlers.
	Module string
	// Items is the type of the items that options may hold besides; "" = none.
	Items   Type
	Fields  []Value
	Methods []Function
	// Open says that any other field may be read, and is of this type.
	Open  Type
	Since string
}

// Alias is a name for a type.
type Alias struct {
	Type Type
	Is   Type
	Doc  string
	// Module is the module that it belongs to.
	Module string
}

// Handler is a function of the table that a script returns.
type Handler struct {
	Name string
	// When it is called, for a table.
	When   string
	Params []Value
	// Decides says that it may return a plan; other handlers return nothing.
	Decides bool
	// Returns says what it may return and what nil means.
	Returns string
	// Later says that the name is known and this release never calls it.
	Later bool
	Since string
}

// Registry is the whole API.
type Registry struct {
	Modules  []Module
	Classes  []Class
	Aliases  []Alias
	Handlers []Handler
	// Keys are the other keys of the table that a script returns.
	Keys []Value

	modules map[string]*Module
	classes map[Type]*Class
	aliases map[Type]*Alias
}

// Lua returns the registry.
var Lua = sync.OnceValue(func() *Registry {
	r := &Registry{Handlers: handlers(), Keys: routeKeys(), Modules: modules()}
	for _, cs := range [][]Class{valueClasses(), planClasses(), identityClasses(), libraryClasses(), numberClasses(), scheduleClasses(), httpClasses(), lookupClasses(), activityClasses(), testClasses()} {
		r.Classes = append(r.Classes, cs...)
	}
	r.Aliases = append(planAliases(), testAliases()...)
	r.modules, r.classes, r.aliases = make(map[string]*Module), make(map[Type]*Class), make(map[Type]*Alias)
	for i := range r.Modules {
		r.modules[r.Modules[i].Name] = &r.Modules[i]
	}
	for i := range r.Classes {
		r.classes[r.Classes[i].Type] = &r.Classes[i]
	}
	for i := range r.Aliases {
		r.aliases[r.Aliases[i].Type] = &r.Aliases[i]
	}
	return r
})

// modules are all modules, in the order of the reference.
func modules() []Module {
	own := append([]Module{planModule()}, libraryModules()...)
	own = append(own, identityModule(), numberModule(), scheduleModule(), logModule(), httpModule(), jsonModule(), reModule(), lookupModule(), activityModule(), testModule())
	return append(own, standardModules()...)
}

// Module returns the module of a name, nil if there is none.
func (r *Registry) Module(name string) *Module { return r.modules[name] }

// Class returns the class of a type, nil if it is none.
func (r *Registry) Class(t Type) *Class { return r.classes[t] }

// ClassNamed returns the class that texts call so, nil if there is none.
func (r *Registry) ClassNamed(name string) *Class {
	for i := range r.Classes {
		if r.Classes[i].Name == name {
			return &r.Classes[i]
		}
	}
	return nil
}

// Alias returns what a name stands for, nil if it is none.
func (r *Registry) Alias(t Type) *Alias { return r.aliases[t] }

// Handler returns a handler by name, nil if there is none.
func (r *Registry) Handler(name string) *Handler {
	for i := range r.Handlers {
		if r.Handlers[i].Name == name {
			return &r.Handlers[i]
		}
	}
	return nil
}

// RouteKeys returns all keys that the table of a script may have: the handlers, then the others.
func (r *Registry) RouteKeys() []string {
	var names []string
	for i := range r.Handlers {
		names = append(names, r.Handlers[i].Name)
	}
	return append(names, Names(r.Keys)...)
}

// Function returns a function of a module, nil if it has none of that name.
func (m *Module) Function(name string) *Function { return functionNamed(m.Functions, name) }

// Method returns a method of a class, nil if it has none of that name.
func (c *Class) Method(name string) *Function { return functionNamed(c.Methods, name) }

// Field returns a field of a class, nil if it has none of that name.
func (c *Class) Field(name string) *Value { return named(c.Fields, name) }

// Members returns the names of the fields and the methods.
func (c *Class) Members() []string { return append(Names(c.Fields), functionNames(c.Methods)...) }

// Members returns the names of the functions and the fields.
func (m *Module) Members() []string { return append(functionNames(m.Functions), Names(m.Fields)...) }

// Names returns the names of values, in their order.
func Names(vs []Value) []string {
	names := make([]string, len(vs))
	for i := range vs {
		names[i] = vs[i].Name
	}
	return names
}

func functionNames(fs []Function) []string {
	names := make([]string, len(fs))
	for i := range fs {
		names[i] = fs[i].Name
	}
	return names
}

func functionNamed(fs []Function, name string) *Function {
	for i := range fs {
		if fs[i].Name == name {
			return &fs[i]
		}
	}
	return nil
}

func named(vs []Value, name string) *Value {
	for i := range vs {
		if vs[i].Name == name {
			return &vs[i]
		}
	}
	return nil
}

// Variadic reports whether a function takes any number of arguments.
func (f *Function) Variadic() bool {
	return len(f.Params) > 0 && f.Params[len(f.Params)-1].Name == "..."
}

// Required is how many arguments a call must have at least.
func (f *Function) Required() int {
	n := 0
	for i := range f.Params {
		if p := &f.Params[i]; !p.Optional && p.Name != "..." {
			n = i + 1
		}
	}
	return n
}

// Signature returns "to(target, options?)".
func (f *Function) Signature() string {
	names := make([]string, len(f.Params))
	for i := range f.Params {
		names[i] = f.Params[i].Name
		if f.Params[i].Optional {
			names[i] += "?"
		}
	}
	return f.Name + "(" + strings.Join(names, ", ") + ")"
}

// value makes a Value; a name that ends with "?" is optional.
func value(name string, t Type, doc string) Value {
	bare, optional := strings.CutSuffix(name, "?")
	return Value{Name: bare, Type: t, Optional: optional, Doc: doc}
}

func values(vs ...Value) []Value { return vs }

func (v Value) in(unit string, r Range) Value { v.Unit, v.Range = unit, &r; return v }
func (v Value) or(def string) Value           { v.Default = def; return v }
func (v Value) later() Value                  { v.Later = true; return v }

func returns(ts ...Type) []Type { return ts }
