package replay

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
	httpmod "tandem/luaapi/mod/http"
)

// asking is a script that asks a server whom to call, and calls 199 if it does not say.
const asking = `
local plan, http = require "plan", require "http"
return { invite = function(call)
  return plan.await(http.get("http://192.0.2.5/route", { query = { to = call.to.user, id = call.id }, timeout = TIMEOUT }), function(call, result)
    if result.status == 200 then return plan.to(result.body) end
    return plan.to("sip:199@192.0.2.19", { name = result.err })
  end)
end }`

// request is what asking asks.
func request(query string) *plan.Operation {
	u := &url.URL{Scheme: "http", Host: "192.0.2.5", Path: "/route", RawQuery: query}
	req := &httpmod.Request{Method: "GET", URL: u, Header: http.Header{"Authorization": {"Basic eA=="}}}
	return &plan.Operation{Name: req.String(), Timeout: 500 * time.Millisecond, Work: req}
}

func came(op *plan.Operation, body string, err error) *trace.Came {
	c := &trace.Came{Operation: op, Result: plan.Result{Err: err, Elapsed: 500 * time.Millisecond}}
	if err == nil {
		c.Result.Value = &httpmod.Answer{Status: 200, Body: body, Header: http.Header{"X-Who": {"a", "b"}, "Set-Cookie": {"s=1"}}}
	}
	return c
}

// What was asked is asked again, and answered as it was; what was not makes the call unsure.
func TestAwaited(t *testing.T) {
	const to = "sip:100@192.0.2.11"
	asked := request("id=a&to=100")
	for _, c := range []struct {
		name, timeout string
		awaited       []Awaited
		target        string
		want          Summary
		says          string
	}{
		{"the answer", "0.5", []Awaited{Of(came(asked, to, nil), MaxAnswer, false)}, to, Summary{Calls: 1, Same: 1}, ""},
		{"another answer", "0.5", []Awaited{Of(came(asked, "sip:101@192.0.2.12", nil), MaxAnswer, false)}, to, Summary{Calls: 1, Differ: 1}, "101@192.0.2.12 · answered by 101@192.0.2.12"},
		{"the error", "0.5", []Awaited{Of(came(asked, "", errors.New("refused")), MaxAnswer, false)}, "sip:199@192.0.2.19", Summary{Calls: 1, Same: 1}, ""},
		{"the timeout", "0.5", []Awaited{Of(came(asked, "", plan.ErrTimeout), MaxAnswer, false)}, "sip:199@192.0.2.19", Summary{Calls: 1, Same: 1}, ""},
		{"a longer timeout", "0.6", []Awaited{Of(came(asked, "", plan.ErrTimeout), MaxAnswer, false)}, "sip:199@192.0.2.19", Summary{Calls: 1, Unsure: 1}, "/route: not recorded: nothing had come after 500ms"},
		{"no answer", "0.5", nil, to, Summary{Calls: 1, Unsure: 1}, "GET http://192.0.2.5/route: not recorded\n"},
		{"other arguments", "0.5", []Awaited{Of(came(request("id=a&to=101"), to, nil), MaxAnswer, false)}, to, Summary{Calls: 1, Unsure: 1}, "/route: not recorded with these arguments\n"},
		{"too long", "0.5", []Awaited{Of(came(asked, strings.Repeat("x", MaxAnswer), nil), MaxAnswer, false)}, to, Summary{Calls: 1, Unsure: 1}, "/route: not recorded: its answer was too long\n"},
		{"no room", "0.5", []Awaited{Of(came(asked, to, nil), 3, false)}, to, Summary{Calls: 1, Unsure: 1}, "its answer was too long\n"},
		{"privacy", "0.5", []Awaited{Of(came(asked, to, nil), MaxAnswer, true)}, to, Summary{Calls: 1, Unsure: 1}, "/route: not recorded, for privacy\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Record{
				Version: Version, ID: "a", From: "sip:alice@example.net", To: "sip:100@pbx.example", RequestURI: "sip:100@pbx.example", Awaited: c.awaited,
				Legs: []*Leg{{At: 0.5, URI: c.target, Responses: []Response{{0.6, 200, ""}}}}, Final: 200, Answered: c.target,
			}
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(strings.Replace(asking, "TIMEOUT", c.timeout, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			got, err := Run(Options{File: file(t, string(line)), Root: dir, Out: &b})
			if err != nil || got != c.want || !strings.Contains(b.String(), c.says) {
				t.Errorf("%+v, %v, want %+v with %q\n%s", got, err, c.want, c.says, b.String())
			}
		})
	}
}

// Credentials are not kept, nor do they change what stands for a question; all else does.
func TestDigest(t *testing.T) {
	base := request("to=100")
	a := Of(came(base, "x", nil), MaxAnswer, false)
	if len(a.Headers) != 2 || a.Headers[0] != [2]string{"X-Who", "a"} || a.Body != "x" || a.Size() != 13 {
		t.Errorf("%+v of %d bytes", a, a.Size())
	}
	for name, c := range map[string]struct {
		change func(r *httpmod.Request)
		same   bool
	}{
		"a password":     {func(r *httpmod.Request) { r.Header.Set("Authorization", "Basic eQ==") }, true},
		"another header": {func(r *httpmod.Request) { r.Header.Set("X", "1") }, false},
		"a user":         {func(r *httpmod.Request) { r.URL.User = url.UserPassword("u", "p") }, true},
		"a body":         {func(r *httpmod.Request) { r.Body = "x" }, false},
		"a method":       {func(r *httpmod.Request) { r.Method = "POST" }, false},
		"a path":         {func(r *httpmod.Request) { r.URL.Path = "/x" }, false},
	} {
		op := request("to=100")
		c.change(op.Work.(*httpmod.Request))
		if got := Of(came(op, "x", nil), MaxAnswer, false); (got.Digest == a.Digest) != c.same {
			t.Errorf("%s: %s, %s", name, got.Digest, a.Digest)
		}
	}
}

// A body of bytes comes back as it was; the same question asked again is answered as the second time, and then so on.
func TestAnswersInTurn(t *testing.T) {
	op := request("")
	all := []Awaited{Of(came(op, "\xff\x00", nil), MaxAnswer, false), Of(came(op, "two", nil), MaxAnswer, false)}
	line, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	all = nil
	if err := json.Unmarshal(line, &all); err != nil {
		t.Fatal(err)
	}
	s := newAnswers(all)
	for _, want := range []string{"\xff\x00", "two", "two"} {
		o, ok := s.work(op)
		if a, _ := o.Value.(*httpmod.Answer); !ok || a == nil || a.Body != want || a.Status != 200 || len(a.Header["X-Who"]) != 2 || o.After != 500*time.Millisecond {
			t.Errorf("%+v, want %q", o, want)
		}
	}
	if o, ok := s.work(&plan.Operation{Name: "store"}); !ok || !errors.Is(o.Err, errNotRecorded) || o.After == sim.Endless || len(s.unknown) != 1 || s.unknown[0] != "store: not recorded" {
		t.Errorf("%+v %q", o, s.unknown)
	}
}
