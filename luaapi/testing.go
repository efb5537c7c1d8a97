package luaapi

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"tandem/engine"
	"tandem/engine/plan"
	logmod "tandem/luaapi/mod/log"
	"tandem/luaapi/spell"
)

// What `tandem test` needs of the host: files of tests as programs, a sandbox for them, and scripts served without
// compiling them again.

// Modules reads and compiles the files of a folder, which need no main.lua among them, as modules for test files. One that
// does not compile raises its error when it is required.
func Modules(dir string) (*Program, error) {
	var r reader
	if err := r.below(dir, rootAround); err != nil {
		return nil, err
	}
	p := &Program{Snapshot: newSnapshot("", r.files, r.data), chunks: maps.Clone(shipped().chunks), byFile: maps.Clone(shipped().byFile)}
	p.tables = p.Snapshot.tables()
	for _, file := range p.Snapshot.Files() {
		c, err := compile(file, r.files[file])
		if err != nil {
			c = failing(file, err)
		}
		p.byFile[file] = c
		p.chunks[moduleName(file)] = c
	}
	return p, nil
}

// failing returns a module that raises an error when it is required: of many files a test needs few.
func failing(file string, err error) *chunk {
	tree := []ast.Stmt{&ast.FuncCallStmt{Expr: &ast.FuncCallExpr{
		Func: &ast.IdentExpr{Value: "error"},
		Args: []ast.Expr{&ast.StringExpr{Value: err.Error()}, &ast.NumberExpr{Value: "0"}},
	}}}
	proto, err := lua.Compile(tree, file)
	if err != nil {
		panic(err) // the tree is always the same
	}
	return &chunk{file: file, proto: proto, survey: newSurvey(file, nil)}
}

// TestFile reads and compiles a test file. The program returned has it as entry and p's modules. name is what errors
// call it.
func (p *Program) TestFile(path, name string) (*Program, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	text, err := readFile(path, info, os.ReadFile, path)
	if err != nil {
		return nil, err
	}
	c, err := compileLoose(name, text)
	if err != nil {
		return nil, err
	}
	q := &Program{
		tables:   p.tables,
		Snapshot: NewSnapshot(filepath.Base(path), map[string][]byte{filepath.Base(path): text}),
		chunks:   maps.Clone(p.chunks), byFile: maps.Clone(p.byFile),
	}
	q.chunks[""], q.byFile[name] = c, c
	return q, nil
}

// Serve returns the scripts of an engine that runs the program and never another one.
func (p *Program) Serve(opt Options) (engine.Scripts, error) {
	h := &Host{source: p.Snapshot}
	opt = opt.withDefaults()
	h.opt.Store(&opt)
	for range h.opt.Load().Shards {
		h.stats = append(h.stats, &shardStats{})
	}
	g, err := h.generation(p, 1)
	if err != nil {
		return nil, err
	}
	h.served.Store(&serving{gen: g})
	h.live = []*generation{g}
	return h, nil
}

// stub puts the stubs of the options in the place of modules.
func (v *vm) stub(L *lua.LState) error {
	for _, name := range slices.Sorted(maps.Keys(v.opt.Stubs)) {
		is := v.module(name)
		c := v.prog.chunks[name]
		if is == nil && c == nil {
			return fmt.Errorf("there is no module %q to stub%s", name, spell.Hint(name, v.moduleNames()))
		}
		v.modules[name] = v.opt.Stubs[name](L, func(key lua.LValue) lua.LValue {
			if is == nil {
				is = v.runModule(L, name, c)
			}
			return L.GetTable(is, key)
		})
	}
	return nil
}

// Sandbox is a Lua state for a file that is not a script: it has what scripts have, and modules of its own. It belongs
// to one goroutine.
type Sandbox struct{ v *vm }

// Sandbox returns a new state for the program. modules makes the modules that it has besides those of scripts.
func (p *Program) Sandbox(opt Options, modules func(L *lua.LState) map[string]*lua.LTable) *Sandbox {
	opt = opt.withDefaults()
	v := &vm{prog: p, opt: &opt, stats: &shardStats{}}
	v.log = &logmod.Writer{Logger: opt.Logger, Call: v.callID, Cost: v.charge}
	L := v.sandbox()
	for name, table := range modules(L) {
		v.modules[name] = table
	}
	return &Sandbox{v}
}

// State returns the Lua state.
func (s *Sandbox) State() *lua.LState { return s.v.L }

// Load runs the entry file with the budgets for loading. The error is an *Error.
func (s *Sandbox) Load() error {
	c := s.v.prog.chunks[""]
	return s.run(s.v.L.NewFunctionFromProto(c.proto), s.v.opt.LoadBudget, s.v.opt.LoadMemory, c.file)
}

// Call calls a function of the file with the budgets for a handler. The error is an *Error.
func (s *Sandbox) Call(fn *lua.LFunction, args ...lua.LValue) error {
	return s.run(fn, s.v.opt.Budget, s.v.opt.Memory, fn.Proto.SourceName, args...)
}

func (s *Sandbox) run(fn *lua.LFunction, budget, limit int, file string, args ...lua.LValue) error {
	v := s.v
	v.meter.start(budget, limit, v.opt.RaiseBudget)
	v.L.Push(fn)
	for _, arg := range args {
		v.L.Push(arg)
	}
	err := v.L.PCall(len(args), 0, nil)
	v.L.SetTop(0)
	at := plan.Pos{File: file, Line: fn.Proto.LineDefined}
	switch {
	case err != nil:
		return newError(err, at)
	case v.meter.stop() != nil: // caught by pcall as the last thing that the function did
		return &Error{Pos: at, Message: v.meter.stop().Error()}
	}
	return nil
}
