package luatest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// junit writes results as JUnit's XML, all at the end.
type junit struct {
	w      io.Writer
	now    func() time.Time
	suites []*junitSuite
	failed error
}

type junitSuites struct {
	XMLName  xml.Name      `xml:"testsuites"`
	Name     string        `xml:"name,attr"`
	Tests    int           `xml:"tests,attr"`
	Failures int           `xml:"failures,attr"`
	Errors   int           `xml:"errors,attr"`
	Skipped  int           `xml:"skipped,attr"`
	Time     string        `xml:"time,attr"`
	Suites   []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string       `xml:"name,attr"`
	Timestamp string       `xml:"timestamp,attr"`
	Tests     int          `xml:"tests,attr"`
	Failures  int          `xml:"failures,attr"`
	Errors    int          `xml:"errors,attr"`
	Skipped   int          `xml:"skipped,attr"`
	Time      string       `xml:"time,attr"`
	Cases     []*junitCase `xml:"testcase"`
	took      time.Duration
}

type junitCase struct {
	Name      string        `xml:"name,attr"`
	Classname string        `xml:"classname,attr"`
	File      string        `xml:"file,attr"`
	Line      int           `xml:"line,attr,omitempty"`
	Time      string        `xml:"time,attr"`
	Failure   *junitProblem `xml:"failure"`
	Error     *junitProblem `xml:"error"`
	Skipped   *junitProblem `xml:"skipped"`
	Out       string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr,omitempty"`
	Text    string `xml:",chardata"`
}

func (p *junit) begin([]string) {}

// suite returns the suite of a file: results come file by file.
func (p *junit) suite(file string) *junitSuite {
	if n := len(p.suites); n > 0 && p.suites[n-1].Name == file {
		return p.suites[n-1]
	}
	s := &junitSuite{Name: file, Timestamp: p.now().UTC().Format("2006-01-02T15:04:05")}
	p.suites = append(p.suites, s)
	return s
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }

func (p *junit) test(r *Result) {
	s := p.suite(r.File)
	c := &junitCase{
		Name: r.Name, Classname: r.File, File: r.File, Line: r.Declared.Line, Time: junitTime(r.Took), Out: junitOut(r),
	}
	if r.Name == "" {
		c.Name = "loading"
	}
	s.Tests++
	s.took += r.Took
	problem := &junitProblem{Message: strings.Join(r.Message, "; "), Text: plainStory(r)}
	switch r.Verdict {
	case Failed:
		s.Failures++
		c.Failure = problem
	case Erred, Broken:
		s.Errors++
		c.Error = problem
	case Skipped:
		s.Skipped++
		c.Skipped = &junitProblem{Message: r.Skip}
	}
	s.Cases = append(s.Cases, c)
}

// junitOut is what was written while a test ran: notes and the log.
func junitOut(r *Result) string {
	var lines []string
	for _, n := range r.Notes {
		lines = append(lines, "note  "+n.Text)
	}
	return strings.Join(append(lines, r.Log...), "\n")
}

func (p *junit) file(string, *Summary) {}

func (p *junit) end(_ *Summary, took time.Duration, _ uint64) {
	all := &junitSuites{Name: "tandem test", Time: junitTime(took), Suites: p.suites}
	for _, s := range p.suites {
		s.Time = junitTime(s.took)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	_, err := io.WriteString(p.w, xml.Header)
	if err == nil {
		enc := xml.NewEncoder(p.w)
		enc.Indent("", "  ")
		err = enc.Encode(all)
	}
	if err == nil {
		_, err = io.WriteString(p.w, "\n")
	}
	if err != nil {
		p.failed = fmt.Errorf("cannot write the JUnit file: %w", err)
	}
}

func (p *junit) err() error { return p.failed }
