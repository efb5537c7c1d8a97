package luatest

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// patience bounds a wait for what happens in a few milliseconds.
const patience = 2 * time.Minute

// runsOf cuts what a watching run prints into its runs, each up to its last line.
type runsOf struct {
	text strings.Builder
	all  chan string
}

var lastLine = regexp.MustCompile(`(?m)^.* in 0 ms.* seed \d+\n`)

func (r *runsOf) Write(b []byte) (int, error) {
	r.text.Write(b)
	if s := r.text.String(); lastLine.MatchString(s) {
		r.text.Reset()
		r.all <- s
	}
	return len(b), nil
}

func (r *runsOf) next(t testing.TB) string {
	t.Helper()
	select {
	case s := <-r.all:
		return s
	case <-time.After(patience):
		t.Fatal("the tests did not run")
	}
	return ""
}

// ran returns the test files that a run was about, in order.
func ran(out string) (files []string) {
	for _, m := range regexp.MustCompile(`(?m)^(?:ok|FAIL|ERROR) +([a-z_/.]+\.(?:lua|txtar)) +(?:\d+ test|does)`).FindAllStringSubmatch(out, -1) {
		files = append(files, m[1])
	}
	return files
}

const watched = `-- a/main.lua --
return { invite = function() return require("plan").reject(486) end }
-- a/a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.test("a", function() t.eq(pbx:decide({ from = "sip:a@example.net", to = "sip:b@example.net" }).code, 486) end)
-- b/b_test.lua --
local t = require "test"
local pbx = t.script "../a"
t.test("b", function() t.ok(pbx:decide { from = "sip:a@example.net", to = "sip:b@example.net" }) end)
-- c/c_test.lua --
local t = require "test"
t.test("c", function() t.eq(require("lib.one"), 1) end)
-- c/lib/one.lua --
return 1
`

// watchStep is a change of files, and what runs then.
type watchStep struct {
	name string
	do   func()
	want []string
	says string
}

