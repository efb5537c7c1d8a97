package number

import (
	"strings"
	"testing"
)

// A pattern that is accepted finds the same number every time, and never one where its extraction finds none.
func FuzzXcc(f *testing.F) {
	for _, s := range []string{"default", "", benchPattern, `default]||[^99([1-9][0-9]{2})$||$1`, `^(x)]||[||`, `(]||[a||b`, `()|x]||[^$||$1$2${1}x`} {
		f.Add(s, benchEntry)
	}
	f.Add(`^[^<]*<(?:tel|sip):([+]?\d+)\D+.*$`, `<tel:+49 89 123>`)
	f.Fuzz(func(t *testing.T, pattern, entry string) {
		x, err := ParseXcc(pattern)
		if err != nil {
			if x != nil || err.Error() == "" {
				t.Fatalf("%q: %v, %v", pattern, x, err)
			}
			return
		}
		n, ok := x.Number(entry)
		if again, _ := x.Number(entry); again != n || !ok && n != "" {
			t.Fatalf("%q of %q: %q, then %q", pattern, entry, n, again)
		}
	})
}

// tel and SIP URIs of numbers turn into each other, and nothing else changes.
func FuzzURI(f *testing.F) {
	for _, s := range []string{"tel:+49301234567", "tel:123;phone-context=h", "sip:+49@h;user=phone", "sip:bob@h", "TEL:+1-2", "tel:", ";"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sip, turned := ToSIP(s, "gw.example")
		if !turned && sip != s {
			t.Fatalf("%q became %q and was not turned", s, sip)
		}
		if turned && !strings.HasPrefix(sip, "sip:") {
			t.Fatalf("%q became %q", s, sip)
		}
		if tel, turned := ToTel(s); !turned && tel != s || turned && !strings.HasPrefix(tel, "tel:") {
			t.Fatalf("%q became %q", s, tel)
		}
	})
}
