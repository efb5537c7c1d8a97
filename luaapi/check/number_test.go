package check

import (
	"slices"
	"testing"
)

// TestCentral: only a central number that is known to be longer than the extensions is told.
func TestCentral(t *testing.T) {
	for _, c := range []struct {
		name, plan string
		want       bool
	}{
		{"longer", `{ country = "49", internal = { 3, 4 }, central = "90000" }`, true},
		{"longer, before the lengths", `{ country = "49", central = "90000", internal = { 4, 3 } }`, true},
		{"as long as the longest", `{ country = "49", internal = { 3, 5 }, central = "90000" }`, false},
		{"a length in another form", `{ country = "49", internal = { 1e1 }, central = "90000" }`, false},
		{"a length that is not written down", `{ country = "49", internal = { 3, longest }, central = "90000" }`, false},
		{"lengths that are not written down", `{ country = "49", internal = lengths, central = "90000" }`, false},
		{"a number that is not written down", `{ country = "49", internal = { 3 }, central = pilot }`, false},
		{"no lengths", `{ country = "49", central = "90000" }`, false},
		{"no central number", `{ country = "49", internal = { 3 } }`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := script(example(`local number = require "number"; print(number.plan ` + c.plan + ")"))
			if got := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == ruleCentral.ID }); got != c.want {
				t.Errorf("got\n%s", lines(found))
			}
		})
	}
}
