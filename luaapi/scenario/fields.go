package scenario

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// header reads: 100.INVITE Diversion <sip:…>;reason=user-busy, of the first such message; value "none" is no such field, "any" any.
func (s *Scenario) header(n int, w []string) (func(*Placed) *Miss, error) {
	if len(w) < 3 {
		return nil, s.fail(n, "write: expect header 100.INVITE Diversion <sip:100@pbx.example>;reason=user-busy")
	}
	e, err := s.event(n, w[0])
	if err != nil {
		return nil, err
	}
	field, want := w[1], strings.Join(w[2:], " ")
	want = strings.ReplaceAll(want, " ,", ",")
	return func(c *Placed) *Miss {
		all := e.messages(c)
		if len(all) == 0 {
			return &Miss{e.text + " never", field + ": " + want}
		}
		m, err := all[0].Message()
		if err != nil {
			return &Miss{err.Error(), field + ": " + want}
		}
		got := string(bytes.Join(m.AppendValues(nil, field), []byte(", ")))
		plain := func(s string) string { return strings.ReplaceAll(s, `"`, "") }
		switch {
		case want == "any" && got != "", want == "none" && got == "", plain(got) == plain(want):
			return nil
		case got == "":
			got = "none"
		}
		return &Miss{field + ": " + got, field + ": " + want}
	}, nil
}

// body reads: 100.INVITE a=sendonly, what the body of the first such message has in it; "none" is no body.
func (s *Scenario) body(n int, w []string) (func(*Placed) *Miss, error) {
	if len(w) < 2 {
		return nil, s.fail(n, "write: expect body 100.INVITE a=sendonly")
	}
	e, err := s.event(n, w[0])
	if err != nil {
		return nil, err
	}
	want := strings.Join(w[1:], " ")
	return func(c *Placed) *Miss {
		all := e.messages(c)
		if len(all) == 0 {
			return &Miss{e.text + " never", e.text + " with " + want}
		}
		m, err := all[0].Message()
		if err != nil {
			return &Miss{err.Error(), want}
		}
		got := string(m.Body())
		if want == "none" && got == "" || want != "none" && strings.Contains(got, want) {
			return nil
		}
		return &Miss{strings.Join(strings.Fields(cmp.Or(got, "none")), " "), want}
	}, nil
}

// raised reads: "main.lua:12", what an error of a handler has in it. Errors that no line expects break the test.
func (s *Scenario) raised(n int, w []string) (func(*Placed) *Miss, error) {
	want := strings.Join(w, " ")
	if want == "" {
		return nil, s.fail(n, "write: expect error main.lua:12")
	}
	s.errors = append(s.errors, want)
	return func(c *Placed) *Miss {
		if slices.ContainsFunc(c.run.Raised, func(e string) bool { return strings.Contains(e, want) }) {
			return nil
		}
		return &Miss{cmp.Or(strings.Join(c.run.Raised, "; "), "no error"), "an error with " + want}
	}, nil
}

// Unexpected are the errors of handlers that no line expects.
func (r *Run) Unexpected() (all []string) {
	for _, e := range r.Raised {
		known := func(want string) bool { return strings.Contains(e, want) }
		if !slices.Contains(all, e) && !slices.ContainsFunc(r.Scenario.errors, known) {
			all = append(all, e)
		}
	}
	return all
}
