package luaapi

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem/engine"
	"tandem/engine/location"
	"tandem/engine/plan"
)

func TestInvite(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       string // the plan
		log        string
	}{
		{"a plan", `function route.invite(call) return plan.to "sip:a@h" end`, "a", ""},
		{"nothing", `function route.invite(call) end`, "nil", ""},
		{"no handler", ``, "nil", ""},
		{"a rejection", `function route.invite(call) return plan.reject(486) end`, "reject 486", ""},
		{"a constant plan", `local p = plan.serial { plan.to "sip:a@h" } function route.invite() return p end`, "serial{a}", ""},
		{
			"a string", "function route.invite(call) return 'sip:a@h' end", "reject 500 after an error",
			`error main.lua:4: invite must return a plan, got string; write plan.to "sip:a@h"`,
		},
		{"a function", "\nlocal f = function() end\nfunction route.invite(call) return f end", "reject 500 after an error", `error main.lua:6: invite must return a plan, got function; call it: return f(call)`},
		{"a table", "\nfunction route.invite(call) return {} end", "reject 500 after an error", `error main.lua:5: invite must return a plan, got table`},
		{"the call", "function route.invite(call) return call end", "reject 500 after an error", `error main.lua:4: invite must return a plan, got call`},
		{
			"follow", "function route.invite(call)\nreturn plan.follow()\nend", "reject 500 after an error",
			`error main.lua:5: invite returned plan.follow(), which only redirected may`,
		},
		{"an error", "function route.invite(call)\nerror('no')\nend", "reject 500 after an error", "error main.lua:5: no"},
		{"an error, with a plan to fall back on", "route.fallback = plan.to 'sip:f@h'\nfunction route.invite(call) error('no') end", "f", "error main.lua:5: no"},
		{
			"an error, with a function to fall back on",
			"function route.fallback(call) return plan.to('sip:' .. call.id) end\nfunction route.invite(call) error('no') end",
			"c1", "error main.lua:5: no",
		},
		{
			"an error in the fallback", "function route.fallback(call) error('neither') end\nfunction route.invite(call) error('no') end",
			"reject 500 after an error", "error main.lua:5: no\nerror main.lua:4: neither",
		},
		{
			"what is nil has a name", "local t = {}\nfunction route.invite(call)\nprint('x')\nreturn t.to('sip:a@h') end",
			"reject 500 after an error", "info x\nerror main.lua:7: attempt to call field 'to' (a nil value)",
		},
		{
			"also after a pcall", "function route.invite(call) pcall(error, 'x') return plans.to 'sip:a@h' end",
			"reject 500 after an error", "error main.lua:4: attempt to index global 'plans' (a nil value) with key 'to'",
		},
		{"nothing from the fallback", "function route.fallback(call) end\nfunction route.invite(call) error('no') end", "reject 500 after an error", "error main.lua:5: no"},
		{
			"the fallback has a budget of its own",
			"function route.fallback(call) for i = 1, 1000 do local x end return plan.to 'sip:f@h' end\nfunction route.invite(call) while true do end end",
			"f", "error main.lua:5: instruction budget of 100000 exceeded; is there a loop that never ends?",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := serve(t, script(c.body))
			if got := r.vm().Invite(newCall(t)).String(); got != c.want {
				t.Errorf("plan %s, want %s", got, c.want)
			}
			if got := r.logged(); got != c.log {
				t.Errorf("\nlogged %s\nwant   %s", got, c.log)
			}
		})
	}
}

func TestExhausted(t *testing.T) {
	r := serve(t, script(`
		function route.exhausted(call)
			if call.round == 3 then error("three") end
			return plan.reject(call.best.code + call.round)
		end
		route.fallback = plan.to "sip:f@h"`))
	v := r.vm()
	c := newCall(t)
	c.best, c.round = &plan.Step{Code: 480}, 1
	if got := v.Exhausted(c, c.best, 1).String(); got != "reject 481" {
		t.Errorf("got %s", got)
	}
	c.round = 3
	if got := v.Exhausted(c, c.best, 3).String(); got != "f" || r.logged() != "error main.lua:6: three" {
		t.Errorf("got %s after an error, want the fallback", got)
	}
	if n := serve(t, "return {}").vm().Exhausted(c, c.best, 1); n != nil {
		t.Errorf("got %s without a handler", n)
	}
}

