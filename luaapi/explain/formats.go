package explain

import (
	"encoding/json"
	"fmt"
	"strings"

	"tandem/engine/plan"
	"tandem/engine/trace"
	"tandem/luaapi/scenario"
)

// The explanation in JSON.
type document struct {
	At        string       `json:"at"`
	Script    scriptDoc    `json:"script"`
	From      string       `json:"from"`
	To        string       `json:"to"`
	Decisions []decideDoc  `json:"decisions"`
	Plan      *nodeDoc     `json:"plan"`
	Messages  []messageDoc `json:"messages"`
	Order     []string     `json:"order"`
	Result    string       `json:"result"`
	Logs      []string     `json:"logs,omitempty"`
	Faults    []string     `json:"faults,omitempty"`
}

type scriptDoc struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

type decideDoc struct {
	At    float64    `json:"at"`
	Text  string     `json:"text"`
	Where string     `json:"where,omitempty"`
	Saw   []sightDoc `json:"saw,omitempty"`
}

type sightDoc struct {
	Text  string `json:"text"`
	Where string `json:"where"`
}

type nodeDoc struct {
	Kind    string              `json:"kind"`
	Text    string              `json:"text"`
	Name    string              `json:"name,omitempty"`
	Where   string              `json:"where,omitempty"`
	URI     string              `json:"uri,omitempty"`
	Code    int                 `json:"code,omitempty"`
	Ring    float64             `json:"ring,omitempty"`
	Delay   float64             `json:"delay,omitempty"`
	Members []*nodeDoc          `json:"members,omitempty"`
	On      map[string]*nodeDoc `json:"on,omitempty"`
}

type messageDoc struct {
	At    json.Number `json:"at"`
	From  string      `json:"from"`
	To    string      `json:"to"`
	Label string      `json:"label"`
}

var kindNames = map[plan.Kind]string{
	plan.KindTarget: "to", plan.KindSerial: "serial", plan.KindParallel: "parallel", plan.KindDeferred: "function",
	plan.KindReject: "reject", plan.KindRedirect: "redirect", plan.KindFollow: "follow", plan.KindPass: "pass", plan.KindAwait: "await",
}

func (x *explained) nodeDoc(n *plan.Node) *nodeDoc {
	if n == nil {
		return nil
	}
	d := &nodeDoc{
		Kind: kindNames[n.Kind], Text: n.String(), Name: n.Name, Where: x.where(n.Pos), Ring: n.Ring.Seconds(), Delay: n.Delay.Seconds(),
	}
	if n.Divert != nil {
		d.Kind = "divert"
	}
	if n.Target != nil {
		d.URI = n.Target.URI
	}
	if n.Reply != nil {
		d.Code = n.Reply.Code
	}
	for _, m := range n.Members {
		d.Members = append(d.Members, x.nodeDoc(m))
	}
	if n.On != nil {
		d.On = make(map[string]*nodeDoc)
		for o := plan.Busy; o < plan.NumOutcomes; o++ {
			if n.On[o] != nil {
				d.On[o.String()] = x.nodeDoc(n.On[o])
			}
		}
	}
	return d
}

func (x *explained) arrows() []trace.Arrow {
	return trace.Arrows(x.call.Events(), trace.Options{Names: x.run.Names()})
}

