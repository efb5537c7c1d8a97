package luatest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const passing = `-- main.lua --
local plan = require "plan"
return { invite = function() return plan.to "sip:100@192.0.2.11" end }
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.test("answers", function()
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = t.after(1) }
  local call = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example", hangup = 5 }
  net:run()
end)
t.test("needs no call", function() t.eq(1, 1) end)
`

const departs = "departs from the last passing run"

// change writes a file of the working folder with a part of it replaced.
func change(t *testing.T, file, old, fresh string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), old) {
		t.Fatalf("%s does not have %q: %v", file, old, err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), old, fresh, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A test that fails shows where its call departs from the one with the scripts that it has passed with, whatever has changed
// in the test meanwhile.
func TestDepartureFromLastPass(t *testing.T) {
	reject := []string{"main.lua", `plan.to "sip:100@192.0.2.11"`, `plan.reject(480)`}
	expect := []string{"a_test.lua", "net:run()\n", "net:run()\n  t.eq(call:received(200):count(), 1)\n"}
	for _, c := range []struct {
		name    string
		changes [][]string
		forget  bool
		damage  func(text string) string
		marked  bool
	}{
		{name: "the script", changes: [][]string{expect, reject}, marked: true},
		{name: "the test alone", changes: [][]string{{"a_test.lua", "net:run()\n", "net:run()\n  t.eq(1, 2)\n"}}},
		{name: "nothing is kept", changes: [][]string{expect, reject}, forget: true},
		{name: "what is kept is no JSON", changes: [][]string{expect, reject}, damage: func(string) string { return "{" }},
		{name: "what is kept was changed", changes: [][]string{expect, reject}, damage: func(s string) string {
			return strings.Replace(s, "192.0.2.11", "192.0.2.99", 1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, passing)
			if s, out := runs(t, Options{Last: "last"}); s.Passed != 2 {
				t.Fatal(out)
			}
			kept := filepath.Join("last", lastFile)
			if c.damage != nil {
				text, err := os.ReadFile(kept)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(kept, []byte(c.damage(string(text))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if c.forget {
				if err := os.Remove(kept); err != nil {
					t.Fatal(err)
				}
			}
			for _, ch := range c.changes {
				change(t, ch[0], ch[1], ch[2])
			}
			for range 2 { // a run with failures keeps what the failed test passed with before
				s, out := runs(t, Options{Last: "last"})
				if s.Failed != 1 || s.Passed != 1 || strings.Contains(out, departs) != c.marked {
					t.Errorf("marked is not %v: %+v\n%s", c.marked, s, out)
				}
			}
		})
	}
}

// So does a test in words, unless it has a golden ladder: then that is what counts.
func TestDepartureOfWords(t *testing.T) {
	const words = `-- main.lua --
local plan = require "plan"
return { invite = function() return plan.to "sip:100@192.0.2.11" end }
-- a.txtar --
call alice -> 100
phone 100 200 after 1s
`
	for _, c := range []struct{ name, change, says string }{
		{"an expectation", "\nexpect result answered 100\n", departs},
		{"a golden ladder", "\n-- ladder --\n          caller         tandem\n   +0.000    │─ INVITE 100 ▶│\n   +0.000    │◀──── 404 ────│\n", "departs from the golden ladder"},
		{"the script is the same", "\nexpect result 486\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, words)
			if s, out := runs(t, Options{Last: "last"}); s.Passed != 1 {
				t.Fatal(out)
			}
			change(t, "a.txtar", "after 1s\n", "after 1s\n"+c.change)
			if c.says != "" {
				change(t, "main.lua", `plan.to "sip:100@192.0.2.11"`, `plan.reject(480)`)
			}
			s, out := runs(t, Options{Last: "last"})
			if s.Failed != 1 || c.says != "" && !strings.Contains(out, "480 ────│  final 480   ◀── "+c.says) || c.says == "" && strings.Contains(out, "◀── departs") {
				t.Errorf("%+v, want %q in\n%s", s, c.says, out)
			}
			if strings.Contains(c.change, "ladder") && !strings.Contains(out, "\n  7 │ +0.000    │◀──── 404 ────│\n") {
				t.Errorf("the line of the ladder is not shown:\n%s", out)
			}
		})
	}
}

// What is kept stays within its bound, and without a folder nothing is.
func TestLastIsBounded(t *testing.T) {
	in(t, passing)
	kept := filepath.Join("last", lastFile)
	if runs(t, Options{}); exists(kept) {
		t.Error("written although nobody asked for it")
	}
	change(t, "main.lua", "return", "-- "+strings.Repeat(`"`, maxLast*2/3)+"\nreturn")
	if s, out := runs(t, Options{Last: "last"}); s.Passed != 2 || exists(kept) {
		t.Errorf("a script of more than the bound was kept\n%s", out)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
