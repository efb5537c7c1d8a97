package luatest

import (
	"encoding/json"
	"strings"
	"time"
)

// jsonLines writes an object a line: one for each test, the last one for all.
type jsonLines struct {
	w   *checkedWriter
	now func() time.Time
}

// event is a line. Its words are those of `go test -json`.
type event struct {
	Time    string   `json:"time"`
	Action  string   `json:"action"`
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Test    string   `json:"test,omitempty"`
	Elapsed float64  `json:"elapsed_ms"`
	Virtual float64  `json:"virtual_ms"`
	Calls   int      `json:"calls"`
	Seed    uint64   `json:"seed"`
	At      *place   `json:"at,omitempty"`
	Message []string `json:"message,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Log     []string `json:"log,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	Story   string   `json:"story,omitempty"`
	Rerun   string   `json:"rerun,omitempty"`
	Bench   *bench   `json:"bench,omitempty"`
	*counts
}

// bench is how fast a test is.
type bench struct {
	Runs  int     `json:"runs"`
	Run   float64 `json:"ms_per_run"`
	Calls float64 `json:"calls_per_second"`
}

// place is where a test went wrong.
type place struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// counts are of the summary.
type counts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Errors  int `json:"errors"`
	Skipped int `json:"skipped"`
	Broken  int `json:"not_loaded"`
}

func (p *jsonLines) begin([]string) {}

func (p *jsonLines) write(e *event) {
	e.Time = p.now().UTC().Format(time.RFC3339Nano)
	p.encode(e)
}

func (p *jsonLines) encode(e any) {
	enc := json.NewEncoder(p.w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(e) // the writer keeps the error
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (p *jsonLines) test(r *Result) {
	e := &event{
		Action: r.Verdict.String(), File: r.File, Line: r.Declared.Line, Test: r.Name, Elapsed: ms(r.Took), Virtual: ms(r.Virtual),
		Calls: r.Calls, Seed: r.Seed, Message: r.Message, Reason: r.Skip, Log: r.Log, Notes: noteTexts(r.Notes), Rerun: r.Rerun,
	}
	if b := r.Bench; b != nil {
		e.Bench = &bench{b.Runs, float64(b.perRun().Nanoseconds()) / 1e6, b.perSecond()}
	}
	if r.bad() {
		e.At, e.Story = &place{r.Pos.File, r.Pos.Line}, strings.TrimRight(plainStory(r), "\n")
	}
	p.write(e)
}

func (p *jsonLines) file(string, *Summary) {}

func (p *jsonLines) end(s *Summary, took time.Duration, seed uint64) {
	p.write(&event{
		Action: "summary", Elapsed: ms(took), Virtual: ms(s.Virtual), Calls: s.Calls, Seed: seed,
		counts: &counts{s.Passed, s.Failed, s.Errors, s.Skipped, s.Broken},
	})
}

func (p *jsonLines) err() error { return p.w.err() }
