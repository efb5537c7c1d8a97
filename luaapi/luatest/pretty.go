package luatest

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// pretty prints results for people.
type pretty struct {
	w               *checkedWriter
	verbose, colour bool
	lines           int  // how long they may be (0 = as long as they are)
	width           int  // of the longest file name
	gap             bool // the last line was an empty one
	noted           map[Note]bool
}

// asciiWriter writes what is not ASCII in results in other words.
type asciiWriter struct{ w io.Writer }

var toASCII = strings.NewReplacer("│", "|", "·", "-", "→", "->", "±", "+-", "×", "x", "…", "...", "◀", "<", "▶", ">", "─", "-", "µ", "u", "–", "-")

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

func (p *pretty) paint(colour, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// word is what a result starts with, in its colour and padded.
func (p *pretty) word(v Verdict) string {
	switch v {
	case Passed:
		return p.paint(good, "ok") + "    "
	case Failed:
		return p.paint(bad, "FAIL") + "  "
	case Erred, Broken:
		return p.paint(bad, "ERROR") + " "
	default:
		return p.paint(other, "skip") + "  "
	}
}

func (p *pretty) err() error { return p.w.err() }

// begin aligns what stands after the names of files.
func (p *pretty) begin(files []string) {
	for _, f := range files {
		p.width = max(p.width, utf8.RuneCountInString(f))
	}
}

// test prints the result of a test: always if it is not well, else where every test is asked for.
func (p *pretty) test(r *Result) {
	for _, n := range p.fresh(r.Notes) {
		p.note(n)
	}
	switch {
	case r.Verdict == Broken:
		fmt.Fprintf(p.w, "%s%s does not load\n\n", p.word(r.Verdict), r.File)
		for _, line := range r.Message {
			fmt.Fprintln(p.w, "  "+line)
		}
		fmt.Fprintln(p.w)
		p.gap = true
	case r.bad():
		fmt.Fprint(p.w, p.word(r.Verdict), r.Declared, "  ", r.Name, "\n\n", p.story(r.Story), "\n")
		p.gap = true
	case r.Bench != nil:
		fmt.Fprintf(p.w, "%s%s  %s    %s    %s/run", p.word(Passed), r.Declared, r.Name, Plural(r.Bench.Runs, "run"), precise(r.Bench.perRun()))
		if r.Bench.Calls > 0 {
			fmt.Fprintf(p.w, "    %.0f calls/s", r.Bench.perSecond())
		}
		fmt.Fprintln(p.w)
	case p.verbose && r.Verdict == Skipped:
		fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprint(p.word(Skipped), r.Declared, "  ", r.Name, "  ", r.Skip), " "))
	case p.verbose:
		fmt.Fprint(p.w, p.word(Passed), r.Declared, "  ", r.Name, "\n", p.block("log", r.Log))
	}
}

// fresh returns those notes that no test before had.
func (p *pretty) fresh(notes []Note) (all []Note) {
	for _, n := range notes {
		if p.noted[n] {
			continue
		}
		if p.noted == nil {
			p.noted = make(map[Note]bool)
		}
		p.noted[n] = true
		all = append(all, n)
	}
	return all
}

func (p *pretty) note(n Note) { fmt.Fprintln(p.w, p.paint(other, "note")+"  "+n.Text) }

// story writes the sections of a story, a line between them.
func (p *pretty) story(sections []Section) string {
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		if s.Heading != "" {
			b.WriteString(p.block(s.Heading, s.Lines))
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

// plainStory is the story of a failure, without colours.
func plainStory(r *Result) string {
	if len(r.Story) == 0 {
		return strings.Join(r.Message, "\n")
	}
	return (&pretty{}).story(r.Story)
}

// blockMargin is where the lines of a block start, hanging where those start that are too long for one.
const (
	blockMargin = 8
	hanging     = 12
)

// wrap breaks a line at spaces so that no part is longer than room, as far as that can be; without room it stays whole.
func wrap(line string, room int) string {
	if room < 2*hanging {
		return line
	}
	var b strings.Builder
	for utf8.RuneCountInString(line) > room {
		head := string([]rune(line)[:room+1])
		at := strings.LastIndexByte(head, ' ')
		if at <= 0 || strings.TrimSpace(head[:at]) == "" {
			break
		}
		b.WriteString(strings.TrimRight(line[:at], " ") + "\n" + strings.Repeat(" ", blockMargin))
		line = strings.Repeat(" ", hanging) + strings.TrimLeft(line[at:], " ")
	}
	return b.String() + line
}

// block writes lines under a heading that stands before the first.
func (p *pretty) block(heading string, lines []string) string {
	var b strings.Builder
	for i, l := range lines {
		head := ""
		if i == 0 {
			head = heading
		}
		if heading != rerunHeading { // that is copied
			l = wrap(l, p.lines-blockMargin)
		}
		b.WriteString("  " + p.paint(faint, fmt.Sprintf("%-6s", head)) + strings.TrimRight(l, " ") + "\n")
	}
	return b.String()
}

// file prints the line of a file.
func (p *pretty) file(path string, sum *Summary) {
	v := Passed
	if sum.Bad() {
		v = Failed
	}
	line := fmt.Sprintf("%-*s    %-11s", p.width, path, Plural(sum.Ran(), "test"))
	if sum.Calls > 0 {
		line += fmt.Sprintf("%-11s%s virtual", Plural(sum.Calls, "call"), Span(sum.Virtual))
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

// end prints the last line.
func (p *pretty) end(s *Summary, took time.Duration, seed uint64) {
	var parts []string
	add := func(n int, colour, what string) {
		if n > 0 {
			parts = append(parts, p.paint(colour, fmt.Sprintf("%d %s", n, what)))
		}
	}
	add(s.Failed, bad, "failed")
	add(s.Errors, bad, Plural(s.Errors, "error")[len(fmt.Sprint(s.Errors))+1:])
	if s.Broken > 0 {
		parts = append(parts, p.paint(bad, Plural(s.Broken, "file")+" not loaded"))
	}
	add(s.Passed, good, "passed")
	add(s.Skipped, other, "skipped")
	if !p.gap {
		fmt.Fprintln(p.w)
	}
	fmt.Fprintf(p.w, "%s in %s", strings.Join(parts, ", "), wall(took))
	if s.Calls > 0 {
		fmt.Fprintf(p.w, " · %s, %s of virtual time", Plural(s.Calls, "call"), Span(s.Virtual))
	}
	fmt.Fprintf(p.w, " · seed %d\n", seed)
}

// Plural writes a number of things: 1 call, 2 calls.
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Span writes virtual time: 33s, 1m33s, 2h05m.
func Span(d time.Duration) string {
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

// precise writes a short time: 12.3 µs, 1.234 ms.
func precise(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%.1f µs", float64(d.Nanoseconds())/1e3)
	}
	return fmt.Sprintf("%.3f ms", float64(d.Nanoseconds())/1e6)
}
