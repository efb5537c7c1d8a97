package luatest

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem/luaapi/api"
)

// The registry describes every function and method of the library and no other.
func TestRegistry(t *testing.T) {
	reg := api.Lua()
	var have, want []string
	for _, f := range reg.Module("test").Functions {
		have = append(have, "t "+f.Name)
	}
	for name := range functions {
		want = append(want, "t "+name)
	}
	for class, methods := range methodsOf {
		name := class
		if class == "call" {
			name = "call of a test"
		}
		c := reg.ClassNamed(name)
		if c == nil && len(methods) > 0 {
			t.Fatalf("there is no class %q", name)
		}
		for m := range methods {
			want = append(want, class+" "+m)
		}
		if c == nil {
			continue
		}
		for _, m := range c.Methods {
			have = append(have, class+" "+m.Name)
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-library +registry:\n%s", diff)
	}
}

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
