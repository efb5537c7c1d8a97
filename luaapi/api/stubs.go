package api

import (
	"fmt"
	"regexp"
	"strings"
)

// Stubs returns files for editors that read LuaCATS annotations: a stub for every module, and tandem.lua with the values
// that handlers are given. The standard library is known to editors.
func Stubs() map[string]string {
	r := Lua()
	files := map[string]string{"tandem.lua": r.valueStub()}
	for i := range r.Modules {
		if m := &r.Modules[i]; !m.Standard {
			files[m.Name+".lua"] = r.moduleStub(m)
		}
	}
	return files
}

// LuaRC is the configuration of the language server for a folder of scripts; library is where the stubs are.
func LuaRC(library string) string {
	return fmt.Sprintf(`{
  "runtime.version": "Lua 5.1",
  "runtime.path": ["?.lua", "?/init.lua"],
  "runtime.builtin": {
    "bit": "disable", "bit32": "disable", "coroutine": "disable", "debug": "disable", "ffi": "disable", "io": "disable", "jit": "disable",
    "os": "disable", "package": "disable", "utf8": "disable"
  },
  "workspace.library": [%q]
}
`, library)
}

// stub writes one.
type stub struct{ strings.Builder }

func (s *stub) line(format string, args ...any) { fmt.Fprintf(s, format+"\n", args...) }

// doc writes a text as comments.
func (s *stub) doc(text string) {
	if text != "" {
		s.line("---%s", text)
	}
}

func (r *Registry) valueStub() string {
	s := &stub{}
	s.line("---@meta _\n")
	for i := range r.Classes {
		if c := &r.Classes[i]; c.Module == "" {
			s.class(c)
		}
	}
	s.doc("The table that a script returns.")
	s.line("---@class tandem.route")
	for i := range r.Handlers {
		h := &r.Handlers[i]
		result := ""
		if h.Decides {
			result = ": tandem.node?"
		}
		s.line("---@field %s? fun(%s)%s %s", h.Name, parameters(h.Params), result, h.When)
	}
	for i := range r.Keys {
		s.field(&r.Keys[i])
	}
	return s.String()
}

func parameters(ps []Value) string {
	out := make([]string, len(ps))
	for i := range ps {
		out[i] = ps[i].label() + ": " + string(ps[i].Type)
	}
	return strings.Join(out, ", ")
}

// label is the name, with a question mark if it is optional.
func (v *Value) label() string {
	if v.Optional {
		return v.Name + "?"
	}
	return v.Name
}

func (r *Registry) moduleStub(m *Module) string {
	s := &stub{}
	s.line("---@meta %s\n", m.Name)
	for i := range r.Aliases {
		if a := &r.Aliases[i]; a.Module == m.Name {
			s.doc(a.Doc)
			s.line("---@alias %s %s\n", a.Type, a.Is)
		}
	}
	for i := range r.Classes {
		if c := &r.Classes[i]; c.Module == m.Name {
			s.class(c)
		}
	}
	s.doc(m.Doc)
	s.line("---@class tandem.module.%s", m.Name)
	for i := range m.Fields {
		s.field(&m.Fields[i])
	}
	s.line("local %s = {}\n", m.Name)
	for i := range m.Functions {
		s.function(m.Name+".", &m.Functions[i])
	}
	s.line("return %s", m.Name)
	return s.String()
}

func (s *stub) class(c *Class) {
	s.doc(c.Doc)
	s.line("---@class %s", c.Type)
	if c.Items != "" {
		s.line("---@field [integer] %s", c.Items)
	}
	if c.Open != "" {
		s.line("---@field [string] %s", c.Open)
	}
	for i := range c.Fields {
		s.field(&c.Fields[i])
	}
	if len(c.Methods) > 0 {
		name := "class_" + strings.NewReplacer("tandem.", "", ".", "_").Replace(string(c.Type))
		s.line("local %s = {}\n", name)
		for i := range c.Methods {
			s.function(name+":", &c.Methods[i])
		}
		return
	}
	s.line("")
}

func (s *stub) field(v *Value) {
	s.line("---@field %s %s %s", v.label(), v.Type, v.words())
}

// words is what is said of a value: the unit, the text, the range and the default.
func (v *Value) words() string {
	var parts []string
	if v.Doc != "" {
		parts = append(parts, v.Doc)
	}
	if v.Unit != "" || v.Range != nil && *v.Range != (Range{}) {
		parts = append(parts, v.number())
	}
	if v.Default != "" {
		parts = append(parts, "default "+v.Default)
	}
	if v.Later {
		parts = append(parts, "not in this release")
	}
	return strings.Join(parts, "; ")
}

func (s *stub) function(prefix string, f *Function) {
	s.doc(f.Doc)
	if f.Errors != "" {
		s.doc("Raises an error " + f.Errors + ".")
	}
	names := make([]string, len(f.Params))
	for i := range f.Params {
		p := &f.Params[i]
		names[i] = p.Name
		s.line("---@param %s %s %s", p.label(), p.Type, p.words())
	}
	for _, t := range f.Returns {
		s.line("---@return %s", t)
	}
	s.line("function %s%s(%s) end\n", prefix, f.Name, strings.Join(names, ", "))
}

var trailing = regexp.MustCompile(`(?m)[ \t]+$`)

// String returns the stub without white space at the ends of lines.
func (s *stub) String() string { return trailing.ReplaceAllString(s.Builder.String(), "") }
