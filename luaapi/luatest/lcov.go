package luatest

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// LCOV writes the coverage in the form of lcov's tracefiles: lines, handlers as functions, edges as branches.
func (c *Coverage) LCOV(w io.Writer) error {
	var b strings.Builder
	for _, f := range c.Files {
		fmt.Fprintf(&b, "TN:\nSF:%s\n", f.Path)
		hit := 0
		for _, h := range f.Handlers {
			fmt.Fprintf(&b, "FN:%d,%s\nFNDA:%d,%s\n", h.Line, h.Name, h.Count, h.Name)
			hit += min(1, int(h.Count))
		}
		fmt.Fprintf(&b, "FNF:%d\nFNH:%d\n", len(f.Handlers), hit)
		hit = 0
		for i, e := range f.Edges {
			fmt.Fprintf(&b, "BRDA:%d,0,%d,%d\n", e.Line, i, e.Count)
			hit += min(1, int(e.Count))
		}
		fmt.Fprintf(&b, "BRF:%d\nBRH:%d\n", len(f.Edges), hit)
		for _, l := range f.Lines {
			fmt.Fprintf(&b, "DA:%d,%d\n", l.Line, l.Count)
		}
		s := f.lines()
		fmt.Fprintf(&b, "LF:%d\nLH:%d\nend_of_record\n", s.all, s.reached)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const htmlHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Coverage</title><style>
body { font: 14px/1.4 sans-serif; margin: 2em; color: #222; background: #fff }
pre { font: 13px/1.4 monospace } td { padding: 0 1em 0 0 }
.run { background: #dfd } .not { background: #fdd } .count { color: #888 }
</style></head><body><h1>Coverage</h1>
`

// HTML writes the coverage as a page: each file with the lines that ran and those that did not.
func (c *Coverage) HTML(w io.Writer) error {
	var b strings.Builder
	b.WriteString(htmlHead)
	fmt.Fprintf(&b, "<p>lines %.1f %%, outcomes %.1f %%</p>\n<table>\n", c.LinePercent(), c.OutcomePercent())
	for i, f := range c.Files {
		fmt.Fprintf(&b, "<tr><td><a href=\"#f%d\">%s</a></td><td>%.1f %%</td><td>%s</td></tr>\n",
			i, html.EscapeString(f.Path), f.lines().percent(), html.EscapeString(outcomesOf(f)))
	}
	b.WriteString("</table>\n")
	for i, f := range c.Files {
		fmt.Fprintf(&b, "<h2 id=\"f%d\">%s</h2>\n<pre>\n", i, html.EscapeString(f.Path))
		f.html(&b)
		b.WriteString("</pre>\n")
	}
	b.WriteString("</body></html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *CoveredFile) html(b *strings.Builder) {
	counts := make(map[int]uint64)
	known := make(map[int]bool)
	for _, l := range f.Lines {
		counts[l.Line], known[l.Line] = l.Count, true
	}
	for i, text := range strings.Split(strings.TrimSuffix(f.Text, "\n"), "\n") {
		class, count := "", ""
		switch n := i + 1; {
		case known[n] && counts[n] > 0:
			class, count = "run", fmt.Sprint(counts[n])
		case known[n]:
			class, count = "not", "–"
		}
		fmt.Fprintf(b, "<span class=\"count\">%5d %6s </span> <span class=\"%s\">%s</span>\n", i+1, count, class, html.EscapeString(strings.TrimRight(text, "\r")))
	}
}
