package inspect

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"tandem/luaapi/check"
)

// writeLines writes "file:line rule message" for each finding.
func writeLines(out io.Writer, fs []check.Finding) error {
	w := bufio.NewWriter(out)
	for _, f := range fs {
		at := f.File
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		text := f.Message
		if f.Severity == check.Warning {
			text = "warning: " + text
		}
		fmt.Fprintf(w, "%s %s %s\n", at, f.Rule, text)
	}
	return w.Flush()
}

// finding is a finding in JSON.
type finding struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Rule     string `json:"rule"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
}

func writeJSON(out io.Writer, s Summary, fs []check.Finding) error {
	report := struct {
		Files    int       `json:"files"`
		Errors   int       `json:"errors"`
		Warnings int       `json:"warnings"`
		Findings []finding `json:"findings"`
	}{s.Files, s.Errors, s.Warnings, []finding{}}
	for _, f := range fs {
		report.Findings = append(report.Findings, finding{f.File, f.Line, f.Rule, f.Severity.String(), f.Message})
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}

// Explain writes what a rule is about, with its examples.
func Explain(out io.Writer, r *check.Rule) {
	fmt.Fprintf(out, "%s: %s\n\n%s\n", r.ID, r.Says, r.Why)
	if r.Fixed {
		fmt.Fprint(out, "Comments cannot disable it.\n")
	}
	if r.Bad != "" {
		fmt.Fprintf(out, "\nNot so:\n\n%s\nBut:\n\n%s", indent(r.Bad), indent(r.Good))
	}
}

func indent(lua string) string {
	var b strings.Builder
	for line := range strings.Lines(lua + "\n") {
		b.WriteString("    " + line)
	}
	return b.String()
}

// List writes a line for every rule.
func List(out io.Writer) {
	for _, r := range check.Rules {
		fmt.Fprintf(out, "%-18s %s\n", r.ID, r.Says)
	}
}

// Page returns the reference of the rules in Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString("<!-- Made from luaapi/check: go test ./luaapi/inspect -update -->\n\n# What `tandem check` finds\n\n" +
		"A line is `FILE:LINE RULE MESSAGE`; `tandem check --explain RULE` says what stands here. Errors do not load or fail when they are\n" +
		"reached, and end with exit status 3; warnings do so with `--strict`. `-- tandem: disable=RULE` at the end of a line is for that\n" +
		"line, on a line of its own for the next one, and before all code for the file; a reason may follow after `--`.\n")
	for _, r := range check.Rules {
		fmt.Fprintf(&b, "\n## %s\n\n%s. %s\n", r.ID, strings.ToUpper(r.Says[:1])+r.Says[1:], r.Why)
		if r.Fixed {
			b.WriteString("Comments cannot disable it.\n")
		}
		if r.Bad != "" {
			fmt.Fprintf(&b, "\nNot so:\n\n```lua\n%s\n```\n\nBut:\n\n```lua\n%s\n```\n", r.Bad, r.Good)
		}
	}
	return b.String()
}
