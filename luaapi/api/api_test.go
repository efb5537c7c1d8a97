package api

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/gopher-lua/parse"
)

var update = flag.Bool("update", false, "write the reference into docs/lua")

const reference = "../../docs/lua"

// The reference in docs/lua is what the registry says.
func TestPages(t *testing.T) {
	for name, want := range Pages() {
		file := filepath.Join(reference, name)
		if *update {
			if err := os.MkdirAll(reference, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
			t.Errorf("%s is not up to date (%v): go test ./luaapi/api -run TestPages -update\n%s", file, err, diff)
		}
	}
}

// Links in the reference lead somewhere.
func TestLinks(t *testing.T) {
	for name, text := range Pages() {
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(reference, m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Stubs are Lua, and name no type that is not there.
func TestStubs(t *testing.T) {
	stubs := Stubs()
	var all strings.Builder
	for name, text := range stubs {
		if _, err := parse.Parse(strings.NewReader(text), name); err != nil {
			t.Error(err)
		}
		all.WriteString(text)
	}
	for _, m := range regexp.MustCompile(`tandem(\.\w+)+`).FindAllString(all.String(), -1) {
		if !strings.Contains(all.String(), "---@class "+m+"\n") && !strings.Contains(all.String(), "---@alias "+m+" ") {
			t.Errorf("no stub says what %s is", m)
		}
	}
	if want := "\n---@param target string|tandem.uri "; !strings.Contains(stubs["plan.lua"], want) {
		t.Errorf("no %q in\n%s", want, stubs["plan.lua"])
	}
}

// Everything has words and a type.
func TestWords(t *testing.T) {
	r := Lua()
	values := func(what string, vs []Value) {
		for _, v := range vs {
			if v.Name == "" || v.Type == "" {
				t.Errorf("%s.%s has no name or no type", what, v.Name)
			}
			if v.Optional && v.Type == "" || v.Default != "" && !v.Optional {
				t.Errorf("%s.%s has a default and must be given", what, v.Name)
			}
		}
	}
	functions := func(what string, fs []Function) {
		for _, f := range fs {
			if !strings.HasSuffix(f.Doc, ".") {
				t.Errorf("%s.%s is not described: %q", what, f.Name, f.Doc)
			}
			values(what+"."+f.Name, f.Params)
		}
	}
	for _, m := range r.Modules {
		if !strings.HasSuffix(m.Doc, ".") {
			t.Errorf("module %s is not described", m.Name)
		}
		functions(m.Name, m.Functions)
		values(m.Name, m.Fields)
	}
	for _, c := range r.Classes {
		if c.Doc == "" {
			t.Errorf("%s is not described", c.Type)
		}
		functions(c.Name, c.Methods)
		values(c.Name, c.Fields)
		for _, f := range c.Fields {
			if f.Doc == "" {
				t.Errorf("%s.%s is not described", c.Name, f.Name)
			}
		}
	}
	for _, h := range r.Handlers {
		if h.When == "" || h.Returns == "" {
			t.Errorf("handler %s is not described", h.Name)
		}
	}
}

func TestDoc(t *testing.T) {
	for name, want := range map[string]string{
		"":            "handlers   invite ringing",
		"plan.to":     "plan.to(target, options?)",
		"plan":        "module plan",
		"ring":        "field in target options, in group options, in diversion, in each: ring? (number): how long it may ring; a group's covers everything inside; a number of seconds above 0",
		"busy":        "handler busy(call, branch)",
		"call.from":   "field of a call: from (tandem.uri): the From",
		"call:hangup": "call:hangup(phrase?)",
		"tonumber":    "tonumber(e, base?)",
		"string.rep":  "string.rep(s, n)",
		"t.eq":        "test.eq(got, want, why?)",
		"t.nothing":   "",
		"net:phone":   "net:phone(options)",
		"network:run": "net:run(seconds?)",
		"call:bye":    "call:bye(options?)",
		"fallback":    "key fallback?",
		"URI":         "URI\n",
	} {
		text, ok := Doc(name)
		if ok != (want != "") || !strings.Contains(text, want) {
			t.Errorf("%q: %v\n%s\nwant %s", name, ok, text, want)
		}
	}
	if text, ok := Doc("plan.paralel"); ok || text != `; did you mean "plan.parallel"?` {
		t.Errorf("%q, %v", text, ok)
	}
}

func TestAlternatives(t *testing.T) {
	for typ, want := range map[Type][]Type{
		"string":                     {"string"},
		"string|number?":             {"string", "number", "nil"},
		`"a|b"|table<string, a|b>`:   {`"a|b"`, "table<string, a|b>"},
		"(string|number)[]|false":    {"(string|number)[]", "false"},
		"tandem.step":                {"tandem.node", "fun(call: tandem.call, branch?: tandem.branch): tandem.node?"},
		"(string|boolean)|tandem.no": {"string", "boolean", "tandem.no"},
	} {
		if diff := cmp.Diff(want, Lua().Alternatives(typ)); diff != "" {
			t.Errorf("%s: -want +got\n%s", typ, diff)
		}
	}
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		v    Value
		want string
	}{
		{Value{Type: "number", Unit: "s", Range: &Range{Above: true, Max: 10}}, "a number of seconds above 0, at most 10"},
		{Value{Type: "integer", Range: &Range{Min: 300, Max: 699}}, "a whole number from 300 to 699"},
		{Value{Type: `"a"|"b"|false`}, `"a", "b" or false`},
		{Value{Type: "tandem.step"}, "a plan or a function"},
		{Value{Type: "string[]|table<string, string>"}, "a list or a table"},
		{Value{Type: "number", Range: &Range{Min: 1}}, "a number from 1"},
	} {
		if got := Lua().Describe(&c.v); got != c.want {
			t.Errorf("%s: got %q, want %q", c.v.Type, got, c.want)
		}
	}
}
