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

func TestEmergency(t *testing.T) {
	path := file(t, "emergency = [\"112\", \"110\"]\nemergency_reserve = 20\n")
	c, err := Read(path)
	if err != nil || fmt.Sprint(c.Emergency, c.EmergencyReserve) != "[112 110] 20" {
		t.Error(c.Emergency, c.EmergencyReserve, err)
	}
	if s, err := Beside(filepath.Dir(path)); err != nil || fmt.Sprint(s.Emergency) != "[112 110]" {
		t.Error(s.Emergency, err)
	}
	for text, want := range map[string]string{
		"emergency = \"help\"":   `:1: emergency: "help" is no number; write digits, as they are dialled: "112"`,
		"emergency = [\"\"]":     `:1: emergency: "" is no number`,
		"emergency_reserve = -1": `:1: emergency_reserve: -1 is no bound`,
	} {
		if _, err := Read(file(t, text+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
