package check

import (
	"fmt"
	"strings"

	"tandem/luaapi/spell"
)

// everything is the word that disables all rules.
const everything = "all"

// disabled are the rules that comments disable: for lines, and under 0 for the file.
type disabled map[int]map[string]bool

func (d disabled) add(line int, rule string) {
	if d[line] == nil {
		d[line] = make(map[string]bool)
	}
	d[line][rule] = true
}

func (d disabled) has(f *Finding) bool {
	for _, at := range []map[string]bool{d[0], d[f.Line]} {
		if at[f.Rule] || at[everything] {
			return true
		}
	}
	return false
}

// disable returns what was found but for what comments disable.
func (f *file) disable() []Finding {
	d := make(disabled)
	for i, t := range f.tokens {
		if t.kind == comment {
			f.directive(d, t, f.tokens[:i], f.tokens[i+1:])
		}
	}
	var kept []Finding
	for _, found := range f.found {
		if RuleNamed(found.Rule).Fixed || !d.has(&found) {
			kept = append(kept, found)
		}
	}
	return kept
}

// directive reads a comment. before and after are the tokens around it.
func (f *file) directive(d disabled, t token, before, after []token) {
	said, _, _ := strings.Cut(strings.TrimSpace(t.raw), " --") // a reason may follow
	rest, ok := strings.CutPrefix(said, "tandem:")
	if !ok {
		return
	}
	names, ok := strings.CutPrefix(strings.TrimSpace(rest), "disable=")
	if !ok {
		f.report(t.line, ruleDisable, Warning, fmt.Sprintf("a comment says %q; write \"-- tandem: disable=RULE\"", said))
		return
	}
	line := t.line
	switch {
	case t.alone && !code(before):
		line = 0
	case t.alone:
		line = nextCode(after)
	}
	for name := range strings.SplitSeq(names, ",") {
		f.disableRule(d, line, t.line, strings.TrimSpace(name))
	}
}

func (f *file) disableRule(d disabled, line, at int, name string) {
	switch r := RuleNamed(name); {
	case name == everything, r != nil && !r.Fixed:
		d.add(line, name)
	case r != nil:
		f.report(at, ruleDisable, Warning, fmt.Sprintf("rule %s cannot be disabled", name))
	default:
		f.report(at, ruleDisable, Warning, fmt.Sprintf("there is no rule %q%s", name, spell.Hint(name, RuleNames())))
	}
}

func code(ts []token) bool { return nextCode(ts) > 0 }

// nextCode is the line of the first token that is no comment, -1 if there is none.
func nextCode(ts []token) int {
	for _, t := range ts {
		if t.kind != comment {
			return t.line
		}
	}
	return -1
}
