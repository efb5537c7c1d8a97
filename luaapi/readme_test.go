package luaapi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The scripts in the READMEs of the modules load and answer a call.
func TestReadmes(t *testing.T) {
	files, err := filepath.Glob("mod/*/README.md")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(string(text), "```lua\n")[1:]
		if len(blocks) == 0 {
			t.Errorf("%s has no script", file)
		}
		for i, b := range blocks {
			src, _, _ := strings.Cut(b, "```")
			r, err := try(t, Options{}, "main.lua", src, "routes.csv", "prefix,gateway\n1,192.0.2.31\n")
			if err != nil {
				t.Errorf("%s, script %d: %v", file, i+1, err)
				continue
			}
			n := r.vm().Invite(newCall(t))
			if got := r.logged(); n == nil || strings.Contains(got, "error ") {
				t.Errorf("%s, script %d: plan %v, %s", file, i+1, n, got)
			}
		}
	}
}
