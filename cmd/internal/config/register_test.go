package config

import (
	"strings"
	"testing"

	"tandem/engine/location"
)

const someUser = "[[user]]\nname = \"100\"\npassword = \"x\"\n"

// What the file says is what the engine is told; without users nobody registers.
func TestRegistrations(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want location.Limits
	}{
		"nothing":             {"", location.DefaultLimits},
		"everything":          {"[register]\nmin_expires = 30\nmax_expires = 600\ndefault_expires = 300\nmax_contacts = 2\n", location.Limits{Min: 30, Max: 600, Default: 300, Contacts: 2}},
		"the default follows": {"[register]\nmax_expires = 600\n", location.Limits{Min: 60, Max: 600, Default: 600, Contacts: 10}},
	} {
		got, err := Read(file(t, someUser+c.text))
		if err != nil || *got.Registrations() != c.want {
			t.Errorf("%s: %v %+v, want %+v", name, err, got.Registrations(), c.want)
		}
	}
	if c := Default(); c.Registrations() != nil {
		t.Error("without users somebody registers")
	}
}

func TestBadRegister(t *testing.T) {
	for text, want := range map[string]string{
		someUser + "[register]\nmin_expire = 5\n":                         `:5: register.min_expire: unknown key of [register]; did you mean "min_expires"?`,
		someUser + "[register]\nmin_expires = 0\n":                        `:5: register.min_expires: 0 is out of range; use 1 to 3600 seconds`,
		someUser + "[register]\nmin_expires = 3601\n":                     `:5: register.min_expires: 3601 is out of range`,
		someUser + "[register]\nmax_expires = 59\n":                       `:5: register.max_expires: 59 is out of range; use min_expires, 60, to 604800 seconds`,
		someUser + "[register]\nmax_expires = 700000\n":                   `:5: register.max_expires: 700000 is out of range`,
		someUser + "[register]\nmax_expires = 90\ndefault_expires = 91\n": `:6: register.default_expires: 91 is out of range; use min_expires, 60, to max_expires, 90`,
		someUser + "[register]\nmax_contacts = 0\n":                       `:5: register.max_contacts: 0 is out of range; use 1 to 100`,
		someUser + "[register]\nmax_contacts = \"10\"\n":                  `:5: register.max_contacts: want an integer, got a string`,
		someUser + "register = 5\n":                                       `unknown key of [[user]]`,
		"register = 5\n":                                                  `:1: register: want a table`,
		"[register]\nmax_contacts = 1\n":                                  `:1: register: nobody can register: there is no [[user]]`,
	} {
		if _, err := Read(file(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\nerror %v\nwant …%s…", text, err, want)
		}
	}
}
