package luatest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const behavioursPage = "../../docs/behaviours.md"

// systems are the systems that rows are about, by the letter of the row, and where they are reproduced.
var systems = []struct{ letter, name, example string }{
	{"X", "XPhone Connect: Follow-Me", "xphone"},
	{"S", "sipXecs: call sequences", "sipxecs"},
	{"P", "PortaSIP: call forwarding", "portasip"},
	{"M", "miniSIPServer", "minisipserver"},
	{"L", "Lync: missed calls", "lync"},
}

// commands are the rows that a command holds, and the test that says so.
var commands = map[string]string{"M11": "cmd/internal/lookup/lookup_test.go"}

var (
	rowsOf = regexp.MustCompile(`^[XSPML]\d+((, | and )[XSPML]\d+)* `)
	rowID  = regexp.MustCompile(`[XSPML]\d+`)
)

// reproduced is a row.
type reproduced struct{ id, statement string }

func behaviours(t *testing.T) (all []reproduced) {
	text, err := os.ReadFile("testdata/behaviours.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if id, statement, ok := strings.Cut(strings.TrimSpace(line), " "); ok && id != "#" {
			all = append(all, reproduced{id, statement})
		}
	}
	return all
}

// rowResults runs the tests of the examples and of the library, and returns by row what came of those that carry it.
func rowResults(t *testing.T) map[string][]*Result {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	by := make(map[string][]*Result)
	s, out := runs(t, Options{
		Settings: settings,
		Paths:    []string{filepath.Join(root, "examples"), filepath.Join(root, "scripts")}, Seed: 1, Parallel: 1,
		Observe: func(r *Result) {
			if rel, err := filepath.Rel(root, r.File); err == nil && filepath.IsAbs(r.File) {
				r.File = filepath.ToSlash(rel)
			}
			for _, id := range rowID.FindAllString(rowsOf.FindString(r.Name), -1) {
				by[id] = append(by[id], r)
			}
		},
	})
	if s.Bad() || s.Broken > 0 {
		t.Fatal(out)
	}
	for _, rs := range by {
		slices.SortStableFunc(rs, func(a, b *Result) int { return strings.Compare(a.File, b.File) })
	}
	return by
}

// standing is what is to be said of a row, and of which tests.
func standing(rs []*Result) (text string, shown []*Result) {
	waits := ""
	for _, r := range rs {
		switch {
		case r.Verdict == Passed:
			shown = append(shown, r)
		case waits == "":
			waits = r.Skip
		}
	}
	switch {
	case len(rs) == 0:
		return "missing", nil
	case len(shown) == 0:
		return "pending: " + waits, rs
	case waits != "":
		return "in part: " + waits, shown
	}
	return "holds", shown
}

func behavioursText(rows []reproduced, by map[string][]*Result) string {
	var b strings.Builder
	b.WriteString("<!-- Made by go test ./luaapi/luatest -run TestBehaviours -update -->\n\n# Behaviours of five systems\n\n" +
		"What Tandem has to do as the systems do that it was made for, row by row, and the tests that carry the row in their names: `tandem test examples scripts`\n" +
		"runs them. Rows that are pending, or hold in part, say what they wait for.\n")
	cell := func(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
	for _, s := range systems {
		fmt.Fprintf(&b, "\n## %s\n\n[examples/%s](../examples/%s/README.md)\n\n| row | statement | test | status |\n|---|---|---|---|\n", s.name, s.example, s.example)
		for _, row := range rows {
			if row.id[:1] != s.letter {
				continue
			}
			text, shown := standing(by[row.id])
			var tests []string
			if script := commands[row.id]; script != "" {
				text, tests = "holds", []string{fmt.Sprintf("[%s](../%[1]s)", script)}
			}
			for _, r := range shown {
				test := fmt.Sprintf("[%s](../%s)", cell(r.Name), r.File)
				if !slices.Contains(tests, test) {
					tests = append(tests, test)
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.id, cell(row.statement), strings.Join(tests, "<br>"), text)
		}
	}
	return b.String()
}

// A test of a command names the row that it holds.
func TestRowsOfCommands(t *testing.T) {
	for id, script := range commands {
		if text, err := os.ReadFile(filepath.Join("../..", script)); err != nil || !strings.Contains(string(text), "// "+id+" ") {
			t.Errorf("%s does not name %s: %v", script, id, err)
		}
	}
}

// docs/behaviours.md is what the tests say. A test that carries a row which is none is a mistake.
func TestBehaviours(t *testing.T) {
	rows, by := behaviours(t), rowResults(t)
	for _, id := range slices.Sorted(maps.Keys(by)) {
		if !slices.ContainsFunc(rows, func(r reproduced) bool { return r.id == id }) {
			t.Errorf("%s: there is no row %s", by[id][0].Name, id)
		}
	}
	want := behavioursText(rows, by)
	if *update {
		if err := os.WriteFile(behavioursPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(behavioursPage)
	if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
		t.Errorf("%s is not up to date (%v): go test ./luaapi/luatest -run TestBehaviours -update\n%s", behavioursPage, err, diff)
	}
}

func TestStatusOfRows(t *testing.T) {
	skipped, passed := &Result{Verdict: Skipped, Skip: "needs users"}, &Result{Verdict: Passed}
	for want, rs := range map[string][]*Result{"missing": nil, "pending: needs users": {skipped}, "holds": {passed, passed}, "in part: needs users": {passed, skipped}} {
		if got, _ := standing(rs); got != want {
			t.Errorf("%v is %q, want %q", rs, got, want)
		}
	}
	if got := rowID.FindAllString(rowsOf.FindString("S7, S13 and S18 contacts of P1"), -1); !slices.Equal(got, []string{"S7", "S13", "S18"}) {
		t.Error(got)
	}
}
