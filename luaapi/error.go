package luaapi

import (
	"errors"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
)

// Error is a mistake in a script.
type Error struct {
	// Pos is where it is; Line is 0 if only the file is known.
	Pos plan.Pos
	// Message says what is wrong and what to do.
	Message string
	// Trace is the stack of Lua functions, "" for errors of loading.
	Trace string
}

// Error returns "main.lua:31: message".
func (e *Error) Error() string {
	switch {
	case e.Pos.Line > 0:
		return e.Pos.String() + ": " + e.Message
	case e.Pos.File != "":
		return e.Pos.File + ": " + e.Message
	}
	return e.Message
}

// maxMessage bounds what a script can put into an error, in bytes.
const maxMessage = 1000

// newError makes an Error of what PCall returned; at is the place of an error that names none.
func newError(err error, at plan.Pos) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return &Error{Pos: at, Message: err.Error()}
	}
	e = &Error{Pos: at, Trace: api.StackTrace}
	switch v := api.Object.(type) {
	case lua.LString, lua.LNumber:
		e.Message = v.String()
	default:
		e.Message = "error object is a " + v.Type().String() + "; raise a string"
	}
	switch {
	case api.Type == lua.ApiErrorPanic && e.Message == stackFull:
		e.Message = "stack overflow: functions call each other too deeply"
		e.at(e.Trace)
	case api.Type == lua.ApiErrorPanic:
		e.Message = "bug in the Lua machine: " + e.Message
		e.at(e.Trace)
	default:
		e.Pos, e.Message = split(e.Message, at)
	}
	if len(e.Message) > maxMessage {
		e.Message = e.Message[:maxMessage] + "…"
	}
	return e
}

// in names what Go has called in the stack trace: to gopher-lua whatever is called so is the main chunk of a file.
func (e *Error) in(function string) {
	if i := strings.LastIndex(e.Trace, mainChunk); i >= 0 {
		e.Trace = e.Trace[:i] + "in " + function + e.Trace[i+len(mainChunk):]
	}
}

const mainChunk = "in main chunk"

// stackFull is what gopher-lua panics with when its call stack is full.
const stackFull = "lua callstack overflow"

// at takes the place from the innermost Lua function of a stack trace.
func (e *Error) at(trace string) {
	for line := range strings.Lines(trace) {
		if pos, rest := split(strings.TrimSpace(line), plan.Pos{}); pos.Line > 0 && rest != "" {
			e.Pos = pos
			return
		}
	}
}

// split takes the place off an error message: "main.lua:31: what".
func split(s string, at plan.Pos) (plan.Pos, string) {
	head, rest, ok := strings.Cut(s, ": ")
	if !ok {
		return at, s
	}
	if head == at.File {
		return plan.Pos{File: head}, rest
	}
	i := strings.LastIndexByte(head, ':')
	if i < 1 {
		return at, s
	}
	line, err := strconv.Atoi(head[i+1:])
	if err != nil || line < 1 {
		return at, s
	}
	return plan.Pos{File: head[:i], Line: line}, rest
}
