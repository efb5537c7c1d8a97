package explain

import (
	"fmt"
	"slices"
	"strings"

	"tandem/engine/plan"
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
	for _, user := range x.strangers() {
		fmt.Fprintf(&b, "note  user %s is no [[user]] of tandem.toml: no phone can register as him\n", user)
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
		if !called[p.Name] && !x.away(p) {
			idle = append(idle, p.Name)
		}
	}
	return idle
}

// away reports whether a phone is that of a user who is called and registered nowhere, as it was told.
func (x *explained) away(p *scenario.Phone) bool {
	return len(p.Answers) > 0 && p.Answers[0].Absent && slices.Contains(x.users(), p.Name)
}

// users are those whom the plan of invite calls by user:NAME, in its order.
func (x *explained) users() (names []string) {
	var walk func(n *plan.Node)
	walk = func(n *plan.Node) {
		if n == nil {
			return
		}
		if n.Target != nil && n.Target.Registrant != "" && !slices.Contains(names, n.Target.Registrant) {
			names = append(names, n.Target.Registrant)
		}
		for _, m := range n.Members {
			walk(m)
		}
	}
	walk(x.call.Plan())
	return names
}

// strangers are those of them who cannot register.
func (x *explained) strangers() []string {
	if x.settings.Auth == nil {
		return nil
	}
	return slices.DeleteFunc(x.users(), func(name string) bool { return x.settings.Auth.Users.Has([]byte(name)) })
}

// title is the line above what was seen in a decision.
func (x *explained) title(i int, d *decision) string {
	what, _, _ := strings.Cut(d.text, " → ")
	if i == 0 && strings.HasPrefix(d.text, "invite") {
		c := x.s.Calls[0]
		return fmt.Sprintf("invite  %s → %s", c.Caller(x.settings), c.To)
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
