package scenario

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"tandem/engine/sim"
)

// Say returns what a phone does in words, as ParseAnswers reads them. ok is false of what words cannot say.
func Say(b sim.Behaviour) (a Answer, ok bool) {
	var said []string
	at, ring := time.Duration(0), func(i int) bool { return reflect.DeepEqual(b[i], sim.Ring()) }
	if len(b) == 1 && ring(0) {
		return Answer{Words: "never", Steps: b}, true
	}
	for i, s := range b {
		if i == 0 && len(b) == 2 && ring(0) && b[1].Act == sim.Respond && b[1].Code >= 200 && b[1].Wait > 0 {
			continue // whose first response is a final one that comes later rings at once
		}
		at += s.Wait
		if s.Act == sim.Pause {
			continue
		}
		word, ok := sayStep(&s)
		if !ok {
			return a, false
		}
		if at > 0 {
			word += " after " + at.String()
		}
		for _, h := range s.Headers {
			if s.Method != "REFER" || h.Name != referTo {
				word += " with " + always(h.Name+": "+h.Value)
			}
		}
		said = append(said, word)
	}
	if len(said) == 0 {
		return a, false
	}
	all, err := ParseAnswers(strings.Join(said, ", "))
	if err != nil || len(all) != 1 {
		return a, false
	}
	return all[0], true
}

const referTo = "Refer-To"

// sayStep is a step without its time and header fields.
func sayStep(s *sim.Step) (string, bool) {
	if s.Body != nil || s.Tag != "" || s.Phrase != "" {
		return "", false
	}
	switch s.Act {
	case sim.Respond:
		word := fmt.Sprint(s.Code)
		if s.SDP {
			word += " sdp"
		}
		if s.Reliable {
			word += " reliable"
		}
		return word, true
	case sim.InDialog:
		return sayRequest(s)
	case sim.IgnoreCancel:
		return "ignore-cancel", true
	case sim.Mute:
		return "silent", true
	case sim.Retransmit:
		return "retransmit", true
	case sim.Vanish:
		return "vanish", true
	}
	return "", false
}

func sayRequest(s *sim.Step) (string, bool) {
	switch {
	case s.Method == "BYE":
		return "bye", true
	case s.Method == "INVITE" && s.Direction == "sendonly":
		return "hold", true
	case s.Method == "INVITE" && s.Direction == "":
		return "reinvite", true
	case s.Method == "REFER":
		for _, h := range s.Headers {
			if h.Name == referTo {
				return "refer to " + Quote(strings.Trim(h.Value, "<>")), true
			}
		}
	}
	return "", false
}