// json writes the explanation for programs.
func (x *explained) json() error {
	c := x.s.Calls[0]
	at := x.s.At
	if at.IsZero() {
		at = scenario.DefaultDate
	}
	d := document{
		At: at.Format("2006-01-02T15:04:05Z07:00"), Script: scriptDoc{x.o.Root, x.prog.Snapshot.Hash()}, From: c.Caller(x.settings), To: c.To,
		Decisions: []decideDoc{}, Plan: x.nodeDoc(x.call.Plan()), Messages: []messageDoc{}, Order: x.call.Order(), Result: x.call.Result(),
		Logs: x.run.Logs, Faults: x.run.Faults,
	}
	for _, e := range x.decisions {
		one := decideDoc{At: e.at.Seconds(), Text: e.text, Where: x.where(e.pos)}
		for _, s := range e.saw {
			one.Saw = append(one.Saw, sightDoc{s.text, x.where(s.pos)})
		}
		d.Decisions = append(d.Decisions, one)
	}
	for _, a := range x.arrows() {
		d.Messages = append(d.Messages, messageDoc{json.Number(strings.TrimPrefix(a.At, "+")), a.From, a.To, a.Label})
	}
	enc := json.NewEncoder(x.o.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(d)
}

// half is half of what times of arrows are rounded to, in seconds.
const half = 0.0005

// mermaid writes the ladder as a sequence diagram, with the decisions as notes.
func (x *explained) mermaid() error {
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	index := make(map[string]int)
	arrows := x.arrows()
	for _, a := range arrows {
		for _, name := range []string{a.From, a.To} {
			if _, known := index[name]; !known {
				index[name] = len(index)
				fmt.Fprintf(&b, "  participant p%d as %s\n", index[name], mermaidText(name))
			}
		}
	}
	note := func(d *decision) {
		fmt.Fprintf(&b, "  Note over p%d: %s\n", index["tandem"], mermaidText(strings.TrimSpace(x.where(d.pos)+" "+d.text)))
	}
	next := 0
	for _, a := range arrows {
		var at float64
		_, _ = fmt.Sscanf(a.At, "%g", &at) // what it does not read is at the beginning
		// What Tandem sends is led to by what was decided in the same instant, what it receives is not.
		for ; next < len(x.decisions) && (x.decisions[next].at.Seconds() < at-half || a.From == "tandem" && x.decisions[next].at.Seconds() < at+half); next++ {
			note(x.decisions[next])
		}
		line := "->>"
		if a.Label[0] >= '1' && a.Label[0] <= '6' {
			line = "-->>"
		}
		fmt.Fprintf(&b, "  p%d%sp%d: %s %s\n", index[a.From], line, index[a.To], mermaidText(a.Label), a.At)
	}
	for ; next < len(x.decisions); next++ {
		note(x.decisions[next])
	}
	_, err := fmt.Fprint(x.o.Out, b.String())
	return err
}

// mermaidText takes out what has a meaning in a diagram.
func mermaidText(s string) string {
	return strings.NewReplacer(";", "#59;", "#", "#35;", "\n", " ").Replace(s)
}

// txtar writes the call as a test: what happened is what is expected.
func (x *explained) txtar() error {
	s := *x.s
	s.Title = fmt.Sprintf("%s calls %s: %s", user(s.Calls[0].From), user(s.Calls[0].To), x.call.Result())
	for _, l := range x.call.Legs() {
		if !said(&s, l.Name) {
			s.Phones = append(append([]*scenario.Phone{}, s.Phones...), &scenario.Phone{Name: l.Name, Answers: []scenario.Answer{scenario.DefaultAnswers}})
		}
	}
	text := string(s.Format()) + "\n" + strings.TrimRight("expect  order "+strings.Join(x.call.Order(), " "), " ") + "\n"
	switch w := x.call.Winner(); {
	case w != nil:
		text += "expect  result answered " + w.Name + "\n"
	case x.call.Final() > 0:
		text += fmt.Sprintf("expect  result %d\n", x.call.Final())
	}
	for _, e := range x.run.Unexpected() {
		first, _, _ := strings.Cut(e, "\n")
		text += "expect  error " + scenario.Quote(first) + "\n"
	}
	text += "\n-- ladder --\n" + x.call.Ladder(trace.Options{HideNotes: true})
	if _, err := scenario.Parse("", []byte(text)); err != nil {
		return fmt.Errorf("the test would not be read: %w", err)
	}
	_, err := fmt.Fprint(x.o.Out, text)
	return err
}

func said(s *scenario.Scenario, name string) bool {
	for _, p := range s.Phones {
		if p.Name == name {
			return true
		}
	}
	return false
}

// user is the user of a URI.
func user(uri string) string {
	uri = strings.TrimPrefix(uri, "sip:")
	name, _, _ := strings.Cut(uri, "@")
	return name
}
