package repl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every command of the list is one, and a script that is saved is seen after :reload.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("return { invite = function() return require 'plan'.reject(403) end }")
	var out strings.Builder
	s, err := New(Options{Root: dir, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]string{":wait": " 1h", ":phone": " 100=486", ":call": " a 100", ":plan": " a 100", ":table": " a 100", ":txtar": " a 100"}
	for _, c := range Commands() {
		if err := s.Do(c + args[c]); err != nil && !errors.Is(err, ErrQuit) {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, want := range []string{"└─ reject 403", "Mon 2026-11-23 11:15:00 UTC  reject 403", "expect  result 403"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	write("return {")
	if err := s.Do(":reload"); err == nil {
		t.Error("a script that does not load is loaded")
	}
	if err := s.Do("1 + 1"); err != nil || !strings.HasSuffix(out.String(), "2\n") {
		t.Errorf("after it: %v", err)
	}
}

// Lua goes on in the next line until it is complete; what was typed can be dropped.
func TestMore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte("return { invite = function() end }"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s, err := New(Options{Root: dir, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line, says string
		more       bool
	}{
		{"function twice(n)", "", true},
		{":at", `syntax error near ":"`, false},
		{"function twice(n)", "", true},
		{"", "", true},
		{"  return 2 * n end", "", false},
		{"twice(21)", "42\n", false},
		{"{ 1,", "", true},
		{"2 }", "{ 1, 2 }\n", false},
		{"print 'heard'", "heard\n", false},
	} {
		out.Reset()
		if err := s.Do(c.line); err != nil {
			out.WriteString(err.Error())
		}
		if s.More() != c.more || !strings.Contains(out.String(), c.says) || c.says == "" && out.Len() > 0 {
			t.Errorf("%q: more %v, says %q; want %v, %q", c.line, s.More(), out.String(), c.more, c.says)
		}
	}
	if err := s.Do("if"); err != nil || !s.More() {
		t.Error(err)
	}
	if s.Drop(); s.More() || s.End() != nil {
		t.Error("something is left")
	}
	if err := s.Do("if"); err != nil || s.End() == nil || s.More() {
		t.Error("the end of the input completes it")
	}
}

// A command without its colon is told from a mistake in Lua.
func TestWithoutColon(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte("return { invite = function() end }"), 0o644); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"call alice 100": "; the command is :call", "table alice 100": "; the command is :table", "cal alice 100": "",
	} {
		var out strings.Builder
		s, err := New(Options{Root: dir, Out: &out})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Do(line)
		if err == nil || want != "" && !strings.HasSuffix(err.Error(), want) || want == "" && strings.Contains(err.Error(), "the command is") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
