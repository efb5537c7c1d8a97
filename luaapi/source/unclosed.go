package source

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// opener is a word or a bracket that another one closes.
type opener struct {
	is    string
	line  int
	does  bool // a while or for whose do has come
	ended bool // a return stands in the block: nothing but its end may follow
}

// closers are what openers are closed by.
var closers = map[string]string{"(": ")", "{": "}", "[": "]", "repeat": "until"}

func (o *opener) closer() string {
	if c, ok := closers[o.is]; ok {
		return c
	}
	return "end"
}

func (o *opener) bracket() bool { return o.is == "(" || o.is == "{" || o.is == "[" }

// expected says what closes it.
func (o *opener) expected() string {
	return fmt.Sprintf("%q expected (to close %q at line %d)", o.closer(), o.is, o.line)
}

// openers follows what is open in a text, token by token.
type openers struct {
	lines [][]byte
	open  []opener
	chunk opener // the file
	odd   opener // the first that is closed by a word further left; line 0 = none is
}

func (s *openers) top() *opener {
	if len(s.open) == 0 {
		return &s.chunk
	}
	return &s.open[len(s.open)-1]
}

// take follows a token.
func (s *openers) take(tok *ast.Token) {
	switch tok.Type {
	case parse.TReturn:
		s.top().ended = true
	case parse.TElse, parse.TElseIf:
		s.top().ended = false
	case '(', '{', '[', parse.TFunction, parse.TIf, parse.TRepeat, parse.TWhile, parse.TFor:
		s.open = append(s.open, opener{is: word(tok), line: tok.Pos.Line})
	case parse.TDo:
		if top := s.top(); (top.is == "while" || top.is == "for") && !top.does {
			top.does = true
			return
		}
		s.open = append(s.open, opener{is: "do", line: tok.Pos.Line})
	case ')', '}', ']', parse.TEnd, parse.TUntil:
		s.close(tok)
	}
}

func word(tok *ast.Token) string {
	if tok.Type < parse.TAnd {
		return string(rune(tok.Type))
	}
	return tok.Str
}

func (s *openers) close(tok *ast.Token) {
	if len(s.open) == 0 {
		return
	}
	top := *s.top()
	s.open = s.open[:len(s.open)-1]
	if s.odd.line == 0 && top.line < tok.Pos.Line && s.starts(tok) && s.indent(tok.Pos.Line) < s.indent(top.line) {
		s.odd = top
	}
}

// indent returns how many blanks a line starts with; a tab is one.
func (s *openers) indent(line int) int {
	if line < 1 || line > len(s.lines) {
		return 0
	}
	return len(s.lines[line-1]) - len(bytes.TrimLeft(s.lines[line-1], " \t"))
}

// starts reports whether a line starts with a token.
func (s *openers) starts(tok *ast.Token) bool {
	return tok.Pos.Line <= len(s.lines) && bytes.HasPrefix(bytes.TrimLeft(s.lines[tok.Pos.Line-1], " \t"), []byte(word(tok)))
}

// unclosed says what is open where the parser could not go on, "" if that is not what is wrong. The end of a block is missing where the
// file ends within it, or where a statement follows its return; the end of a bracket also where another kind of end stands.
func unclosed(text []byte, name string, at *parse.Error) string {
	text = trim(text)
	s := openers{lines: bytes.Split(text, []byte("\n"))}
	sc, lexer := parse.NewScanner(bytes.NewReader(text), name), &parse.Lexer{}
	for {
		tok, err := sc.Scan(lexer)
		switch {
		case err != nil:
			return ""
		case tok.Type == parse.EOF:
			if len(s.open) == 0 || at.Pos.Line != parse.EOF {
				return ""
			}
			return s.top().expected() + s.hint()
		case sc.Pos == at.Pos: // the scanner stands behind the token
			return s.near(&tok)
		}
		s.take(&tok)
	}
}

// longOpener is what a long string or comment begins with.
var longOpener = regexp.MustCompile(`(?:--)?\[(={0,20})\[\n?$`)

// unclosedLong says which long string or comment the file ends within, and the line at which it begins; "" if that is not what is wrong. The token of the error is what
// was read of it.
func unclosedLong(text []byte, at *parse.Error) (string, int) {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	before, ok := bytes.CutSuffix(text, []byte(at.Token))
	m := longOpener.FindSubmatch(before)
	if !ok || m == nil || at.Pos.Line != parse.EOF {
		return "", 0
	}
	is := bytes.TrimRight(m[0], "\n")
	line := 1 + bytes.Count(before[:len(before)-len(m[0])], []byte("\n"))
	return fmt.Sprintf("%q expected (to close %q at line %d)", "]"+string(m[1])+"]", is, line), line
}

// near says what is open where a token cannot stand: a bracket that another one closes, or a block that has returned.
func (s *openers) near(tok *ast.Token) string {
	top := s.top()
	switch {
	case top.line == 0:
		return ""
	case top.bracket() && closes(tok.Type) && word(tok) != top.closer():
		return fmt.Sprintf("%s near %q", top.expected(), word(tok))
	case top.ended && startsStatement(tok.Type):
		return fmt.Sprintf("%s near %q: nothing follows the return of a block", top.expected(), shorten(tok.Str))
	}
	return ""
}

// hint names the block that is more likely meant than the one that is open at the end: one that is closed by a word further left.
func (s *openers) hint() string {
	if s.odd.line == 0 || s.odd.line == s.top().line {
		return ""
	}
	return fmt.Sprintf("; by its indentation it is %q at line %d that has no %q", s.odd.is, s.odd.line, s.odd.closer())
}

func closes(tok int) bool {
	switch tok {
	case ')', '}', ']', parse.TEnd, parse.TUntil:
		return true
	}
	return false
}

func startsStatement(tok int) bool {
	switch tok {
	case parse.TReturn, parse.TLocal, parse.TFunction, parse.TIf, parse.TFor, parse.TWhile, parse.TRepeat, parse.TDo, parse.TBreak, parse.TGoto, parse.TIdent:
		return true
	}
	return false
}
