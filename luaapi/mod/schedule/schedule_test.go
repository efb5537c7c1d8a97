package schedule

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// script runs a script with module schedule and returns what it returned, as texts in a line.
func script(src string) (string, error) {
	L := lua.NewState()
	defer L.Close()
	files := map[string]string{"holidays.ics": holidays, "broken.ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR\n", "routes.csv": ""}
	m := &Module{File: func(p string) ([]byte, bool) { text, ok := files[p]; return []byte(text), ok }, Files: slices.Sorted(maps.Keys(files))}
	L.SetGlobal("schedule", Table(L, func(*lua.LState) *Module { return m }))
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		return "", err
	}
	L.Push(fn)
	if err := L.PCall(0, lua.MultRet, nil); err != nil {
		return "", err
	}
	var out []string
	for i := 1; i <= L.GetTop(); i++ {
		out = append(out, L.Get(i).String())
	}
	return strings.Join(out, " "), nil
}

const office = `local office = schedule.new { zone = "UTC", open = { "Mon 08:00-17:00" }, closed = { "2026-11-30" }, extra = { "2026-11-24" }, rules = { "DTSTART:20261102T000000\nRRULE:FREQ=WEEKLY;COUNT=2" } } `

func TestSchedule(t *testing.T) {
	// 2026-11-23, a Monday, at 10:00 UTC is 1795428000.
	tests := map[string]struct{ src, want string }{
		"open":           {office + `return office:is_open(1795428000), office:is_open { unix = 1795428000 }`, "true true"},
		"closed":         {office + `return office:is_open(1795428000 + 7 * 86400)`, "false"},
		"extra":          {office + `return office:is_open(1795428000 + 86400)`, "true"},
		"by a rule":      {office + `return office:is_open(1795428000 - 14 * 86400), office:is_open(1795428000 - 7 * 86400)`, "false true"},
		"next change":    {office + `return office:next_change(1795428000) - 1795428000`, "25200"},
		"by a calendar":  {`local s = schedule.new { zone = "Europe/Berlin", open = { "daily 00:00-24:00" }, calendars = { "holidays.ics" } } return s:is_open(1795428000), s:is_open(1798196400)`, "true false"},
		"nothing listed": {`return schedule.new { zone = "UTC" }:next_change(0)`, "nil"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := script(tt.src); got != tt.want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := map[string]string{
		`schedule.new()`:                                               `main.lua:1: schedule.new: a table, { zone = "Europe/Berlin", open = { … } }, got nil`,
		`schedule.new { open = {} }`:                                   `main.lua:1: schedule.new: zone must be a time zone like "Europe/Berlin", got nil`,
		`schedule.new { zone = "UTC", opens = {} }`:                    `main.lua:1: schedule.new: no option "opens"; did you mean "open"?`,
		"\n" + `schedule.new { zone = "UTC", open = "x" }`:             `main.lua:2: schedule.new: open must be a list of strings, got string`,
		`schedule.new { zone = "UTC", open = { 8 } }`:                  `main.lua:1: schedule.new: open must be a list of strings, its item 1 is number`,
		`schedule.new { zone = "UTC", calendars = { "holiday.ics" } }`: `main.lua:1: schedule.new: calendars: there is no file "holiday.ics" in the script root; did you mean "holidays.ics"?`,
		`schedule.new { zone = "UTC", calendars = { "routes.csv" } }`:  `main.lua:1: schedule.new: calendars: "routes.csv" is no iCalendar file, *.ics`,
		`schedule.new { zone = "UTC", calendars = { "broken.ics" } }`:  `broken.ics:5: the event has no DTSTART`,
		`schedule.new { zone = "Berlin" }`:                             `main.lua:1: schedule.new: zone = "Berlin": no such time zone; write one like "Europe/Berlin"`,
		office + `office.is_open(1)`:                                   `main.lua:1: schedule:is_open is called with a colon`,
		office + `office:is_open()`:                                    `main.lua:1: schedule:is_open: a time such as call.time, or seconds since 1970; got nil`,
		office + `office:isopen(1)`:                                    `main.lua:1: a schedule has no "isopen"; did you mean "is_open"?`,
	}
	for src, want := range tests {
		_, err := script(src)
		var e *lua.ApiError
		if !errors.As(err, &e) || e.Object.String() != want {
			t.Errorf("%s\ngot  %v\nwant %s", src, err, want)
		}
	}
}
