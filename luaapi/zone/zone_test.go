package zone

import (
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	first, err := Load("Europe/Amsterdam")
	if err != nil || first.String() != "Europe/Amsterdam" {
		t.Fatal(first, err)
	}
	if again, err := Load("Europe/Amsterdam"); again != first || err != nil {
		t.Errorf("read again: %v", err)
	}
	for range 2 {
		if z, err := Load("Mars/Base"); err == nil {
			t.Errorf("found %v", z)
		}
	}
}

// Every name of Windows is one that there are data for.
func TestWindows(t *testing.T) {
	for name, iana := range windows {
		if z, ok := Windows(name); !ok || z.String() != iana {
			t.Errorf("%s: %v", name, z)
		}
	}
	for name, want := range map[string]string{"W. Europe Standard Time": "Europe/Berlin", "Eastern Standard Time": "America/New_York", "Tokyo Standard Time": "Asia/Tokyo"} {
		if z, _ := Windows(name); z.String() != want {
			t.Errorf("%s is %v", name, z)
		}
	}
	if z, ok := Windows("Mars Standard Time"); ok {
		t.Errorf("found %v", z)
	}
}

// A zone that is made of changes shows what its clocks show.
func TestOf(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	z, err := Of("Here", -3600, []Change{{at("1601-01-01T00:00:00Z"), 3600}, {at("2026-03-29T01:00:00Z"), 7200}, {at("2099-10-25T01:00:00Z"), 3600}})
	if err != nil {
		t.Fatal(err)
	}
	for when, want := range map[string]string{
		"1600-12-31T23:59:59Z": "22:59:59 -0100", "1601-01-01T00:00:00Z": "01:00:00 +0100", "2026-03-29T00:59:59Z": "01:59:59 +0100",
		"2026-03-29T01:00:00Z": "03:00:00 +0200", "2099-10-25T00:59:59Z": "02:59:59 +0200", "2500-01-01T00:00:00Z": "01:00:00 +0100",
	} {
		if got := at(when).In(z).Format("15:04:05 -0700"); got != want || z.String() != "Here" {
			t.Errorf("at %s the clocks of %s show %s, want %s", when, z, got, want)
		}
	}
	if z, err := Of("Constant", 5400, nil); err != nil || at("2026-01-01T00:00:00Z").In(z).Format("15:04") != "01:30" {
		t.Errorf("%v, %v", z, err)
	}
	var many []Change
	for i := range 300 {
		many = append(many, Change{time.Unix(int64(i), 0), i})
	}
	if _, err := Of("Many", 0, many); err == nil {
		t.Error("it has 300 offsets")
	}
}
