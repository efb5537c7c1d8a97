// Package starter is `tandem init`: folders that work from nothing, each with a script, its tests and what editors and CI need.
//
// The templates are embedded and never change; it holds no state.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tandem/examples"
	"tandem/luaapi/api"
	"tandem/luaapi/spell"
)

//go:embed templates
var templates embed.FS

// Template is a kind of folder.
type Template struct{ Name, Says string }

// Templates are those that there are, the default first.
var Templates = []Template{
	{"minimal", "a desk phone, then the reception"},
	{"ring-group", "a team that shares a number, with a voice mailbox"},
	{"follow-me", "desk and mobile by the hour, then a voice mailbox"},
	{"office", "phones that register: desk, mobile, answering machine"},
	{"diversion", "a voice mailbox that learns why it is called (RFC 5806)"},
	{"carrier", "numbers as E.164, two carriers, failover"},
}

// Names returns the names of the templates.
func Names() []string {
	names := make([]string, len(Templates))
	for i, t := range Templates {
		names[i] = t.Name
	}
	return names
}

// shared is where the files that every folder has come to lie.
var shared = map[string]string{"tandem.toml": "tandem.toml", "github.yml": ".github/workflows/scripts.yml"}

// stubs is where editors find what the Lua API is.
const stubs = ".tandem/stubs"

// Files returns the files of a template by their paths. The error suggests a name if there is no such template.
func Files(template string) (map[string][]byte, error) {
	if !slices.Contains(Names(), template) {
		return nil, fmt.Errorf("there is no template %q%s; there are %s", template, spell.Hint(template, Names()), strings.Join(Names(), ", "))
	}
	files := make(map[string][]byte)
	for from, to := range shared {
		text, err := templates.ReadFile("templates/common/" + from)
		if err != nil {
			return nil, fmt.Errorf("a template is incomplete: %w", err)
		}
		files[to] = text
	}
	for name, text := range api.Stubs() {
		files[stubs+"/"+name] = []byte(text)
	}
	files[".luarc.json"] = []byte(api.LuaRC(stubs))
	from, root := templates, path.Join("templates", template)
	if template == "office" {
		from, root = examples.Office, template
	}
	err := fs.WalkDir(from, root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := from.ReadFile(p)
		files[strings.TrimPrefix(p, root+"/")] = text
		return err
	})
	return files, err
}

// ErrThere says that a file would be overwritten.
var ErrThere = errors.New("nothing was written")

// Write writes files below a folder, which it makes. If one of them is there already it writes none; the error names it. It returns their
// paths, sorted.
func Write(dir string, files map[string][]byte) ([]string, error) {
	var paths []string
	for p := range files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		if _, err := os.Lstat(filepath.Join(dir, p)); !errors.Is(err, fs.ErrNotExist) {
			if err == nil {
				err = fmt.Errorf("%s is there already: %w; name another folder", filepath.Join(dir, p), ErrThere)
			}
			return nil, err
		}
	}
	for _, p := range paths {
		full := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return nil, fmt.Errorf("cannot make the folder: %w", err)
		}
		if err := os.WriteFile(full, files[p], 0o644); err != nil {
			return nil, fmt.Errorf("cannot write the file: %w", err)
		}
	}
	return paths, nil
}
