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
