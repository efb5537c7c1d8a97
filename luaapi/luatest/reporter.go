package luatest

import (
	"fmt"
	"io"
	"time"

	"tandem/luaapi/spell"
)

// Formats are the forms that results may have: for people, TAP 14, JSON lines, and the annotations of GitHub's workflows
// between what people read.
var Formats = []string{"pretty", "tap", "json", "github"}

// reporter shows results, of one file after the other.
type reporter interface {
	// begin is told which files are going to run.
	begin(files []string)
	// test shows what came of a test, or why its file does not load.
	test(r *Result)
	// file shows what came of a file of which a test ran.
	file(path string, sum *Summary)
	// cover shows what was reached, before the end.
	cover(c *Coverage)
	// end shows what came of all.
	end(total *Summary, took time.Duration, seed uint64)
	// err is what went wrong in writing.
	err() error
}

// asciiSlack is by how much a line may grow when it is written in ASCII.
const asciiSlack = 4

// newReporter returns the reporters that options ask for.
func newReporter(o *Options) (reporter, error) {
	var out reporter
	w := &checkedWriter{w: o.Out}
	width := o.Width
	if o.ASCII {
		w.w, width = asciiWriter{o.Out}, width-asciiSlack
	}
	switch o.Format {
	case "pretty":
		out = &pretty{w: w, verbose: o.Verbose, colour: o.Colour, lines: width}
	case "tap":
		out = &tap{w: w}
	case "json":
		out = &jsonLines{w: w, now: o.Now}
	case "github":
		out = &github{pretty{w: w, verbose: o.Verbose}}
	default:
		return nil, fmt.Errorf("there is no format %q%s; there are %s", o.Format, spell.Hint(o.Format, Formats), list(Formats))
	}
	if o.JUnit != nil {
		return both{out, &junit{w: o.JUnit, now: o.Now}}, nil
	}
	return out, nil
}

func list(words []string) (s string) {
	for i, w := range words {
		switch i {
		case 0:
		case len(words) - 1:
			s += " and "
		default:
			s += ", "
		}
		s += w
	}
	return s
}

// checkedWriter keeps the first error of writing, and writes no more after it.
type checkedWriter struct {
	w      io.Writer
	failed error
}

// Write writes b.
func (c *checkedWriter) Write(b []byte) (int, error) {
	if c.failed != nil {
		return 0, c.failed
	}
	n, err := c.w.Write(b)
	if err != nil {
		c.failed = fmt.Errorf("cannot write results: %w", err)
	}
	return n, err
}

func (c *checkedWriter) err() error { return c.failed }

// both tells two reporters.
type both struct{ a, b reporter }

func (p both) begin(files []string)           { p.a.begin(files); p.b.begin(files) }
func (p both) test(r *Result)                 { p.a.test(r); p.b.test(r) }
func (p both) file(path string, sum *Summary) { p.a.file(path, sum); p.b.file(path, sum) }

func (p both) end(total *Summary, took time.Duration, seed uint64) {
	p.a.end(total, took, seed)
	p.b.end(total, took, seed)
}

func (p both) err() error {
	if err := p.a.err(); err != nil {
		return err
	}
	return p.b.err()
}
