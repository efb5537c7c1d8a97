package identity

import (
	"strconv"
	"strings"

	"tandem/engine/message"
)

// MaxCount is the largest counter or limit of a Diversion entry: two digits (RFC 5806 §4).
const MaxCount = 99

// Diversion is an entry of a Diversion header field as it is made (RFC 5806 §4).
type Diversion struct {
	// By is the URI that diverted the call, Display its display name.
	By, Display string
	// Reason is "user-busy", "no-answer", "unavailable", "unconditional", "deflection", … or any text; "" is left out.
	Reason string
	// Counter is how many diversions the entry stands for, 1 to MaxCount; 0 is left out, which means 1.
	Counter int
	// Privacy is "full", "name", "uri" or "off", Screen "yes" or "no"; "" is left out.
	Privacy, Screen string
}

// Entry returns the entry.
func (d Diversion) Entry() Entry {
	var b strings.Builder
	if d.Display != "" {
		b.WriteString(message.Quote(d.Display) + " ")
	}
	b.WriteString("<" + d.By + ">")
	for _, p := range []struct{ name, value string }{
		{"reason", tokenOrQuoted(d.Reason)},
		{"counter", count(d.Counter)},
		{"privacy", tokenOrQuoted(d.Privacy)},
		{"screen", tokenOrQuoted(d.Screen)},
	} {
		if p.value != "" {
			b.WriteString(";" + p.name + "=" + p.value)
		}
	}
	return ParseEntry(b.String())
}

func count(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(min(n, MaxCount))
}

func tokenOrQuoted(s string) string {
	if s == "" || message.IsToken(s) {
		return s
	}
	return message.Quote(s)
}

// DiversionReason returns why the call was diverted, in lower case; "unknown" if the entry does not say (RFC 5806 §4).
func (e Entry) DiversionReason() string {
	if r, ok := e.Param("reason"); ok && r != "" {
		return strings.ToLower(r)
	}
	return "unknown"
}

// Counter returns how many diversions the entry stands for, 1 to MaxCount; 1 if it does not say or says what is no number (RFC 5806 §4).
func (e Entry) Counter() int { return e.count("counter", 1) }

// Limit returns how many diversions the entry allows for the call, 0 if it does not say (RFC 5806 §4).
func (e Entry) Limit() int { return e.count("limit", 0) }

func (e Entry) count(name string, absent int) int {
	v, ok := e.Param(name)
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > MaxCount {
		return absent
	}
	return n
}

// Diversions returns how many diversions a list of Diversion entries stands for.
func Diversions(entries []Entry) int {
	n := 0
	for _, e := range entries {
		if e.Err() == nil {
			n += e.Counter()
		}
	}
	return n
}

// Exceeded reports whether one more diversion is more than an entry of the list allows (RFC 5806 §4, limit).
func Exceeded(entries []Entry) bool {
	n := Diversions(entries)
	for _, e := range entries {
		if l := e.Limit(); l > 0 && n+1 > l {
			return true
		}
	}
	return false
}
