package ident

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func source(node uint16) *Source { return NewSource([32]byte{1, 2, 3}, node) }

// Identifiers are written down by peers and in journals: what an older version made must be read the same for ever.
func TestGolden(t *testing.T) {
	s := source(5)
	for _, c := range []struct{ got, want string }{
		{string(s.AppendCallID(nil, 0)), "td-aaaaf3buoqrzccvow7zy2"},
		{string(s.AppendCallID(nil, Slots-1)), "td-d77afkvccd5ox45lzfdov"},
		{string(s.AppendTag([]byte("x"), 1234)), "xbgsafzfbkjlow27ews3sr"},
		{string(s.AppendBranch(nil, 77)), "z9hG4bKacnafucizrbtw5weg7kle"},
		{fmt.Sprint(s.Uint64()), "6410336783615400939"},
	} {
		if c.got != c.want {
			t.Errorf("made %q, want %q", c.got, c.want)
		}
	}
	a18 := strings.Repeat("a", 18)
	for id, want := range map[string]uint16{
		"":                            1983,
		"a":                           691,
		"3848276298220188511@foo.com": 423,
		"a84b4c76e66710@pc33.atlanta": 3506,
		"A84B4C76E66710@PC33.ATLANTA": 132,
		"td-":                         2126,
		"td-aaa" + a18:                0,
		"td-aab" + a18:                1,
		"td-d77" + a18:                4095,
		"td-d77" + a18 + "a":          565,  // too long: not ours
		"td-eaa" + a18:                2961, // no such slot
		"td-AAA" + a18:                2263, // not as we made it
		"td-aa0" + a18:                3765,
		"TD-aaa" + a18:                87,
	} {
		if got := Slot([]byte(id)); got != want {
			t.Errorf("Slot(%q) = %d, want %d", id, got, want)
		}
	}
}

func TestForm(t *testing.T) {
	s := source(0xffff)
	for name, c := range map[string]struct{ got, prefix string }{
		"Call-ID": {string(s.AppendCallID(nil, 1)), "td-"},
		"tag":     {string(s.AppendTag(nil, 1)), ""},
		"branch":  {string(s.AppendBranch(nil, 1)), "z9hG4bK"},
	} {
		rest, ok := strings.CutPrefix(c.got, c.prefix)
		if !ok || len(rest) != 21 || strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("%s: %q", name, c.got)
		}
		if rest[:5] != "aab77" {
			t.Errorf("%s: slot and node are %q, want slot 1 and the low ten bits of the node", name, rest[:5])
		}
	}
}

// The slot of a Call-ID is read back, whatever the node; of another's it is whatever the bytes say.
func TestSlotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slot := rapid.Uint16Range(0, Slots-1).Draw(t, "slot")
		s := source(rapid.Uint16().Draw(t, "node"))
		id := s.AppendCallID([]byte("before"), slot)[len("before"):]
		if got := Slot(id); got != slot {
			t.Fatalf("Slot(%q) = %d, want %d", id, got, slot)
		}
	})
}

func FuzzSlot(f *testing.F) {
	f.Add([]byte("td-aaaaaaaaaaaaaaaaaaaaa"))
	f.Add([]byte("td-zzzzzzzzzzzzzzzzzzzzz"))
	f.Add([]byte("a84b4c76e66710@pc33.atlanta.com"))
	f.Fuzz(func(t *testing.T, id []byte) {
		a, b := Slot(id), Slot(append([]byte(nil), id...))
		if a >= Slots || a != b {
			t.Errorf("Slot(%q) = %d, then %d", id, a, b)
		}
	})
}

// Call-IDs of others spread evenly, also where they differ in a counter only: over all slots, and over the shards of any
// usual machine.
func TestSpread(t *testing.T) {
	s := source(0) // in this order always, so that what the test sees is the same each time
	for _, c := range []struct {
		name string
		id   func(i int) string
	}{
		{"a counter", func(i int) string { return fmt.Sprint(i) }},
		{"a counter and a host", func(i int) string { return fmt.Sprintf("%d@192.0.2.7", i) }},
		{"a counter at the end", func(i int) string { return fmt.Sprintf("7d1f53c8-0000-4000-8000-%012d", i) }},
		{"steps of a power of 2", func(i int) string { return fmt.Sprint(i << 12) }},
		{"hexadecimal", func(int) string { return fmt.Sprintf("%016x", s.Uint64()) }},
		{"ours, damaged", func(int) string { return string(s.AppendCallID(nil, 1)) + "x" }},
	} {
		for _, buckets := range []int{Slots, 3, 8, 64} {
			per := 20
			n := buckets * per
			count := make([]int, buckets)
			for i := range n {
				count[int(Slot([]byte(c.id(i))))%buckets]++
			}
			chi := 0.0
			for _, have := range count {
				d := float64(have - per)
				chi += d * d / float64(per)
			}
			// chi squared of an even spread is about buckets-1 with deviation sqrt(2*(buckets-1))
			free := float64(buckets - 1)
			if z := (chi - free) / math.Sqrt(2*free); z > 6 {
				t.Errorf("%s over %d: chi squared is %.0f, %.1f deviations off", c.name, buckets, chi, z)
			}
		}
	}
}

func TestNoTwoAlike(t *testing.T) {
	seen := map[string]bool{}
	a, b := source(1), NewSource([32]byte{9}, 1)
	for range 20000 {
		for _, s := range []*Source{a, b} {
			id := string(s.AppendTag(nil, 3))
			if seen[id] {
				t.Fatalf("%s twice", id)
			}
			seen[id] = true
		}
	}
}

func TestSameSeedSameIdentifiers(t *testing.T) {
	a, b := source(1), source(1)
	for range 100 {
		if x, y := a.AppendBranch(nil, 7), b.AppendBranch(nil, 7); string(x) != string(y) {
			t.Fatalf("%s and %s", x, y)
		}
	}
}

func BenchmarkSlot(b *testing.B) {
	id := []byte("a84b4c76e66710@pc33.atlanta.com")
	b.ReportAllocs()
	for b.Loop() {
		Slot(id)
	}
}
