package luaapi

import (
	"errors"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
)

// awaiting is a script whose invite awaits and whose function has a body.
func awaiting(body, more string) string {
	return script(`local http = require "http"
local json = require "json"
function route.invite(call)
  return plan.await(http.get("http://192.0.2.5/route", { timeout = 0.5 }), function(call, result)
` + body + `
  end)
end
` + more)
}

func TestAwait(t *testing.T) {
	r := serve(t, awaiting(`print(call.id, result.err, result.elapsed, result.status) return plan.to "sip:a@192.0.2.11"`, ""))
	v, c := r.vm(), newCall(t)
	n := v.Invite(c)
	if n == nil || n.Kind != plan.KindAwait || n.Await.Timeout != 500*time.Millisecond || n.String() != "await GET http://192.0.2.5/route" || n.Pos.Line != 7 {
		t.Fatalf("got %+v", n)
	}
	got := v.Awaited(c, n, &plan.Result{Err: plan.ErrTimeout, Elapsed: 500 * time.Millisecond, Place: plan.PlaceStart})
	if got.String() != "a" {
		t.Errorf("got %v", got)
	}
	if got, want := r.logged(), "info c1@example.net\ttimeout\t0.5\tnil"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	if n := r.Status().Handlers; len(n) < 2 {
		t.Errorf("counted %+v", n)
	}
}

// outcome is what an operation of a test came to.
type outcome struct{ text string }

func (o outcome) Table(L *lua.LState) *lua.LTable {
	t := L.NewTable()
	t.RawSetString("text", lua.LString(o.text))
	return t
}

func TestAwaitOutcome(t *testing.T) {
	r := serve(t, awaiting(`local v, err = json.decode(result.text) print(v.to, err, result.elapsed) return plan.to(v.to)`, ""))
	v, c := r.vm(), newCall(t)
	n := v.Invite(c)
	if got := v.Awaited(c, n, &plan.Result{Value: outcome{`{"to":"sip:b@192.0.2.12"}`}, Elapsed: time.Second}); got.String() != "b" {
		t.Errorf("got %v, %s", got, r.logged())
	}
	if got := v.Awaited(c, n, &plan.Result{Value: "strange"}); got != nil || !strings.Contains(r.logged(), "json.decode takes a text, got nil") {
		t.Errorf("got %v", got)
	}
}

// Errors and wrong values are those of the handler that the await stands for.
func TestAwaitErrors(t *testing.T) {
	const fallback = `function route.fallback(call) return plan.to "sip:f@192.0.2.19" end`
	for name, c := range map[string]struct {
		body, more string
		place      plan.Place
		want, logs string
	}{
		"nothing":                 {`return nil`, "", plan.PlaceStart, "nil", ""},
		"in invite":               {`error("no")`, "", plan.PlaceStart, "reject 500 after an error", "error main.lua:8: no"},
		"in invite with fallback": {`error("no")`, fallback, plan.PlaceStart, "f", "error main.lua:8: no"},
		"in exhausted":            {`error("no")`, fallback, plan.PlaceExhausted, "f", "error main.lua:8: no"},
		"in an edge":              {`error("no")`, fallback, plan.PlaceFailed, "nil", "error main.lua:8: no"},
		"in a group":              {`error("no")`, fallback, plan.PlaceMember, "nil", "error main.lua:8: no"},
		"in redirected":           {`error("no")`, fallback, plan.PlaceRedirected, "nil", "error main.lua:8: no"},
		"follow in redirected":    {`return plan.follow()`, "", plan.PlaceRedirected, "follow", ""},
		"follow elsewhere":        {`return plan.follow()`, "", plan.PlaceFailed, "nil", "error main.lua:8: the function of an await returned plan.follow(), which only redirected may"},
		"no plan":                 {`return "sip:a@h"`, "", plan.PlaceFailed, "nil", `error main.lua:7: the function of an await must return a plan, got string; write plan.to "sip:a@h"`},
		"an operation":            {`return http.get "http://h/"`, "", plan.PlaceFailed, "nil", `error main.lua:7: the function of an await must return a plan, got operation; write plan.await(operation, function(call, result) … end)`},
		"too long":                {`while true do end`, "", plan.PlaceStart, "reject 500 after an error", "error main.lua:8: instruction budget of 100000 exceeded; is there a loop that never ends?"},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t, awaiting(c.body, c.more))
			v, call := r.vm(), newCall(t)
			got := v.Awaited(call, v.Invite(call), &plan.Result{Err: errors.New("x"), Place: c.place})
			if got.String() != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
			if got := r.logged(); got != c.logs {
				t.Errorf("logged %s\nwant %s", got, c.logs)
			}
		})
	}
}

// A fallback that awaits, and fails there, is not asked again.
func TestAwaitInFallback(t *testing.T) {
	r := serve(t, awaiting(`error("no")`, `function route.fallback(call)
		return plan.await(http.get "http://h/", function() error("again") end)
	end`))
	v, c := r.vm(), newCall(t)
	n := v.Invite(c)
	n = v.Awaited(c, n, &plan.Result{Err: errors.New("x"), Place: plan.PlaceStart})
	if n = v.Awaited(c, n, &plan.Result{Err: errors.New("x"), Place: plan.PlaceStart}); n.String() != "reject 500 after an error" {
		t.Errorf("got %v", n)
	}
}

func TestAwaitMistakes(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"no operation":      {`plan.await("http://h/", function() end)`, `main.lua:5: plan.await takes an operation, got string; write plan.await(http.get(url), function(call, result) … end)`},
		"a plan":            {`plan.await(plan.to "sip:a@h", function() end)`, `main.lua:5: plan.await takes an operation, got plan; write plan.await(http.get(url), function(call, result) … end)`},
		"no function":       {`plan.await(http.get "http://h/")`, `main.lua:5: plan.await takes a function of the call and the result, got nil; write plan.await(http.get(url), function(call, result) … end)`},
		"a Go function":     {`plan.await(http.get "http://h/", print)`, `main.lua:5: plan.await: the function must be written in Lua; write plan.await(http.get(url), function(call, result) … end)`},
		"options":           {`plan.await(http.get "http://h/", function() end, { timeout = 1 })`, `main.lua:5: plan.await takes an operation and a function and no more; a timeout is an option of the operation`},
		"operation as plan": {`plan.serial { http.get "http://h/" }`, `main.lua:5: plan.serial: item 1 must be a plan or a function that returns one, got operation; write plan.await(operation, function(call, result) … end)`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := try(t, Options{}, "main.lua", script("local http = require 'http'\n"+c.src))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// An await may stand wherever a plan may.
func TestAwaitAnywhere(t *testing.T) {
	r := serve(t, script(`local http = require "http"
		local function op() return plan.await(http.get "http://h/", function() end) end
		route.fallback = op()
		function route.invite(call)
			return plan.serial {
				op(),
				plan.parallel { op(), plan.to("sip:a@h", { on = { busy = op() } }), each = { delay = 5, on = { failed = op() } }, ring = 5.1 },
			}
		end
		function route.request(req) return plan.serial { plan.to "sip:a@h", op() } end`))
	if got, want := r.vm().Invite(newCall(t)).String(), "serial{await GET http://h, parallel{await GET http://h, a} ring=5.1s}"; strings.ReplaceAll(got, "h/", "h") != want {
		t.Errorf("got %s, want %s; %s", got, want, r.logged())
	}
	r.vm().Request(newCall(t))
	if got, want := r.logged(), "error main.lua:13: request cannot wait in this release: return plan.to, plan.serial of targets or plan.reject"; got != want {
		t.Errorf("logged %s", got)
	}
}
