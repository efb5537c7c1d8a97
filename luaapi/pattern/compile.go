// Package pattern matches Lua 5.1 patterns with a bound on the work done.
//
// It stands in for the matcher of gopher-lua, which compiles a pattern anew for every call, recurses once per
// character and has no bound: a pattern of ten characters can hold a shard for a minute. A Pattern is immutable and
// may be shared; the state of a match lives on the caller's stack. The syntax is that of §5.4.1 of the Lua 5.1
// manual, with the frontier %f and with %g as in Lua 5.2.
package pattern

import (
	"errors"
	"fmt"
)

// MaxCaptures is the largest number of captures in a pattern.
const MaxCaptures = 32

// MaxLength is the longest pattern, in bytes.
const MaxLength = 4096

type op uint8

const (
	opChar     op = iota // one character that is lit
	opSet                // one character out of set
	opOpen               // capture n starts
	opClose              // capture n ends
	opPosition           // capture n is the position
	opBalance            // %bxy
	opFrontier           // %f[set]
	opBack               // what capture n holds
	opEnd                // $ at the end of the pattern
)

// set is a set of bytes.
type set [4]uint64

func (s *set) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *set) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

func (s *set) addAll(o *set) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s *set) invert() {
	for i := range s {
		s[i] = ^s[i]
	}
}

type item struct {
	op    op
	quant byte // 0, '*', '+', '-' or '?'; only for opChar and opSet
	lit   byte // opChar; opBalance: what opens
	close byte // opBalance: what closes
	n     uint8
	set   *set
}

// Pattern is a compiled pattern.
type Pattern struct {
	items    []item
	anchored bool
	captures int
}

// Captures returns how many captures the pattern has.
func (p *Pattern) Captures() int { return p.captures }

type compiler struct {
	src  string
	at   int
	p    *Pattern
	open []uint8 // captures begun and not ended, innermost last
	done [MaxCaptures]bool
}

// Compile reads a pattern. With anchor, a '^' at its start binds it to the start of the match; without (gmatch), it
// is a character like others.
func Compile(src string, anchor bool) (*Pattern, error) {
	if len(src) > MaxLength {
		return nil, fmt.Errorf("pattern too long (%d bytes, at most %d)", len(src), MaxLength)
	}
	c := compiler{src: src, p: &Pattern{}}
	if anchor && len(src) > 0 && src[0] == '^' {
		c.p.anchored, c.at = true, 1
	}
	for c.at < len(src) {
		if err := c.next(); err != nil {
			return nil, err
		}
	}
	if len(c.open) > 0 {
		return nil, errors.New("unfinished capture")
	}
	return c.p, nil
}

func (c *compiler) emit(it item) { c.p.items = append(c.p.items, it) }

func (c *compiler) next() error {
	switch ch := c.src[c.at]; {
	case ch == '(':
		return c.begin()
	case ch == ')':
		return c.end()
	case ch == '$' && c.at+1 == len(c.src):
		c.at++
		c.emit(item{op: opEnd})
		return nil
	case ch == '%' && c.at+1 < len(c.src):
		switch e := c.src[c.at+1]; {
		case e == 'b':
			return c.balance()
		case e == 'f':
			return c.frontier()
		case e >= '0' && e <= '9':
			return c.back(e)
		}
	}
	return c.single()
}

func (c *compiler) begin() error {
	if c.p.captures == MaxCaptures {
		return errors.New("too many captures")
	}
	n := uint8(c.p.captures)
	c.p.captures++
	c.at++
	if c.at < len(c.src) && c.src[c.at] == ')' {
		c.at++
		c.emit(item{op: opPosition, n: n})
		c.done[n] = true
		return nil
	}
	c.open = append(c.open, n)
	c.emit(item{op: opOpen, n: n})
	return nil
}

func (c *compiler) end() error {
	if len(c.open) == 0 {
		return errors.New("invalid pattern capture")
	}
	n := c.open[len(c.open)-1]
	c.open = c.open[:len(c.open)-1]
	c.done[n] = true
	c.at++
	c.emit(item{op: opClose, n: n})
	return nil
}

