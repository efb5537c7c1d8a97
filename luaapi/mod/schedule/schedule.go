// Package schedule is the Lua module `schedule`: opening hours by weekly periods, dates, recurrence rules and iCalendar files, in the clock of a time zone.
//
// What it makes belongs to the Lua state that made it. Times come from the call, so that a test owns them.
package schedule

import (
	"errors"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// Module is the module `schedule` of one Lua state.
type Module struct {
	// File returns the text of a file of the script root; ok is false if there is none.
	File func(path string) (text []byte, ok bool)
	// Files are the paths of all that may be read.
	Files []string
}

// Table returns what `require "schedule"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	mt := metatable(L)
	return mod.Table(L, "schedule", mod.Bind(of, map[string]func(*Module, *lua.LState) int{
		"new": func(m *Module, L *lua.LState) int {
			ud := L.NewUserData()
			ud.Value, ud.Metatable = &hours{m.read(L)}, mt
			L.Push(ud)
			return 1
		},
	}))
}

func raise(L *lua.LState, format string, args ...any) { mod.Raise(L, mod.Where(L), format, args...) }

// Options are the names of the fields of schedule.new's table.
var Options = []string{"zone", "open", "closed", "extra", "rules", "calendars"}

func (m *Module) read(L *lua.LState) *Calendar {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		raise(L, "schedule.new: a table, { zone = \"Europe/Berlin\", open = { … } }, got %s", mod.TypeName(L.Get(1)))
	}
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		if name := k.String(); !slices.Contains(Options, name) {
			raise(L, "schedule.new: no option %q%s", name, spell.Hint(name, Options))
		}
	}
	zone, ok := t.RawGetString("zone").(lua.LString)
	if !ok {
		raise(L, "schedule.new: zone must be a time zone like \"Europe/Berlin\", got %s", mod.TypeName(t.RawGetString("zone")))
	}
	texts := func(name string) []string { return texts(L, t, name) }
	files := m.calendars(L, texts("calendars"))
	c, err := New(Config{Zone: string(zone), Open: texts("open"), Closed: texts("closed"), Extra: texts("extra"), Rules: texts("rules"), Calendars: files})
	var wrong *mod.FileError
	switch {
	case errors.As(err, &wrong):
		wrong.Raise(L)
	case err != nil:
		raise(L, "schedule.new: %v", err)
	}
	return c
}

// calendars returns the texts of iCalendar files of the script root, by their paths.
func (m *Module) calendars(L *lua.LState, paths []string) map[string]string {
	files := make(map[string]string, len(paths))
	for _, p := range paths {
		text, ok := m.File(p)
		switch {
		case !ok:
			raise(L, "schedule.new: calendars: there is no file %q in the script root%s", p, spell.Hint(p, m.Files))
		case !strings.HasSuffix(p, ".ics"):
			raise(L, "schedule.new: calendars: %q is no iCalendar file, *.ics", p)
		}
		files[p] = string(text)
	}
	return files
}

// texts returns a field that is a list of strings.
func texts(L *lua.LState, t *lua.LTable, name string) []string {
	var out []string
	switch list := t.RawGetString(name).(type) {
	case *lua.LNilType:
	case *lua.LTable:
		for i := 1; i <= list.Len(); i++ {
			s, ok := list.RawGetInt(i).(lua.LString)
			if !ok {
				raise(L, "schedule.new: %s must be a list of strings, its item %d is %s", name, i, mod.TypeName(list.RawGetInt(i)))
			}
			out = append(out, string(s))
		}
	default:
		raise(L, "schedule.new: %s must be a list of strings, got %s", name, mod.TypeName(list))
	}
	return out
}

// hours is a calendar as scripts see it.
type hours struct{ *Calendar }

// TypeName is what errors call it.
func (*hours) TypeName() string { return "schedule" }

// Methods are the names of a schedule's methods.
var Methods = []string{"is_open", "next_change"}

func metatable(L *lua.LState) *lua.LTable {
	functions := L.CreateTable(0, len(Methods))
	for name, f := range map[string]func(L *lua.LState, h *hours, at time.Time) lua.LValue{
		"is_open": func(_ *lua.LState, h *hours, at time.Time) lua.LValue { return lua.LBool(h.Open(at)) },
		"next_change": func(_ *lua.LState, h *hours, at time.Time) lua.LValue {
			if next, ok := h.Next(at); ok {
				return lua.LNumber(next.Unix())
			}
			return lua.LNil
		},
	} {
		functions.RawSetString(name, L.NewFunction(func(L *lua.LState) int {
			ud, _ := L.Get(1).(*lua.LUserData)
			if ud == nil || mod.TypeName(ud) != "schedule" {
				raise(L, "schedule:%s is called with a colon", name)
			}
			h, _ := ud.Value.(*hours)
			L.Push(f(L, h, instant(L, name)))
			return 1
		}))
	}
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		f := functions.RawGet(L.Get(2))
		if f == lua.LNil {
			raise(L, "a schedule has no %q%s", L.Get(2).String(), spell.Hint(L.Get(2).String(), Methods))
		}
		L.Push(f)
		return 1
	}))
	mt.RawSetString("__metatable", lua.LFalse)
	return mt
}

// instant returns the time that a method is called with: call.time, or seconds since 1970.
func instant(L *lua.LState, method string) time.Time {
	v := L.Get(2)
	if t, ok := v.(*lua.LTable); ok {
		v = t.RawGetString("unix")
	}
	n, ok := v.(lua.LNumber)
	if !ok {
		raise(L, "schedule:%s: a time such as call.time, or seconds since 1970; got %s", method, mod.TypeName(L.Get(2)))
	}
	return time.Unix(int64(n), 0)
}
