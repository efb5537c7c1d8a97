package luatest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tandem/luaapi/scenario"
)

// inWords returns what a test has done as a test in words; "" if words cannot say it.
func (r *run) inWords() string {
	if len(r.nets) != 1 || len(r.stubs)+len(r.webs) > 0 || r.nets[0].unsaid || len(r.nets[0].calls) == 0 {
		return ""
	}
	n := r.nets[0]
	s := &scenario.Scenario{Title: strings.Join(strings.Fields(r.gist()), " "), At: n.date, Seed: n.seed, Seeded: true}
	if n.pbx.name != "main.lua" {
		s.Script = n.pbx.name
	}
	for _, c := range n.calls {
		said, ok := c.inWords()
		if !ok {
			return ""
		}
		s.Calls = append(s.Calls, said)
	}
	for _, p := range n.phones {
		said, ok := p.inWords()
		if !ok {
			return ""
		}
		s.Phones = append(s.Phones, said)
	}
	for _, l := range n.tape.legs { // to where nobody is
		name := cmp.Or(l.user, title(l.to))
		if n.phoneAt(l.to) == nil && !slices.ContainsFunc(s.Phones, func(p *scenario.Phone) bool { return p.Name == name }) {
			s.Phones = append(s.Phones, &scenario.Phone{Name: name, Answers: []scenario.Answer{{Words: "absent", Absent: true}}})
		}
	}
	text := string(s.Format())
	if _, err := scenario.Parse("", []byte(text)); err != nil {
		return ""
	}
	return text
}

// gist is the assertion that failed, or the rule, on a line.
func (r *run) gist() string {
	if line := r.suite.line(r.pos); r.failure != nil && line != "" {
		return line + ": " + strings.Join(r.failure.lines, ", ")
	}
	if r.verdict == Erred {
		return r.lines[0]
	}
	return strings.Join(r.lines[:min(2, len(r.lines))], " ")
}

// inWords is the call in words.
func (c *call) inWords() (*scenario.Call, bool) {
	spec := &c.spec
	if spec.Body != nil || spec.NoAck || spec.Answered != nil || spec.Login != nil {
		return nil, false
	}
	return &scenario.Call{
		From: spec.From, To: spec.To, RequestURI: spec.RequestURI, Via: c.caller.Addr(), After: time.Duration(c.sim.At()),
		Cancel: spec.CancelAfter, Hangup: spec.HangupAfter, Vanish: spec.VanishAfter, Headers: spec.Headers,
	}, true
}

// inWords is the phone in words: where its user is called, or at its address.
func (p *phone) inWords() (*scenario.Phone, bool) {
	said := &scenario.Phone{Name: p.sim.Name()}
	if p.sim.Name() != p.user {
		said.URI = "sip:" + p.sim.Addr().String()
	}
	does := slices.Clone(p.does)
	if len(does) == 0 {
		for _, b := range p.answers {
			if b.fn != nil { // nobody has called it
				continue
			}
			does = append(does, b.steps)
		}
	}
	for _, steps := range does {
		a, ok := scenario.Say(steps)
		if !ok {
			return nil, false
		}
		said.Answers = append(said.Answers, a)
	}
	return said, len(said.Answers) > 0
}
