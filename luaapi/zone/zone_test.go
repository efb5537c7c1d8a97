package zone

import "testing"

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
