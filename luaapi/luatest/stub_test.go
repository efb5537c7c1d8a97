package luatest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The stub that editors read has every function and method of the library and no other.
func TestStub(t *testing.T) {
	stub, err := os.ReadFile("test.lua")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, m := range regexp.MustCompile(`(?m)^function (\w+)[.:](\w+)\(`).FindAllSubmatch(stub, -1) {
		have = append(have, string(m[1])+" "+string(m[2]))
	}
	for name := range functions {
		want = append(want, "t "+name)
	}
	stubNames := map[string]string{"list of messages": "messages", "call that a phone is offered": "offered"}
	for class, methods := range methodsOf {
		if n := stubNames[class]; n != "" {
			class = n
		}
		for name := range maps.Keys(methods) {
			want = append(want, class+" "+name)
		}
	}
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("-library +stub:\n%s", diff)
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
