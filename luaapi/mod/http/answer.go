package http

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

var _ mod.Outcome = (*Answer)(nil)

// String is for traces.
func (a *Answer) String() string { return strconv.Itoa(a.Status) }

// Table returns { status, headers, body }.
func (a *Answer) Table(L *lua.LState) *lua.LTable {
	t := L.CreateTable(0, 5)
	t.RawSetString("status", lua.LNumber(a.Status))
	t.RawSetString("headers", a.headers(L))
	t.RawSetString("body", lua.LString(a.Body))
	return t
}

// headers returns lists of values by name in lower case; it may be asked in any case, and has an empty list for what is
// not there, as call.headers.
func (a *Answer) headers(L *lua.LState) *lua.LTable {
	t := L.CreateTable(0, len(a.Header))
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		list := L.CreateTable(len(a.Header[name]), 0)
		for _, v := range a.Header[name] {
			list.Append(lua.LString(v))
		}
		t.RawSetString(strings.ToLower(name), list)
	}
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		v := t.RawGetString(strings.ToLower(L.Get(2).String()))
		if v == lua.LNil {
			v = L.CreateTable(0, 0)
		}
		L.Push(v)
		return 1
	}))
	t.Metatable = mt
	return t
}