func TestOutcomes(t *testing.T) {
	var body strings.Builder
	for o := plan.Busy; o < plan.NumOutcomes; o++ {
		body.WriteString("function route." + o.String() + "(call, branch) return plan.to('sip:" + o.String() + "-' .. branch.outcome .. '-' .. branch.user .. '@h') end\n")
	}
	v := serve(t, script(body.String())).vm()
	for o := plan.Busy; o < plan.NumOutcomes; o++ {
		s := &plan.Step{Outcome: o, Target: &plan.Target{URI: "sip:7@h", User: "7"}}
		want := o.String() + "-" + o.String() + "-7"
		if got := v.Handler(newCall(t), o, s).String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if v.Handler(newCall(t), plan.NoOutcome, nil) != nil || v.Handler(newCall(t), plan.NumOutcomes, nil) != nil {
		t.Error("an outcome that is none has a plan")
	}
}

func TestErrorInAnEdgeIsNoPlan(t *testing.T) {
	r := serve(t, script("route.fallback = plan.to 'sip:f@h'\nfunction route.busy() error('no') end\nfunction route.failed() return 3 end\n"+
		"function route.redirected() error('no') end"))
	v := r.vm()
	for name, n := range map[string]*plan.Node{
		"error":      v.Handler(newCall(t), plan.Busy, &plan.Step{}),
		"wrong type": v.Handler(newCall(t), plan.Failed, &plan.Step{}),
		"redirected": v.Redirected(newCall(t), &plan.Step{}),
	} {
		if n != nil {
			t.Errorf("%s: got %s", name, n)
		}
	}
	if got, want := strings.Count(r.logged(), "error main.lua:"), 3; got != want {
		t.Errorf("%d errors are logged, want %d", got, want)
	}
}

func TestRedirected(t *testing.T) {
	v := serve(t, script(`
		function route.redirected(call, branch)
			if branch.code == 301 then return plan.follow() end
			if branch.code == 302 then return plan.to(branch.contacts[1].uri) end
		end`)).vm()
	step := &plan.Step{Code: 302, Contacts: []plan.Contact{{URI: "sip:moved@h", User: "moved", Q: 700}}}
	if got := v.Redirected(newCall(t), step).String(); got != "moved" {
		t.Errorf("302: got %s", got)
	}
	step.Code = 301
	if n := v.Redirected(newCall(t), step); n == nil || n.Kind != plan.KindFollow {
		t.Errorf("301: got %v", n)
	}
	step.Code = 300
	if n := v.Redirected(newCall(t), step); n != nil {
		t.Errorf("300: got %v", n)
	}
}

func TestRefer(t *testing.T) {
	r := serve(t, script(`
		function route.refer(call, leg, target)
			if leg == "callee" then return plan.reject(603) end
			if target.user == "carol" then return plan.pass() end
			if target.user == "dave" then return plan.to "sip:dave@h" end
			if target.user == "erin" then error("no") end
		end
		function route.busy() return plan.pass() end`))
	v := r.vm()
	for _, c := range []struct{ leg, target, want, logged string }{
		{"caller", "sip:carol@h", "pass", ""},
		{"callee", "sip:carol@h", "reject 603", ""},
		{"caller", "sip:bob@h", "", ""},
		{"caller", "sip:dave@h", "", "error main.lua:8: refer must return plan.pass() or plan.reject(…)"},
		{"caller", "sip:erin@h", "", "error main.lua:9: no"},
	} {
		n := v.Refer(newCall(t), c.leg, c.target)
		got := ""
		if n != nil {
			got = n.String()
		}
		if logged := r.logged(); got != c.want || logged != c.logged {
			t.Errorf("%s refers to %s: got %q, logged %q", c.leg, c.target, got, logged)
		}
	}
	if n := v.Handler(newCall(t), plan.Busy, &plan.Step{}); n != nil || !strings.Contains(r.logged(), "busy returned plan.pass(), which only refer may") {
		t.Error("plan.pass() outside refer")
	}
	if n := serve(t, script("")).vm().Refer(newCall(t), "caller", "sip:a@h"); n != nil {
		t.Errorf("without a handler: %v", n)
	}
}

func TestRequest(t *testing.T) {
	r := serve(t, script(`
		function route.request(req)
			if req.method == "INVITE" and req.body == "" then return plan.to("sip:" .. req.ruri.user .. "@192.0.2.9") end
			error("what is " .. req.method)
		end`))
	if got := r.vm().Request(newCall(t)).String(); got != "100" {
		t.Errorf("got %s", got)
	}
	c := newCall(t)
	c.invite = parseMessage(t, strings.NewReplacer("INVITE", "MESSAGE").Replace(inviteText))
	if n := r.vm().Request(c); n == nil || n.Reply == nil || n.Reply.Code != 500 || !strings.Contains(r.logged(), "what is MESSAGE") {
		t.Errorf("after an error: %v", n)
	}
	if n := serve(t, script("")).vm().Request(c); n != nil {
		t.Errorf("without a handler: %v", n)
	}
}

// "register(req): plan.accept(…), plan.reject(…); nil = the policy".
func TestRegister(t *testing.T) {
	r := serve(t, script(`
		function route.register(req)
			if req.expires == nil then return nil end
			if req.expires == 0 then return plan.reject(403, "Stay") end
			if req.user == "number" then return 200 end
			if req.user == "bob" then return plan.to "sip:a@h" end
			local c = req.contacts[1]
			assert(#req.contacts == 1 and c.uri == "sip:a%40b@h" and c.user == "a@b" and c.q == 0.5 and c.expires == 3600 and req.contacts[2] == nil)
			return plan.accept { expires = 300 }
		end
		function route.invite(call)
			assert(call.user == nil and call.contacts == nil and call.expires == nil)
			return plan.accept()
		end`))
	contact := location.Contact{URI: "sip:a%40b@h", Q: 500, Expires: 3600}
	ask := func(reg engine.Registration) *plan.Node { return r.vm().Register(newCall(t), &reg) }
	if n := ask(engine.Registration{User: "100", Contacts: []location.Contact{contact}}); n == nil || n.Kind != plan.KindAccept || n.Reply.Expires != 300 {
		t.Errorf("accepted: %v", n)
	}
	if n := ask(engine.Registration{User: "100", All: true}); n == nil || n.Reply.Code != 403 || n.Reply.Phrase != "Stay" {
		t.Errorf("rejected: %v", n)
	}
	if n := ask(engine.Registration{User: "100"}); n != nil {
		t.Errorf("the policy: %v", n)
	}
	if n := ask(engine.Registration{User: "bob", Contacts: []location.Contact{contact}}); n == nil || n.Reply.Code != 500 ||
		!strings.Contains(r.logged(), "register must return plan.accept(…), plan.reject(…) or nil, not a plan of calls") {
		t.Errorf("a plan that is no answer: %v", n)
	}
	if n := ask(engine.Registration{User: "number", Contacts: []location.Contact{contact}}); n == nil || n.Reply.Code != 500 ||
		!strings.Contains(r.logged(), "register must return plan.accept(…), plan.reject(…) or nil, got number") {
		t.Errorf("no plan: %v", n)
	}
	if n := r.vm().Invite(newCall(t)); n == nil || n.Reply.Code != 500 || !strings.Contains(r.logged(), "invite returned plan.accept(), which only register may") {
		t.Errorf("an INVITE is no registration: %v", n)
	}
}

func TestDeferred(t *testing.T) {
	r := serve(t, script(`
		function route.invite(call)
			return plan.serial {
				plan.to("sip:a@h", { on = {
					busy = function(c, branch)
						assert(c == call)
						return plan.to("sip:after-" .. branch.user .. "@h")
					end,
					failed = function() error("no") end,
					timeout = function() return 1 end,
				} }),
				function(c, branch) assert(branch == nil) return plan.to "sip:b@h" end,
			}
		end`))
	v, c := r.vm(), newCall(t)
	n := v.Invite(c)
	on := n.Members[0].On
	failed := &plan.Step{Outcome: plan.Busy, Target: n.Members[0].Target}
	if got := v.Deferred(c, on[plan.Busy].Func, failed).String(); got != "after-a" {
		t.Errorf("edge: got %s (%s)", got, r.logged())
	}
	if got := v.Deferred(c, n.Members[1].Func, nil).String(); got != "b" {
		t.Errorf("member: got %s (%s)", got, r.logged())
	}
	if n := v.Deferred(c, on[plan.Failed].Func, failed); n != nil || r.logged() != "error main.lua:12: no" {
		t.Errorf("error: got %v", n)
	}
	if n := v.Deferred(c, on[plan.Timeout].Func, failed); n != nil || r.logged() != "error main.lua:13: a function in a plan must return a plan, got number" {
		t.Errorf("wrong type: got %v", n)
	}
	if n := v.Deferred(c, "no function", nil); n != nil {
		t.Errorf("got %v for what is no function", n)
	}
}

func TestObservers(t *testing.T) {
	r := serve(t, script(`
		function route.ringing(call, branch) print("ringing", branch.user) end
		function route.answered(call, branch) print("answered", branch.user) end
		function route.cancelled(call, branch) print("cancelled", branch) end
		function route.ended(call, branch) print("ended", branch, call.id) end`))
	v, c := r.vm(), newCall(t)
	s := &plan.Step{Target: &plan.Target{User: "7"}}
	v.Ringing(c, s)
	v.Answered(c, s)
	v.Cancelled(c)
	v.Ended(c)
	if got, want := r.logged(), "info ringing\t7\ninfo answered\t7\ninfo cancelled\tnil\ninfo ended\tnil\tc1@example.net"; got != want {
		t.Errorf("got %s", got)
	}
}

// What cancelled returns is how the 487 to the caller looks; any other plan is a mistake.
func TestCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		returns, logged string
		want            *plan.Reply
	}{
		"a 487":          {returns: `plan.reject(487, "Gone", { ["X-A"] = "1" })`, want: &plan.Reply{Code: 487, Phrase: "Gone", Headers: []plan.Header{{Name: "X-A", Value: "1"}}}},
		"nothing":        {returns: "nil"},
		"another code":   {returns: "plan.reject(480)", logged: "error main.lua:4: cancelled may return plan.reject(487, …) only: the caller has given up (RFC 3261 §9.2)"},
		"another plan":   {returns: "plan.to 'sip:a@h'", logged: "error main.lua:4: cancelled may return plan.reject(487, …) only: the caller has given up (RFC 3261 §9.2)"},
		"something else": {returns: "487", logged: "error main.lua:4: cancelled must return a plan, got number"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, script("function route.cancelled() return "+c.returns+" end"))
			if diff := cmp.Diff(c.want, r.vm().Cancelled(newCall(t))); diff != "" {
				t.Error(diff)
			}
			if got := r.logged(); got != c.logged {
				t.Errorf("logged %s, want %s", got, c.logged)
			}
		})
	}
}

