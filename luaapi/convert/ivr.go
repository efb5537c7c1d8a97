package convert

import (
	"slices"
	"strings"
)

// detections are the events of IVR-XML, and other spellings of them, as package flow names them.
var detections = map[string]string{
	"busy": "busy", "no-answer": "no_answer", "noanswer": "no_answer", "no_answer": "no_answer", "timeout": "timeout", "offline": "offline", "unavailable": "offline",
	"unreachable": "offline", "reject": "rejected", "rejected": "rejected", "fail": "failed", "failed": "failed", "failure": "failed",
}

// ivr writes the callto actions of an IVR-XML file as a flow.
func (w *writer) ivr(root *element) {
	var calls []*element
	byName := make(map[string]*element)
	for _, a := range root.all("action") {
		name := a.attrs["name"]
		switch {
		case name == "":
			w.fail(a.line, "the action has no name")
		case byName[name] != nil:
			w.fail(a.line, "action %q is there already, at line %d", name, byName[name].line)
		}
		if byName[name] = a; a.attrs["method"] == "callto" {
			calls = append(calls, a)
		} else {
			w.note(a.line, "action %q: %s needs media, which Tandem does not have; it is left out", name, a.attrs["method"])
		}
	}
	if len(calls) == 0 {
		w.fail(root.line, "there is no action with the method callto")
	}
	w.write("-- Made of %s by `tandem import`.\nlocal flow = require \"flow\"\nlocal route = {}\n\nlocal main = flow.new {\n  start = %s,\n", comment(w.opt.Name), quote(calls[0].attrs["name"]))
	done := make(map[*element]bool)
	for _, a := range calls {
		w.circle(byName, a, nil, done)
		w.action(byName, a)
	}
	w.write("}\n\nfunction route.invite() return main end\n\nreturn route\n")
}

func (w *writer) action(byName map[string]*element, a *element) {
	var to *element
	for _, d := range a.all("destination") {
		if strings.TrimSpace(d.text) != "" {
			to = d
			break
		}
	}
	if to == nil {
		w.fail(a.line, "action %q has no destination", a.attrs["name"])
	}
	w.write("  %s = { %s", key(a.attrs["name"]), quote(w.target(to, to.text)))
	var next []string
	for _, e := range a.all("monitor-event") {
		if outcome, name := w.event(byName, e); outcome != "" {
			next = append(next, outcome+" = "+quote(name))
		}
	}
	if len(next) > 0 {
		w.write(", monitor = { %s }", strings.Join(next, ", "))
	}
	w.write(" },\n")
}

// event returns the outcome of a monitor-event and the action that it leads to, "" if there is none that can be written.
func (w *writer) event(byName map[string]*element, e *element) (outcome, name string) {
	detection, name := e.attrs["detection"], e.attrs["nextaction"]
	to := byName[name]
	outcome = detections[strings.ToLower(detection)]
	switch {
	case outcome == "":
		w.note(e.line, "no outcome of a call is called %q; it is left out", detection)
		return "", ""
	case to == nil:
		w.fail(e.line, "there is no action %q, the nextaction for %s", name, detection)
	case to.attrs["method"] != "callto":
		w.note(e.line, "%s leads to %q, which is left out", detection, name)
		return "", ""
	}
	return outcome, name
}

// circle fails if an action is reached from itself: a flow ends. done are the actions that do not lead into a circle, path those on the way here.
func (w *writer) circle(byName map[string]*element, a *element, path []*element, done map[*element]bool) {
	if slices.Contains(path, a) {
		w.fail(a.line, "action %q is reached from itself: the flow goes in a circle", a.attrs["name"])
	}
	if done[a] {
		return
	}
	path = append(path[:len(path):len(path)], a)
	for _, e := range a.all("monitor-event") {
		if to := byName[e.attrs["nextaction"]]; to != nil && to.attrs["method"] == "callto" {
			w.circle(byName, to, path, done)
		}
	}
	done[a] = true
}
