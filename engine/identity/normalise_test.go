package identity_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"tandem/engine/identity"
	"tandem/engine/number"
)

const diverted = `"Bob" <sip:0049307654321@gw.example;user=phone>;reason=no-answer;counter=1;privacy=off`

// normalise is what a script has done to an entry: parsed, its number found and rewritten by patterns, written back.
func normalise(x *number.XccPattern) string {
	e := identity.ParseEntry(diverted)
	n, ok := x.Number(e.String())
	if !ok {
		return ""
	}
	return e.WithUser(n).String()
}

func pattern(t testing.TB) *number.XccPattern {
	x, err := number.ParseXcc(`default]||[^00([1-9][0-9]{3,})$||+$1]||[^0([1-9][0-9]+)$||+49$1`)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestNormalise(t *testing.T) {
	if got, want := normalise(pattern(t)), `"Bob" <sip:+49307654321@gw.example;user=phone>;reason=no-answer;counter=1;privacy=off`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// BenchmarkNormalise measures an entry that is parsed, normalised and written back: `patterns` is how many times longer that takes than the regular expressions
// alone, which is to stay below 1.5: the median of many short runs, which others on the machine do not change.
func BenchmarkNormalise(b *testing.B) {
	x := pattern(b)
	extract, intl, national := regexp.MustCompile(number.DefaultXcc), regexp.MustCompile(`^00([1-9][0-9]{3,})$`), regexp.MustCompile(`^0([1-9][0-9]+)$`)
	b.ReportAllocs()
	var ratios []float64
	for b.Loop() {
		begin := time.Now()
		for range 100 {
			normalise(x)
		}
		between := time.Now()
		for range 100 {
			n := extract.FindStringSubmatch(diverted)[1]
			n = intl.ReplaceAllString(n, "+${1}")
			national.ReplaceAllString(n, "+49${1}")
		}
		ratios = append(ratios, between.Sub(begin).Seconds()/time.Since(between).Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "patterns")
}

// What one form says is never more than a panic away from the other, whatever it is made of; what converts is well-formed.
func FuzzConvert(f *testing.F) {
	for _, s := range []string{
		diverted + `, <sip:1@h>;counter=3`, `<sip:a@x?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1, <tel:+49>;index=1.1.1`,
		`<sip:1@h;cause=486?x=y>;index=1,<sip:2@h>;index=1.1;mp=1`, `<sip:rg@h?Reason=SIP&cause=302&text=A>;index=1;ms-retarget-reason=acd,<sip:b@h>;index=1.1`, `"\`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		entries := identity.Parse(s)
		for _, made := range [][]identity.Entry{identity.ToHistory(entries, "sip:target@h"), identity.ToDiversion(entries), identity.Received(entries, "sip:target@h")} {
			for _, e := range made {
				if e.Err() != nil && !within(entries, e) {
					t.Fatalf("%q is malformed, made of %q", e, s)
				}
			}
		}
		for _, e := range entries {
			if named := e.WithDisplay(`A "B"`); e.Err() == nil && (named.Err() != nil || named.URI() != e.URI() || named.Display() != `A "B"`) {
				t.Fatalf("%q with a name is %q", e, named)
			}
		}
	})
}

func within(entries []identity.Entry, e identity.Entry) bool {
	for _, o := range entries {
		if o.String() == e.String() {
			return true
		}
	}
	return false
}
