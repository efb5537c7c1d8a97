package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const plenty = 1 << 20

// show writes a match as string.find returns it: "3|5|capture|7" with positions from 1, or "nil".
func show(p *Pattern, src string, init int) (string, error) {
	var m Match
	steps := plenty
	ok, err := p.Find(&m, src, init, &steps)
	if err != nil || !ok {
		return "nil", err
	}
	out := fmt.Sprintf("%d|%d", m.Whole.Start+1, m.Whole.End)
	for _, c := range m.Captures[:p.Captures()] {
		if c.Position() {
			out += fmt.Sprintf("|%d", c.Start+1)
			continue
		}
		out += "|" + src[c.Start:c.End]
	}
	return out, nil
}

// What PUC Lua 5.1's string.find(src, pattern, init) returns.
func TestFind(t *testing.T) {
	for _, c := range []struct {
		src, pat string
		init     int
		want     string
	}{
		{"hello", "l+", 1, "3|4"},
		{"hello", "l-", 1, "1|0"},
		{"hello", "x", 1, "nil"},
		{"hello", "", 3, "3|2"},
		{"hello", "", 6, "6|5"},
		{"hello", "^l", 3, "3|3"},
		{"hello", "^l", 1, "nil"},
		{"hello", "o$", 1, "5|5"},
		{"a$b", "a$b", 1, "1|3"},
		{"hello", "(h)(.)(%w)", 1, "1|3|h|e|l"},
		{"hello", "()ll()", 1, "3|4|3|5"},
		{"sip:alice@example.net;user=phone", "^sip:([^@]+)@([^;]+);?(.*)$", 1, "1|32|alice|example.net|user=phone"},
		{"f(a(b)c)d", "%b()", 1, "2|8"},
		{"f(a(b)c", "%b()", 1, "4|6"},
		{"THE (quick) fox", "%f[%a]%a+%f[%A]", 5, "6|10"},
		{"abcabc", "(abc)%1", 1, "1|6|abc"},
		{"abcabd", "(abc)%1", 1, "nil"},
		{"aa", "()%1", 1, "nil"},
		{"a-b]c", "[]]", 1, "4|4"},
		{"a-b", "[a-]+", 1, "1|2"},
		{"a-b", "[%a-]+", 1, "1|3"},
		{"x^y", "[x^]+", 1, "1|2"},
		{"+31 20", "[^%d]+", 1, "1|1"},
		{"+3120", "%+?%d+", 1, "1|5"},
		{"", "a*", 1, "1|0"},
		{"aaab", "a-b", 1, "1|4"},
		{"aaa", "a?a?a?a", 1, "1|3"},
		{"a\x00b", "%z", 1, "2|2"},
		{"A1 \t.", "%u%d%s%s%p", 1, "1|5"},
		{"\x07g", "%c%l", 1, "1|2"},
		{"éa", "%a", 1, "3|3"},
		{"fF09g", "%x+", 1, "1|4"},
		{"a b", "%g %g", 1, "1|3"},
		{"a.b", "%.", 1, "2|2"},
		{"((", "%((", 1, "malformed"},
		{"(a)*", "(%()*", 1, "nil"},
		{"(*", "(%()*", 1, "1|2|("},
		{"a]", "]", 1, "2|2"},
		{"abc", "[a-c][a-c]-c", 1, "1|3"},
		{"\xff", "[\x80-\xff]", 1, "1|1"},
	} {
		t.Run(c.pat, func(t *testing.T) {
			p, err := Compile(c.pat, true)
			if c.want == "malformed" {
				if err == nil {
					t.Fatal("compiles")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, err := show(p, c.src, c.init-1); got != c.want || err != nil {
				t.Errorf("find(%q, %q, %d) = %s (%v), want %s", c.src, c.pat, c.init, got, err, c.want)
			}
		})
	}
}

func TestWithoutAnchor(t *testing.T) {
	p, err := Compile("^a", false)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := show(p, "a^a", 0); got != "2|3" {
		t.Errorf("got %s, want the caret as a character", got)
	}
}

func TestMalformed(t *testing.T) {
	for _, c := range []struct{ pat, want string }{
		{"%", "malformed pattern (ends with '%')"},
		{"[a", "malformed pattern (missing ']')"},
		{"[", "malformed pattern (missing ']')"},
		{"[]", "malformed pattern (missing ']')"},
		{"[^", "malformed pattern (missing ']')"},
		{"[%", "malformed pattern (missing ']')"},
		{"[a-", "malformed pattern (missing ']')"},
		{"(a", "unfinished capture"},
		{"a)", "invalid pattern capture"},
		{"%1", "invalid capture index"},
		{"(%1)", "invalid capture index"},
		{"(a)%0", "invalid capture index"},
		{"%b(", "unbalanced pattern"},
		{"%f", "missing '[' after '%f' in pattern"},
		{"%fa", "missing '[' after '%f' in pattern"},
		{"%f[a", "malformed pattern (missing ']')"},
		{strings.Repeat("()", MaxCaptures+1), "too many captures"},
		{strings.Repeat("a", MaxLength+1), "pattern too long (4097 bytes, at most 4096)"},
	} {
		if _, err := Compile(c.pat, true); err == nil || err.Error() != c.want {
			t.Errorf("Compile(%.20q) says %v, want %s", c.pat, err, c.want)
		}
	}
}

// A pattern that takes gopher-lua 49 s ends after the steps it was given.
func TestSteps(t *testing.T) {
	for _, c := range []struct{ name, pat, src string }{
		{"greedy", strings.Repeat("a*", 9) + "b", strings.Repeat("a", 28)},
		{"shortest", strings.Repeat("a-", 9) + "b", strings.Repeat("a", 28)},
		{"optional", strings.Repeat("a?", 40) + "b", strings.Repeat("a", 40)},
		{"balance", "%b()", strings.Repeat("(", 4000)},
		{"long run", "a*b", strings.Repeat("a", 4000)},
		{"back reference", "(a*)%1b", strings.Repeat("a", 4000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Compile(c.pat, true)
			if err != nil {
				t.Fatal(err)
			}
			var m Match
			steps := 100_000
			if _, err := p.Find(&m, c.src, 0, &steps); !errors.Is(err, ErrSteps) || steps != 0 {
				t.Errorf("error %v with %d steps left, want it to run out of steps", err, steps)
			}
		})
	}
}

func TestStepsAreTakenFromTheBudget(t *testing.T) {
	p, err := Compile("b+", true)
	if err != nil {
		t.Fatal(err)
	}
	var m Match
	steps := 1000
	if ok, err := p.Find(&m, "aaabbb", 0, &steps); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if used := 1000 - steps; used < 4 || used > 20 {
		t.Errorf("used %d steps for six characters", used)
	}
}

// Go's regexp prefers the same match as a backtracking matcher does, so what both can say must be equal.
func TestAsRegexp(t *testing.T) {
	atoms := [][2]string{
		{"a", "a"},
		{"b", "b"},
		{".", "(?s:.)"},
		{"%d", "[0-9]"},
		{"%a", "[A-Za-z]"},
		{"[a-c]", "[a-c]"},
		{"[^a1]", "[^a1]"},
		{"%W", "[^A-Za-z0-9]"},
		{"%.", `\.`},
	}
	quants := [][2]string{{"", ""}, {"", ""}, {"*", "*"}, {"+", "+"}, {"?", "?"}, {"-", "*?"}}
	rapid.Check(t, func(t *rapid.T) {
		var pat, re strings.Builder
		open := 0
		for range rapid.IntRange(0, 7).Draw(t, "items") {
			k := rapid.IntRange(0, 9).Draw(t, "kind")
			if k == 0 {
				pat.WriteByte('(') // never "()", which is a position
				re.WriteByte('(')
				open++
			}
			a := rapid.SampledFrom(atoms).Draw(t, "atom")
			q := rapid.SampledFrom(quants).Draw(t, "quantifier")
			pat.WriteString(a[0] + q[0])
			re.WriteString(a[1] + q[1])
			if open > 0 && k == 1 {
				pat.WriteByte(')')
				re.WriteByte(')')
				open--
			}
		}
		pat.WriteString(strings.Repeat(")", open))
		re.WriteString(strings.Repeat(")", open))
		src := rapid.StringMatching(`[abcx12. ]{0,14}`).Draw(t, "src")

		p, err := Compile(pat.String(), true)
		if err != nil {
			t.Fatal(err)
		}
		want := "nil"
		if at := regexp.MustCompile(re.String()).FindStringSubmatchIndex(src); at != nil {
			want = fmt.Sprintf("%d|%d", at[0]+1, at[1])
			for i := 2; i < len(at); i += 2 {
				want += "|" + src[at[i]:at[i+1]]
			}
		}
		if got, err := show(p, src, 0); got != want || err != nil {
			t.Fatalf("%q in %q: %s (%v), regexp %s finds %s", pat.String(), src, got, err, re.String(), want)
		}
	})
}

func FuzzFind(f *testing.F) {
	for _, p := range []string{"^sip:([^@]+)@", "%b()%f[%a]()", "[]-a]*-", "(a*(.)%w(%s*))%3", "%"} {
		f.Add(p, "sip:a@b (x)")
	}
	f.Fuzz(func(t *testing.T, pat, src string) {
		p, err := Compile(pat, true)
		if err != nil {
			return
		}
		var m Match
		steps := 10_000
		ok, err := p.Find(&m, src, 0, &steps)
		if !ok || err != nil {
			return
		}
		for _, c := range append([]Span{m.Whole}, m.Captures[:p.Captures()]...) {
			if c.Start < 0 || c.Start > len(src) || !c.Position() && (c.End < c.Start || c.End > len(src)) {
				t.Fatalf("%q in %q: capture %v out of range", pat, src, c)
			}
		}
	})
}

func BenchmarkURI(b *testing.B) {
	p, err := Compile("^sip:([^@]+)@([^;]+)", true)
	if err != nil {
		b.Fatal(err)
	}
	var m Match
	b.ReportAllocs()
	for b.Loop() {
		steps := plenty
		if ok, _ := p.Find(&m, "sip:alice@example.net;user=phone", 0, &steps); !ok {
			b.Fatal("no match")
		}
	}
}
