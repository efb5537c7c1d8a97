package luaapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/api"
	"tandem/luaapi/lower"
	"tandem/luaapi/mod"
)

// What a script can reach and what the registry says that it can are the same: nothing is there without words about it,
// and nothing is written about that is not there.

func same(t *testing.T, what string, there, told []string) {
	t.Helper()
	if diff := cmp.Diff(sorted(there), sorted(told)); diff != "" {
		t.Errorf("%s: -what is there +what the registry tells\n%s", what, diff)
	}
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

// fieldsOf returns the names in a table that scripts may not write.
func fieldsOf(t *testing.T, v lua.LValue) []string {
	t.Helper()
	table, ok := v.(*lua.LTable)
	if !ok || !mod.Locked(table) {
		t.Fatalf("%v is no locked table", v)
	}
	return mod.Names(table.Metatable.(*lua.LTable).RawGetString("__index").(*lua.LTable))
}

func loaded(t *testing.T) *vm {
	t.Helper()
	r, err := try(t, Options{}, "main.lua", "return {}")
	if err != nil {
		t.Fatal(err)
	}
	return r.vm()
}

func TestRegistryModules(t *testing.T) {
	v := loaded(t)
	var told []string
	for _, m := range api.Lua().Modules {
		if m.Standard || m.Tests || m.Library {
			continue
		}
		told = append(told, m.Name)
		if table := v.module(m.Name); table != nil {
			same(t, "module "+m.Name, fieldsOf(t, table), m.Members())
		}
	}
	same(t, "modules", slices.Collect(maps.Keys(v.modules)), told)
	same(t, "modules written in Go", slices.Collect(maps.Keys(builtin)), told)
}

// The library is what the registry says, and all of it loads.
func TestRegistryLibrary(t *testing.T) {
	var told []string
	for _, m := range api.Lua().Modules {
		if !m.Library {
			continue
		}
		told = append(told, m.Name)
		r := serve(t, "return { invite = function() for name in pairs(require '"+m.Name+"') do print(name) end end }")
		r.vm().Invite(newCall(t))
		same(t, "module "+m.Name, strings.Fields(strings.ReplaceAll(r.logged(), "info ", "")), m.Members())
	}
	same(t, "library", slices.Collect(maps.Keys(shipped().chunks)), told)
}

func TestRegistryGlobals(t *testing.T) {
	v := loaded(t)
	globals := fieldsOf(t, v.L.Env)
	var told []string
	for _, m := range api.Lua().Modules {
		switch {
		case m.Name == "_G":
			told = append(told, m.Members()...)
		case m.Standard:
			told = append(told, m.Name)
			same(t, m.Name, fieldsOf(t, v.L.GetGlobal(m.Name)), m.Members())
		}
	}
	same(t, "globals", slices.DeleteFunc(globals, func(n string) bool { return n == lower.Concat }), told)
}

func TestRegistryHandlers(t *testing.T) {
	if diff := cmp.Diff(routeKeys, api.Lua().RouteKeys()); diff != "" {
		t.Errorf("-accepted +told\n%s", diff)
	}
}

// The fields of objects: every name in a case of the functions that return them.
func TestRegistryObjects(t *testing.T) {
	cases := casesOf(t, "key")
	for receiver, class := range map[string]api.Type{
		"callValue": "tandem.call", "branchValue": "tandem.branch", "responseValue": "tandem.response",
		"uriValue": "tandem.uri", "sourceValue": "tandem.source",
	} {
		same(t, string(class), slices.Compact(sorted(cases[receiver])), api.Lua().Class(class).Members())
		delete(cases, receiver)
	}
	for receiver := range cases {
		t.Errorf("%s has fields, and the registry has no class for it", receiver)
	}
	c := loaded(t)
	same(t, "methods of calls", slices.Collect(maps.Keys(c.shares.methods)), methodNames(api.Lua().Class("tandem.call")))
}

func methodNames(c *api.Class) (names []string) {
	for _, m := range c.Methods {
		names = append(names, m.Name)
	}
	return names
}

// casesOf returns, by receiver, the strings of all cases of switches over a parameter.
func casesOf(t *testing.T, parameter string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	cases := make(map[string][]string)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil && returnsField(fn) {
				receiver := fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
				if names := stringsOf(fn, parameter); len(names) > 0 {
					cases[receiver] = append(cases[receiver], names...)
				}
			}
		}
	}
	return cases
}

// returnsField reports whether a method returns a field of an object: (lua.LValue, bool).
func returnsField(fn *ast.FuncDecl) bool {
	r := fn.Type.Results
	if r == nil || len(r.List) != 2 {
		return false
	}
	_, value := r.List[0].Type.(*ast.SelectorExpr)
	ok, isIdent := r.List[1].Type.(*ast.Ident)
	return value && isIdent && ok.Name == "bool"
}

func stringsOf(fn *ast.FuncDecl, parameter string) (names []string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		sw, ok := n.(*ast.SwitchStmt)
		if !ok {
			return true
		}
		if tag, ok := sw.Tag.(*ast.Ident); !ok || tag.Name != parameter {
			return true
		}
		for _, c := range sw.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				if lit, ok := e.(*ast.BasicLit); ok {
					name, _ := strconv.Unquote(lit.Value)
					names = append(names, name)
				}
			}
		}
		return true
	})
	return names
}

// A date has the fields of the registry.
func TestRegistryRecords(t *testing.T) {
	r, err := try(t, Options{}, "main.lua", "return {}")
	if err != nil {
		t.Fatal(err)
	}
	date := dateTable(r.vm().L, newCall(t).Date())
	same(t, "call.time", mod.Names(date), api.Names(api.Lua().Class("tandem.time").Fields))
}
