package luatest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cover prints a table of what was reached.
func (p *pretty) cover(c *Coverage) {
	if !p.gap {
		fmt.Fprintln(p.w)
	}
	fmt.Fprint(p.w, coverTable(c))
	p.gap = false
}

// coverTable is the coverage as people read it.
func coverTable(c *Coverage) string {
	var b strings.Builder
	width := len("coverage")
	for _, f := range c.Files {
		width = max(width, utf8.RuneCountInString(f.Path))
	}
	fmt.Fprintf(&b, "%-*s   lines  handlers and edges\n", width, "coverage")
	for _, f := range c.Files {
		line := fmt.Sprintf("%-*s  %5.1f%%  %s", width, f.Path, f.lines().percent(), outcomesOf(f))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if lines := notRun(f); lines != "" {
			fmt.Fprintf(&b, "%-*s         not run: %s\n", width, "", lines)
		}
	}
	lines, outcomes := c.total((*CoveredFile).lines), c.total((*CoveredFile).outcomes)
	fmt.Fprintf(&b, "%-*s  %5.1f%%  %d of %d reached, %.1f%%\n", width, "total", lines.percent(), outcomes.reached, outcomes.all, outcomes.percent())
	return b.String()
}

// outcomesOf says which events have reached the handlers and edges of a file: invite 12  busy 3  timeout –.
func outcomesOf(f *CoveredFile) string {
	var parts []string
	for _, h := range f.Handlers {
		parts = append(parts, h.Name+" "+times(h.Count))
	}
	for _, e := range f.Edges {
		parts = append(parts, fmt.Sprintf("on.%s:%d %s", e.Name, e.Line, times(e.Count)))
	}
	return strings.Join(parts, "  ")
}

func times(n uint64) string {
	if n == 0 {
		return "–"
	}
	return strconv.FormatUint(n, 10)
}

// notRun lists the lines that did not run: 12, 30-33. Lines without statements do not part them.
func notRun(f *CoveredFile) string {
	var parts []string
	for i := 0; i < len(f.Lines); i++ {
		if f.Lines[i].Count > 0 {
			continue
		}
		from := f.Lines[i].Line
		for i+1 < len(f.Lines) && f.Lines[i+1].Count == 0 {
			i++
		}
		part := strconv.Itoa(from)
		if to := f.Lines[i].Line; to > from {
			part += "-" + strconv.Itoa(to)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// cover is a comment of TAP.
func (p *tap) cover(c *Coverage) {
	for line := range strings.Lines(coverTable(c)) {
		fmt.Fprint(p.w, "# "+line)
	}
}

// coverEvent is the coverage as a line of JSON.
type coverEvent struct {
	Action   string      `json:"action"`
	Lines    float64     `json:"lines_percent"`
	Outcomes float64     `json:"outcomes_percent"`
	Files    []coverFile `json:"files"`
}

type coverFile struct {
	File     string         `json:"file"`
	Lines    float64        `json:"lines_percent"`
	NotRun   []int          `json:"not_run"`
	Handlers []coverOutcome `json:"handlers"`
	Edges    []coverOutcome `json:"edges"`
}

type coverOutcome struct {
	Name  string `json:"name"`
	Line  int    `json:"line"`
	Count uint64 `json:"count"`
}

func (p *jsonLines) cover(c *Coverage) {
	e := coverEvent{Action: "coverage", Lines: c.LinePercent(), Outcomes: c.OutcomePercent()}
	for _, f := range c.Files {
		file := coverFile{File: f.Path, Lines: f.lines().percent(), NotRun: []int{}, Handlers: coverOutcomes(f.Handlers), Edges: coverOutcomes(f.Edges)}
		for _, l := range f.Lines {
			if l.Count == 0 {
				file.NotRun = append(file.NotRun, l.Line)
			}
		}
		e.Files = append(e.Files, file)
	}
	p.encode(e)
}

func coverOutcomes(all []Outcome) []coverOutcome {
	out := make([]coverOutcome, 0, len(all))
	for _, o := range slices.Clone(all) {
		out = append(out, coverOutcome(o))
	}
	return out
}

// cover is nothing that JUnit's XML has a place for.
func (p *junit) cover(*Coverage) {}

func (p both) cover(c *Coverage) { p.a.cover(c); p.b.cover(c) }
