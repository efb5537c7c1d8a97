package luaapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct{ name, main, want string }{
		{"syntax", "local x = 1\nlocal y = = 2", `main.lua:2: syntax error near "="`},
		{"the end is missing", "local function f()\n  return 1\n", `main.lua:2: syntax error: "end" expected (to close "function" at line 1)`},
		{"string", "local s = 'abc\nreturn s", `main.lua:1: unterminated string near "abc"`},
		{"long token", "local s = [[" + strings.Repeat("x", 100), `main.lua:1: syntax error: "]]" expected (to close "[[" at line 1)`},
		{"long name", "local x = 1 " + strings.Repeat("x", 100) + " 2", `main.lua:1: syntax error near "2"`},
		{"long text", "local '" + strings.Repeat("x", 100) + "'", `main.lua:1: syntax error near "` + strings.Repeat("x", 40) + `…"`},
		{"one = in a condition", "local x\nif x = 1 then x = 2 end", `main.lua:2: syntax error near "="; values are compared with ==`},
		{"a quote of a word processor", "local s =\n“x”", `main.lua:2: “ (U+201C) is no part of Lua: quotes are " or '`},
		{"after one in a string", "local s, r = '“', “x”", `main.lua:1: “ (U+201C) is no part of Lua: quotes are " or '`},
		{"a dash", "local n = 3 – 1", "main.lua:1: – (U+2013) is no part of Lua: write -"},
		{"a blank that does not break", "local\u00a0x = 1", "main.lua:1: a character that only looks like a blank (U+00A0): write a blank"},
		{"a byte order mark inside", "local x = 1\n\ufefflocal y = 2", "main.lua:2: a character that cannot be seen (U+FEFF): take it out"},
		{"a letter", "local größe = 1", "main.lua:1: ö (U+00F6) stands outside of quotes and comments: names have only a to z, A to Z, digits and _"},
		{"Latin-1", "local gr\xf6sse = 1", `main.lua:1: the byte \xf6 stands outside of quotes and comments: names have only a to z, A to Z, digits and _`},
		{"UTF-16", "\xff\xfel\x00o\x00c\x00", "main.lua:1: the file is not UTF-8 but perhaps UTF-16: save it as UTF-8"},
		{"what the compiler finds", "\nbreak", "main.lua:2: no loop to break"},
		{"too deep", "\nreturn " + strings.Repeat("{", 1000) + strings.Repeat("}", 1000), "main.lua:2: nested more than 1000 deep: split it"},
		{"too deep for the machine", "return " + strings.Repeat("{", 500) + strings.Repeat("}", 500), "main.lua: register overflow(too many local variables)"},
		{
			"a leak", "local n = 0\nlocal route = {}\nfunction route.invite()\n  n = n + 1\nend\nreturn route",
			`main.lua:4: a function assigns to "n", a local of the file: it would leak from call to call and differ between shards; keep what belongs to a call in call.vars`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(memory("main.lua", c.main), nil)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestLeaks(t *testing.T) {
	const leaks, holds = true, false
	for _, c := range []struct {
		name, main string
		want       bool
	}{
		{"a local of the function", "local function f() local n = 0 n = n + 1 end", holds},
		{"a parameter", "local n local function f(n) n = 1 end", holds},
		{"a field", "local t = {} local function f() t.n = 1 end", holds},
		{"in the chunk", "local n = 0 n = 1 do n = 2 end for i = 1, 2 do n = i end", holds},
		{"a forward declared function", "local f local function g() return f() end f = function() end function f() end", holds},
		{"a local of a function, from a function in it", "local function f() local n = 0 return function() n = n + 1 end end", holds},
		{"a loop variable of the function", "local i local function f() for i = 1, 2 do i = 3 end for i in pairs({}) do i = 4 end end", holds},
		{"a local of the function, in its blocks", "local function f() local n repeat local m m = 1 until n while n do n = 1 end if n then n = 2 else n = 3 end end", holds},
		{"a recursive function's name", "local function f() return f() end", holds},
		{"self", "local self local M = {} function M:f() self = nil end", holds},
		{"not yet declared", "local function f() n = 1 end local n", holds},
		{"varargs", "local function f(...) local a a = ... end", holds},

		{"from a function", "local n local function f() n = 1 end", leaks},
		{"from a function in a function", "local n local function f() return function() n = 1 end end", leaks},
		{"among others", "local n local t = {} local function f() t.x, n = 1, 2 end", leaks},
		{"in a loop", "local n local function f() for i = 1, 2 do while true do repeat n = i until true end end end", leaks},
		{"in a branch", "local n local function f(x) if x then else n = 1 end end", leaks},
		{"in an argument", "local n pcall(function() n = 1 end)", leaks},
		{"in a method call", "local n ('x'):rep((function() n = 1 end)())", leaks},
		{"in a table", "local n return { invite = function() n = 1 end }", leaks},
		{"in an operand", "local n local x = not (function() n = 1 end) and 1 .. -(function() end)() + #{} < 2", leaks},
		{"a function", "local f local function g() function f() end end", leaks},
		{"a block's local", "do local n local function f() n = 1 end end", leaks},
		{"a loop's variable", "for i = 1, 2 do local function f() i = 1 end end", leaks},
		{"from a method", "local n local M = {} function M:f() n = 1 end", leaks},
		{"from a deep method", "local n local M = {a={}} function M.a.f() n = 1 end", leaks},
		{"returned", "local n return function() n = 1 end", leaks},
		{"in a key", "local n local t = {} t[(function() n = 1 end)] = 1", leaks},
		{"its own name", "local function f() f = nil end", leaks},
		{"in the loop's bounds", "local n for i = (function() n = 1 end)(), 2 do end", leaks},
		{"in until", "local n repeat until (function() n = 1 end)()", leaks},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(memory("main.lua", c.main), nil)
			if got := err != nil && strings.Contains(err.Error(), "a function assigns to"); got != c.want || err != nil && !got {
				t.Errorf("leak found: %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

func TestShebangAndByteOrderMark(t *testing.T) {
	for _, main := range []string{"#!/usr/bin/env tandem\nx = = 1", "\xef\xbb\xbf\nx = = 1"} {
		_, err := Compile(memory("main.lua", main), nil)
		if err == nil || !strings.HasPrefix(err.Error(), "main.lua:2: ") {
			t.Errorf("%q: got %v, want an error in line 2", main, err)
		}
	}
	for _, main := range []string{"#!/usr/bin/env tandem", "\xef\xbb\xbfreturn {}", ""} {
		if _, err := Compile(memory("main.lua", main), nil); err != nil {
			t.Errorf("%q: %v", main, err)
		}
	}
}

func TestEveryFileIsCompiled(t *testing.T) {
	_, err := Compile(memory("main.lua", "return {}", "lib/unused.lua", "\nx = = 1"), nil)
	var e *Error
	if !errors.As(err, &e) || e.Pos.String() != "lib/unused.lua:2" {
		t.Errorf("got %v, want an error in lib/unused.lua:2", err)
	}
	if _, err := Compile(memory("lib.lua", ""), nil); err == nil || err.Error() != "there is no main.lua; it is the file that returns the handlers" {
		t.Errorf("got %v", err)
	}
}

func TestDryLoad(t *testing.T) {
	p, err := Compile(memory("main.lua", "error('no')"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.DryLoad(Options{}); err == nil || err.Error() != "main.lua:1: no" {
		t.Errorf("got %v", err)
	}
	p, err = Compile(memory("main.lua", "return {}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.DryLoad(Options{}); err != nil {
		t.Error(err)
	}
}

func TestLibrary(t *testing.T) {
	lib := fstest.MapFS{
		"hours.lua":      {Data: []byte("return { open = function() return 'shipped' end, fail = function()\n error('in it') end }")},
		"hours_test.lua": {Data: []byte("= no Lua")},
		"README.md":      {Data: []byte("= no Lua")},
		"time/init.lua":  {Data: []byte("return 'time'")},
	}
	const main = "local hours = require 'hours'\nassert(require 'time' == 'time')\nreturn { invite = function() print(hours.open()) end, busy = hours.fail }"
	r, err := try(t, Options{Library: lib}, "main.lua", main)
	if err != nil {
		t.Fatal(err)
	}
	r.vm().Invite(newCall(t))
	r.vm().Handler(newCall(t), 1, nil)
	if got, want := r.logged(), "info shipped\nerror tandem/hours.lua:2: in it"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A file of the root takes its place.
	if r, err = try(t, Options{Library: lib}, "main.lua", main, "hours.lua", "return { open = function() return 'own' end, fail = print }"); err != nil {
		t.Fatal(err)
	}
	r.vm().Invite(newCall(t))
	if got := r.logged(); got != "info own" {
		t.Errorf("got %s", got)
	}
	if _, err := Compile(memory("main.lua", ""), fstest.MapFS{"bad.lua": {Data: []byte("= 1")}}); err == nil || !strings.HasPrefix(err.Error(), "tandem/bad.lua:1: ") {
		t.Errorf("got %v", err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadFolder(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"main.lua", "main_test.lua", "lib/hours.lua", "lib/a/b.lua", "notes.txt", ".git/x.lua", ".hidden.lua"} {
		write(t, filepath.Join(dir, f), "return "+"{}")
	}
	write(t, filepath.Join(dir, ".v1/near.lua"), "return 1")
	links(t, dir, map[string]string{
		"linked.lua": filepath.Join(dir, ".v1/near.lua"), "near": ".v1", "lib/up": dir, "gone": "nowhere", "note": filepath.Join(dir, "notes.txt"),
		"people.csv": "note",
	})
	s, err := Dir(dir).Read()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lib/a/b.lua", "lib/hours.lua", "linked.lua", "main.lua", "near/near.lua"}
	if !slices.Equal(s.Files(), want) {
		t.Errorf("got %v, want %v", s.Files(), want)
	}
	if s.Entry != "main.lua" || s.File("linked.lua") != "return 1" || s.File("none") != "" || string(s.data["people.csv"]) != "return {}" {
		t.Errorf("entry %s, linked.lua %q, people.csv %q", s.Entry, s.File("linked.lua"), s.data["people.csv"])
	}
}

// links makes symbolic links below a folder.
func links(t testing.TB, dir string, all map[string]string) {
	t.Helper()
	for from, to := range all {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLinksOutOfTheRoot: a script is read from its folder, wherever that is, and from nowhere else.
func TestLinksOutOfTheRoot(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		refused        bool
	}{
		{"a script", "far.lua", "../outside/far.lua", true},
		{"a script, absolute", "far.lua", "OUTSIDE/far.lua", true},
		{"a folder", "far", "../outside", true},
		{"the folder above", "up", "..", true},
		{"main.lua", "main.lua", "../outside/far.lua", true},
		{"a table", "people.csv", "../outside/people.csv", true},
		{"by a link in the folder", "far.lua", "lib/way/far.lua", true},
		{"a test", "far_test.lua", "../outside/far.lua", false},
		{"something else", "notes.txt", "../outside/people.csv", false},
		{"a name with a dot", ".far", "../outside", false},
		{"out and in again", "in.lua", "../root/lib/a.lua", false},
		{"two dots that are a name", "in.lua", "..data/a.lua", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			top := t.TempDir()
			root, outside := filepath.Join(top, "root"), filepath.Join(top, "outside")
			for _, f := range []string{"root/main.lua", "root/lib/a.lua", "root/..data/a.lua", "outside/far.lua", "outside/people.csv"} {
				write(t, filepath.Join(top, f), "return {}")
			}
			if c.from == "main.lua" {
				os.Remove(filepath.Join(root, c.from))
			}
			links(t, root, map[string]string{"lib/.way": outside})
			links(t, root, map[string]string{c.from: strings.NewReplacer("OUTSIDE", outside, "lib/way", "lib/.way").Replace(c.to)})
			links(t, top, map[string]string{"current": "root"}) // the root itself may be one
			for _, at := range []string{root, filepath.Join(top, "current")} {
				_, err := Dir(at).Read()
				if refused := err != nil; refused != c.refused {
					t.Fatalf("%s: %v", at, err)
				}
				if err != nil && !strings.HasPrefix(err.Error(), filepath.Join(at, c.from)+" is a link to "+top) {
					t.Error(err)
				}
			}
		})
	}
}

// TestModulesOfTests: what tests require may lie elsewhere in the script root, and nowhere else.
func TestModulesOfTests(t *testing.T) {
	top := t.TempDir()
	for _, f := range []string{"root/main.lua", "root/lib/a.lua", "root/tests/b.lua", "outside/far.lua"} {
		write(t, filepath.Join(top, f), "return {}")
	}
	links(t, top, map[string]string{"root/tests/lib": "../lib"})
	p, err := Modules(filepath.Join(top, "root/tests"))
	if err != nil || !slices.Equal(p.Snapshot.Files(), []string{"b.lua", "lib/a.lua"}) {
		t.Errorf("got %v, %v", p, err)
	}
	links(t, top, map[string]string{"root/tests/far": "../../outside"})
	if _, err := Modules(filepath.Join(top, "root/tests")); err == nil || !strings.Contains(err.Error(), "far is a link to ") {
		t.Errorf("got %v", err)
	}
}

// TestRequireStaysInTheRoot: names lead to files of the snapshot and to nothing else.
func TestRequireStaysInTheRoot(t *testing.T) {
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret.lua"), "return 1")
	root := filepath.Join(outside, "root")
	for _, name := range []string{
		"../secret", "..secret", "...secret", "..", filepath.Join(outside, "secret"), outside + "/secret.lua", "./../secret", "sub/../../secret",
		`..\secret`, "root/../secret", "root.secret", "/etc/passwd", "secret",
	} {
		write(t, filepath.Join(root, "main.lua"), fmt.Sprintf("assert(not pcall(require, %q), 'it was read') return {}", name))
		p, err := Load(root)
		if err == nil {
			err = p.DryLoad(Options{})
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadOneFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pbx.lua"), "return {}")
	write(t, filepath.Join(dir, "lib.lua"), "return {}")
	p, err := Load(filepath.Join(dir, "pbx.lua"))
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Snapshot.Files(); !slices.Equal(got, []string{"pbx.lua"}) || p.Snapshot.Entry != "pbx.lua" {
		t.Errorf("got %v with entry %s", got, p.Snapshot.Entry)
	}
	write(t, filepath.Join(dir, "pbx.lua"), "return nil")
	if p, err = Load(filepath.Join(dir, "pbx.lua")); err != nil {
		t.Fatal(err)
	}
	if err := p.DryLoad(Options{}); err == nil || !strings.HasPrefix(err.Error(), "pbx.lua: must return a table") {
		t.Errorf("got %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(dir string)
		want string
	}{
		{"no folder", func(dir string) { os.Remove(dir) }, "no such file or directory"},
		{"no main.lua", func(dir string) { write(t, filepath.Join(dir, "x.lua"), "") }, "has no main.lua; it is the file that returns the handlers"},
		{"a large file", func(dir string) { write(t, filepath.Join(dir, "main.lua"), strings.Repeat(" ", maxFile+1)) }, "a script has at most 1048576"},
		{"a folder for a file", func(dir string) { os.Mkdir(filepath.Join(dir, "main.lua"), 0o755) }, "has no main.lua"},
		{"a link to nowhere", func(dir string) { os.Symlink("nowhere", filepath.Join(dir, "main.lua")) }, "no such file or directory"},
		{"a pipe", func(dir string) { syscall.Mkfifo(filepath.Join(dir, "main.lua"), 0o600) }, "is no regular file"},
		{"too deep", func(dir string) { write(t, filepath.Join(dir, strings.Repeat("a/", 20)+"x.lua"), "") }, "more than 16 folders deep"},
		{"too many", func(dir string) {
			for i := range maxFiles + 1 {
				write(t, filepath.Join(dir, strings.Repeat("x", 1+i/200)+string(rune('A'+i%200))+".lua"), "")
			}
		}, "more than 4096 files"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.make(dir)
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestHash(t *testing.T) {
	a := memory("main.lua", "x", "lib.lua", "y")
	for name, b := range map[string]*Snapshot{
		"content":   memory("main.lua", "x", "lib.lua", "z"),
		"path":      memory("main.lua", "x", "lic.lua", "y"),
		"file less": memory("main.lua", "x"),
		"moved":     memory("main.lua", "xlib.luay"),
		"entry":     NewSnapshot("lib.lua", map[string][]byte{"main.lua": []byte("x"), "lib.lua": []byte("y")}),
	} {
		if a.Hash() == b.Hash() {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if b := memory("lib.lua", "y", "main.lua", "x"); a.Hash() != b.Hash() {
		t.Error("the order of files changes the hash")
	}
	if len(a.Hash()) != 64 || len(short(a)) != 12 {
		t.Errorf("hash %s, short %s", a.Hash(), short(a))
	}
}

func TestModuleName(t *testing.T) {
	for file, want := range map[string]string{
		"main.lua": "main", "lib/hours.lua": "lib.hours", "lib/init.lua": "lib", "init.lua": "init", "a/b/init.lua": "a.b",
	} {
		if got := moduleName(file); got != want {
			t.Errorf("%s: got %s, want %s", file, got, want)
		}
	}
}

// Whatever a file holds, it is refused with its name or it loads, and neither takes long.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{
		"return {}", "local x = = 1", "function a.b:c() self = 1 end", "for k, v in pairs({}) do local x end", "goto l ::l::",
		"local p = require 'plan' return { invite = function(c) return p.serial { p.to('sip:a@h', { ring = 5 }), p.reject(486) } end }",
		"print(('x'):rep(10):gsub('(x)', '%1y'), table.concat({1, 2}, ','), ('%5.1f'):format(2))", "while true do pcall(error) end",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		p, err := Compile(memory("main.lua", text), nil)
		if err == nil {
			err = p.DryLoad(Options{LoadBudget: 20_000})
		}
		if err != nil && !strings.HasPrefix(err.Error(), "main.lua") {
			t.Errorf("%q: %v names no file", text, err)
		}
	})
}

// A file that has not changed is not compiled again; what is wrong with another is found all the same.
func TestUnchangedFilesAreKept(t *testing.T) {
	h, err := NewHost(memory("main.lua", "return {}", "lib.lua", "return 1"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	first := h.program()
	if err := h.Apply(context.Background(), memory("main.lua", "return { }", "lib.lua", "return 1")); err != nil {
		t.Fatal(err)
	}
	second := h.program()
	if second.byFile["lib.lua"] != first.byFile["lib.lua"] || second.chunks["lib"] != first.chunks["lib"] || second.byFile["main.lua"] == first.byFile["main.lua"] {
		t.Error("lib.lua was compiled again, or main.lua was not")
	}
	for _, bad := range []*Snapshot{
		memory("main.lua", "return { }", "lib.lua", "return"+"("), memory("main.lua", "return { ", "lib.lua", "return 1"),
		memory("other.lua", "return {}", "lib.lua", "return 1"),
	} {
		if err := h.Apply(context.Background(), bad); err == nil || h.program() != second {
			t.Errorf("got %v", err)
		}
	}
}
