package scripts

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every module in the folder is shipped, and has tests beside it.
func TestFiles(t *testing.T) {
	here, err := fs.Glob(os.DirFS("."), "*.lua")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := fs.Glob(Files, "*.lua")
	if err != nil || len(shipped) == 0 {
		t.Fatal(shipped, err)
	}
	modules := slices.DeleteFunc(slices.Clone(here), func(f string) bool { return strings.HasSuffix(f, "_test.lua") })
	if diff := cmp.Diff(modules, shipped); diff != "" {
		t.Errorf("-here +shipped\n%s", diff)
	}
	for _, f := range modules {
		if test := strings.TrimSuffix(f, ".lua") + "_test.lua"; !slices.Contains(here, test) {
			t.Errorf("%s has no %s", f, test)
		}
	}
}
