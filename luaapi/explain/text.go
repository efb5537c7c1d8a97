package explain

import (
	"fmt"
	"strings"

	"tandem/engine/trace"
	"tandem/luaapi/scenario"
)

// head is the date, the script and the call.
func (x *explained) head() string {
	at := x.s.At
	if at.IsZero() {
		at = scenario.DefaultDate
	}
	return fmt.Sprintf("at %s (%s) · %s %s", scenario.FormatDate(at), at.Format("Mon"), x.o.Root, x.prog.Snapshot.Hash()[:7])
}

// text writes the explanation for people.
func (x *explained) text() error {
	g := boxTree
	if x.o.ASCII {
		g = asciiTree
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", x.head())
	for i, d := range x.decisions {
		fmt.Fprintf(&b, "\n%s\n", x.title(i, d))
		var below []*item
		for _, s := range d.saw {
			below = append(below, &item{text: s.text, where: x.where(s.pos)})
		}
		if n := x.call.Plan(); i == 0 && n != nil {
			below = append(below, planItem(n, x.where))
		} else if _, what, ok := strings.Cut(d.text, " → "); ok {
			below = append(below, &item{text: what, where: x.where(d.pos)})
		}
		for _, l := range lines(below, g) {
			b.WriteString(" " + l + "\n")
		}
	}
	fmt.Fprintf(&b, "\n%s\n", x.call.Ladder(trace.Options{ASCII: x.o.ASCII, Width: x.o.Width, HideNotes: true}))
	for _, l := range x.run.Logs {
		b.WriteString("log  " + l + "\n")
	}
	for _, f := range x.run.Faults {
		b.WriteString("broken rule: " + f + "\n")
	}
	for _, p := range x.idle() {
		fmt.Fprintf(&b, "note  phone %s was not called; a phone goes by the user of its URI, or the host\n", p)
	}
	b.WriteString(x.outcome() + "\n")
	text := b.String()
	if x.o.ASCII {
		text = strings.NewReplacer("→", "->", "·", "-").Replace(text)
	}
	_, err := fmt.Fprint(x.o.Out, text)
	return err
}

// idle are the phones whose doings were told, and that nobody has called.
func (x *explained) idle() []string {
	called := make(map[string]bool)
	for _, l := range x.call.Legs() {
		called[l.Name] = true
	}
	var idle []string
	for _, p := range x.s.Phones {
		if !called[p.Name] {
			idle = append(idle, p.Name)
		}
	}
	return idle
}

// title is the line above what was seen in a decision.
func (x *explained) title(i int, d *decision) string {
	what, _, _ := strings.Cut(d.text, " → ")
	if i == 0 && strings.HasPrefix(d.text, "invite") {
		c := x.s.Calls[0]
		return fmt.Sprintf("invite  %s → %s", c.From, c.To)
	}
	return fmt.Sprintf("%+.3f  %s", d.at.Seconds(), what)
}

// plan writes the plan alone.
func (x *explained) plan() error {
	g := boxTree
	if x.o.ASCII {
		g = asciiTree
	}
	n := x.call.Plan()
	if n == nil {
		_, err := fmt.Fprintln(x.o.Out, "nothing: 404")
		return err
	}
	_, err := fmt.Fprintln(x.o.Out, strings.Join(lines([]*item{planItem(n, x.where)}, g), "\n"))
	return err
}