// watches runs what watches and makes one change after the other.
func watches(t *testing.T, paths []string, changes []watchStep) {
	t.Helper()
	out := &runsOf{all: make(chan string, 10)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Watch(ctx, Options{Out: out, Now: still, Seed: 1, Parallel: 1, Paths: paths}) }()
	for _, c := range changes {
		c.do()
		got := out.next(t)
		if diff := cmp.Diff(c.want, ran(got)); diff != "" || !strings.Contains(got, c.says) {
			t.Errorf("%s: want %q -want +got:\n%s%s", c.name, c.says, diff, got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// write writes a file that is watched, in one go: on a busy machine half of it would be a change of its own.
func write(t *testing.T, file, text string) {
	t.Helper()
	fresh := filepath.Join(filepath.Dir(file), ".fresh") // nobody looks at such names
	if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
		t.Error(err)
	}
	if err := os.Rename(fresh, file); err != nil {
		t.Error(err)
	}
}

func TestWatch(t *testing.T) {
	in(t, watched)
	write := func(file, text string) { write(t, file, text) }
	watches(t, nil, []watchStep{
		{"the first run", func() {}, []string{"a/a_test.lua", "b/b_test.lua", "c/c_test.lua"}, "3 passed"},
		{"a script breaks", func() { write("a/main.lua", "return { invite = function() end }") }, []string{"a/a_test.lua", "b/b_test.lua"}, "a/main.lua changed"},
		{"a module of tests", func() { write("c/lib/one.lua", "return 2") }, []string{"c/c_test.lua"}, "1 failed"},
		{"a test", func() { write("b/b_test.lua", `local t = require "test" t.test("b", function() end)`) }, []string{"b/b_test.lua"}, "1 passed"},
		{"a script is right again", func() { write("a/main.lua", `return { invite = function() return require("plan").reject(486) end }`) }, []string{"a/a_test.lua"}, "1 passed"},
		{"a new test", func() { write("c/d_test.lua", `local t = require "test" t.test("d", function() end)`) }, []string{"c/d_test.lua"}, "1 passed"},
		{"a test that does not load", func() { write("c/d_test.lua", `x =`) }, []string{"c/d_test.lua"}, "1 file not loaded"},
		{"what failed comes first", func() { write("c/lib/one.lua", "return 1") }, []string{"c/c_test.lua", "c/d_test.lua"}, "1 passed"},
	})
}

const watchedWords = `-- in/main.lua --
local plan, lookup = require "plan", require "lookup"
local people = lookup.csv("people.csv", { key = "number" })
return { invite = function(call) return plan.to("sip:" .. people:get(call.to.user).desk .. "@192.0.2.11") end }
-- in/people.csv --
number,desk
100,11
-- elsewhere/main.lua --
return { invite = function() return require("plan").reject(404) end }
-- in/calls/one.txtar --
call alice -> 100
phone 11 200
expect result answered 11
-- in/calls/other.txtar --
script ../../elsewhere/main.lua
call alice -> 100
expect result 404
`

// Tests in words run again when they change, and when a script, a table or a module of theirs does: wherever it lies.
func TestWatchWords(t *testing.T) {
	in(t, watchedWords)
	t.Chdir("in")
	write := func(file, text string) { write(t, file, text) }
	write("calls/own.txtar", "call alice -> 100\nexpect result 486\n-- main.lua --\nreturn { invite = function() return require('plan').reject(486) end }\n")
	table := func(desk string) string { return "number,desk\n100," + desk + "\n" }
	one, other, own := "calls/one.txtar", "calls/other.txtar", "calls/own.txtar"
	watches(t, []string{"calls"}, []watchStep{
		{"the first run", func() {}, []string{one, other, own}, "3 passed"},
		{"a test", func() { write(own, "call alice -> 100\nexpect result 404\n") }, []string{own}, "1 failed"},
		{"a table", func() { write("people.csv", table("12")) }, []string{own, one}, "people.csv changed"},
		{"another script", func() { write("../elsewhere/main.lua", "return { invite = function() end }") }, []string{other}, "1 passed"},
		{"what failed comes first", func() { write("people.csv", table("11")) }, []string{one, own}, "1 failed, 1 passed"},
		{"a test that cannot be read", func() { write(one, "cal alice -> 100\n") }, []string{one}, "1 file not loaded"},
		{"the script", func() { write("main.lua", "return { invite = function() end }") }, []string{one, own}, "1 file not loaded, 1 passed"},
		{"a test with a module of its own", func() { write(one, "call alice -> 100\nexpect result 404\n-- x.lua --\nreturn 1\n") }, []string{one}, "1 passed"},
		{"its script", func() { write("main.lua", "return { invite = function() return require('plan').reject(480) end }") }, []string{one, own}, "2 failed"},
	})
}

func TestTouches(t *testing.T) {
	w := &watching{uses: map[string][]string{"x/main_test.lua": {"scripts"}, "y/b_test.lua": nil}}
	for _, c := range []struct {
		changed, test string
		want          bool
	}{
		{"scripts/lib/a.lua", "x/main_test.lua", true},
		{"scripts2/a.lua", "x/main_test.lua", false},
		{"x/helper.lua", "x/main_test.lua", true},
		{"x/sub/helper.lua", "x/main_test.lua", true},
		{"x/other_test.lua", "x/main_test.lua", false},
		{"x/main_test.lua", "x/main_test.lua", true},
		{"x/testdata/main_test/a.ladder", "x/main_test.lua", true},
		{"x/testdata/other_test/a.ladder", "x/main_test.lua", false},
		{"scripts/a.lua", "y/b_test.lua", false},
		{"anything.lua", "new_test.lua", true},
	} {
		if got := w.touches(c.changed, c.test); got != c.want {
			t.Errorf("%s touches %s: %v, want %v", c.changed, c.test, got, c.want)
		}
	}
}

// What has changed is told once, though one root lies in another.
func TestTake(t *testing.T) {
	w := &watching{
		files:   tree{"a/same": "1", "a/other": "1", "a/gone": "1", "b": "1"},
		trees:   map[string]tree{"a": {"a/same": "1", "a/other": "1", "a/gone": "1"}, "": {"a/same": "1", "a/other": "1", "a/gone": "1", "b": "1"}},
		settled: make(map[string]tree), changed: make(chan struct{}, 1),
	}
	now := tree{"a/same": "1", "a/other": "2", "a/new": "1"}
	w.tell("a", now)
	w.tell("a", now)
	if got, want := w.take(), []string{"a/gone", "a/new", "a/other"}; !slices.Equal(got, want) || len(w.changed) != 1 {
		t.Errorf("got %v, want %v", got, want)
	}
	now["b"] = "2"
	w.tell("", now)
	if got, want := w.take(), []string{"b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := w.take(); len(got) > 0 {
		t.Errorf("told again: %v", got)
	}
}
