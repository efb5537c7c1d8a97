package luaapi

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"tandem/engine/plan"
	lookupmod "tandem/luaapi/mod/lookup"
	"tandem/luaapi/probe"
	"tandem/luaapi/source"
	"tandem/scripts"
)

// Program is a compiled snapshot: one function prototype per file, shared by all states. It does not change.
type Program struct {
	// Snapshot is what it was compiled from.
	Snapshot *Snapshot
	tables   *lookupmod.Cache

	chunks map[string]*chunk // by module name: "lib.hours", and the entry under ""
	byFile map[string]*chunk // by chunk name, for errors
	sites  *probe.Sites      // nil = it has no probes
}

// chunk is a compiled file. It does not change; versions of the script that have the same file share it.
type chunk struct {
	file   string // as errors name it
	proto  *lua.FunctionProto
	survey *survey
}

// libraryPrefix stands before the paths of shipped modules, in errors.
const libraryPrefix = "tandem/"

// Load reads a script root and compiles it. The error is an *Error if it lies in a script.
func Load(root string) (*Program, error) {
	s, err := Dir(root).Read()
	if err != nil {
		return nil, err
	}
	return Compile(s, nil)
}

// Compile compiles every file of a snapshot, and those of a library of Lua modules (nil = the one that is shipped). A file of the
// snapshot takes the place of a library module of the same name.
func Compile(s *Snapshot, library fs.FS) (*Program, error) { return compileAfter(nil, s, library) }

// compileAfter is Compile with what the version before has already, nil for none: files and lookup tables that have not changed.
func compileAfter(before *Program, s *Snapshot, library fs.FS) (*Program, error) {
	p := &Program{Snapshot: s, tables: s.tables(), chunks: maps.Clone(shipped().chunks), byFile: maps.Clone(shipped().byFile)}
	if library != nil {
		p.chunks, p.byFile = make(map[string]*chunk), make(map[string]*chunk)
		if err := p.addLibrary(library); err != nil {
			return nil, err
		}
	}
	if before != nil {
		p.tables.Inherit(before.tables)
	}
	for _, file := range s.Files() {
		c, err := before.compile(file, s.files[file])
		if err != nil {
			return nil, err
		}
		p.byFile[file] = c
		if file == s.Entry {
			p.chunks[""] = c
		}
		p.chunks[moduleName(file)] = c
	}
	if p.chunks[""] == nil {
		return nil, fmt.Errorf("there is no %s; it is the file that returns the handlers", s.Entry)
	}
	return p, nil
}

func (p *Program) addLibrary(library fs.FS) error {
	return fs.WalkDir(library, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".lua") || strings.HasSuffix(file, testSuffix) {
			return err
		}
		text, err := fs.ReadFile(library, file)
		if err != nil {
			return err
		}
		c, err := compile(libraryPrefix+file, text)
		if err != nil {
			return err
		}
		p.byFile[c.file] = c
		p.chunks[moduleName(file)] = c
		return nil
	})
}

// shipped is the library of Lua modules that Tandem brings along, compiled once.
var shipped = sync.OnceValue(func() *Program {
	p := &Program{chunks: make(map[string]*chunk), byFile: make(map[string]*chunk)}
	if err := p.addLibrary(scripts.Files); err != nil {
		panic("the library that is shipped does not compile: " + err.Error()) // a test loads it
	}
	return p
})

// moduleName is what a script requires a file as: "lib.hours" for lib/hours.lua, "lib" for lib/init.lua.
func moduleName(file string) string {
	name := strings.TrimSuffix(file, ".lua")
	if path.Base(name) == "init" && path.Dir(name) != "." {
		name = path.Dir(name)
	}
	return strings.ReplaceAll(name, "/", ".")
}

// compile compiles a file of a script, unless p, which may be nil, has compiled the same.
func (p *Program) compile(file string, text []byte) (*chunk, error) {
	if p != nil && p.sites == nil {
		if was, ok := p.Snapshot.files[file]; ok && bytes.Equal(was, text) {
			return p.byFile[file], nil
		}
	}
	return compile(file, text)
}

// compile compiles a file of a script.
func compile(file string, text []byte) (*chunk, error) {
	c, err := compileLoose(file, text)
	if err == nil && c.survey.leak != nil {
		return nil, c.survey.leak
	}
	return c, err
}

// compileLoose compiles a file whose functions may assign to locals of the chunk.
func compileLoose(file string, text []byte) (*chunk, error) { return compileTree(file, text, nil) }

// compileTree compiles a file whose tree is changed before (nil = it is not).
func compileTree(file string, text []byte, change func([]ast.Stmt) []ast.Stmt) (*chunk, error) {
	tree, bad := source.Parse(text, file)
	if bad != nil {
		return nil, &Error{Pos: plan.Pos{File: file, Line: bad.Line}, Message: bad.Message}
	}
	s := newSurvey(file, tree)
	if change != nil {
		tree = change(tree)
	}
	proto, bad := source.Compile(tree, text, file)
	if bad != nil {
		return nil, &Error{Pos: plan.Pos{File: file, Line: bad.Line}, Message: bad.Message}
	}
	proto.IsVarArg &^= lua.VarArgNeedsArg // a chunk has no `arg`: the machine would make a table that nothing can reach
	return &chunk{file: file, proto: proto, survey: s}, nil
}

// keyLine is plan.KeyLine for the files of the program.
func (p *Program) keyLine(call plan.Pos, key string) int {
	if c := p.byFile[call.File]; c != nil {
		return c.survey.keyLine(call.Line, key)
	}
	return 0
}

// tables are the lookup tables that can be made of the snapshot.
func (s *Snapshot) tables() *lookupmod.Cache {
	return &lookupmod.Cache{
		Files: slices.Sorted(maps.Keys(s.data)),
		File:  func(path string) ([]byte, bool) { text, ok := s.data[path]; return text, ok },
	}
}
