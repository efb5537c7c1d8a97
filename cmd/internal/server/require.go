package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tandem/engine/plan"
	"tandem/luaapi"
	"tandem/luaapi/check"
	"tandem/luaapi/luatest"
	"tandem/luaapi/scenario"
)

// checked returns the errors that a check finds in the scripts; what it only warns of is no reason to refuse them.
func checked(s *luaapi.Snapshot) (found []luaapi.Finding) {
	files := make(map[string][]byte)
	for _, f := range s.Files() {
		files[f] = []byte(s.File(f))
	}
	for _, f := range check.Check(check.Script{Files: files, Entry: s.Entry}) {
		if f.Severity == check.Error {
			found = append(found, luaapi.Finding{Pos: plan.Pos{File: f.File, Line: f.Line}, Rule: f.Rule, Message: f.Message})
		}
	}
	return found
}

// tests runs the tests beside the scripts at root on a program that was compiled from them, and returns what failed. It
// takes one processor at most: calls go on meanwhile.
func tests(ctx context.Context, root string, settings scenario.Settings, p *luaapi.Program) (found []luaapi.Finding, err error) {
	paths, programs := beside(root, p)
	if len(paths) == 0 {
		return nil, errNoTests
	}
	sum, err := luatest.Run(ctx, luatest.Options{
		Paths: paths, Programs: programs, Parallel: 1, Seed: 1, Out: io.Discard,
		Settings: func(string) (scenario.Settings, error) { return settings, nil },
		Observe: func(r *luatest.Result) {
			if f, bad := finding(root, r); bad {
				found = append(found, f)
			}
		},
	})
	if err == nil && sum.Ran()+sum.Broken == 0 {
		err = errNoTests
	}
	return found, err
}

var errNoTests = errors.New(`there are none beside the scripts; write some in files *_test.lua, or set reload.require to "check" or "load"`)

// beside returns where the tests of a script are, and the program under the paths by which they name it.
func beside(root string, p *luaapi.Program) ([]string, map[string]*luaapi.Program) {
	programs := map[string]*luaapi.Program{root: p}
	info, err := os.Stat(root)
	if err != nil || info.IsDir() {
		return []string{root}, programs
	}
	if filepath.Base(root) == "main.lua" {
		programs[filepath.Dir(root)] = p // as a test names it
	}
	file := strings.TrimSuffix(root, ".lua") + "_test.lua"
	if _, err := os.Stat(file); err != nil {
		return nil, nil
	}
	return []string{file}, programs
}

// finding returns what a result finds.
func finding(root string, r *luatest.Result) (f luaapi.Finding, bad bool) {
	switch r.Verdict {
	case luatest.Passed, luatest.Skipped:
		return f, false
	}
	what := strings.TrimPrefix(strings.Join(r.Message, "; "), r.Pos.String()+": ")
	f = luaapi.Finding{Pos: r.Pos, Rule: "test", Message: strings.Join(strings.Fields(what), " ")}
	if r.Name != "" {
		f.Message = fmt.Sprintf("%q: %s", r.Name, f.Message)
	}
	if rel, err := filepath.Rel(root, f.Pos.File); err == nil && filepath.IsLocal(rel) {
		f.Pos.File = rel
	}
	return f, true
}
