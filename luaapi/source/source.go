// Package source reads the text of Lua files: into a syntax tree and a function that the machine runs, or an error with
// its line that says what to do.
//
// It holds no state.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"tandem/luaapi/lower"
)

// Error is why a file does not compile.
type Error struct {
	// Line counts from 1; 0 = not known.
	Line    int
	Message string
	// Early says that the file ended before a statement did.
	Early bool
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// trim takes off what is no Lua at the start of a file: a byte order mark, and a line "#!/usr/bin/env …".
func trim(text []byte) []byte {
	text = bytes.TrimPrefix(text, byteOrderMark)
	if bytes.HasPrefix(text, []byte("#")) {
		first, _, _ := bytes.Cut(text, []byte("\n"))
		text = text[len(first):]
	}
	return text
}

// Parse returns the syntax tree of a file, or what is wrong with it. name is the file in the tree.
func Parse(text []byte, name string) (tree []ast.Stmt, bad *Error) {
	defer caught(&bad)
	if bad := open(trim(text), name); bad != nil {
		return nil, bad
	}
	tree, err := parse.Parse(bytes.NewReader(trim(text)), name)
	if err != nil {
		return nil, closing(describe(err, text), err, text, name)
	}
	if bad := check(tree); bad != nil {
		return nil, bad
	}
	return tree, nil
}

// Compile returns the function that a file is, lowered so that the machine runs it as Lua 5.1 does. The tree is what
// Parse returned for the text, and not to be used again.
func Compile(tree []ast.Stmt, text []byte, name string) (proto *lua.FunctionProto, bad *Error) {
	defer caught(&bad)
	proto, err := lua.Compile(lower.Chunk(tree), name)
	if err != nil {
		return nil, describe(err, text)
	}
	return proto, nil
}

// caught turns a panic of the parser or the compiler into an error.
func caught(bad **Error) {
	if bug := recover(); bug != nil {
		*bad = &Error{Message: fmt.Sprintf("the compiler cannot make sense of it: %v", bug)}
	}
}

// describe says what the parser or the compiler found wrong with a text.
func describe(err error, text []byte) *Error {
	e := &Error{Message: err.Error()}
	var p *parse.Error
	var c *lua.CompileError
	switch {
	case errors.As(err, &p) && p.Pos.Line == parse.EOF:
		e.Line = bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n")) + 1
		e.Early = true
		e.Message = p.Message + `: the file ends too early; is an "end", a bracket or a quote missing?`
	case errors.As(err, &p):
		e.Line = p.Pos.Line
		if p.Pos.Column == 0 && p.Pos.Line > 1 {
			e.Line-- // the scanner has read the end of the line
		}
		e.Message = strings.Replace(p.Message, "parse error", "syntax error", 1) + " near " + strconv.Quote(shorten(p.Token)) + compared(p.Token, lineOf(text, e.Line))
		if p.Token != "" && p.Token[0] >= utf8.RuneSelf {
			e.Message = foreign(lineOf(text, e.Line), p.Pos.Column, p.Token[0])
		}
	case errors.As(err, &c):
		e.Line = c.Line
		e.Message = c.Message
	}
	return e
}

// closing says in an error of the parser which block is not closed, if that is what is wrong.
func closing(e *Error, err error, text []byte, name string) *Error {
	var p *parse.Error
	if errors.As(err, &p) {
		if long, line := unclosedLong(text, p); long != "" {
			e.Message, e.Line = "syntax error: "+long, line
		} else if open := unclosed(text, name, p); open != "" {
			e.Message = "syntax error: " + open
		}
	}
	return e
}

// lineOf returns a line of a text, counted from 1.
func lineOf(text []byte, n int) []byte {
	for line := range bytes.Lines(text) {
		if n--; n == 0 {
			return line
		}
	}
	return nil
}

// compared says what is meant by the = of a condition.
func compared(token string, line []byte) string {
	if token != "=" {
		return ""
	}
	switch first, _, _ := strings.Cut(strings.TrimLeft(string(line), " \t"), " "); first {
	case "if", "elseif", "while", "until":
		return "; values are compared with =="
	}
	return ""
}

// twins are characters that look like those that were meant, and come with texts from elsewhere.
var twins = []struct{ like, means string }{
	{"“”„«»‘’‚‹›´", `quotes are " or '`}, {"‐‑‒–—−", "write -"}, {"，", "write ,"}, {"；", "write ;"}, {"（）", "write ( and )"},
}

// foreign says which character that is no part of Lua stands at a column of a line, counted in bytes.
func foreign(line []byte, column int, b byte) string {
	at := max(0, bytes.LastIndexByte(line[:min(column, len(line))], b))
	r, _ := utf8.DecodeRune(line[at:])
	switch {
	case r == utf8.RuneError && bytes.IndexByte(line, 0) >= 0:
		return "the file is not UTF-8 but perhaps UTF-16: save it as UTF-8"
	case r == utf8.RuneError:
		return fmt.Sprintf(`the byte \x%02x stands outside of quotes and comments: names have only a to z, A to Z, digits and _`, b)
	case unicode.IsSpace(r):
		return fmt.Sprintf("a character that only looks like a blank (U+%04X): write a blank", r)
	case !unicode.IsPrint(r):
		return fmt.Sprintf("a character that cannot be seen (U+%04X): take it out", r)
	}
	for _, t := range twins {
		if strings.ContainsRune(t.like, r) {
			return fmt.Sprintf("%c (U+%04X) is no part of Lua: %s", r, r, t.means)
		}
	}
	return fmt.Sprintf("%c (U+%04X) stands outside of quotes and comments: names have only a to z, A to Z, digits and _", r, r)
}

func shorten(token string) string {
	if len(token) > 40 {
		return token[:40] + "…"
	}
	return token
}
