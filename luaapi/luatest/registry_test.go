package luatest

import (
	stdcmp "cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tandem/luaapi/api"
)

// The registry has every function, method and option of the library and no other.
func TestRegistry(t *testing.T) {
	r := api.Lua()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(functions)), slices.Sorted(slices.Values(r.Module("test").Members()))); diff != "" {
		t.Errorf("-library +registry:\n%s", diff)
	}
	types := map[string]api.Type{"list of messages": "messages", "call that a phone is offered": "offered"}
	for class, methods := range methodsOf {
		name := stdcmp.Or(types[class], api.Type(class))
		c := r.Class("tandem.test." + name)
		if c == nil {
			if len(methods) > 0 {
				t.Errorf("the registry has no %s", class)
			}
			continue
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(methods)), slices.Sorted(slices.Values(c.Members())), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -library +registry:\n%s", class, diff)
		}
	}
}

// The options that functions know are those of the registry, and what the registry has is read somewhere.
func TestRegistryOptions(t *testing.T) {
	code := source(t)
	var told []string
	for _, c := range api.Lua().Classes {
		if c.Module != "test" || c.Kind != api.Options {
			continue
		}
		told = append(told, sorted(api.Names(c.Fields)))
		for _, f := range c.Fields {
			if !strings.Contains(code, strconv.Quote(f.Name)) {
				t.Errorf("nothing reads option %s of %s", f.Name, c.Name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\.known\(\w+, \S+((?:, "\w+")+)\)`).FindAllStringSubmatch(code, -1) {
		if names := sorted(strings.Split(strings.ReplaceAll(m[1][2:], `"`, ""), ", ")); !slices.Contains(told, names) {
			t.Errorf("the registry has no options %s", names)
		}
	}
}

// source returns the code of the package without its tests.
func source(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func sorted(names []string) string { return strings.Join(slices.Sorted(slices.Values(names)), " ") }

// What the README shows runs.
func TestOwnReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile("../../examples/hello/main.lua")
	if err != nil {
		t.Fatal(err)
	}
	in(t, "-- main.lua --\n"+string(main)+"-- main_test.lua --\n"+string(snippet.FindSubmatch(readme)[3]))
	if s, out := runs(t, Options{Seed: 1}); s.Passed != 1 || s.Bad() {
		t.Error(out)
	}
}
