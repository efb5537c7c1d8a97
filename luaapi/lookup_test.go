package luaapi

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

const lookupScript = `local lookup, plan = require "lookup", require "plan"
local routes = lookup.csv("data/routes.csv", { key = "prefix" })
return { invite = function(call) return plan.to("sip:" .. routes:prefix("4930").gateway) end }`

// The file is a part of the version: a change is a new one, a mistake in it is refused with its line.
func TestLookupReloads(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("main.lua", lookupScript)
	put("data/routes.csv", "prefix,gateway\n49,a@192.0.2.31\n")
	h, err := NewHost(Dir(root), Options{Shards: 2, Random: seeded})
	if err != nil {
		t.Fatal(err)
	}
	goes := func(want string) {
		t.Helper()
		s := h.Acquire(1, []byte("c")).(*vm)
		c := newCall(t)
		n := s.Invite(c)
		if s.Release(c); n.String() != want {
			t.Errorf("goes to %v, want %s", n, want)
		}
	}
	goes("a")
	put("data/routes.csv", "prefix,gateway\n49,a@192.0.2.31\n4930,b@192.0.2.32\n")
	if st, err := h.Reload(context.Background()); err != nil || st.Generation != 2 {
		t.Errorf("generation %d, %v", st.Generation, err)
	}
	goes("b")
	put("data/routes.csv", "prefix,gateway\n49,a@192.0.2.31\n4930\n")
	if _, err := h.Reload(context.Background()); err == nil || err.Error() != "data/routes.csv:3: has 1 value, and the first line names 2 columns" {
		t.Errorf("got %v", err)
	}
	goes("b")
	if err := os.Remove(filepath.Join(root, "data/routes.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reload(context.Background()); err == nil || !strings.HasPrefix(err.Error(), `main.lua:2: lookup.csv: there is no file "data/routes.csv" in the script root`) {
		t.Errorf("got %v", err)
	}
}

// A table whose file has not changed is not made again; one that the version before did not use is.
func TestLookupIsKept(t *testing.T) {
	const module = `return require("lookup").csv("FILE.csv", { key = "k" })`
	version := func(main, two string) *Snapshot {
		return memory("main.lua", main+" return {}", "one.csv", "k\n1\n", "two.csv", two,
			"one.lua", strings.Replace(module, "FILE", "one", 1), "two.lua", strings.Replace(module, "FILE", "two", 1))
	}
	h, err := NewHost(version("require 'one' require 'two'", "k\n1\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := func(name string) any {
		ud, ok := h.served.Load().gen.vms[0].modules[name].(*lua.LUserData)
		if !ok {
			return nil
		}
		return ud.Value
	}
	one, two := table("one"), table("two")
	for _, c := range []struct {
		name     string
		s        *Snapshot
		one, two bool // it is the table that it was
	}{
		{"another main.lua", version("require 'two' require 'one'", "k\n1\n"), true, true},
		{"another two.csv", version("require 'two' require 'one'", "k\n2\n"), true, false},
		{"one.csv is not used", version("require 'two'", "k\n2\n"), false, true},
		{"and used again", version("require 'one' require 'two'", "k\n2\n"), false, true},
	} {
		if err := h.Apply(context.Background(), c.s); err != nil {
			t.Fatal(err)
		}
		if (table("one") == one) != c.one || (table("two") == two) != c.two {
			t.Errorf("%s: one.csv the same: %v, two.csv: %v", c.name, table("one") == one, table("two") == two)
		}
		one, two = table("one"), table("two")
	}
	if one == nil || two == nil {
		t.Error("no table")
	}
}

// All states of a version have the same table; a handler cannot read one.
func TestLookupIsShared(t *testing.T) {
	r, err := try(t, Options{Shards: 2}, "main.lua", script(`local lookup = require "lookup"
		function route.invite(call) lookup.csv("routes.csv", { key = "k" }) end`), "routes.csv", "k\n1\n")
	if err != nil {
		t.Fatal(err)
	}
	r.vm().Invite(newCall(t))
	if got := r.logged(); !strings.Contains(got, "lookup.csv reads a file, and no call waits for that: write it outside of functions") {
		t.Errorf("logged %s", got)
	}
}

// A calendar is a part of the version too.
func TestCalendarReloads(t *testing.T) {
	const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:DAY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("main.lua", `local plan, schedule = require "plan", require "schedule"
local office = schedule.new { zone = "UTC", open = { "daily 00:00-24:00" }, calendars = { "holidays.ics" } }
return { invite = function() return plan.to(office:is_open(1795428000) and "sip:open@192.0.2.31" or "sip:closed@192.0.2.31") end }`)
	put("holidays.ics", strings.Replace(event, "DAY", "20261224", 1))
	h, err := NewHost(Dir(root), Options{Shards: 1, Random: seeded})
	if err != nil {
		t.Fatal(err)
	}
	goes := func(want string) {
		t.Helper()
		s := h.Acquire(0, []byte("c")).(*vm)
		c := newCall(t)
		n := s.Invite(c)
		if s.Release(c); n.String() != want {
			t.Errorf("goes to %v, want %s", n, want)
		}
	}
	goes("open")
	put("holidays.ics", strings.Replace(event, "DAY", "20261123", 1))
	if _, err := h.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	goes("closed")
	put("holidays.ics", strings.Replace(event, "DAY", "20261323", 1))
	if _, err := h.Reload(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "holidays.ics:4: DTSTART: ") {
		t.Errorf("a day that does not exist: %v", err)
	}
}
