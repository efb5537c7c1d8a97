package scenario

import (
	"strings"
	"testing"

	"tandem/engine/trace"
)

const byUser = `
local plan = require "plan"
return {
  invite = function(call)
    return plan.serial { plan.to("user:" .. call.ruri.user, { ring = 10 }), plan.divert "sip:vm@192.0.2.20" }
  end,
}
`

// Users are where the lines say that their phones are; absent ones, and those of whom nothing is said, nowhere.
func TestUsers(t *testing.T) {
	for name, text := range map[string]string{
		"by name":             "call a -> 100\nphone 100 200 after 3s\nexpect order 100\nexpect at 3s answered\nexpect header 100.INVITE To <sip:100@pbx.example>",
		"two phones":          "call a -> 100\nphone desk sip:100@192.0.2.11 486\nphone mobile sip:100@192.0.2.12 200 after 2s\nexpect order desk mobile\nexpect result answered mobile",
		"absent":              "call a -> 100\nphone 100 absent\nphone vm 200\nexpect order vm\nexpect header vm.INVITE Diversion <sip:100@pbx.example>;reason=unavailable;counter=1",
		"not spoken of":       "call a -> 100\nphone vm 200\nexpect order vm\nexpect at 0 vm.INVITE",
		"one is not like all": "call a -> 101\nphone 100 200\nphone vm 200\nexpect order vm",
		"a name with a space": "call a -> \"sip:ann%20lee@pbx.example\"\nphone x sip:ann%20lee@192.0.2.11 200\nexpect order x",
	} {
		t.Run(name, func(t *testing.T) {
			r := try(t, byUser, text, Options{})
			for _, b := range r.Judge() {
				t.Errorf("%s: got %s, want %s", b.Text, b.Got, b.Want)
			}
			if len(r.Faults)+len(r.Missing) > 0 {
				t.Errorf("faults %v, missing %v", r.Faults, r.Missing)
			}
			if t.Failed() {
				t.Log("\n" + r.Calls[0].Ladder(trace.Options{}))
			}
		})
	}
}

// Where phones are assumed, as `tandem explain` does, every user has one, unless a line says that it is absent.
func TestOtherUsers(t *testing.T) {
	if r := try(t, byUser, "call a -> 100", Options{Others: &DefaultAnswers}); r.Calls[0].Result() != "answered by 100" {
		t.Errorf("result %q, missing %v", r.Calls[0].Result(), r.Missing)
	}
	r := try(t, byUser, "call a -> 100\nphone 100 absent", Options{Others: &DefaultAnswers})
	if got := strings.Join(r.Calls[0].Order(), " "); got != "vm" {
		t.Errorf("%s were called, want vm alone", got)
	}
}
