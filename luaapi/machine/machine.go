// Package machine reads what gopher-lua's machine keeps to itself: the frames of the functions that run, and the parts of a table.
//
// It owns no state: what it returns lies in a Lua state and belongs to whoever runs that. gopher-lua has no hook that would tell what
// an instruction works on, and its own way to the line that runs takes memory at every question. Here are the heads of its
// structures; a test holds them against the package, whose version the module file holds.
package machine

import (
	"reflect"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Frame is the head of lua.callFrame.
type Frame struct {
	_  int
	Fn *lua.LFunction
	// Parent is the frame of the caller; nil = there is none.
	Parent *Frame
	// PC is the place of the instruction after the one that runs.
	PC      int
	_, _, _ int
	// Args is how many arguments the function was given.
	Args int
}

// Table is the head of lua.LTable.
type Table struct {
	_       lua.LValue
	Array   []lua.LValue
	Dict    map[lua.LValue]lua.LValue
	Strdict map[string]lua.LValue
	// Keys are the names in the order of their first assignment, those that were taken out since too; Places is where they are.
	Keys   []lua.LValue
	Places map[lua.LValue]int
}

// frameOffset is where a state has its current frame.
var frameOffset = func() uintptr {
	f, _ := reflect.TypeFor[lua.LState]().FieldByName("currentFrame")
	return f.Offset
}()

// At returns where a state keeps the frame that runs.
func At(L *lua.LState) **Frame {
	return (**Frame)(unsafe.Add(unsafe.Pointer(L), frameOffset))
}

// Inside returns the parts of a table.
func Inside(t *lua.LTable) *Table { return (*Table)(unsafe.Pointer(t)) }

// Line returns the file and the line of the instruction that runs; 0 = the function is written in Go.
func (f *Frame) Line() (file string, line int) {
	if f.Fn.Proto == nil || f.PC < 1 {
		return "", 0
	}
	return f.Fn.Proto.SourceName, f.Fn.Proto.DbgSourcePositions[f.PC-1]
}

// Has reports whether next can go on from a key: the machine would start with the second key from one that never was there.
func (t *Table) Has(key lua.LValue) bool {
	if n, ok := key.(lua.LNumber); ok && n >= 1 && int(n) <= cap(t.Array) && n == lua.LNumber(int(n)) {
		return true
	}
	_, ok := t.Places[key]
	return ok || key == lua.LNil
}
