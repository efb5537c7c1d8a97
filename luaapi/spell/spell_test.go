package spell

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "ring", 4},
		{"ring", "ring", 0},
		{"rings", "ring", 1},
		{"rign", "ring", 1},
		{"no_anwser", "no_answer", 1},
		{"form", "from", 1},
		{"busy", "bussy", 1},
		{"kitten", "sitting", 3},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"ring", "delay", "headers", "on", "name"}
	for _, c := range []struct{ name, in, want string }{
		{"one letter too many", "rings", "ring"},
		{"swapped", "dealy", "delay"},
		{"short names forgive one letter", "no", "on"},
		{"far from all", "prack", ""},
		{"nothing in common with a short name", "xy", ""},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Nearest(c.in, known); got != c.want {
				t.Errorf("Nearest(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("rign", []string{"delay", "ring"}), `; did you mean "ring"?`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Hint("codecs", []string{"delay", "ring"}); got != "" {
		t.Errorf("got %q for a name far from all", got)
	}
}

func TestDistanceIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-d]{0,8}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := Distance(a, b)
		if d != Distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("Distance(%q, %q) = %d, the other way %d", a, b, d, Distance(b, a))
		}
	})
}
