package luatest

import (
	"strings"
	"testing"
)

const propertyScript = `-- main.lua --
local plan = require "plan"
return { invite = function(call)
  if #call.ruri.user > 5 then return nil end
  return plan.to("sip:100@192.0.2.11", { ring = 20, on = { busy = plan.to "sip:101@192.0.2.12" } })
end }
-- main_test.lua --
local t = require "test"
local pbx = t.script "main.lua"

`

// A property that holds is tried for many cases, with values from all generators.
func TestPropertyThatHolds(t *testing.T) {
	in(t, propertyScript+`
local seen = {}
t.property("the caller hears something", { to = t.digits(1, 8), desk = t.behaviour(), wait = t.integer(1, 3), day = { "Mon", "Tue" } }, function(case)
  t.match(case.to, "^%d+$")
  t.ok(case.wait >= 1 and case.wait <= 3 and case.wait % 1 == 0)
  t.ok(case.day == "Mon" or case.day == "Tue")
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = case.desk }
  net:phone { "sip:101@192.0.2.12" }
  local call = net:call { from = "sip:a@example.net", to = "sip:" .. case.to .. "@pbx.example" }
  net:run()
  t.ok(call:final())
end)`)
	s, out := runs(t, Options{Seed: 3})
	if s.Passed != 1 || s.Ran() != 1 {
		t.Errorf("%+v\n%s", s, out)
	}
}

// The first case that fails is made simpler, and the same seed finds it again.
func TestPropertyThatFails(t *testing.T) {
	in(t, propertyScript+`
t.property("everybody is called", { to = t.digits(1, 9), desk = t.behaviour() }, function(case)
  local net = pbx:network {}
  net:phone { "sip:100@192.0.2.11", answers = case.desk }
  net:phone { "sip:101@192.0.2.12" }
  local call = net:call { from = "sip:a@example.net", to = "sip:" .. case.to .. "@pbx.example" }
  net:run()
  t.ne(call:final(), 404)
end)
t.test("one that follows", function() end)`)
	s, out := runs(t, Options{Seed: 3})
	if s.Failed != 1 || s.Passed != 1 {
		t.Fatalf("%+v\n%s", s, out)
	}
	for _, want := range []string{`case  { desk = t.never(), to = "000000" }`, "main.lua:3", "--run 'everybody is called' --seed 3", "t.ne(call:final(), 404)"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if _, again := runs(t, Options{Seed: 3}); again != out {
		t.Errorf("another time\n%s", again)
	}
}

func TestPropertyMisuse(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`t.property("x", {}, function() end)`, "there are no generators"},
		{`t.property("x", { to = 5 }, function() end)`, "to must be a list of values, t.integer, t.digits or t.behaviour, got 5"},
		{`t.property("x", { "100" }, function() end)`, "generators have names, got key 1"},
		{`t.property("x", { to = {} }, function() end)`, "to must be a list of values"},
		{`t.property("x", function() end)`, "takes a name, a table of generators and a function"},
		{`t.integer(3, 1)`, "the first number is the smaller one, got 3 and 1"},
		{`t.integer(1.5, 2)`, "takes two whole numbers, got 1.5"},
		{`t.digits(1, 200)`, "the lengths must be from 0 to 100"},
	} {
		t.Run(c.body, func(t *testing.T) {
			in(t, "-- a_test.lua --\nlocal t = require \"test\"\n"+c.body+"\n")
			if s, out := runs(t, Options{}); s.Broken != 1 || !strings.Contains(out, c.want) {
				t.Errorf("%+v\n%s", s, out)
			}
		})
	}
}

// A case is made smaller as long as it fails by the same: not until it is no number any more.
func TestPropertyFailsByTheSame(t *testing.T) {
	in(t, propertyScript+`
t.property("everybody is called", { to = t.digits(0, 9) }, function(case)
  if case.to == "" then error "nobody" end
  local call = case.to
  t.ok(#call < 4)
end)`)
	if _, out := runs(t, Options{Seed: 5}); !strings.Contains(out, `case  { to = "0000" }`) {
		t.Error(out)
	}
}

// A case is printed in words too, and fails so by the same.
func TestPropertyInWords(t *testing.T) {
	const script = `-- main.lua --
local plan = require "plan"
return {
  invite = function(call) return plan.serial { plan.to("sip:100@192.0.2.11", { ring = 9 }), plan.to "sip:102@192.0.2.13" } end,
  busy = function(call, branch) if call.from.user == "b" then return call.vars.nobody.uri end end,
}
-- main_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.property("nothing errs", { who = { "a", "b" }, desk = t.behaviour(), gone = t.integer(5, 90) }, function(case)
  local net = pbx:network { at = "2026-12-24 10:00 Europe/Rome" }
  net:phone { "sip:100@192.0.2.11", answers = case.desk }
  net:call { from = "sip:x@example.net", to = "sip:100@pbx.example", hangup = 1 }
  net:call { from = "sip:" .. case.who .. "@example.net", to = "sip:100@pbx.example", cancel = case.gone, at = 100, headers = { Subject = "a b" } }
  net:run()
end)
`
	const want = `# an error in busy: main.lua:4: attempt to index field 'nobody' (a nil value) with key 'uri'
at      2026-12-24 10:00 Europe/Rome
seed    6981815902186324
call    x -> 100 via 192.0.2.200:5060 hangup 1s
call    b -> 100 via 192.0.2.201:5060 after 1m40s cancel 5s with "Subject: a b"
phone   100 486
phone   102 absent
`
	in(t, script)
	_, out := runs(t, Options{Seed: 7})
	_, words, _ := strings.Cut(out, "for a file *.txtar beside this one:\n\n")
	words, _, _ = strings.Cut(words, "\n\n")
	words = strings.ReplaceAll("\n"+words, "\n  ", "\n")[1:] + "\n"
	if words != want {
		t.Fatalf("got\n%s\nwant\n%s\n%s", words, want, out)
	}
	in(t, script+"-- a.txtar --\n"+words)
	if s, out := runs(t, Options{Seed: 9, Paths: []string{"a.txtar"}}); s.Failed != 1 || !strings.Contains(out, "│ busy: main.lua:4: attempt to index") || strings.Contains(out, "no line says") {
		t.Errorf("%+v\n%s", s, out)
	}
}

// What words cannot say is not printed in words.
func TestPropertyBeyondWords(t *testing.T) {
	for _, more := range []string{
		"net:link { loss = 0.1 }", "net:lose(desk, 180)", "net:phone { 'sip:1@192.0.2.30', replies = { BYE = false } }", "pbx:network {}",
		"net:phone { 'sip:1@192.0.2.30', answers = t.script(function(_, c) c:send(183, { tag = 'b' }) end) } net:call { from = 'sip:a@h', to = 'sip:b@h' }",
		"net:call { from = 'sip:a@h', to = 'sip:b@h', sdp = false }", "net:engine { pbx, at = '192.0.2.60' }",
	} {
		in(t, strings.Replace(propertyScript, "sip:101@192.0.2.12", "sip:1@192.0.2.30", 1)+`
t.property("x", { to = t.digits(1, 2) }, function(case)
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11", answers = t.status(486) }
  net:call { from = "sip:a@example.net", to = "sip:100@pbx.example" }
  `+more+`
  net:run()
  t.ok(false)
end)`)
		if s, out := runs(t, Options{Seed: 3}); s.Failed != 1 || strings.Contains(out, "in words") {
			t.Errorf("%s: %+v\n%s", more, s, out)
		}
	}
}
