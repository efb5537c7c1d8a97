package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What holds in the whole tree, whoever writes in it.

const (
	root     = ".."
	maxLines = 600
	sipgo    = "github.com/emiago/sipgo"
	lua      = "github.com/yuin/gopher-lua"
)

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath                               string
	Imports, TestImports, XTestImports, Deps []string
}

// within reports whether a package is one of those below a path, or the path itself.
func within(path string, below ...string) bool {
	return slices.ContainsFunc(below, func(b string) bool { return path == b || strings.HasPrefix(path, b+"/") })
}

// importRule forbids imports.
type importRule struct {
	name    string
	applies func(p string) bool // to whom
	to      []string            // what they must not import
	tests   bool                // nor their tests
	deps    bool                // nor by way of others
}

var importRules = []importRule{
	{"the engine knows no Lua and no command", func(p string) bool { return within(p, "tandem/engine") }, []string{"tandem/luaapi", "tandem/cmd"}, true, true},
	{"the script host knows no command", func(p string) bool { return within(p, "tandem/luaapi") }, []string{"tandem/cmd"}, true, true},
	{"nobody imports tests", func(string) bool { return true }, []string{"tandem/tests"}, true, false},
	{
		"sipgo's types stay behind messages and transport",
		func(p string) bool { return !within(p, "tandem/engine/message", "tandem/engine/transport") },
		[]string{sipgo},
		false, false,
	},
	{"gopher-lua stays in the script host", func(p string) bool { return !within(p, "tandem/luaapi") }, []string{lua}, true, false},
	{"randomness comes from math/rand/v2", func(string) bool { return true }, []string{"math/rand"}, true, false},
}

// broken returns what a package imports against the rule.
func (r *importRule) broken(p *pkg) (bad []string) {
	if !r.applies(p.ImportPath) {
		return nil
	}
	imports := slices.Clone(p.Imports)
	if r.tests {
		imports = append(append(imports, p.TestImports...), p.XTestImports...)
	}
	if r.deps {
		imports = append(imports, p.Deps...)
	}
	slices.Sort(imports)
	for _, i := range slices.Compact(imports) {
		if within(i, r.to...) && i != "math/rand/v2" {
			bad = append(bad, i)
		}
	}
	return bad
}

func TestImports(t *testing.T) {
	packages := list(t)
	for _, r := range importRules {
		t.Run(r.name, func(t *testing.T) {
			for i := range packages {
				if bad := r.broken(&packages[i]); len(bad) > 0 {
					t.Errorf("%s imports %s", packages[i].ImportPath, strings.Join(bad, ", "))
				}
			}
		})
	}
}

