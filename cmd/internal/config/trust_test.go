package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// What the file says is what the engine and tests are told.
func TestTrusted(t *testing.T) {
	path := file(t, "trusted = [\"192.0.2.9/24\", \"2001:db8::7\"]\n")
	c, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = "[192.0.2.0/24 2001:db8::7/128]"
	if got := fmt.Sprint(c.TrustDomain()); got != want {
		t.Error(got)
	}
	s, err := Beside(filepath.Dir(path))
	if got := fmt.Sprint(s.Trusted); err != nil || got != want {
		t.Errorf("tests: %s, %v", got, err)
	}
	d := Default()
	if len(d.TrustDomain()) != 0 {
		t.Error("somebody is trusted from the start")
	}
}

func TestTrustedMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"\ntrusted = \"carrier\"": `:2: trusted: "carrier" is no network; write IP or IP/BITS`,
		"trusted = 3":             `:1: trusted: want a string or an array of strings, got an integer`,
	} {
		if _, err := Read(file(t, text+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