func (c *compiler) balance() error {
	if c.at+3 >= len(c.src) {
		return errors.New("unbalanced pattern")
	}
	c.emit(item{op: opBalance, lit: c.src[c.at+2], close: c.src[c.at+3]})
	c.at += 4
	return nil
}

func (c *compiler) frontier() error {
	c.at += 2
	if c.at >= len(c.src) || c.src[c.at] != '[' {
		return errors.New("missing '[' after '%f' in pattern")
	}
	s, err := c.class()
	c.emit(item{op: opFrontier, set: s})
	return err
}

func (c *compiler) back(digit byte) error {
	n := digit - '1'
	if digit == '0' || int(n) >= c.p.captures || !c.done[n] {
		return errors.New("invalid capture index")
	}
	c.at += 2
	c.emit(item{op: opBack, n: n})
	return nil
}

// single reads one character class and its quantifier.
func (c *compiler) single() error {
	it := item{op: opChar, lit: c.src[c.at]}
	switch it.lit {
	case '.', '[', '%':
		s, err := c.class()
		if err != nil {
			return err
		}
		it.op, it.set = opSet, s
	default:
		c.at++
	}
	if c.at < len(c.src) {
		switch q := c.src[c.at]; q {
		case '*', '+', '-', '?':
			it.quant = q
			c.at++
		}
	}
	c.emit(it)
	return nil
}

// class reads '.', '%x' or '[set]'.
func (c *compiler) class() (*set, error) {
	s := &set{}
	ch := c.src[c.at]
	c.at++
	switch ch {
	case '.':
		s.invert()
	case '%':
		if c.at == len(c.src) {
			return nil, errors.New("malformed pattern (ends with '%')")
		}
		s.addClass(c.src[c.at])
		c.at++
	default:
		return s, c.bracket(s)
	}
	return s, nil
}

// bracket reads what follows '['. A ']' that comes first is a character.
func (c *compiler) bracket(s *set) error {
	not := c.at < len(c.src) && c.src[c.at] == '^'
	if not {
		c.at++
	}
	for first := true; ; first = false {
		if c.at >= len(c.src) {
			return errors.New("malformed pattern (missing ']')")
		}
		ch := c.src[c.at]
		switch {
		case ch == ']' && !first:
			c.at++
			if not {
				s.invert()
			}
			return nil
		case ch == '%' && c.at+1 < len(c.src):
			s.addClass(c.src[c.at+1])
			c.at += 2
		case c.at+2 < len(c.src) && c.src[c.at+1] == '-' && c.src[c.at+2] != ']':
			for x := int(ch); x <= int(c.src[c.at+2]); x++ {
				s.add(byte(x))
			}
			c.at += 3
		default:
			s.add(ch)
			c.at++
		}
	}
}

// addClass adds the class that stands after '%': %d, %a …, the complement for an upper-case letter, else the
// character itself.
func (s *set) addClass(c byte) {
	in := classes[c|0x20]
	if !isAlpha(c) || in == nil {
		s.add(c)
		return
	}
	var cls set
	for x := range 256 {
		if in(byte(x)) {
			cls.add(byte(x))
		}
	}
	if c < 'a' {
		cls.invert()
	}
	s.addAll(&cls)
}

var classes = [256]func(c byte) bool{
	'a': isAlpha, 'd': isDigit,
	'c': func(c byte) bool { return c < ' ' || c == 0x7f },
	'g': func(c byte) bool { return c > ' ' && c < 0x7f },
	'l': func(c byte) bool { return c >= 'a' && c <= 'z' },
	'p': func(c byte) bool { return c > ' ' && c < 0x7f && !isAlpha(c) && !isDigit(c) },
	's': func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' },
	'u': func(c byte) bool { return c >= 'A' && c <= 'Z' },
	'w': func(c byte) bool { return isAlpha(c) || isDigit(c) },
	'x': func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' },
	'z': func(c byte) bool { return c == 0 },
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
