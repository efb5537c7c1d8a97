package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/sim"
	"tandem/luaapi/spell"
)

// kinds of expectations.
var kinds = []string{"order", "result", "at", "count", "no", "header", "body", "error", "call"}

// within is how far from its time something may happen unless an expectation says otherwise.
const within = 10 * time.Millisecond

// expect reads an expectation. line is how it was written, w its words after "expect".
func (s *Scenario) expect(n int, line string, w []string) error {
	e := Expect{Line: n, Text: strings.TrimSpace(line)}
	number := 1
	if len(w) > 1 && w[0] == "call" {
		var err error
		if number, err = strconv.Atoi(w[1]); err != nil || number < 1 || number > len(s.Calls) {
			return s.fail(n, "there is no call %q; calls are numbered from 1 to %d", w[1], len(s.Calls))
		}
		w = w[2:]
	}
	if len(w) == 0 {
		return s.fail(n, "say what is expected: %s", strings.Join(kinds[:len(kinds)-1], ", "))
	}
	judge, err := s.judge(n, w)
	if err != nil {
		return err
	}
	e.hold = func(r *Run) *Miss { return judge(r.Calls[number-1]) }
	s.Expects = append(s.Expects, e)
	return nil
}

// judge returns the function that tests an expectation.
func (s *Scenario) judge(n int, w []string) (func(*Placed) *Miss, error) {
	switch kind, w := w[0], w[1:]; kind {
	case "order":
		for _, name := range w {
			if err := s.known(n, name, ""); err != nil {
				return nil, err
			}
		}
		return func(c *Placed) *Miss { return same(strings.Join(c.Order(), " "), strings.Join(w, " ")) }, nil
	case "result":
		return s.result(n, w)
	case "at":
		return s.at(n, w)
	case "count":
		return s.count(n, w)
	case "no":
		return s.none(n, w)
	case "header":
		return s.header(n, w)
	case "body":
		return s.body(n, w)
	case "error":
		return s.raised(n, w)
	}
	return nil, s.fail(n, "%q is nothing that can be expected%s; %s are", w[0], spell.Hint(w[0], kinds), strings.Join(kinds, ", "))
}

// same is nil if two texts are equal.
func same(got, want string) *Miss {
	if got == want {
		return nil
	}
	return &Miss{cmp.Or(got, "nobody"), cmp.Or(want, "nobody")}
}

// result reads: answered [NAME], a status code, or cancelled.
func (s *Scenario) result(n int, w []string) (func(*Placed) *Miss, error) {
	switch {
	case len(w) == 1 && w[0] == "answered":
		return func(c *Placed) *Miss {
			if c.Answered() {
				return nil
			}
			return &Miss{c.Result(), "answered"}
		}, nil
	case len(w) == 2 && w[0] == "answered":
		return func(c *Placed) *Miss { return same(c.Result(), "answered by "+w[1]) }, s.known(n, w[1], "")
	case len(w) == 1 && w[0] == "cancelled":
		return func(c *Placed) *Miss { return same(c.Result(), "487") }, nil
	case len(w) == 1:
		if code, err := strconv.Atoi(w[0]); err == nil && code >= 300 && code <= 699 {
			return func(c *Placed) *Miss { return same(c.Result(), w[0]) }, nil
		}
	}
	return nil, s.fail(n, "write: expect result answered 100, or a status code such as 486")
}

// event is something that happens in a call: a message of a party, "answered", "ended".
type event struct {
	text, name, what string
	sent             bool
}

var sipMethods = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "NOTIFY", "MESSAGE"}

// callerSends are requests that a caller sends; of the others those count that it gets.
var callerSends = []string{"ACK", "CANCEL", "PRACK"}

// event reads NAME.METHOD, a request that came there, or that the caller sends; NAME.CODE, a response to an INVITE that a phone sent or that
// the caller got; answered; ended.
func (s *Scenario) event(n int, word string) (event, error) {
	if word == "answered" || word == "ended" {
		return event{text: word}, nil
	}
	dot := strings.LastIndexByte(word, '.')
	if dot < 1 {
		return event{}, s.fail(n, "%q is nothing that happens; write 100.INVITE, 100.486, caller.180, answered or ended", word)
	}
	e := event{text: word, name: word[:dot], what: word[dot+1:]}
	if number, ok := strings.CutPrefix(e.name, "caller"); ok && s.phone(e.name) == nil {
		if i, err := strconv.Atoi(number); err == nil && i > 1 && i <= len(s.Calls) {
			return e, s.fail(n, "%s: who places a call is its caller; write: expect call %d at 5s caller.%s", e.name, i, e.what)
		}
	}
	caller := e.name == "caller"
	if code, err := strconv.Atoi(e.what); err == nil && code >= 100 && code <= 699 {
		e.what, e.sent = e.what+" INVITE", !caller
	} else if !slices.Contains(sipMethods, e.what) {
		return e, s.fail(n, "%q is no method and no status code%s", e.what, spell.Hint(strings.ToUpper(e.what), sipMethods))
	} else {
		e.sent = caller && slices.Contains(callerSends, e.what)
	}
	return e, s.known(n, e.name, "caller")
}

