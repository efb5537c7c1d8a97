package number

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Rows X4 to X8 of what Tandem reproduces.
func TestXcc(t *testing.T) {
	tests := map[string]struct {
		pattern, entry, want string
		found                bool
	}{
		"X4 user=phone":              {"default", `<sip:008912345@x;user=phone>;reason=unconditional`, "008912345", true},
		"X4 tel":                     {"default", `"Bob" <tel:+4989123>`, "+4989123", true},
		"X4 sips":                    {"default", `<sips:123@x>`, "", false},
		"X4 bare":                    {"default", `sip:123@x`, "", false},
		"X4 a name":                  {"default", `<sip:bob@x>`, "", false},
		"X4 bracket in display name": {"default", `"a<b" <sip:123@x>`, "", false},
		"X4 visual separators":       {"default", `<tel:+49 89 123>`, "+49", true},
		"X4 written out":             {DefaultXcc, `<sip:123@x>`, "123", true},
		"nothing is the default":     {"", `<sip:123@x>`, "123", true},
		"X6":                         {`default]||[^00([1-9][0-9]{3,})$||+49$1`, `<sip:008912345@x>`, "+498912345", true},
		"X6 other":                   {`default]||[^00([1-9][0-9]{3,})$||+49$1`, `<sip:123@x>`, "123", true},
		"X7":                         {`default]||[^99([1-9][0-9]{2})$||$1`, `<sip:99123@x>`, "123", true},
		"X7 longer":                  {`default]||[^99([1-9][0-9]{2})$||$1`, `<sip:9912345@x>`, "9912345", true},
		"X8":                         {`default]||[^\+([1-9][0-9]{2})$||$1`, `<sip:+123@x>`, "123", true},
		"rules one after the other":  {`default]||[^00||+]||[^\+49||0`, `<sip:004989@x>`, "089", true},
		"no replacement":             {`default]||[^99||`, `<sip:99123@x>`, "123", true},
		"own extraction":             {`^sip:(\w+)@`, `sip:bob@x`, "bob", true},
		"dollar":                     {`default]||[^1||$$`, `<sip:12@x>`, "$2", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x, err := ParseXcc(tt.pattern)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := x.Number(tt.entry); got != tt.want || ok != tt.found {
				t.Errorf("%q, %v, want %q, %v", got, ok, tt.want, tt.found)
			}
		})
	}
}

func TestPatternErrors(t *testing.T) {
	tests := map[string]struct{ pattern, says string }{
		"extraction":       {`(`, "missing closing"},
		"no group":         {`^sip:\d+`, "no group"},
		"no replacement":   {`default]||[^00`, "rule 1"},
		"rule":             {`default]||[^0||1]||[(||1`, "rule 2"},
		"group":            {`default]||[^(0)||$2`, "the pattern has no group $2, its last is $1"},
		"dollar at end":    {`default]||[^0||$`, "$ at its end"},
		"dollar and words": {`default]||[^0||$x`, "$x is no group"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseXcc(tt.pattern); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v does not say %q", err, tt.says)
			}
		})
	}
}

func TestTranslate(t *testing.T) {
	var table Table
	for _, r := range [][2]string{{`^00(\d+)$`, "+$1"}, {`^0([1-9]\d+)$`, "+49$1x"}, {`5`, "6"}} {
		rule, err := NewRule(r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		table = append(table, rule)
	}
	for in, want := range map[string]string{"0044": "+44", "030": "+4930x", "151": "161", "12": "12"} {
		if got, ok := table.Translate(in); got != want || ok != (in != "12") {
			t.Errorf("%s is %q, %v, want %q", in, got, ok, want)
		}
	}
}

// A rule that writes its whole match changes nothing, whatever follows $0.
func TestApplyWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[0-9+]{0,12}`).Draw(t, "number")
		pattern := rapid.SampledFrom([]string{`\d+`, `^00`, `(\d)(\d)`, `$`, ``}).Draw(t, "pattern")
		r, err := NewRule(pattern, "$0")
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.Apply(number); got != number {
			t.Errorf("%q", got)
		}
	})
}

const benchPattern = `default]||[^00([1-9][0-9]{3,})$||+$1]||[^0([1-9][0-9]+)$||+49$1`

const benchEntry = `"Bob" <sip:0049307654321@gw.example;user=phone>;reason=no-answer;counter=1`

func BenchmarkXcc(b *testing.B) {
	x, err := ParseXcc(benchPattern)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.Number(benchEntry)
	}
}

// BenchmarkCalibrate runs the patterns of BenchmarkXcc alone.
func BenchmarkCalibrate(b *testing.B) {
	extract, intl, national := regexp.MustCompile(DefaultXcc), regexp.MustCompile(`^00([1-9][0-9]{3,})$`), regexp.MustCompile(`^0([1-9][0-9]+)$`)
	b.ReportAllocs()
	for b.Loop() {
		n := extract.FindStringSubmatch(benchEntry)[1]
		n = intl.ReplaceAllString(n, "+${1}")
		national.ReplaceAllString(n, "+49${1}")
	}
}
