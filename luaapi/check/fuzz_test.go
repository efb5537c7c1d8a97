package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Whatever a file holds, it is checked to the end, twice with the same findings, each of a rule and in a line of the file.
func FuzzCheck(f *testing.F) {
	files, err := filepath.Glob("testdata/*.lua")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, src string) {
		fs := script(src)
		if !slices.Equal(fs, script(src)) {
			t.Error("another time it finds something else")
		}
		for _, x := range fs {
			if RuleNamed(x.Rule) == nil || x.Line < 0 || x.Message == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}

// 100 files of about 40 lines each.
func BenchmarkCheck(b *testing.B) {
	text, err := os.ReadFile("../../examples/ring_group/main.lua")
	if err != nil {
		b.Fatal(err)
	}
	s := Script{Entry: "main.lua", Files: map[string][]byte{"main.lua": text}}
	for i := range 99 {
		s.Files[fmt.Sprintf("lib/m%d.lua", i)] = text
	}
	b.ReportAllocs()
	for b.Loop() {
		if fs := Check(s); len(fs) > 0 {
			b.Fatal(lines(fs))
		}
	}
}