// The rules find what they are for.
func TestImportRules(t *testing.T) {
	for name, c := range map[string]struct {
		p    pkg
		want string
	}{
		"engine by way of another": {pkg{ImportPath: "tandem/engine/leg", Deps: []string{"tandem/luaapi/mod"}}, "tandem/luaapi/mod"},
		"test of the engine":       {pkg{ImportPath: "tandem/engine", XTestImports: []string{"tandem/cmd/tandem"}}, "tandem/cmd/tandem"},
		"script host":              {pkg{ImportPath: "tandem/luaapi", Imports: []string{"tandem/cmd/internal/exit"}}, "tandem/cmd/internal/exit"},
		"Lua in a command":         {pkg{ImportPath: "tandem/cmd/tandem", Imports: []string{lua + "/ast"}}, lua + "/ast"},
		"sipgo in a leg":           {pkg{ImportPath: "tandem/engine/leg", Imports: []string{sipgo + "/sip"}}, sipgo + "/sip"},
		"sipgo in a test":          {pkg{ImportPath: "tandem/engine/leg", TestImports: []string{sipgo + "/sip"}}, ""},
		"sipgo in messages":        {pkg{ImportPath: "tandem/engine/message", Imports: []string{sipgo + "/sip"}}, ""},
		"first math/rand":          {pkg{ImportPath: "tandem/engine/sim", TestImports: []string{"math/rand"}}, "math/rand"},
		"second math/rand":         {pkg{ImportPath: "tandem/engine/sim", Imports: []string{"math/rand/v2"}}, ""},
		"a name that begins alike": {pkg{ImportPath: "tandem/engine", Imports: []string{"tandem/cmdline"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var bad []string
			for _, r := range importRules {
				bad = append(bad, r.broken(&c.p)...)
			}
			if got := strings.Join(bad, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// list returns the packages of the module.
func list(t *testing.T) (all []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = root
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &errs)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		case within(p.ImportPath, "tandem"):
			all = append(all, p)
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := strings.Fields("cmd engine luaapi scripts examples tests go.mod go.sum Makefile README.md docs CHANGELOG.md LICENSE")
	ignored, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	// What git ignores is nobody's; an ignored path counts by each of its names, which is near enough.
	allowed = append(allowed, strings.Fields(strings.ReplaceAll(string(ignored), "/", " "))...)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	isAllowed := func(name string) bool {
		return strings.HasPrefix(name, ".") || slices.ContainsFunc(allowed, func(pattern string) bool {
			match, _ := filepath.Match(pattern, name)
			return match
		})
	}
	for _, e := range entries {
		if !isAllowed(e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}

// eachFile calls fn for the files of the tree, by their paths from its top.
func eachFile(t *testing.T, fn func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		switch {
		case err != nil:
			return err
		case path == root:
			return nil
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") || name == "bin" || d.Name() == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			fn(name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileLength(t *testing.T) {
	written := []string{".go", ".lua", ".md", ".sh", ".py", ".txtar"}
	eachFile(t, func(path string, text []byte) {
		if n := bytes.Count(text, []byte("\n")); n > maxLines && slices.Contains(written, filepath.Ext(path)) {
			t.Errorf("%s has %d lines, more than %d", path, n, maxLines)
		}
	})
}

// eachGoFile parses the Go files of the tree.
func eachGoFile(t *testing.T, fn func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	eachFile(t, func(path string, text []byte) {
		if filepath.Ext(path) != ".go" {
			return
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		fn(path, set, f)
	})
}

func TestPackageComments(t *testing.T) {
	commented := map[string]bool{}
	eachGoFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		dir := filepath.Dir(path)
		commented[dir] = commented[dir] || f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != ""
	})
	for dir, ok := range commented {
		if !ok {
			t.Errorf("no package comment in %s", dir)
		}
	}
}

// clockCalls returns the uses of functions of package time that read the clock or wait for it.
func clockCalls(f *ast.File, names ...string) (uses []*ast.SelectorExpr) {
	clock := ""
	for _, i := range f.Imports {
		switch {
		case i.Path.Value != `"time"`:
		case i.Name != nil:
			clock = i.Name.Name
		default:
			clock = "time"
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(names, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == clock {
				uses = append(uses, s)
			}
		}
		return true
	})
	return uses
}

func imports(f *ast.File, path string) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}

func TestClock(t *testing.T) {
	eachGoFile(t, func(path string, set *token.FileSet, f *ast.File) {
		isTest := strings.HasSuffix(path, "_test.go")
		var uses []*ast.SelectorExpr
		switch {
		case isTest && !within(path, "tests") && !imports(f, "testing/synctest"): // in whose bubbles sleeping takes no time
			uses = clockCalls(f, "Sleep")
		case !isTest && within(path, "engine") && !within(path, "engine/clock", "engine/transport", "engine/resolve"):
			uses = clockCalls(f, "Now", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Since", "Until")
		}
		for _, u := range uses {
			t.Errorf("%s: time.%s", set.Position(u.Pos()), u.Sel.Name)
		}
	})
}

func TestClockCalls(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"called":              {`import "time"; func f() { time.Sleep(1) }`, 1},
		"passed on":           {`import "time"; var now = time.Now`, 1},
		"under another name":  {`import clock "time"; var now = clock.Now`, 1},
		"of another package":  {`import "x/time"; var now = time.Now`, 0},
		"of a value":          {`import "time"; func f(t T) { t.Now(); _ = time.Second }`, 0},
		"in a comment's text": {`import _ "time" // time.Sleep(1)`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+c.text, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(clockCalls(f, "Now", "Sleep")); got != c.want {
				t.Errorf("%d uses, want %d", got, c.want)
			}
		})
	}
}
