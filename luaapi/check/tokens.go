package check

import "strings"

// kind is the kind of a token.
type kind uint8

const (
	word kind = iota
	number
	text
	comment
	operator
)

// token is a piece of a file. The parser keeps neither comments nor how a string was written.
type token struct {
	kind kind
	line int
	// raw is the text as it stands there; of a comment without the dashes.
	raw string
	// alone says that a comment has its line for itself.
	alone bool
}

// scanner cuts a file into tokens. It never fails: what it does not understand is an operator of one byte.
type scanner struct {
	src      string
	at, line int
	code     int // the last line with code
	out      []token
}

func scan(src []byte) []token {
	s := scanner{src: strings.TrimPrefix(string(src), "\xef\xbb\xbf"), line: 1}
	if strings.HasPrefix(s.src, "#") { // #!/usr/bin/env …
		s.at = len(s.until("\n"))
	}
	for s.at < len(s.src) {
		s.next()
	}
	return s.out
}

// until returns what comes before a text, or all that is left.
func (s *scanner) until(end string) string {
	head, _, _ := strings.Cut(s.src[s.at:], end)
	return head
}

func (s *scanner) next() {
	c, rest := s.src[s.at], s.src[s.at:]
	switch {
	case c == '\n':
		s.line++
		s.at++
	case c == ' ' || c == '\t' || c == '\r':
		s.at++
	case strings.HasPrefix(rest, "--"):
		s.comment()
	case c == '"' || c == '\'':
		s.emit(text, s.quoted(c))
	case c == '[' && long(rest) >= 0:
		s.emit(text, s.brackets(long(rest)))
	case letter(c):
		s.emit(word, s.run(func(c byte) bool { return letter(c) || digit(c) }))
	case digit(c):
		s.emit(number, s.run(func(c byte) bool { return letter(c) || digit(c) || c == '.' }))
	default:
		s.emit(operator, s.operator(rest))
	}
}

// emit adds a token that starts here and goes on after it.
func (s *scanner) emit(k kind, raw string) {
	s.out = append(s.out, token{kind: k, line: s.line, raw: raw})
	s.line += strings.Count(raw, "\n")
	s.at += len(raw)
	s.code = s.line
}

func (s *scanner) comment() {
	t := token{kind: comment, line: s.line, alone: s.code != s.line}
	s.at += 2
	if n := long(s.src[s.at:]); n >= 0 {
		t.raw = s.brackets(n)
	} else {
		t.raw = s.until("\n")
	}
	s.at += len(t.raw)
	s.line += strings.Count(t.raw, "\n")
	s.out = append(s.out, t)
}

// quoted returns a string with its quotes, as far as it goes.
func (s *scanner) quoted(q byte) string {
	for i := s.at + 1; i < len(s.src); i++ {
		switch s.src[i] {
		case '\\':
			i++
		case '\n':
			return s.src[s.at:i]
		case q:
			return s.src[s.at : i+1]
		}
	}
	return s.src[s.at:]
}

// long returns the level of a long bracket that a text starts with, -1 if it does not.
func long(s string) int {
	if s == "" || s[0] != '[' {
		return -1
	}
	n := len(s[1:]) - len(strings.TrimLeft(s[1:], "="))
	if n+1 < len(s) && s[n+1] == '[' {
		return n
	}
	return -1
}

func (s *scanner) brackets(level int) string {
	end := "]" + strings.Repeat("=", level) + "]"
	body := s.until(end)
	return s.src[s.at:min(s.at+len(body)+len(end), len(s.src))]
}

func (s *scanner) run(in func(byte) bool) string {
	i := s.at
	for i < len(s.src) && in(s.src[i]) {
		i++
	}
	return s.src[s.at:i]
}

// operators of more than one byte, the longest first; those of other languages too.
var operators = []string{"...", "..", "==", "~=", "<=", ">=", "::", "//", "<<", ">>", "!=", "&&", "||", "+=", "-=", "*=", "/="}

func (s *scanner) operator(rest string) string {
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			return op
		}
	}
	return rest[:1]
}

func letter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func digit(c byte) bool { return c >= '0' && c <= '9' }