func TestObserversMistakes(t *testing.T) {
	r := serve(t, script("function route.ringing() error('no') end\nfunction route.ended() return plan.to 'sip:a@h' end"))
	v, c := r.vm(), newCall(t)
	v.Ringing(c, nil)
	v.Ended(c)
	want := "error main.lua:4: no\nerror main.lua:5: ended observes and returns nothing, got plan, which is ignored"
	if got := r.logged(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := r.Status().Handlers; len(got) != 2 || got[0].Errors != 1 || got[1].Errors != 1 {
		t.Errorf("counted %+v", got)
	}
}

// A plan that a handler made and did not return: the call gets a 404, and the log says why, once.
func TestForgottenReturn(t *testing.T) {
	r := serve(t, script(`
local kept = plan.to "sip:1@192.0.2.1"
function route.invite(call)
  if call.ruri.user == "100" then
    plan.to "sip:100@192.0.2.11"
  end
end
function route.busy(call) return nil end`))
	for range 2 {
		if n := r.vm().Invite(newCall(t)); n != nil {
			t.Errorf("plan %v", n)
		}
	}
	if n := r.vm().Handler(newCall(t), plan.Busy, &plan.Step{}); n != nil {
		t.Errorf("plan %v", n)
	}
	if got, want := r.logged(), `warn main.lua:8: invite made this plan and returned nothing; is "return" missing before it?`; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
}

func TestRouteMistakes(t *testing.T) {
	for _, c := range []struct{ name, main, want string }{
		{"nothing", "", `main.lua: must return a table of handlers, got nil; end it with "return route"`},
		{"a plan", "return require('plan').follow()", `main.lua: must return a table of handlers, got plan; end it with "return route"`},
		{"a list", "return { function() end }", `main.lua: returns a table with key 1; handlers have names`},
		{"a misspelt name", "local r = {}\n\nfunction r.no_anwser() end\nreturn r", `main.lua:3: "no_anwser" is not a handler; did you mean "no_answer"?`},
		{"in a table", "return {\ninvite = function() end,\nbuzy = 1 }", `main.lua:3: "buzy" is not a handler; did you mean "busy"?`},
		{"assigned", "local r = {}\nr.fallbak = 1\nreturn r", `main.lua:2: "fallbak" is not a handler; did you mean "fallback"?`},
		{"made up", "local r = {}\nr['x' .. 1] = 1\nreturn r", `main.lua: "x1" is not a handler`},
		{"no function", "local r = {}\nr.busy = require('plan').follow()\nreturn r", `main.lua:2: handler "busy" must be a function, got plan`},
		{"fallback", "local r = {}\nr.fallback = 'sip:a@h'\nreturn r", `main.lua:2: fallback must be a plan or a function, got string`},
		{"follow as fallback", "local r = {}\nr.fallback = require('plan').follow()\nreturn r", `main.lua:2: fallback must be a plan or a function, got plan`},
		{"defaults", "local r = {}\nr.defaults = {\n  rign = 20,\n}\nreturn r", `main.lua:3: route.defaults has no option "rign"; did you mean "ring"?`},
		{"defaults in the table", "return { defaults = { ring = -1 } }", `main.lua:1: route.defaults: ring must not be negative, got -1 s`},
		{"defaults are no table", "return { defaults = 20 }", `main.lua:1: route.defaults must be a table of options for targets, got number`},
		{"an option on its own line", "local plan = require 'plan'\nplan.parallel {\n  plan.to 'sip:a@h',\n  rings = 25,\n}", `main.lua:4: plan.parallel has no option "rings"; did you mean "ring"?`},
		{"an outcome on its own line", "local plan = require 'plan'\nplan.to('sip:a@h', {\n ring = 5, on = {\n  bussy = plan.to 'sip:b@h' } })", `main.lua:4: plan.to: on has no outcome "bussy"; did you mean "busy"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := try(t, Options{}, "main.lua", c.main)
			if got := text(err); got != c.want {
				t.Errorf("\ngot  %s\nwant %s", got, c.want)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%T is no *Error", err)
			}
		})
	}
}

func TestKnownHandlersOfLaterReleases(t *testing.T) {
	serve(t, "return { missed = print, refer = print, request = print, register = print, limited = print, denied = print }")
}

func TestDefaultsApply(t *testing.T) {
	r := serve(t, script(`
		route.defaults = { ring = 20 }
		local early = plan.to "sip:early@h"
		function route.invite(call) return plan.serial { early, plan.to "sip:late@h", plan.to("sip:own@h", { ring = 3 }) } end`))
	if got, want := r.vm().Invite(newCall(t)).String(), "serial{early ring=20s, late ring=20s, own ring=3s}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A handler may bring the next one about: call:hangup() in invite ends the call at once.
func TestHandlersNest(t *testing.T) {
	r, err := try(t, Options{Budget: 5000}, "main.lua", script(`
		function route.invite(call)
			for i = 1, 500 do local x = i end
			call:hangup("bye")
			log.info("after")
			local ok, why = pcall(function() return call.id end)
			print(ok, why)
			for i = 1, 500 do local x = i end
		end
		function route.ended(call)
			for i = 1, 1000 do local x = i end
			log.info("over")
			error("no")
		end`))
	if err != nil {
		t.Fatal(err)
	}
	v, c := r.vm(), newCall(t)
	c.onHangup = func() { v.Ended(c) }
	if n := v.Invite(c); n != nil {
		t.Errorf("got %v", n)
	}
	want := "info over\nerror main.lua:16: no\ninfo after\ninfo false\tmain.lua:9: call.id: the call is over; keep what you need in variables of your own"
	if got := r.logged(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(c.hangups) != 1 || c.hangups[0] != "bye" {
		t.Errorf("hangups %q", c.hangups)
	}
}

// A panic in Go may leave the state in disorder: the next handler gets a new one.
func TestPanicsAreContained(t *testing.T) {
	r := serve(t, script(`
		function route.invite(call) call:hangup() end
		function route.busy(call, branch) call.vars.n = (call.vars.n or 0) + 1 print(call.vars.n) end`))
	v, c := r.vm(), newCall(t)
	v.Handler(c, plan.Busy, &plan.Step{})
	before := v.L
	c.onHangup = func() { panic("a bug") }
	if n := v.Invite(c); n == nil || n.Reply.Code != 500 {
		t.Errorf("got %v, want 500", n)
	}
	v.Handler(c, plan.Busy, &plan.Step{})
	if got, want := r.logged(), "info 1\nerror main.lua:5: bug in the Lua machine: a bug\ninfo 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if v.L == before {
		t.Error("the state was not replaced")
	}
}

// Functions in plans of a call outlive the state that they were made in.
func TestFunctionsOutliveTheirState(t *testing.T) {
	r := serve(t, script(`
		local names = { "x", "y" }
		function route.invite(call)
			local n = 2
			return plan.serial { function() return plan.to("sip:" .. names[n]:upper() .. "@h") end }
		end
		function route.ringing(call) call:hangup() end`))
	v, c := r.vm(), newCall(t)
	n := v.Invite(c)
	c.onHangup = func() { panic("a bug") }
	v.Ringing(c, nil)
	r.logged()
	if got := v.Deferred(c, n.Members[0].Func, nil).String(); got != "Y" || v.broken {
		t.Errorf("got %s (%s)", got, r.logged())
	}
}

// constant is a random source that is none.
type constant uint64

func (c *constant) Uint64() uint64 { return uint64(*c) }

func TestStateThatCannotBeMadeAgain(t *testing.T) {
	luck := constant(0)
	r, err := try(t, Options{Random: func(uint64, int) rand.Source { return &luck }}, "main.lua", script(`
		if math.random() > 0.5 then error("unlucky") end
		function route.invite(call) call:hangup() end
		function route.busy() return plan.to "sip:a@h" end`))
	if err != nil {
		t.Fatal(err)
	}
	v, c := r.vm(), newCall(t)
	c.onHangup = func() { panic("a bug") }
	luck = 1<<53 - 1
	v.Invite(c)
	r.logged()
	n := v.Handler(c, plan.Busy, &plan.Step{})
	if got, want := r.logged(), "error main.lua:5: the script cannot be loaded again after a panic: unlucky"; got != want || n.String() != "a" {
		t.Errorf("got %v, logged %s, want %s", n, got, want)
	}
	luck = 0
	if v.Handler(c, plan.Busy, &plan.Step{}); v.broken || r.logged() != "" {
		t.Error("the state is not made again when it can be")
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Pos: plan.Pos{File: "a.lua", Line: 3}, Message: "m"}, "a.lua:3: m"},
		{Error{Pos: plan.Pos{File: "a.lua"}, Message: "m"}, "a.lua: m"},
		{Error{Message: "m"}, "m"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	at := plan.Pos{File: "x.lua", Line: 9}
	for _, c := range []struct {
		in, message string
		pos         plan.Pos
	}{
		{"main.lua:31: no", "no", plan.Pos{File: "main.lua", Line: 31}},
		{"main.lua:31: a: b", "a: b", plan.Pos{File: "main.lua", Line: 31}},
		{"no", "no", at},
		{"Reason: no", "Reason: no", at},
		{"sip:x: no", "sip:x: no", at},
		{"a:0: no", "a:0: no", at},
		{":3: no", ":3: no", at},
	} {
		if pos, m := split(c.in, at); pos != c.pos || m != c.message {
			t.Errorf("split(%q) = %v, %q", c.in, pos, m)
		}
	}
}

func TestMeter(t *testing.T) {
	var m meter
	if _, ok := m.Deadline(); ok || m.Value(1) != nil || m.Err() != nil {
		t.Error("the meter is a context with a deadline, values or an error")
	}
	if !errors.Is(budgetError{5, ""}, errBudget) || errors.Is(budgetError{5, ""}, errMemory) {
		t.Error("errors are mixed up")
	}
}
