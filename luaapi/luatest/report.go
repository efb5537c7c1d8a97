package luatest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"tandem/luaapi"
)

// reporter prints results.
type reporter struct {
	w      io.Writer
	colour bool
	width  int  // of the longest file name
	gap    bool // the last line was an empty one
}

// asciiWriter writes what is not ASCII in results in other words.
type asciiWriter struct{ w io.Writer }

var toASCII = strings.NewReplacer("│", "|", "·", "-", "→", "->", "±", "+-", "×", "x", "…", "...")

// Write writes b.
func (a asciiWriter) Write(b []byte) (int, error) {
	_, err := toASCII.WriteString(a.w, string(b))
	return len(b), err
}

// The colours, by what they mean.
const (
	good  = "32"
	bad   = "31"
	other = "33"
	faint = "2"
)

func (p *reporter) paint(colour, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// word is what a result starts with, in its colour and padded.
func (p *reporter) word(v verdict) string {
	switch v {
	case passed:
		return p.paint(good, "ok") + "    "
	case failed:
		return p.paint(bad, "FAIL") + "  "
	case erred:
		return p.paint(bad, "ERROR") + " "
	default:
		return p.paint(other, "skip") + "  "
	}
}

func (p *reporter) align(files []string) {
	for _, f := range files {
		p.width = max(p.width, utf8.RuneCountInString(f))
	}
}

// test prints the result of a test: always if it is not well, else where every test is asked for.
func (p *reporter) test(r *run) {
	verbose := r.suite.x.Verbose
	switch {
	case r.verdict.bad():
		fmt.Fprint(p.w, p.word(r.verdict), r.test.pos, "  ", r.test.name, "\n\n", p.story(r), "\n")
		p.gap = true
	case verbose && r.verdict == skipped:
		fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprint(p.word(skipped), r.test.pos, "  ", r.test.name, "  ", *r.skipped), " "))
	case verbose:
		fmt.Fprint(p.w, p.word(passed), r.test.pos, "  ", r.test.name, "\n", p.block("log", r.logs))
	}
}

// broken prints why a test file does not load.
func (p *reporter) broken(s *suite, err error) {
	fmt.Fprintf(p.w, "%s%s does not load\n\n  %v\n", p.word(erred), s.path, err)
	var e *luaapi.Error
	if errors.As(err, &e) {
		for _, line := range callers(e.Trace, e.Pos) {
			fmt.Fprintln(p.w, "  "+line)
		}
	}
	fmt.Fprintln(p.w)
	p.gap = true
}

// file prints the line of a file.
func (p *reporter) file(s *suite, sum *Summary) {
	v := passed
	if sum.Bad() {
		v = failed
	}
	line := fmt.Sprintf("%-*s    %-11s", p.width, s.path, plural(sum.Ran(), "test"))
	if sum.Calls > 0 {
		line += fmt.Sprintf("%-11s%s virtual", plural(sum.Calls, "call"), span(sum.Virtual))
	}
	if sum.Skipped > 0 {
		line += fmt.Sprintf("    %d skipped", sum.Skipped)
	}
	if n := sum.Failed + sum.Errors; n > 0 {
		line += fmt.Sprintf("    %d failed", n)
	}
	fmt.Fprintln(p.w, p.word(v)+strings.TrimRight(line, " "))
	p.gap = false
}

// summary prints the last line.
func (p *reporter) summary(s *Summary, took time.Duration, seed uint64) {
	var parts []string
	add := func(n int, colour, what string) {
		if n > 0 {
			parts = append(parts, p.paint(colour, fmt.Sprintf("%d %s", n, what)))
		}
	}
	add(s.Failed, bad, "failed")
	add(s.Errors, bad, plural(s.Errors, "error")[len(fmt.Sprint(s.Errors))+1:])
	if s.Broken > 0 {
		parts = append(parts, p.paint(bad, plural(s.Broken, "file")+" not loaded"))
	}
	add(s.Passed, good, "passed")
	add(s.Skipped, other, "skipped")
	if !p.gap {
		fmt.Fprintln(p.w)
	}
	fmt.Fprintf(p.w, "%s in %s", strings.Join(parts, ", "), wall(took))
	if s.Calls > 0 {
		fmt.Fprintf(p.w, " · %s, %s of virtual time", plural(s.Calls, "call"), span(s.Virtual))
	}
	fmt.Fprintf(p.w, " · seed %d\n", seed)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// span writes virtual time: 33s, 1m33s, 2h05m.
func span(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}

// wall writes the time that a run took.
func wall(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
