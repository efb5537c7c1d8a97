package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/luaapi"
	"tandem/luaapi/scenario"
)

const testOf486 = `
local t = require "test"
local pbx = t.script "main.lua"
t.test("busy", function()
  local net = pbx:network {}
  local call = net:call { from = "sip:a@example.net", to = "sip:b@example.net" }
  net:run()
  t.eq(call:received(486):count(), 1)
end)
`

// What a version has to pass is the tests on the disk, run on the version itself.
func TestRequireTests(t *testing.T) {
	for name, c := range map[string]struct{ test, next, want string }{
		"they pass":     {testOf486, strings.Replace(busy, "486", `486, "Gone"`, 1), ""},
		"one fails":     {testOf486, strings.Replace(busy, "486", "603", 1), `test: main_test.lua:8 test "busy": `},
		"it is broken":  {"local x = = 1", strings.Replace(busy, "486", "603", 1), `test: main_test.lua:1 test syntax error near "="`},
		"there is none": {"", strings.Replace(busy, "486", "603", 1), "test: there are none beside the scripts; write some in files *_test.lua, "},
	} {
		t.Run(name, func(t *testing.T) {
			c0, path := configured(t, busy)
			c0.Reload.Require = luaapi.RequireTest
			if c.test != "" {
				write(t, filepath.Join(c0.Scripts, "main_test.lua"), c.test)
			}
			s := start(t, c0)
			write(t, path, c.next)
			r := s.Reload(t.Context())
			if c.want == "" {
				if r.Generation != 2 || r.Error != "" {
					t.Errorf("refused: %+v", r)
				}
				return
			}
			if r.Generation != 1 || !strings.HasPrefix(r.Error, c.want) {
				t.Errorf("got %+v, want %s…", r, c.want)
			}
		})
	}
}

// The tests of a script that is one file stand beside it under its name.
func TestTestsOfOneFile(t *testing.T) {
	for _, name := range []string{"main.lua", "route.lua"} {
		dir := t.TempDir()
		root := filepath.Join(dir, name)
		text := strings.Replace(busy, "486", "603", 1)
		write(t, root, busy) // what is tested is the program, not this
		p, err := luaapi.Compile(luaapi.NewSnapshot(name, map[string][]byte{name: []byte(text)}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tests(t.Context(), root, scenario.Settings{}, p); err == nil || !strings.HasPrefix(err.Error(), "there are none beside the scripts") {
			t.Errorf("%s: %v", name, err)
		}
		test := strings.TrimSuffix(name, ".lua") + "_test.lua"
		write(t, filepath.Join(dir, test), strings.Replace(testOf486, "main.lua", name, 1))
		found, err := tests(t.Context(), root, scenario.Settings{}, p)
		if err != nil || len(found) != 1 || !strings.Contains(found[0].Message, "busy") {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

func TestTestsAreStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.lua"), busy)
	write(t, filepath.Join(dir, "main_test.lua"), testOf486)
	p, err := luaapi.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tests(ctx, dir, scenario.Settings{}, p); err == nil {
		t.Error("no error")
	}
}

func TestRequireCheck(t *testing.T) {
	c, path := configured(t, busy)
	s := start(t, c)
	const bad = `
local plan = require "plan"
return { invite = function(call)
  if call.method == "X" then return plan.rejekt(486) end
  if call.method == "Y" then return plan.two "sip:a@192.0.2.1" end
  return plan.reject(603)
end }
`
	write(t, path, bad)
	r := s.Reload(t.Context())
	if !strings.HasPrefix(r.Error, "check: main.lua:4 ") || !strings.HasSuffix(r.Error, " (and 1 more)") || len(r.Findings) != 2 ||
		!strings.HasPrefix(r.Findings[1], "main.lua:5 ") {
		t.Errorf("got %+v", r)
	}
	if st := status(t, s); len(st.Script.Findings) != 2 || st.Script.Result != luaapi.Refused {
		t.Errorf("status %+v", st.Script)
	}
	c, path = configured(t, busy)
	c.Reload.Require = luaapi.RequireLoad
	s = start(t, c)
	write(t, path, bad)
	if r := s.Reload(t.Context()); r.Generation != 2 || r.Error != "" {
		t.Errorf("load is enough: %+v", r)
	}
}

// A version that answers 5xx gets its share of calls on real sockets, and no more once they have decided.
func TestCanaryRollsBack(t *testing.T) {
	c, path := configured(t, busy)
	c.Reload.Canary = luaapi.Canary{Share: 0.5, For: time.Hour}
	s := start(t, c)
	write(t, path, strings.Replace(busy, "486", "503", 1))
	if r := s.Reload(t.Context()); r.Canary == nil || r.Canary.Generation != 2 || r.Generation != 1 {
		t.Fatalf("got %+v", r)
	}
	p := dial(t, s)
	fives := 0
	for i := 0; status(t, s).Script.Canary != nil && i < 2000; i++ {
		switch got := p.call(fmt.Sprintf("canary%d", i)); got {
		case "SIP/2.0 503 Service Unavailable":
			fives++
		case "SIP/2.0 486 Busy Here":
		default:
			t.Fatal(got)
		}
	}
	st := status(t, s).Script
	if fives < 200 || st.Generation != 1 || !strings.HasPrefix(st.Verdict, "generation 2 rolled back: ") {
		t.Errorf("%d calls were answered 503; %+v", fives, st)
	}
	for i := range 20 {
		if got := p.call(fmt.Sprintf("after%d", i)); got != "SIP/2.0 486 Busy Here" {
			t.Fatal(got)
		}
	}
}

// The metrics are off unless they are asked for, and count what the scripts did.
func TestMetrics(t *testing.T) {
	c, _ := configured(t, busy)
	if st := status(t, start(t, c)); st.Metrics != "" {
		t.Errorf("metrics at %s", st.Metrics)
	}
	c, _ = configured(t, busy)
	c.Metrics.Listen = "127.0.0.1:0"
	s := start(t, c)
	dial(t, s).call("counted")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(status(t, s).Metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), "tandem_generation_calls_total{generation=\"1\"} 1\n") ||
		!strings.Contains(string(body), "tandem_handler_errors_total{handler=\"invite\"} 0\n") {
		t.Errorf("%v\n%s", err, body)
	}
}
