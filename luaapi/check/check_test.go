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
	return Check(Script{Entry: "main.lua", Files: map[string][]byte{"main.lua": []byte(src), "lib/hours.lua": []byte("return {}\n")}})
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
