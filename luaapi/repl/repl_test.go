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
