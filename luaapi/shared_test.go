package luaapi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestShared: who writes into a table that was there before the first call is told, with its path and line.
func TestShared(t *testing.T) {
	for _, c := range []struct{ name, main, hours, want string }{
		{"a local of the file", "local seen = {}\nreturn { invite = function(call)\n  seen[call.from.user] = true\nend }", "", "main.seen.alice a main.lua:3"},
		{"a local in a local", "local seen = { by = {} }\nreturn { invite = function(call)\n  seen.by.x = true\nend }", "", "main.seen.by.x main.lua:3"},
		{"a module", "local hours = require 'hours'\nreturn { invite = function()\n  hours.x = 1\nend }", "return {}", "hours.x main.lua:3"},
		{"a local of a module", "local hours = require 'hours'\nreturn { invite = function() hours.open() end }", "local cache = {}\nreturn { open = function()\n  cache.x = 1\nend }", "hours.cache.x hours.lua:3"},
		{"the table of handlers", "local route = {}\nfunction route.invite() route.n = 1 end\nreturn route", "", "main.n main.lua:2"},
		{"items", "local l = { 1 }\nreturn { invite = function() l[#l + 1] = 2 end }", "", "main.l[2] main.lua:2"},
		{"table.insert", "local l = { 1 }\nreturn { invite = function() table.insert(l, 2) end }", "", "main.l[2] main.lua:2"},
		{"table.remove", "local l = { 1 }\nreturn { invite = function() table.remove(l) end }", "", "main.l[1] main.lua:2"},
		{"table.sort", "local l = { 1, 2 }\nreturn { invite = function() table.sort(l) end }", "", "main.l[1] main.lua:2"},
		{"rawset", "local l = {}\nreturn { invite = function() rawset(l, 'x', 2) end }", "", "main.l.x main.lua:2"},
		{"a metatable", "local l = setmetatable({}, { __index = {} })\nreturn { invite = function() getmetatable(l).__index.x = 1 end, ringing = function() return l end }", "", "the metatable of main.l.__index.x main.lua:2"},
		{"a function that was made", "local function counter() local n = { 0 } return function() n[1] = n[1] + 1 end end\nreturn { invite = counter() }", "", "main.n[1] main.lua:1"},
		{"each once a call", "local l = {}\nreturn { invite = function()\n l.x = 1 l.y = 2\nend }", "", "main.l.x main.lua:3, main.l.y main.lua:3"},
		{"call.vars", "return { invite = function(call) call.vars.x = 1 end }", "", ""},
		{"a table of its own", "return { invite = function() local t = {} t.x = 1 table.insert(t, 1) local u = setmetatable({}, t) u.x = 2 end }", "", ""},
		{"what is read", "local l = { 3 }\nreturn { invite = function() return l[1] and nil end }", "", ""},
		{"while it loads", "local l = {}\nl.x = 1 require 'hours'.y = 1\nreturn { invite = function() end }", "return {}", ""},
		{"a module that a handler loads", "return { invite = function() require 'hours' end }", "local l = {} l.x = 1 return l", ""},
		{"what such a module has made", "return { invite = function()\n require('hours').x = 1\nend }", "return {}", "hours.x main.lua:2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			r, err := try(t, Options{Shared: func(w SharedWrite) { got = append(got, w.Path+" "+w.Pos.String()) }}, "main.lua", c.main, "hours.lua", c.hours)
			if err != nil {
				t.Fatal(err)
			}
			r.vm().Invite(newCall(t))
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
