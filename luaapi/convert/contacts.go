package convert

import (
	"regexp"
	"strings"
)

// contact is a contact as sipXecs writes it: <sip:333@example.org?expires=25>;q=0.95.
var contact = regexp.MustCompile(`(?m)^\s*(?:Contact\s*:\s*)?<(?:sips?:)?[^<>@\s]+@[^<>\s]+>\s*(;\s*q\s*=\s*[0-9.]+\s*)?,?\s*$`)

// contacts writes a list of contacts, one a line, as a call sequence.
func (w *writer) contacts(text string) {
	w.write("-- Made of %s by `tandem import`. Entries ring by falling q; equal ones at the same time.\nlocal sequence = require \"sequence\"\nlocal route = {}\n\nlocal list = sequence.new(sequence.parse {\n", comment(w.opt.Name))
	line := 0
	for l := range strings.Lines(text) {
		line++
		if l = strings.TrimRight(strings.TrimSpace(l), ", "); l == "" {
			continue
		}
		if !contact.MatchString(l) {
			w.fail(line, "no contact: %q; it looks like <sip:333@example.org?expires=25>;q=0.95", l)
		}
		_, uri, _ := strings.Cut(l, "<")
		w.write("  %s,\n", quote("<"+uri))
	}
	w.write("})\n\nfunction route.invite(call) return list(call) end\n\nreturn route\n")
}
