// Package inspect is `tandem check`: it finds the scripts that paths name, checks them without running them, loads them
// as far as they run before the first call, and writes what it found.
//
// It holds no state.
package inspect

import (
	"errors"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tandem/luaapi"
	"tandem/luaapi/check"
)

// Options say what to check and how to write what was found.
type Options struct {
	// Paths are files and folders; none means the working folder.
	Paths []string
	// Out takes the findings.
	Out io.Writer
	// Users returns the users who may register beside the scripts at a root, as it is shown; none = that is not known. It may be nil.
	Users func(root string) []string
	// JSON writes one object in place of a line for each finding.
	JSON bool
}

// Summary is what came of it.
type Summary struct {
	// Files is how many files were looked at.
	Files int
	// Errors and Warnings count what was found.
	Errors, Warnings int
}

// ErrNothing says that paths name no script.
var ErrNothing = errors.New("no scripts found; they are files *.lua")

// Run checks. The error says what cannot be read; mistakes in scripts are findings.
func Run(o Options) (Summary, error) {
	if len(o.Paths) == 0 {
		o.Paths = []string{"."}
	}
	var all []check.Finding
	seen := make(map[string]bool)
	for _, p := range o.Paths {
		scripts, err := scriptsAt(p)
		if err != nil {
			return Summary{}, err
		}
		for _, s := range scripts {
			if o.Users != nil {
				s.users = o.Users(s.shown)
			}
			all = append(all, s.check(seen)...)
		}
	}
	if len(seen) == 0 {
		return Summary{}, ErrNothing
	}
	all = check.Sort(all)
	s := Summary{Files: len(seen)}
	for _, f := range all {
		if f.Severity == check.Error {
			s.Errors++
		} else {
			s.Warnings++
		}
	}
	if o.JSON {
		return s, writeJSON(o.Out, s, all)
	}
	return s, writeLines(o.Out, all)
}

// script is a script root, or files that belong to none.
type script struct {
	// shown is the root as findings name it.
	shown string
	// root is the folder, or the one file, that is loaded; "" = there is no entry.
	root  string
	entry string
	files map[string][]byte
	// only limits what is looked at to a file or a folder; "" = all.
	only string
	// users may register; none = that is not known.
	users []string
}

// check returns the findings in the files that have not been seen before.
func (s *script) check(seen map[string]bool) []check.Finding {
	found := check.Check(check.Script{Files: s.files, Entry: s.entry, Users: s.users})
	if f, bad := s.load(found); bad {
		found = append(found, f)
	}
	fresh := make(map[string]bool)
	for file := range s.files {
		if at := s.at(file); s.within(file) && !seen[at] {
			fresh[file], seen[at] = true, true
		}
	}
	var out []check.Finding
	for _, f := range found {
		if fresh[f.File] {
			f.File = s.at(f.File)
			out = append(out, f)
		}
	}
	return out
}

// at is a file as findings name it.
func (s *script) at(file string) string { return filepath.Join(s.shown, filepath.FromSlash(file)) }

func (s *script) within(file string) bool {
	return s.only == "" || file == s.only || strings.HasPrefix(file, s.only+"/")
}

const testSuffix = "_test.lua"

// load loads the script, unless it is known that it does not. The finding is what goes wrong.
func (s *script) load(found []check.Finding) (check.Finding, bool) {
	none := check.Finding{}
	if s.entry == "" || slices.ContainsFunc(found, stopsLoading) {
		return none, false
	}
	prog, err := s.compile()
	if err == nil {
		err = prog.DryLoad(luaapi.Options{})
	}
	if err == nil {
		return none, false
	}
	f := check.Finding{File: s.entry, Rule: "load", Severity: check.Error, Message: err.Error()}
	var e *luaapi.Error
	if errors.As(err, &e) {
		switch _, known := s.files[e.Pos.File]; {
		case known:
			f.File, f.Line, f.Message = e.Pos.File, e.Pos.Line, e.Message
		case e.Pos.File == "":
			f.Message = e.Message
		}
	}
	known := func(x check.Finding) bool {
		return x.File == f.File && x.Line == f.Line && x.Severity == check.Error
	}
	return f, !slices.ContainsFunc(found, known)
}

// compile reads the script as `tandem run` does, tables and all.
func (s *script) compile() (*luaapi.Program, error) {
	read, err := luaapi.Dir(s.root).Read()
	if err != nil {
		return nil, err
	}
	return luaapi.Compile(read, nil)
}

// stopsLoading reports whether a finding is why a script cannot load.
func stopsLoading(f check.Finding) bool {
	return f.Severity == check.Error && check.RuleNamed(f.Rule).Fixed && !strings.HasSuffix(path.Base(f.File), testSuffix)
}
