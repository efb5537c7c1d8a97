// Package number says what a telephone number is: it applies patterns and translation tables, knows a site's numbering plan, and brings numbers into
// the forms of E.164, of trunks and of tel and SIP URIs (RFC 3966, RFC 3261 §19.1.6). What it makes of a configuration is immutable and may be shared.
package number

import (
	"fmt"
	"regexp"
	"strings"
)

// Rule is one rewriting: a number that the pattern matches becomes its replacement.
type Rule struct {
	pattern     *regexp.Regexp
	replacement string
}

// NewRule compiles a rule. The pattern is one of Go's regexp (RE2: linear time); in the replacement $1 to $9 stand for the groups and $$ for a dollar,
// whatever follows them.
func NewRule(pattern, replacement string) (Rule, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return Rule{}, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	template, err := template(replacement, re.NumSubexp())
	if err != nil {
		return Rule{}, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return Rule{re, template}, nil
}

// template returns a replacement as regexp expands it: in its "$1x" the group is named "1x", so that every group gets braces.
func template(replacement string, groups int) (string, error) {
	var b strings.Builder
	for i := 0; i < len(replacement); i++ {
		c := replacement[i]
		if c != '$' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(replacement) {
			return "", fmt.Errorf("replacement %q: a $ at its end; write $$ for a dollar", replacement)
		}
		switch c = replacement[i]; {
		case c == '$':
			b.WriteString("$$")
		case c < '0' || c > '9':
			return "", fmt.Errorf("replacement %q: $%c is no group; write $$ for a dollar", replacement, c)
		case int(c-'0') > groups:
			return "", fmt.Errorf("replacement %q: the pattern has no group $%c, its last is $%d", replacement, c, groups)
		default:
			b.WriteString("${" + string(c) + "}")
		}
	}
	return b.String(), nil
}

// Apply returns the number as the rule writes it, and whether the pattern matched. Of a match that is not anchored the rest of the number stays.
func (r Rule) Apply(number string) (string, bool) {
	at := r.pattern.FindStringSubmatchIndex(number)
	if at == nil {
		return number, false
	}
	b := make([]byte, 0, len(number)+len(r.replacement))
	b = append(b, number[:at[0]]...)
	b = r.pattern.ExpandString(b, r.replacement, number, at)
	return string(append(b, number[at[1]:]...)), true
}

// Table is a list of rules, of which the first that matches is applied.
type Table []Rule

// Translate returns the number as the first rule that matches writes it; without one as it was, and false.
func (t Table) Translate(number string) (string, bool) {
	for _, r := range t {
		if out, ok := r.Apply(number); ok {
			return out, true
		}
	}
	return number, false
}

// DefaultXcc is the extraction of an XccDiversionPattern that says "default".
const DefaultXcc = `^[^<]*<(?:tel|sip):([+]?\d+)\D+.*$`

// The separators inside an XccDiversionPattern. The bracket is never closed.
const (
	xccNext = `]||[`
	xccWith = `||`
)

// XccPattern is an XccDiversionPattern as its administrators write it: a pattern whose first group is the number in a Diversion or History-Info entry, then
// rules for that number: EXTRACTION]||[PATTERN||REPLACEMENT]||[….
type XccPattern struct {
	extract *regexp.Regexp
	rules   []Rule
}

// ParseXcc reads an XccDiversionPattern. An empty extraction, or the word default, is DefaultXcc.
func ParseXcc(text string) (*XccPattern, error) {
	entries := strings.Split(text, xccNext)
	first := strings.TrimSpace(entries[0])
	if first == "" || strings.EqualFold(first, "default") {
		first = DefaultXcc
	}
	re, err := regexp.Compile(first)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", first, err)
	}
	if re.NumSubexp() < 1 {
		return nil, fmt.Errorf("pattern %q has no group that would be the number", first)
	}
	x := &XccPattern{extract: re}
	for i, e := range entries[1:] {
		// A pattern may hold an alternation that is empty, a replacement none: the last separator parts them.
		at := strings.LastIndex(e, xccWith)
		if at < 0 {
			return nil, fmt.Errorf("rule %d, %q: write PATTERN%sREPLACEMENT", i+1, e, xccWith)
		}
		r, err := NewRule(e[:at], e[at+len(xccWith):])
		if err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		x.rules = append(x.rules, r)
	}
	return x, nil
}

// Number returns the number of a header entry after all rules, each on what the one before it left; false if the extraction finds none.
func (x *XccPattern) Number(entry string) (string, bool) {
	m := x.extract.FindStringSubmatch(entry)
	if m == nil {
		return "", false
	}
	number := m[1]
	for _, r := range x.rules {
		number, _ = r.Apply(number)
	}
	return number, true
}
