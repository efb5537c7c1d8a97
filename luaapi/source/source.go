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
	tree, err := parse.Parse(bytes.NewReader(trim(text)), name)
	if err != nil {
		return nil, describe(err, text)
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
		e.Message = p.Message + `: the file ends too early; is an "end", a bracket or a quote missing?`
	case errors.As(err, &p):
		e.Line = p.Pos.Line
		if p.Pos.Column == 0 && p.Pos.Line > 1 {
			e.Line-- // the scanner has read the end of the line
		}
		e.Message = strings.Replace(p.Message, "parse error", "syntax error", 1) + " near " + strconv.Quote(shorten(p.Token))
	case errors.As(err, &c):
		e.Line = c.Line
		e.Message = c.Message
	}
	return e
}

func shorten(token string) string {
	if len(token) > 40 {
		return token[:40] + "…"
	}
	return token
}
