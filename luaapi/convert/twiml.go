package convert

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What <Dial> does where it does not say: in seconds.
const (
	dialTimeout   = 30
	dialTimeLimit = 14400
)

// twiml writes the <Dial>, <Reject> and <Hangup> of a TwiML document as a serial plan, or as the one step that there is.
func (w *writer) twiml(root *element) {
	w.write("-- Made of %s by `tandem import`.\nlocal plan = require \"plan\"\nlocal route = {}\n\nfunction route.invite()\n", comment(w.opt.Name))
	head := w.text.String()
	w.text.Reset()
	steps := w.verbs(root)
	body := w.text.String()
	w.text.Reset()
	w.text.WriteString(head)
	if steps == 1 {
		body = strings.TrimSuffix(strings.ReplaceAll(strings.TrimPrefix(body, "    "), "\n  ", "\n"), ",\n")
		w.text.WriteString("  return " + body + "\n")
	} else {
		w.text.WriteString("  return plan.serial {\n" + body + "  }\n")
	}
	w.write("end\n\nreturn route\n")
}

// verbs writes the steps, a line or a group each, and returns how many there are.
func (w *writer) verbs(root *element) (steps int) {
	for _, verb := range root.children {
		switch verb.name {
		case "Dial":
			w.dial(verb)
		case "Reject":
			w.reject(verb)
		case "Hangup":
			w.write("    plan.reject(480),\n")
		default:
			w.note(verb.line, "<%s> is left out: Tandem has no media, and asks no other document", verb.name)
			continue
		}
		if steps++; verb.name != "Dial" {
			break // nothing comes after the end
		}
	}
	if steps == 0 {
		w.fail(root.line, "there is nobody to dial")
	}
	return steps
}

func (w *writer) reject(verb *element) {
	if verb.attrs["reason"] == "busy" {
		w.write("    plan.reject(486),\n")
	} else {
		w.write("    plan.reject(603),\n")
	}
}

// seconds returns an attribute that is a number of seconds.
func (w *writer) seconds(n *element, name string, otherwise int) int {
	text, ok := n.attrs[name]
	if !ok || text == "" {
		return otherwise
	}
	s, err := strconv.Atoi(text)
	if err != nil || s <= 0 {
		w.fail(n.line, "<%s>: %s must be a number of seconds above 0, got %q", n.name, name, text)
	}
	return s
}

// translated are the attributes of <Dial> that the script has.
var translated = map[string]bool{"timeout": true, "timeLimit": true, "callerId": true, "sequential": true, "answerOnBridge": true}

func (w *writer) dial(verb *element) {
	w.leaveOut(verb, translated)
	var options strings.Builder
	if from := verb.attrs["callerId"]; from != "" {
		options.WriteString(", from = { user = " + quote(visual.Replace(strings.TrimPrefix(from, "client:"))) + " }")
	}
	options.WriteString(", max_duration = " + strconv.Itoa(w.seconds(verb, "timeLimit", dialTimeLimit)))
	timeout := w.seconds(verb, "timeout", dialTimeout)
	targets := w.nouns(verb)
	switch {
	case len(targets) == 0:
		w.fail(verb.line, "<Dial> names nobody")
	case len(targets) == 1:
		w.write("    plan.to(%s, { ring = %d%s }),\n", quote(targets[0]), timeout, options.String())
		return
	}
	group, ring, each := "parallel", "", ""
	if verb.attrs["sequential"] == "true" {
		group, each = "serial", "ring = "+strconv.Itoa(timeout)+", "
	} else {
		ring = ", ring = " + strconv.Itoa(timeout)
	}
	w.write("    plan.%s {\n", group)
	for _, to := range targets {
		w.write("      plan.to(%s),\n", quote(to))
	}
	w.write("      each = { %s%s }%s,\n    },\n", each, strings.TrimPrefix(options.String(), ", "), ring)
}

// nouns returns whom a <Dial> calls.
func (w *writer) nouns(verb *element) (targets []string) {
	if strings.TrimSpace(verb.text) != "" {
		targets = append(targets, w.target(verb, verb.text))
	}
	for _, noun := range verb.children {
		switch noun.name {
		case "Number", "Client":
			targets = append(targets, w.target(noun, noun.text))
		case "Sip":
			uri := strings.TrimSpace(noun.text)
			if !scheme.MatchString(uri) {
				uri = "sip:" + uri
			}
			targets = append(targets, w.uri(noun, uri))
		default:
			w.note(noun.line, "<%s> is left out: it is nobody who can be called", noun.name)
			continue
		}
		w.leaveOut(noun, nil)
	}
	return targets
}

// leaveOut notes the attributes of an element that the script does not have.
func (w *writer) leaveOut(n *element, has map[string]bool) {
	for _, name := range slices.Sorted(maps.Keys(n.attrs)) {
		if !has[name] {
			w.note(n.line, "<%s>: %s is left out", n.name, name)
		}
	}
}
