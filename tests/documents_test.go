package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var reference = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)]*)?\)`)

// What documents refer to is there, and the decisions are listed, each under a number of its own.
func TestDocuments(t *testing.T) {
	var adrs []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || path != ".." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		case filepath.Base(filepath.Dir(path)) == "adr":
			adrs = append(adrs, filepath.Base(path))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s refers to %s, which is not there", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile("../docs/README.md")
	if err != nil || len(adrs) == 0 {
		t.Fatal(err, adrs)
	}
	numbers := map[string]string{}
	for _, name := range adrs {
		n, _, _ := strings.Cut(name, "-")
		if other := numbers[n]; other != "" {
			t.Errorf("%s and %s have one number", other, name)
		}
		numbers[n] = name
		if !strings.Contains(string(list), "](adr/"+name+")") {
			t.Errorf("docs/README.md does not list %s", name)
		}
	}
}
