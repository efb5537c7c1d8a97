package api

import (
	"fmt"
	"slices"
	"strings"

	"tandem/luaapi/spell"
)

// Doc returns what there is to say about a name: "plan.to", "ring", "call.from", "busy". Without a name, an overview.
// ok is false if nothing is called so; then text suggests what may be meant, or is empty.
func Doc(name string) (text string, ok bool) {
	r := Lua()
	if name == "" {
		return r.index(), true
	}
	name = plain(name)
	if head, rest, ok := strings.Cut(name, "."); ok && spoken[head] != "" {
		name = spoken[head] + "." + rest
	}
	var found []string
	where := make(map[string]int) // what says the same in several places is said once
	for _, e := range r.entries() {
		if e.name != name && plain(e.short) != name {
			continue
		}
		at, said := where[e.says]
		if e.says == "" || !said {
			where[e.says] = len(found)
			found = append(found, e.text)
			continue
		}
		place, says, _ := strings.Cut(found[at], ": ")
		found[at] = place + "," + e.of + ": " + says
	}
	if len(found) == 0 {
		return spell.Hint(name, r.docNames()), false
	}
	return strings.Join(found, "\n"), true
}

// plain is a name as entries have it.
func plain(name string) string { return strings.NewReplacer(":", ".", "()", "").Replace(name) }

// spoken are names as scripts and tests have them, by other names of the same: those of a type, and t, which is module test in every test.
var spoken = map[string]string{"t": "test", "network": "net", "offered": "call"}

// as is how scripts and tests call a value of a type.
func as(typ string) string {
	if typ != "t" && spoken[typ] != "" {
		return spoken[typ]
	}
	return typ
}

// entry is what Doc knows of one thing. Its short name leaves out what it belongs to.
// A field also has what it belongs to, and what is said of it wherever it stands.
type entry struct{ name, short, text, of, says string }

// entries are all, in the order of the reference.
func (r *Registry) entries() (es []entry) {
	for i := range r.Handlers {
		h := &r.Handlers[i]
		text := fmt.Sprintf("handler %s(%s)\n\n  When: %s.\n  May return: %s.\n", h.Name, strings.Join(Names(h.Params), ", "), h.When, h.Returns)
		if h.Later {
			text += "  Nothing in this release calls it.\n"
		}
		es = append(es, entry{name: "route." + h.Name, short: h.Name, text: text})
	}
	for i := range r.Keys {
		es = append(es, entry{name: "route." + r.Keys[i].Name, short: r.Keys[i].Name, text: "key " + r.Keys[i].line()})
	}
	for i := range r.Modules {
		es = append(es, r.moduleEntries(&r.Modules[i])...)
	}
	for i := range r.Classes {
		es = append(es, r.classEntries(&r.Classes[i])...)
	}
	return es
}

func (r *Registry) moduleEntries(m *Module) []entry {
	prefix := m.Name + "."
	if m.Name == "_G" {
		prefix = ""
	}
	text := "module " + m.Name + "\n\n  " + m.Doc + "\n\n"
	var es []entry
	for i := range m.Functions {
		f := &m.Functions[i]
		text += "  " + prefix + f.Signature() + "\n"
		es = append(es, entry{name: prefix + f.Name, short: f.Name, text: f.text(prefix)})
	}
	for i := range m.Fields {
		text += "  " + prefix + m.Fields[i].Name + "\n"
		es = append(es, entry{name: prefix + m.Fields[i].Name, short: m.Fields[i].Name, text: prefix + m.Fields[i].line()})
	}
	return append([]entry{{name: m.Name, short: m.Name, text: text}}, es...)
}

func (r *Registry) classEntries(c *Class) []entry {
	last := string(c.Type[strings.LastIndexByte(string(c.Type), '.')+1:])
	text := c.Name + "\n\n  " + c.Doc + "\n\n"
	var es []entry
	of := " of a " + c.Name
	if c.Kind == Options {
		of = " in " + c.Name
	}
	for i := range c.Fields {
		v := &c.Fields[i]
		text += "  " + v.line()
		es = append(es, entry{name: last + "." + v.Name, short: v.Name, text: "field" + of + ": " + v.line(), of: of, says: v.line()})
	}
	for i := range c.Methods {
		f := &c.Methods[i]
		text += "  " + as(last) + ":" + f.Signature() + "\n"
		es = append(es, entry{name: as(last) + "." + f.Name, short: f.Name, text: f.text(as(last) + ":")})
	}
	return append([]entry{{name: last, short: c.Name, text: text}}, es...)
}

// line is a value in a line of its own.
func (v *Value) line() string {
	return strings.TrimSuffix(fmt.Sprintf("%s (%s): %s", v.label(), v.Type, v.words()), ": ") + "\n"
}

func (f *Function) text(prefix string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s\n\n  %s\n", prefix, f.Signature(), f.summary())
	for i := range f.Params {
		b.WriteString("  " + f.Params[i].line())
	}
	if len(f.Returns) > 0 {
		fmt.Fprintf(&b, "  Returns %s.\n", strings.ReplaceAll(joinTypes(f.Returns), "`", ""))
	}
	if f.Use != "" {
		fmt.Fprintf(&b, "\n    %s\n", f.Use)
	}
	return b.String()
}

// index is the overview: every name that Doc knows, by what it belongs to.
func (r *Registry) index() string {
	var b strings.Builder
	list := func(title string, names []string) { fmt.Fprintf(&b, "%-10s %s\n", title, strings.Join(names, " ")) }
	list("handlers", r.RouteKeys())
	for i := range r.Modules {
		list(r.Modules[i].Name, r.Modules[i].Members())
	}
	for i := range r.Classes {
		if c := &r.Classes[i]; c.Module == "" || c.Module == "plan" && c.Kind == Options {
			list(c.Name, c.Members())
		}
	}
	for i := range r.Classes {
		if c := &r.Classes[i]; c.Module == "test" && len(c.Methods) > 0 {
			last := string(c.Type[strings.LastIndexByte(string(c.Type), '.')+1:])
			list("test: "+as(last), c.Members())
		}
	}
	b.WriteString("\n`tandem doc NAME` says more about each: plan.to, ring, call.from, busy.\n")
	return b.String()
}

func (r *Registry) docNames() []string {
	var names []string
	for _, e := range r.entries() {
		names = append(names, e.name, e.short)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
