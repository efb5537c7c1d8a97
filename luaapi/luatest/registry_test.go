package luatest

import (
	stdcmp "cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// The options that functions know are those of the registry.
func TestRegistryOptions(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.known\(t, \S+((?:, "\w+")+)\)`).FindAllSubmatch(text, -1) {
			known = append(known, sorted(strings.Split(strings.ReplaceAll(string(m[1][2:]), `"`, ""), ", ")))
		}
	}
	var want []string
	for _, c := range api.Lua().Classes {
		if c.Module == "test" && c.Kind == api.Options {
			want = append(want, sorted(api.Names(c.Fields)))
		}
	}
	for _, names := range known { // some functions read theirs from lists of names
		if !slices.Contains(want, names) {
			t.Errorf("the library knows the options %q, the registry no such set", names)
		}
	}
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
