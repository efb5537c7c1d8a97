package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/engine/sim"
	"tandem/luaapi/spell"
)

// DefaultAnswers is what a phone does of which nothing else is said: it rings and answers after two seconds.
var DefaultAnswers = Answer{Words: "200 after 2s", Steps: sim.After(2 * time.Second)}

// deeds are the words that a step of a phone may begin with, beside status codes.
var deeds = []string{"never", "silent", "absent", "retransmit", "bye", "hold", "resume", "reinvite", "refer", "vanish", "ignore-cancel"}

// ParseAnswers reads what a phone does: steps with commas between, "then" between what it does with one call and the next.
//
//	486 after 2s | 180 after 1s, 200 after 4s | never | silent | absent | 302 to sip:101@192.0.2.12 | 200 after 1s, bye after 9s
//
// Times count from the INVITE. A phone whose first response is a final one that comes later rings at once.
func ParseAnswers(text string) ([]Answer, error) {
	w, err := words(text)
	if err != nil {
		return nil, err
	}
	return answersOf(w)
}

func answersOf(w []string) ([]Answer, error) {
	var all []Answer
	for _, part := range split(w, "then") {
		a, err := answerOf(part)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// split parts words at a word.
func split(w []string, at string) [][]string {
	var parts [][]string
	for {
		i := slices.Index(w, at)
		if i < 0 {
			return append(parts, w)
		}
		parts = append(parts, w[:i])
		w = w[i+1:]
	}
}

func answerOf(w []string) (Answer, error) {
	var shown []string
	a, so := Answer{}, course{}
	at := time.Duration(0)
	for _, part := range split(w, ",") {
		if len(part) == 0 {
			return a, errors.New("a step is missing; write 486 after 2s")
		}
		if part[0] == "absent" && len(w) == 1 {
			return Answer{Words: "absent", Absent: true}, nil
		}
		if part[0] == "absent" {
			return a, errors.New("who is absent does nothing else")
		}
		steps, after, err := stepOf(part)
		if err != nil {
			return a, err
		}
		if after < at {
			return a, fmt.Errorf("%s comes after what happens at %s; put the steps in order", strings.Join(part, " "), at)
		}
		if err := so.step(&steps[0], part[0]); err != nil {
			return a, err
		}
		if code := steps[0].Code; len(a.Steps) == 0 && after > 0 && code >= 200 {
			a.Steps = append(a.Steps, sim.Ring())
		}
		steps[0].Wait = after - at
		at = after
		a.Steps = append(a.Steps, steps...)
		shown = append(shown, strings.Join(quoted(part), " "))
	}
	a.Words = strings.Join(shown, ", ")
	return a, nil
}

// quoted puts words into quotes that need them.
func quoted(w []string) []string {
	out := slices.Clone(w)
	for i, s := range out {
		out[i] = Quote(s)
	}
	return out
}

// stepOf reads a step and when it is done.
func stepOf(w []string) (steps []sim.Step, after time.Duration, err error) {
	s := sim.Step{}
	code, err := strconv.Atoi(w[0])
	switch {
	case err == nil && code >= 100 && code <= 699:
		s = sim.Send(code)
	case w[0] == "never":
		s = sim.Ring()
	case w[0] == "silent":
		s.Act = sim.Mute
	case w[0] == "bye":
		s = sim.Bye()
	case w[0] == "retransmit":
		s.Act = sim.Retransmit
	case w[0] == "reinvite":
		s = sim.Resume()
	case w[0] == "refer":
		return refer(w[1:])
	case w[0] == "hold":
		s = sim.Hold()
	case w[0] == "resume":
		s = sim.Resume()
	case w[0] == "vanish":
		s.Act = sim.Vanish
	case w[0] == "ignore-cancel":
		s.Act = sim.IgnoreCancel
	default:
		return nil, 0, fmt.Errorf("%q is no status code and nothing that a phone does%s; it does %s", w[0], spell.Hint(w[0], deeds), strings.Join(deeds, ", "))
	}
	after, err = how(&s, w[1:])
	return []sim.Step{s}, after, err
}

// refer reads: to URI [after 2s] [with "Name: value"].
func refer(w []string) ([]sim.Step, time.Duration, error) {
	if len(w) < 2 || w[0] != "to" {
		return nil, 0, errors.New("write: refer to sip:102@pbx.example after 5s")
	}
	uri, err := ParseAddress(w[1], ToHost)
	if err != nil {
		return nil, 0, err
	}
	s := sim.Ask("REFER", sim.Header{Name: "Refer-To", Value: "<" + uri + ">"})
	after, err := how(&s, w[2:])
	return []sim.Step{s}, after, err
}

// course is how far a phone is with a call.
type course struct {
	responded, answered bool
	over                string // what ended it
}

// step refuses what cannot come now.
func (c *course) step(s *sim.Step, word string) error {
	final := s.Act == sim.Respond && s.Code >= 200
	switch {
	case c.over != "":
		return fmt.Errorf("nothing comes after %s", c.over)
	case c.answered && s.Act == sim.Respond:
		return fmt.Errorf("%s comes after the answer; a phone that hangs up does bye", word)
	case s.Act == sim.InDialog && !c.answered:
		return fmt.Errorf("%s comes before the answer; write 200 before it", word)
	case s.Act == sim.Retransmit && !c.responded:
		return errors.New("there is no response before retransmit")
	case s.Reliable && (s.Act != sim.Respond || s.Code <= 100 || final):
		return fmt.Errorf("only 101 to 199 are sent reliably, not %s", word)
	}
	c.responded = c.responded || s.Act == sim.Respond
	c.answered = c.answered || final && s.Code < 300
	if final && s.Code >= 300 || s.Act == sim.Vanish || s.Act == sim.Mute || word == "bye" {
		c.over = word
	}
	return nil
}

// how reads what follows a step: after 2s, to URI, with "Name: value", sdp, reliable.
func how(s *sim.Step, w []string) (after time.Duration, err error) {
	for len(w) > 0 && err == nil {
		word := w[0]
		w = w[1:]
		if word == "sdp" {
			s.SDP = true
			continue
		}
		if word == "reliable" {
			s.Reliable = true
			continue
		}
		if !slices.Contains([]string{"after", "to", "with"}, word) {
			return 0, fmt.Errorf("%q is not known here%s; after, to, with, sdp and reliable are", word, spell.Hint(word, []string{"after", "with", "reliable"}))
		}
		if len(w) == 0 {
			return 0, fmt.Errorf("something must follow %q", word)
		}
		var h sim.Header
		switch word {
		case "after":
			after, err = duration(w[0])
		case "to":
			var uri string
			uri, err = ParseAddress(w[0], ToHost)
			s.Headers = append(s.Headers, sim.Header{Name: "Contact", Value: "<" + uri + ">"})
		case "with":
			h, err = header(w[0])
			s.Headers = append(s.Headers, h)
		}
		w = w[1:]
	}
	return after, err
}
