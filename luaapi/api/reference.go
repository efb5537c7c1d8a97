package api

import (
	_ "embed" // the prose
	"fmt"
	"strings"
)

//go:embed overview.md.in
var overview string

// Pages returns the reference in Markdown, by file name.
func Pages() map[string]string {
	r := Lua()
	pages := map[string]string{"README.md": r.overviewPage()}
	var standard strings.Builder
	standard.WriteString("# The standard library\n\nWhat scripts have of Lua 5.1. It is there without `require`, and cannot be written.\n")
	for i := range r.Modules {
		m := &r.Modules[i]
		if m.Standard {
			title := "`" + m.Name + "`"
			if m.Name == "_G" {
				title = "Global functions"
			}
			standard.WriteString("\n## " + title + "\n\n" + m.Doc + "\n" + r.moduleTable(m))
			continue
		}
		pages[m.Name+".md"] = generated + "# Module `" + m.Name + "`\n\n" + m.Doc + "\n\n```lua\nlocal " + m.Name + " = require \"" + m.Name + "\"\n```\n" + r.functions(m) + r.classSections(m.Name)
	}
	pages["standard.md"] = generated + standard.String() + differences
	return pages
}

const generated = "<!-- Made from luaapi/api: go test ./luaapi/api -update -->\n\n"

// differences ends the page of the standard library. What package lower's tests compare is equal but for them.
const differences = `
## Where it differs from Lua 5.1

Random programs run in Lua 5.1 and in Tandem write the same, but for what stands here. The words of some errors differ, too, and Tandem
names the line also of an error that a function of the library raises when pcall itself calls it.

| | Lua 5.1 | Tandem |
|---|---|---|
| ` + "`goto`, `::label::`" + ` | not there | as in Lua 5.2 |
| coroutines, ` + "`load`, `dofile`, `io`, `os`, `debug`" + ` | there | not there; ` + "`tandem check`" + ` says what to use (rule sandbox) |
| ` + "`-0`" + ` | written as -0 | written as 0 but by ` + "`%f`, `%e` and `%g`; `-31 % 31`" + ` is -0, which shows in ` + "`1 / x`" + ` and in no comparison |
| no number (` + "`0/0`, `x % 0`" + `) | written as nan or -nan, as the processor has it | the sign may be another one |
| ` + "`x % math.huge`" + ` | no number | x, or math.huge for a negative x |
| ` + "`x ^ y`" + ` with a fraction in y | as the C library computes it | the last of the 14 digits may differ |
| ` + "`tonumber(\"inf\")`, `tonumber(\"nan\")`" + ` | numbers | nil: a user may be called so |
| ` + "`for i = \"1\", 3`" + ` | strings are read as numbers | an error |
| ` + "`#t`" + ` with a metamethod ` + "`__len`" + ` | it is not asked for a table | it is asked |
| ` + "`string.format(\"%s\", nil)`" + ` | an error: it takes strings and numbers | nil, true, …: as ` + "`tostring`" + ` |
| a malformed pattern | an error once matching comes to the bad place | always an error |
| ` + "`getmetatable(\"\")`" + ` | the metatable of strings | false: it is locked |
| ` + "`collectgarbage`, `__gc`, `__mode`" + ` | there | not there; ` + "`__gc` and `__mode`" + ` are ignored |
| strings | of any length | of at most 65 536 bytes |
`

func (r *Registry) overviewPage() string {
	var handlers, modules strings.Builder
	handlers.WriteString("| handler | when | may return |\n|---|---|---|\n")
	for i := range r.Handlers {
		h := &r.Handlers[i]
		later := ""
		if h.Later {
			later = "; not called in this release"
		}
		fmt.Fprintf(&handlers, "| `%s(%s)` | %s | %s%s |\n", h.Name, strings.Join(Names(h.Params), ", "), cell(h.When), cell(h.Returns), later)
	}
	handlers.WriteString("\n" + r.table("key", r.Keys))
	for i := range r.Modules {
		if m := &r.Modules[i]; !m.Standard {
			first, _, _ := strings.Cut(m.Doc, ". ")
			more := "[README](../../luaapi/mod/" + m.Name + "/README.md)"
			switch {
			case m.Tests:
				more = "[README](../../luaapi/luatest/README.md)"
			case m.Library:
				more = "[source](../../scripts/" + m.Name + ".lua)"
			}
			fmt.Fprintf(&modules, "* [`%s`](%s.md) (%s): %s\n", m.Name, m.Name, more, strings.TrimSuffix(first, "."))
		}
	}
	return generated + strings.NewReplacer(
		"<!-- handlers -->\n", handlers.String(), "<!-- modules -->\n", modules.String(), "<!-- values -->\n", r.classSections(""),
	).Replace(overview)
}

// cell escapes what would end a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// classSections writes the classes of a module.
func (r *Registry) classSections(module string) string {
	var b strings.Builder
	for i := range r.Classes {
		c := &r.Classes[i]
		if c.Module != module {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", title(c), c.Doc)
		if c.Items != "" {
			fmt.Fprintf(&b, "\nItems: `%s`.\n", c.Items)
		}
		if len(c.Fields) > 0 {
			b.WriteString("\n" + r.table("field", c.Fields))
		}
		if len(c.Methods) > 0 {
			b.WriteString("\n" + methodTable("value:", c.Methods))
		}
	}
	return b.String()
}

func title(c *Class) string {
	if c.Kind == Options {
		return "Options: " + c.Name
	}
	return "`" + c.Name + "`"
}

func (r *Registry) table(what string, vs []Value) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | type | |\n|---|---|---|\n", what)
	for i := range vs {
		v := &vs[i]
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.Name, cell(string(v.Type)), cell(v.words()))
	}
	return b.String()
}

func methodTable(prefix string, fs []Function) string {
	var b strings.Builder
	b.WriteString("| function | |\n|---|---|\n")
	for i := range fs {
		f := &fs[i]
		fmt.Fprintf(&b, "| `%s%s` | %s |\n", strings.Replace(prefix, "value:", ":", 1), cell(f.Signature()), cell(f.summary()))
	}
	return b.String()
}

// summary is what a function does, with when it fails.
func (f *Function) summary() string {
	if f.Errors == "" {
		return f.Doc
	}
	return f.Doc + " Raises an error " + f.Errors + "."
}

// moduleTable is the short form of a module.
func (r *Registry) moduleTable(m *Module) string {
	out := ""
	if len(m.Fields) > 0 {
		out = "\n" + r.table("value", m.Fields)
	}
	if len(m.Functions) > 0 {
		out += "\n" + methodTable("", m.Functions)
	}
	return out
}

// functions is the long form of a module's functions.
func (r *Registry) functions(m *Module) string {
	var b strings.Builder
	if len(m.Fields) > 0 {
		b.WriteString("\n" + r.table("value", m.Fields))
	}
	for i := range m.Functions {
		f := &m.Functions[i]
		fmt.Fprintf(&b, "\n## `%s.%s`\n\n%s\n", m.Name, f.Signature(), f.summary())
		if len(f.Params) > 0 {
			b.WriteString("\n" + r.table("argument", f.Params))
		}
		if len(f.Returns) > 0 {
			fmt.Fprintf(&b, "\nReturns `%s`.\n", joinTypes(f.Returns))
		}
		if f.Use != "" {
			fmt.Fprintf(&b, "\n```lua\n%s\n```\n", f.Use)
		}
	}
	return b.String()
}

func joinTypes(ts []Type) string {
	out := make([]string, len(ts))
	for i, t := range ts {
		out[i] = string(t)
	}
	return strings.Join(out, "`, `")
}
