package pattern

import (
	"errors"
	"strings"
)

// ErrSteps is returned when a match takes more steps than allowed.
var ErrSteps = errors.New("pattern takes too long")

// Span is where a match or a capture lies: bytes [Start, End) of the subject. A position capture has End = -1.
type Span struct{ Start, End int }

// Position reports whether the capture is a position, "()" in the pattern.
func (s Span) Position() bool { return s.End < 0 }

// Match is the result of a match. The zero value is ready; it may be used again.
type Match struct {
	// Whole is the part of the subject that matched.
	Whole Span
	// Captures holds the captures; the first Pattern.Captures() are set.
	Captures [MaxCaptures]Span
}

type matcher struct {
	items []item
	src   string
	steps int
	m     *Match
}

// Find looks for the first match at or after byte init (0 …) of src. It takes from *steps what it uses, about one
// per character looked at, and returns ErrSteps when that is used up.
func (p *Pattern) Find(m *Match, src string, init int, steps *int) (bool, error) {
	t := matcher{items: p.items, src: src, steps: *steps, m: m}
	ok := t.find(p, init)
	*steps = max(t.steps, 0)
	if t.steps < 0 {
		return false, ErrSteps
	}
	return ok, nil
}

func (t *matcher) find(p *Pattern, at int) bool {
	for ; at <= len(t.src); at++ {
		if !p.anchored {
			if at = t.skip(at); at < 0 {
				return false
			}
		}
		end := t.run(at, 0)
		if end >= 0 {
			t.m.Whole = Span{at, end}
			return true
		}
		if p.anchored || t.steps < 0 {
			return false
		}
	}
	return false
}

// skip returns the next place where a pattern that starts with a plain character can match, -1 if there is none.
func (t *matcher) skip(at int) int {
	if len(t.items) == 0 || t.items[0].op != opChar || t.items[0].quant != 0 {
		return at
	}
	n := strings.IndexByte(t.src[at:], t.items[0].lit)
	if n < 0 {
		return -1
	}
	t.steps -= n >> 4
	return at + n
}

func (it *item) matches(c byte) bool {
	if it.op == opChar {
		return c == it.lit
	}
	return it.set.has(c)
}

// run matches the items from i on at byte s and returns where the match ends, -1 if there is none. Captures need no
// undoing: whoever gets past a capture's item has just set it.
func (t *matcher) run(s, i int) int {
	for ; i < len(t.items); i++ {
		if t.steps--; t.steps < 0 {
			return -1
		}
		it := &t.items[i]
		if it.op <= opSet {
			switch {
			case it.quant != 0:
				return t.repeat(it, s, i)
			case s >= len(t.src) || !it.matches(t.src[s]):
				return -1
			}
			s++
			continue
		}
		if s = t.special(it, s); s < 0 {
			return -1
		}
	}
	return s
}

func (t *matcher) repeat(it *item, s, i int) int {
	switch it.quant {
	case '-':
		return t.shortest(it, s, i)
	case '?':
		if s < len(t.src) && it.matches(t.src[s]) {
			if end := t.run(s+1, i+1); end >= 0 {
				return end
			}
		}
		return t.run(s, i+1)
	}
	return t.longest(it, s, i)
}

func (t *matcher) longest(it *item, s, i int) int {
	e := s
	for e < len(t.src) && it.matches(t.src[e]) {
		e++
	}
	t.steps -= e - s
	if it.quant == '+' {
		s++
	}
	for ; e >= s && t.steps >= 0; e-- {
		if end := t.run(e, i+1); end >= 0 {
			return end
		}
	}
	return -1
}

func (t *matcher) shortest(it *item, s, i int) int {
	for t.steps >= 0 {
		if end := t.run(s, i+1); end >= 0 {
			return end
		}
		if s >= len(t.src) || !it.matches(t.src[s]) {
			return -1
		}
		s++
		t.steps--
	}
	return -1
}

// special matches what is no plain character and returns where it ends, -1 if it does not match.
func (t *matcher) special(it *item, s int) int {
	switch it.op {
	case opOpen:
		t.m.Captures[it.n].Start = s
		return s
	case opClose:
		t.m.Captures[it.n].End = s
		return s
	case opPosition:
		t.m.Captures[it.n] = Span{s, -1}
		return s
	case opBalance:
		return t.balance(it, s)
	case opFrontier:
		var before, after byte
		if s > 0 {
			before = t.src[s-1]
		}
		if s < len(t.src) {
			after = t.src[s]
		}
		if it.set.has(before) || !it.set.has(after) {
			return -1
		}
		return s
	case opBack:
		return t.back(t.m.Captures[it.n], s)
	}
	if s == len(t.src) { // opEnd
		return s
	}
	return -1
}

func (t *matcher) balance(it *item, s int) int {
	if s >= len(t.src) || t.src[s] != it.lit {
		return -1
	}
	depth := 1
	for e := s + 1; e < len(t.src); e++ {
		switch t.src[e] {
		case it.close:
			if depth--; depth == 0 {
				t.steps -= e - s
				return e + 1
			}
		case it.lit:
			depth++
		}
	}
	t.steps -= len(t.src) - s
	return -1
}

func (t *matcher) back(c Span, s int) int {
	if c.Position() || !strings.HasPrefix(t.src[s:], t.src[c.Start:c.End]) {
		return -1
	}
	t.steps -= (c.End - c.Start) >> 4
	return s + c.End - c.Start
}
