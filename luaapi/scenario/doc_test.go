package scenario

import (
	"os"
	"strings"
	"testing"
)

// The example in the documentation is one.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/txtar.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```txtar\n")
	example, _, _ := strings.Cut(rest, "```")
	s, err := Parse("docs/txtar.md", []byte(example))
	if err != nil || len(s.Expects) != 4 {
		t.Fatal(err)
	}
	r := try(t, `local plan = require "plan"
return { invite = function() return plan.serial {
  plan.to "sip:100@192.0.2.11", plan.to "sip:101@192.0.2.12",
  plan.to("sip:voicemail@192.0.2.13", { headers = { Diversion = "<sip:100@pbx.example>;reason=user-busy" } }) } end }`, example, Options{})
	for _, b := range r.Judge() {
		t.Errorf("%s: got %s, want %s", b.Text, b.Got, b.Want)
	}
	for _, word := range append(append(append([]string{}, keywords...), deeds...), kinds...) {
		if !strings.Contains(string(text), "`"+word) && !strings.Contains(string(text), word+" ") {
			t.Errorf("%q is not in the documentation", word)
		}
	}
}
