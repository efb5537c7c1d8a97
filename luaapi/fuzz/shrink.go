package fuzz

import (
	"slices"
	"time"

	"tandem/engine/sim"
	"tandem/luaapi/scenario"
)

// maxShrinks bounds how many smaller networks are tried.
const maxShrinks = 2000

// shrink returns a smaller network that breaks the same rule.
func (t *trial) shrink(s *scenario.Scenario, kind string) *scenario.Scenario {
	t.runs = 0
	for again := true; again && t.runs < maxShrinks; {
		again = false
		for _, smaller := range steps(s) {
			if t.runs >= maxShrinks {
				break
			}
			if _, broken, err := t.run(smaller); err == nil && len(broken) > 0 && same(broken, kind) {
				s, again = smaller, true
				break
			}
		}
	}
	return s
}

func same(broken []string, want string) bool {
	return slices.ContainsFunc(broken, func(b string) bool { return kind([]string{b}) == want })
}

// steps are networks that are a little smaller, those first that leave out most.
func steps(s *scenario.Scenario) (all []*scenario.Scenario) {
	add := func(change func(s *scenario.Scenario)) {
		c := *s
		c.Calls, c.Phones, c.Links = slices.Clone(s.Calls), slices.Clone(s.Phones), slices.Clone(s.Links)
		change(&c)
		all = append(all, &c)
	}
	if len(s.Links) > 0 {
		add(func(s *scenario.Scenario) { s.Links = nil })
	}
	for i := range s.Calls {
		if len(s.Calls) > 1 {
			add(func(s *scenario.Scenario) { s.Calls = slices.Delete(s.Calls, i, i+1) })
		}
	}
	for i := range s.Phones {
		add(func(s *scenario.Scenario) { s.Phones = slices.Delete(s.Phones, i, i+1) })
	}
	for i := range s.Phones {
		for _, answers := range simpler(s.Phones[i].Answers) {
			add(func(s *scenario.Scenario) { s.Phones[i] = &scenario.Phone{Name: s.Phones[i].Name, Answers: answers} })
		}
	}
	for i, c := range s.Calls {
		for _, call := range plainer(c) {
			add(func(s *scenario.Scenario) { s.Calls[i] = call })
		}
	}
	if !s.At.IsZero() && !s.At.Equal(scenario.DefaultDate) {
		add(func(s *scenario.Scenario) { s.At = scenario.DefaultDate })
	}
	return all
}

// plainer are calls that ask for less.
func plainer(c *scenario.Call) (all []*scenario.Call) {
	add := func(change func(c *scenario.Call)) {
		d := *c
		change(&d)
		all = append(all, &d)
	}
	if c.Hangup != nil {
		add(func(c *scenario.Call) { c.Hangup = nil })
	}
	if c.Cancel != nil {
		add(func(c *scenario.Call) { c.Cancel = nil })
		if whole := c.Cancel.Truncate(time.Second); whole != *c.Cancel {
			add(func(c *scenario.Call) { c.Cancel = &whole })
		}
	}
	if c.After > 0 {
		add(func(c *scenario.Call) { c.After = 0 })
	}
	for i := range c.Headers {
		add(func(c *scenario.Call) { c.Headers = slices.Delete(append([]sim.Header{}, c.Headers...), i, i+1) })
	}
	if alice := "sip:alice@" + scenario.FromHost; c.From != alice {
		add(func(c *scenario.Call) { c.From = alice })
	}
	return all
}

// simpler are behaviours with less in them.
func simpler(a []scenario.Answer) (all [][]scenario.Answer) {
	if len(a) > 1 {
		return [][]scenario.Answer{a[:1], a[1:]}
	}
	if plain := []string{"486", "never"}; !slices.Contains(plain, a[0].Words) {
		for _, words := range plain {
			if b, err := scenario.ParseAnswers(words); err == nil {
				all = append(all, b)
			}
		}
	}
	return all
}