func (s *Scenario) events(n int, w []string) (all []event, err error) {
	for _, word := range w {
		e, err := s.event(n, word)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		return nil, s.fail(n, "say what happens: 100.INVITE, 100.486, caller.180, answered or ended")
	}
	return all, nil
}

// times are when an event happened in a call.
func (e *event) times(c *Placed) (all []time.Duration) {
	for _, l := range e.messages(c) {
		all = append(all, l.At.Sub(c.zero()))
	}
	return all
}

func (e *event) messages(c *Placed) []*sim.Logged {
	switch e.text {
	case "answered":
		return slices.DeleteFunc(c.Received(""), func(l *sim.Logged) bool {
			code, method := l.Response()
			return code/100 != 2 || method != "INVITE"
		})
	case "ended":
		return c.ends()
	}
	return c.logged(e.name, e.sent, e.what)
}

// ends is the first message that ended the call at its caller.
func (c *Placed) ends() []*sim.Logged {
	var first *sim.Logged
	for _, l := range slices.Concat(c.Received(""), c.Sent("BYE")) {
		code, method := l.Response()
		over := code >= 300 && method == "INVITE" || l.Request() == "BYE"
		if over && (first == nil || l.At < first.At) {
			first = l
		}
	}
	if first == nil {
		return nil
	}
	return []*sim.Logged{first}
}

// at reads: 20s 100.CANCEL 101.INVITE [within 100ms].
func (s *Scenario) at(n int, w []string) (func(*Placed) *Miss, error) {
	if len(w) == 0 {
		return nil, s.fail(n, "write: expect at 20s 100.CANCEL")
	}
	when, err := duration(w[0])
	if err != nil {
		return nil, s.fail(n, "%v", err)
	}
	near, w := within, w[1:]
	if i := slices.Index(w, "within"); i >= 0 && i+2 == len(w) {
		if near, err = duration(w[i+1]); err != nil {
			return nil, s.fail(n, "%v", err)
		}
		w = w[:i]
	}
	all, err := s.events(n, w)
	return func(c *Placed) *Miss {
		for _, e := range all {
			times := e.times(c)
			if !slices.ContainsFunc(times, func(t time.Duration) bool { return (t - when).Abs() <= near }) {
				return &Miss{e.missed(times, when), fmt.Sprintf("%s at %s ± %s s", e.text, stamp(when), stamp(near)[1:])}
			}
		}
		return nil
	}, err
}

// missed says when it happened instead, and by how much that is off.
func (e *event) missed(times []time.Duration, when time.Duration) string {
	if len(times) == 0 {
		return e.text + " never"
	}
	var at []string
	for _, t := range times {
		word := "late"
		if t < when {
			word = "early"
		}
		at = append(at, fmt.Sprintf("%s (%s s %s)", stamp(t), stamp((t - when).Abs())[1:], word))
	}
	return e.text + " at " + strings.Join(at, ", ")
}

// happened says when it did.
func (e *event) happened(times []time.Duration) string {
	if len(times) == 0 {
		return e.text + " never"
	}
	var at []string
	for _, t := range times {
		at = append(at, stamp(t))
	}
	return e.text + " at " + strings.Join(at, ", ")
}

func stamp(d time.Duration) string { return fmt.Sprintf("%+.3f", d.Seconds()) }

// count reads: 100.INVITE 2.
func (s *Scenario) count(n int, w []string) (func(*Placed) *Miss, error) {
	if len(w) != 2 {
		return nil, s.fail(n, "write: expect count 100.INVITE 2")
	}
	e, err := s.event(n, w[0])
	if err != nil {
		return nil, err
	}
	want, err := strconv.Atoi(w[1])
	if err != nil || want < 0 {
		return nil, s.fail(n, "%q is no number", w[1])
	}
	return func(c *Placed) *Miss {
		if times := e.times(c); len(times) != want {
			return &Miss{fmt.Sprintf("%d: %s", len(times), e.happened(times)), w[1]}
		}
		return nil
	}, nil
}

// none reads: 100.CANCEL 101.INVITE: what does not happen.
func (s *Scenario) none(n int, w []string) (func(*Placed) *Miss, error) {
	all, err := s.events(n, w)
	return func(c *Placed) *Miss {
		for _, e := range all {
			if times := e.times(c); len(times) > 0 {
				return &Miss{e.happened(times), e.text + " never"}
			}
		}
		return nil
	}, err
}

// Broken is an expectation that does not hold.
type Broken struct {
	Expect
	Miss
}

// Judge returns the expectations that do not hold.
func (r *Run) Judge() (all []Broken) {
	for _, e := range r.Scenario.Expects {
		if m := e.hold(r); m != nil {
			all = append(all, Broken{e, *m})
		}
	}
	return all
}
