package check

import (
	"fmt"
	"strings"

	"tandem/luaapi/spell"
)

// scopes reports what is wrong with names: globals, locals that nobody reads, assignments that leak.
func (f *file) scopes() {
	for _, g := range f.names.globals {
		f.global(&g)
	}
	for _, v := range f.names.all {
		f.local(v)
	}
	if f.test {
		return
	}
	for _, l := range f.names.leaks {
		f.report(l.line, ruleLeak, Error, fmt.Sprintf(
			"a function assigns to %q, a local of the file: it would leak from call to call and differ between shards; keep what belongs to a call in call.vars", l.name))
	}
}

func (f *file) global(g *global) {
	if g.write {
		f.report(g.line, ruleGlobalWrite, Error, fmt.Sprintf("%q is global, and globals cannot be written; write \"local %s\", or keep what belongs to a call in call.vars", g.name, g.name))
		return
	}
	known := f.globalNames()
	switch {
	case known[g.name], f.names.wrote[g.name]: // the assignment is the mistake
	case gone[g.name] != "":
		f.report(g.line, ruleSandbox, Error, fmt.Sprintf("scripts have no %q: %s", g.name, gone[g.name]))
	case newer[g.name] != "":
		f.report(g.line, ruleDialect, Error, fmt.Sprintf("Lua 5.1 has no %q: %s", g.name, newer[g.name]))
	default:
		severity := Warning
		if g.called {
			severity = Error
		}
		f.report(g.line, ruleGlobal, severity, fmt.Sprintf("%q is not defined%s", g.name, f.meant(g)))
	}
}

// globalNames are the globals that scripts have.
func (f *file) globalNames() map[string]bool {
	names := make(map[string]bool)
	for i := range f.api.Modules {
		m := &f.api.Modules[i]
		switch {
		case m.Name == "_G":
			for _, n := range m.Members() {
				names[n] = true
			}
		case m.Standard:
			names[m.Name] = true
		}
	}
	return names
}

// meant suggests what an undefined name may mean.
func (f *file) meant(g *global) string {
	if m := f.api.Module(g.name); m != nil && !m.Standard {
		return fmt.Sprintf("; write local %s = require %q", g.name, g.name)
	}
	switch line := f.names.lines()[g.name]; {
	case line > g.line:
		return fmt.Sprintf("; the local of line %d is there from that line on: move it up", line)
	case line > 0:
		return fmt.Sprintf("; the local of line %d ends with the block that it stands in", line)
	}
	hint, known := f.hints[g.name]
	if !known {
		hint = spell.Hint(g.name, f.names.distinct)
		f.hints[g.name] = hint
	}
	return hint
}

// gone are the parts of Lua 5.1's library that the sandbox leaves out, and what to do instead.
var gone = map[string]string{
	"io": "they cannot read or write files", "os": "the time of a call is call.time", "debug": "it would open the sandbox",
	"package": "modules are files below the script root", "coroutine": "handlers do not wait; what comes later calls the next handler",
	"dofile": "use require", "loadfile": "use require", "load": "they cannot run code from texts", "loadstring": "they cannot run code from texts",
	"module": "return a table of functions", "getfenv": "it would open the sandbox", "setfenv": "it would open the sandbox",
	"newproxy": "it would open the sandbox", "collectgarbage": "memory is Tandem's matter", "channel": "it blocks",
}

// newer are globals of later Luas.
var newer = map[string]string{
	"bit32": "use arithmetic", "bit": "use arithmetic", "utf8": "strings are bytes", "rawlen": "write #", "warn": "use log.warn", "jit": "it is LuaJIT's", "ffi": "it is LuaJIT's",
	"null": "write nil", "None": "write nil", "True": "write true", "False": "write false", "undefined": "write nil",
}

func (f *file) local(v *variable) {
	if strings.HasPrefix(v.name, "_") {
		return
	}
	if !v.read && (v.origin == byLocal || v.origin == byFunction) {
		what := "is never read"
		if v.written {
			what = "is assigned to and never read"
		}
		f.report(v.line, ruleUnused, Warning, fmt.Sprintf("local %q %s", v.name, what))
	}
	if o := v.outer; o != nil && o.origin != bySelf && v.origin != bySelf {
		f.report(v.line, ruleShadow, Warning, fmt.Sprintf("local %q hides the one of line %d", v.name, o.line))
	}
}
