package luatest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// tap writes the Test Anything Protocol, version 14.
type tap struct {
	w *checkedWriter
	n int
}

func (p *tap) begin([]string) { fmt.Fprintln(p.w, "TAP version 14") }

// tapName escapes what means something in a test point.
var tapName = strings.NewReplacer(`\`, `\\`, "#", `\#`, "\n", " ", "\r", " ")

func (p *tap) test(r *Result) {
	p.n++
	ok, name := "ok", r.Declared.String()+" "+r.Name
	if r.bad() {
		ok = "not ok"
	}
	if r.Verdict == Broken {
		name = r.File + " does not load"
	}
	line := fmt.Sprintf("%s %d - %s", ok, p.n, tapName.Replace(name))
	if r.Verdict == Skipped {
		line += strings.TrimRight(" # SKIP "+tapName.Replace(r.Skip), " ")
	}
	fmt.Fprintln(p.w, line)
	if r.bad() || len(r.Notes) > 0 {
		p.diagnostics(r)
	}
}

// diagnostics is the YAML block of a test point. Its strings are written as JSON's, which are YAML's.
func (p *tap) diagnostics(r *Result) {
	fmt.Fprintln(p.w, "  ---")
	if r.bad() {
		p.failure(r)
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(p.w, "  notes:")
		for _, n := range r.Notes {
			fmt.Fprintln(p.w, "    - "+quoteJSON(n.Text))
		}
	}
	fmt.Fprintln(p.w, "  ...")
}

// failure is what the YAML block of a test that did not pass says of it.
func (p *tap) failure(r *Result) {
	fmt.Fprintf(p.w, "  message: %s\n  severity: %s\n  at:\n    file: %s\n", quoteJSON(strings.Join(r.Message, "\n")), r.Verdict, quoteJSON(r.Pos.File))
	if r.Pos.Line > 0 {
		fmt.Fprintf(p.w, "    line: %d\n", r.Pos.Line)
	}
	if r.Verdict == Broken {
		return
	}
	fmt.Fprintf(p.w, "  seed: %d\n  rerun: %s\n  story: |2\n", r.Seed, quoteJSON(r.Rerun))
	for line := range strings.Lines(plainStory(r)) {
		fmt.Fprintln(p.w, strings.TrimRight("    "+line, " \r\n"))
	}
}

func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always has a form
	return strings.TrimSuffix(b.String(), "\n")
}

func (p *tap) file(string, *Summary) {}

func (p *tap) end(_ *Summary, _ time.Duration, seed uint64) {
	fmt.Fprintf(p.w, "1..%d\n# seed %d\n", p.n, seed)
}

func (p *tap) err() error { return p.w.err() }
