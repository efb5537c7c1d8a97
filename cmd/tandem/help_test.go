package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// No line of help is longer than a terminal is wide.
func TestHelpWidth(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	var all func(cmd *cobra.Command)
	all = func(cmd *cobra.Command) {
		var b strings.Builder
		cmd.SetOut(&b)
		help(cmd, nil)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
				t.Errorf("%s --help: %d characters: %s", cmd.CommandPath(), n, line)
			}
		}
		for _, c := range cmd.Commands() {
			all(c)
		}
	}
	all(newRootCommand())
}

func TestReflow(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"short", "one two", "one two"},
		{"long", "one two three", "one two\nthree"},
		{"broken too early", "one\ntwo three", "one two\nthree"},
		{"a long word", "x threefour five", "x\nthreefour\nfive"},
		{"paragraphs", "one\n\ntwo", "one\n\ntwo"},
		{"as it is", "a:\n  one two three\n\tx", "a:\n  one two three\n\tx"},
	} {
		if got := reflow(c.text, 8); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	const text = "a list of words\n  an item of more words\n    code is left as it is\nunbreakable\n"
	for _, c := range []struct {
		width int
		want  string
	}{
		{0, text},
		{80, text},
		{10, "a list of\n    words\n  an item\n      of\n      more\n      words\n    code is left as it is\nunbreakable\n"},
	} {
		if got := fold(text, c.width); got != c.want {
			t.Errorf("%d: got\n%s\nwant\n%s", c.width, got, c.want)
		}
	}
}
