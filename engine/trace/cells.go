package trace

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// printable puts question marks for what is not printed and spaces for all white space.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, s)
}

var spelled = strings.NewReplacer("→", "->", "…", "...", "·", "-", "◀", "<", "▶", ">", "─", "-")

// ascii spells out or gives up what is not ASCII.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			return r
		}
		return '?'
	}, printable(spelled.Replace(s)))
}

// clip cuts s to n cells.
func (c *canvas) clip(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	if n < 1 {
		return ""
	}
	end, have := 0, 0
	for i, r := range s {
		if end = i; have+cell(r) > n-1 {
			break
		}
		have += cell(r)
	}
	return s[:end] + c.cut
}

// cells is how many cells of a terminal a text takes.
func cells(s string) (n int) {
	for _, r := range s {
		n += cell(r)
	}
	return n
}

// cell is how many cells a character takes: two for those of East Asian scripts, and for most pictures.
func cell(r rune) int {
	if r < 0x1100 { // those are narrow
		return 1
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}
