package luatest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/mod"
)

// maxStories is how many calls the report of a test shows.
const maxStories = 3

// maxRows is how many lines of a ladder it shows.
const maxRows = 120

// rerunHeading stands before the command that runs a test again.
const rerunHeading = "rerun"

// story is all that a test's failure is told with: the assertion, the script's decisions, the ladder, how to run it
// again.
func (r *run) story() []Section {
	all := []Section{{Text: r.assertion()}}
	for _, t := range r.tellings() {
		if at := t.call.zero().Sub(zero); r.placed > 1 || at > 0 {
			all = append(all, Section{Heading: "call", Lines: []string{callLine(t.call.number, t.call.caller.Name(), t.call.to, at)}})
		}
		if lines := t.decisions(); len(lines) > 0 {
			all = append(all, Section{Heading: "why", Lines: lines})
		}
		all = append(all, Section{Text: t.ladder()})
		if at := t.call.missing(); len(at) > 0 {
			all = append(all, Section{Heading: "note", Lines: []string{"there is no net:phone at " + strings.Join(at, ", ")}})
		}
	}
	if words := r.inWords(); r.cased != nil && words != "" {
		all = append(all, Section{Text: "  the case in words, for a file *.txtar beside this one:\n\n" + indented(words)})
	}
	if len(r.logs) > 0 {
		all = append(all, Section{Heading: "log", Lines: r.logs})
	}
	if lines := r.used(); len(lines) > 0 {
		all = append(all, Section{Heading: "used", Lines: lines})
	}
	return append(all, Section{Heading: rerunHeading, Lines: []string{r.rerun()}})
}

// callLine says which call is told of, where there are several, or one that was placed later.
func callLine(number int, from, to string, at time.Duration) string {
	return fmt.Sprintf("%d  %s → %s at %s", number, from, to, stamp(at))
}

// indented moves lines to the right.
func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

// used says which handlers came near the end of their budgets: those that used more than half of one.
func (r *run) used() (lines []string) {
	for _, n := range r.nets {
		h, ok := n.scripts.(*luaapi.Host)
		if !ok {
			continue
		}
		budget, memory := n.pbx.settings.Budgets()
		for _, s := range h.Status().Handlers {
			if int(s.Instructions) > budget/2 || int(s.Bytes) > memory/2 {
				lines = append(lines, fmt.Sprintf("%s: %d of %d instructions, %d of %d KiB", s.Name, s.Instructions, budget, s.Bytes>>10, memory>>10))
			}
		}
	}
	return slices.Compact(lines)
}

// assertion is the line that failed with its values.
func (r *run) assertion() string {
	number := strconv.Itoa(r.pos.Line)
	line := r.suite.line(r.pos)
	if line == "" {
		return "  " + r.pos.String() + ": " + strings.Join(r.lines, "\n  ") + "\n"
	}
	if r.pos.File != r.suite.path {
		number = r.pos.String()
	}
	margin := strings.Repeat(" ", len(number)+2)
	var b strings.Builder
	fmt.Fprintf(&b, "  %s │ %s\n", number, line)
	for _, l := range r.lines {
		for part := range strings.Lines(l) {
			fmt.Fprintf(&b, "%s │ %s\n", margin, strings.TrimRight(part, "\r\n"))
		}
	}
	return b.String()
}

// telling is a call, or several, as a ladder shows them.
type telling struct {
	net    *network
	call   *call
	events []trace.Event
}

// look takes note of the call that a line of the test is about.
func (r *run) look(L *lua.LState, c *call) { r.focus, r.looked = c, mod.Where(L) }

// tellings are the calls that a failure is about: the one that its line looks at, else all, up to maxStories.
func (r *run) tellings() (all []telling) {
	if c := r.focus; c != nil && r.looked == r.pos {
		return []telling{{c.net, c, c.events()}}
	}
	for _, n := range r.nets {
		for _, c := range n.calls {
			if events := c.events(); len(events) > 0 && len(all) < maxStories {
				all = append(all, telling{n, c, events})
			}
		}
	}
	return all
}

// events is what the engine traced of the call.
func (c *call) events() []trace.Event {
	events := c.net.tape.call(c.sim.CallID())
	for i := range events {
		if what, ok := strings.CutSuffix(events[i].Text, " → "); ok {
			events[i].Text = what + ": nothing decided"
		}
	}
	return events
}

// maxDecisions bounds the lines of decisions.
const maxDecisions = 40

// decisions are the script's: when, where, what, and what it saw. What is seen again and again is told once.
func (t *telling) decisions() (lines []string) {
	var shown []trace.Event
	times, widest := make(map[int]int), 0
	for _, e := range t.events {
		n := len(shown)
		switch {
		case e.Kind != trace.Note && e.Kind != trace.Saw:
			continue
		case n > 0 && e.Kind == trace.Saw && same(&shown[n-1], &e):
			times[n-1]++
			continue
		}
		shown = append(shown, e)
		widest = max(widest, len(e.Pos.String()))
	}
	for i, e := range shown {
		if len(lines) == maxDecisions {
			return append(lines, fmt.Sprintf("… and %d more", len(shown)-i))
		}
		text := e.Text
		if times[i] > 0 {
			text += fmt.Sprintf(" (%d times)", times[i]+1)
		}
		lines = append(lines, fmt.Sprintf("%8s  %-*s  %s", stamp(e.At.Sub(t.events[0].At)), widest, e.Pos, text))
	}
	return lines
}

// same reports whether two decisions read the same.
func same(a, b *trace.Event) bool {
	return a.At == b.At && a.Kind == b.Kind && a.Pos == b.Pos && a.Text == b.Text
}

// What stands at the message at which a call departs.
const (
	departsGolden = "◀── departs from the golden ladder"
	departsLast   = "◀── departs from the last passing run"
)

func (t *telling) ladder() string {
	x := t.net.r.suite.w
	o := trace.Options{
		Names: t.net.sim.Names(), ASCII: x.ASCII, Width: x.Width, Rows: maxRows, Mark: t.call.departure(), MarkText: departsGolden,
	}
	if was := t.before(); o.Mark == 0 && was != nil {
		o.Mark, o.MarkText = trace.Departure(was.arrows(), t.call.arrows()), departsLast
	}
	return trace.Ladder(t.events, o)
}

// before is the same call with the scripts that the test has passed with last, nil if that is not known.
func (t *telling) before() *call {
	r := t.net.r.before
	if r == nil {
		return nil
	}
	for _, n := range r.nets {
		for _, c := range n.calls {
			if c.number == t.call.number {
				return c
			}
		}
	}
	return nil
}

// arrows are the messages of a call.
func (c *call) arrows() []trace.Arrow {
	return trace.Arrows(c.events(), trace.Options{Names: c.net.sim.Names()})
}

// rerun is the command that runs the test again.
func (r *run) rerun() string {
	pattern := regexp.QuoteMeta(r.test.name)
	for _, t := range r.suite.tests {
		if t.name != r.test.name && strings.Contains(t.name, r.test.name) {
			pattern = "^" + pattern + "$"
			break
		}
	}
	return fmt.Sprintf("tandem test %s --run %s --seed %d", shell(r.suite.path), shell(pattern), r.seed)
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

// shell quotes a word for a shell.
func shell(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
