package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lines writes findings as `tandem check` does, but for the file.
func lines(fs []Finding) string {
	var b strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&b, "%d %s %s %s\n", f.Line, f.Severity, f.Rule, f.Message)
	}
	return b.String()
}

// script checks one file, which returns the handlers.
func script(src string) []Finding {
	return Check(Script{Entry: "main.lua", Files: map[string][]byte{"main.lua": []byte(src), "lib/hours.lua": []byte("return {}\n")}, Users: []string{"100", "ann lee"}})
}

// example makes a script of an example of a rule.
func example(src string) string {
	const before = "local plan = require \"plan\"\nlocal desk, mailbox, n = plan.to \"sip:100@192.0.2.11\", plan.to \"sip:vm@192.0.2.20\", 3\nlocal route = {}\n"
	const after = "\nroute.fallback, route.failed = desk, function() return n > 2 and mailbox or nil end\nreturn route\n"
	switch {
	case strings.Contains(src, "function route."):
		return before + src + after
	case strings.Contains(src, "return"), strings.HasPrefix(src, "local x"), strings.HasPrefix(src, "error"), strings.HasPrefix(src, "print"):
		return src
	}
	return before + "function route.invite(call)\n" + src + "\nreturn nil\nend" + after
}

// The examples of every rule are what it says.
func TestRules(t *testing.T) {
	for _, r := range Rules {
		t.Run(r.ID, func(t *testing.T) {
			if r.Says == "" || r.Why == "" {
				t.Error("it is not described")
			}
			if r.Bad == "" || r.ID == "load" {
				return
			}
			has := func(f Finding) bool { return f.Rule == r.ID }
			if fs := script(example(r.Bad)); !slices.ContainsFunc(fs, has) {
				t.Errorf("its bad example gives\n%s", lines(fs))
			}
			if fs := script(example(r.Good)); slices.ContainsFunc(fs, has) || Errors(fs) {
				t.Errorf("its good example gives\n%s", lines(fs))
			}
		})
	}
}

// Users are looked at where they are known, in scripts and not in their tests.
func TestUsers(t *testing.T) {
	const text = "local plan = require \"plan\"\nreturn { invite = function() return plan.serial {\n" +
		"  plan.to \"user:100\",\n  plan.to \"user:ann lee\",\n  plan.to \"user:1O0\",\n  plan.to \"sip:200@192.0.2.11\",\n} end }\n"
	for name, c := range map[string]struct {
		file  string
		users []string
		want  []string
	}{
		"known":     {"main.lua", []string{"100", "ann lee"}, []string{`main.lua:5 unknown-user warning: tandem.toml has no [[user]] "1O0", so nobody registers as that; did you mean "100"?`}},
		"not known": {"main.lua", nil, nil},
		"test":      {"main_test.lua", []string{"7"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Check(Script{Entry: c.file, Files: map[string][]byte{c.file: []byte(text)}, Users: c.users}) {
				if f.Rule == "unknown-user" {
					got = append(got, fmt.Sprintf("%s:%d %s %v: %s", f.File, f.Line, f.Rule, f.Severity, f.Message))
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	files, err := filepath.Glob("testdata/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := "main.lua"
			if strings.HasSuffix(file, testSuffix) {
				name = "main_test.lua"
			}
			got := lines(Check(Script{Entry: "main.lua", Files: map[string][]byte{name: text, "lib/hours.lua": []byte("return {}\n")}}))
			if diff := cmp.Diff(expected(string(text)), got); diff != "" {
				t.Errorf("-expected +found:\n%s", diff)
			}
		})
	}
}

// expected returns the findings that the comments of a file say: "--> SEVERITY RULE MESSAGE" at the end of their line.
func expected(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		n++
		parts := strings.Split(strings.TrimRight(line, "\n"), "--> ")
		for _, want := range parts[1:] {
			fmt.Fprintf(&b, "%d %s\n", n, strings.TrimSpace(want))
		}
	}
	return b.String()
}

// The examples are as they should be.
func TestExamples(t *testing.T) {
	mains, err := filepath.Glob("../../examples/*/main.lua")
	if err != nil || len(mains) == 0 {
		t.Fatal(mains, err)
	}
	for _, main := range mains {
		dir := filepath.Dir(main)
		files := make(map[string][]byte)
		err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(p, ".lua") {
				rel, _ := filepath.Rel(dir, p)
				files[filepath.ToSlash(rel)], err = os.ReadFile(p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if fs := Check(Script{Entry: "main.lua", Files: files}); len(fs) > 0 {
			t.Errorf("%s:\n%s", dir, lines(fs))
		}
	}
}

// A plan that doubles with every line does not take for ever.
func TestDoubling(t *testing.T) {
	src := "local plan = require \"plan\"\nlocal p0 = plan.to \"sip:100@192.0.2.11\"\n"
	for i := range 60 {
		src += fmt.Sprintf("local p%d = plan.serial { p%d, p%d }\n", i+1, i, i)
	}
	fs := script(src + "return { fallback = p60 }\n")
	if Errors(fs) || len(fs) == 0 {
		t.Error(lines(fs))
	}
}

// A missing end is told once, where the file ends, with the block that has none.
func TestMissingEnd(t *testing.T) {
	const src = "local route = {}\nfunction route.invite(call)\n  if call.id then\n    return nil\nend\nreturn route\n"
	const want = `6 error syntax syntax error: "end" expected (to close "function" at line 2); by its indentation it is "if" at line 3 that has no "end"` + "\n"
	if diff := cmp.Diff(want, lines(script(src))); diff != "" {
		t.Errorf("-expected +found:\n%s", diff)
	}
}

// Long files of undefined names are checked in time that grows with their length: each name is looked for once.
func TestManyUndefinedNames(t *testing.T) {
	const n = 5000
	fs := script(strings.Repeat("do local a, b, c = one(), two(), three() end ", n))
	if len(fs) == 0 {
		t.Error("nothing is found")
	}
}
