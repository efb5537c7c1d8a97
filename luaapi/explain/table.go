package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/engine/plan"
	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

// The routing calendar: how long it is, how often the script is asked, and how exactly a change is found.
const (
	Week   = 7 * 24 * time.Hour
	step   = 5 * time.Minute
	exact  = time.Second
	maxRow = 1000
)

// Table writes how the decision about a call changes from o.At on for a week: every change of outcome, to the second. What changes and
// changes back within five minutes may be missed.
func Table(o Options) error {
	prog, err := load(o.Root)
	if err != nil {
		return err
	}
	s, err := o.scenario()
	if err != nil {
		return err
	}
	if s.At.IsZero() {
		s.At = scenario.DefaultDate
	}
	settings, err := o.Settings.At(o.Root)
	if err != nil {
		return err
	}
	c := &calendar{prog: prog, s: s, settings: settings}
	rows, err := c.rows()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s\na week from %s · %s %s\n\n", s.Calls[0].From, s.Calls[0].To, scenario.FormatDate(s.At), o.Root, prog.Snapshot.Hash()[:7])
	width := 0 // summer time has a longer name than winter time
	for _, r := range rows {
		width = max(width, len(rowTime(s.At.Add(r.at))))
	}
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s  %s\n", width, rowTime(s.At.Add(r.at)), r.says)
	}
	text := b.String()
	if o.ASCII {
		text = strings.NewReplacer("→", "->", "·", "-").Replace(text)
	}
	_, err = fmt.Fprint(o.Out, text)
	return err
}

// rowTime is a date with the zone that holds then, so that daylight saving shows.
func rowTime(t time.Time) string { return t.Format("Mon 2006-01-02 15:04:05 MST") }

// row is a time from which a decision holds.
type row struct {
	at   time.Duration
	says string
}

// calendar asks the script at many times.
type calendar struct {
	prog *luaapi.Program
	s    *scenario.Scenario

	settings scenario.Settings
}

// rows are the changes: samples, and between those that differ a search by halves.
func (c *calendar) rows() ([]row, error) {
	var times []time.Duration
	for t := time.Duration(0); t <= Week; t += step {
		times = append(times, t)
	}
	says, err := c.ask(times)
	if err != nil {
		return nil, err
	}
	var gaps []gap
	for i := 1; i < len(times) && len(gaps) < maxRow; i++ {
		if says[i] != says[i-1] {
			gaps = append(gaps, gap{times[i-1], times[i], says[i-1], says[i], times[i], says[i]})
		}
	}
	rows := []row{{0, says[0]}}
	for len(gaps) > 0 && len(rows) < maxRow {
		if err := c.halve(gaps); err != nil {
			return nil, err
		}
		var more []gap
		for _, g := range gaps {
			rows = append(rows, row{g.to, g.is})
			if g.is != g.last { // it changed more than once
				more = append(more, gap{g.to, g.end, g.is, g.last, g.end, g.last})
			}
		}
		gaps = more
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.at, b.at) })
	return rows, nil
}

// gap is a time in which the decision changes: from was to is, between from and to. At its end it is last.
type gap struct {
	from, to time.Duration
	was, is  string
	end      time.Duration
	last     string
}

// halve finds the first change in each gap.
func (c *calendar) halve(gaps []gap) error {
	for d := step; d > exact && len(gaps) > 0; d = (d + 1) / 2 {
		middle := make([]time.Duration, len(gaps))
		for i, g := range gaps {
			middle[i] = ((g.from + g.to) / 2).Truncate(exact)
		}
		seen, err := c.ask(middle)
		if err != nil {
			return err
		}
		for i := range gaps {
			if g := &gaps[i]; seen[i] == g.was {
				g.from = middle[i]
			} else {
				g.to, g.is = middle[i], seen[i]
			}
		}
	}
	return nil
}

// ask returns what the script decides at each time.
func (c *calendar) ask(times []time.Duration) ([]string, error) {
	s := *c.s
	s.Calls = nil
	for _, t := range times {
		call := *c.s.Calls[0]
		call.After = t
		s.Calls = append(s.Calls, &call)
	}
	r, err := s.Run(scenario.Options{Program: c.prog, Seed: 1, Decide: true, MaxVirtual: Week + time.Hour, Settings: c.settings})
	if err != nil {
		return nil, err
	}
	says := make([]string, len(times))
	for i, call := range r.Calls {
		says[i] = decided(call.Plan())
	}
	return says, nil
}

// decided is a decision on a line, with its place.
func decided(n *plan.Node) string {
	if n == nil {
		return "404 (nothing returned)"
	}
	if at := n.Pos.String(); at != "" {
		return n.String() + "  " + at
	}
	return n.String()
}
