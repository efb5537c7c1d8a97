// Package check finds mistakes in Lua scripts without running them: what would fail when the script loads or a call
// comes, what Lua 5.1 reads otherwise than other Luas, and plans that are not what was meant.
//
// It knows the API from the registry in luaapi/api, and nothing of the host: what a script is made of is handed to it.
// It holds no state; Check may run anywhere. What it cannot see for certain it does not report: a value is known only
// if it is written where it is used, or in a local that is assigned once.
package check

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"tandem/luaapi/api"
)

// Severity says how bad a finding is.
type Severity uint8

// The severities.
const (
	// Warning: it works, but hardly as meant.
	Warning Severity = iota
	// Error: it does not load, or fails when it is reached.
	Error
)

// String returns "warning" or "error".
func (s Severity) String() string {
	if s == Error {
		return "error"
	}
	return "warning"
}

// Finding is a mistake.
type Finding struct {
	// File is a key of Script.Files.
	File string
	// Line counts from 1; 0 = the file as a whole.
	Line int
	// Rule is the id of the rule in Rules.
	Rule     string
	Severity Severity
	// Message says what is wrong and what to do.
	Message string
}

// Script is what is checked.
type Script struct {
	// Files are texts by paths relative to the root, with slashes. Those named *_test.lua are tests: they have module
	// test, and may assign to their locals.
	Files map[string][]byte
	// Entry is the path of the file that returns the handlers; "" = none does.
	Entry string
	// Library are the names of further modules: those that are shipped with Tandem.
	Library []string
	// Users are those who may register; none = that is not known.
	Users []string
}

// Errors reports whether there is an error among findings.
func Errors(fs []Finding) bool {
	return slices.ContainsFunc(fs, func(f Finding) bool { return f.Severity == Error })
}

// Check returns what is wrong with a script, sorted by file, line and rule. The same script gives the same findings.
func Check(s Script) []Finding {
	var all []Finding
	modules := modulesOf(&s)
	for file, text := range s.Files {
		all = append(all, checkFile(&s, modules, file, text)...)
	}
	return Sort(all)
}

// Sort sorts findings and takes out those that are there twice.
func Sort(fs []Finding) []Finding {
	slices.SortFunc(fs, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(fs)
}

// file is one file as it is checked.
type file struct {
	script *Script
	// modules are the names of the files.
	modules map[string]bool
	name    string
	test    bool
	api     *api.Registry
	tokens  []token
	names   *names
	types   map[*variable]api.Type // of parameters, by where their function stands
	hints   map[string]string      // of undefined names
	found   []Finding
	// steps may still be looked at in a plan.
	steps int
}

const testSuffix = "_test.lua"

func checkFile(s *Script, modules map[string]bool, name string, text []byte) []Finding {
	f := &file{
		script: s, modules: modules, name: name, test: strings.HasSuffix(name, testSuffix), api: api.Lua(), tokens: scan(text),
		types: make(map[*variable]api.Type), hints: make(map[string]string),
	}
	f.dialectTokens()
	if tree := f.parse(text); tree != nil {
		f.names = resolve(tree)
		f.scopes()
		f.handlers(tree)
		f.flow(tree)
		f.walk(tree)
	}
	return f.disable()
}

// report adds a finding.
func (f *file) report(line int, r *Rule, severity Severity, message string) {
	f.found = append(f.found, Finding{File: f.name, Line: line, Rule: r.ID, Severity: severity, Message: message})
}

// hasModule reports whether require finds a module of that name among the files.
func (f *file) hasModule(name string) bool { return f.modules[name] }

// modulesOf returns the names by which files can be required.
func modulesOf(s *Script) map[string]bool {
	known := make(map[string]bool)
	for _, n := range s.Library {
		known[n] = true
	}
	for p := range s.Files {
		if strings.HasSuffix(p, testSuffix) {
			continue
		}
		n := strings.TrimSuffix(p, ".lua")
		if path.Base(n) == "init" && path.Dir(n) != "." {
			n = path.Dir(n)
		}
		known[strings.ReplaceAll(n, "/", ".")] = true
	}
	return known
}

// moduleNames returns what can be required, for suggestions.
func (f *file) moduleNames() []string {
	known := slices.Collect(maps.Keys(f.modules))
	for i := range f.api.Modules {
		if m := &f.api.Modules[i]; !m.Standard && (!m.Tests || f.test) {
			known = append(known, m.Name)
		}
	}
	slices.Sort(known)
	return known
}
