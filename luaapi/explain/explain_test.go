package explain

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/luaapi/scenario"
)

const hours = `
local plan = require "plan"
local schedule = require "schedule"
local office = schedule.new { zone = "Europe/Amsterdam", open = { "daily 08:00-08:02", "daily 09:00-17:30" } }
return { invite = function(call)
  if office:is_open(call.time) then return plan.to "sip:100@192.0.2.11" end
  return plan.reject(480)
end }
`

// root writes a script.
func root(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.lua"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func date(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := scenario.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Every change is found to the second, two within five minutes and that of daylight saving too.
func TestTable(t *testing.T) {
	var b strings.Builder
	err := Table(Options{Root: root(t, hours), From: "a", To: "100", At: date(t, "2026-03-28 00:01"), Out: &b})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, line := range strings.Split(b.String(), "\n")[2:] {
		if f := strings.Fields(line); len(f) > 4 && (f[1] == "2026-03-28" || f[1] == "2026-03-29") {
			rows = append(rows, f[1][8:]+" "+f[2]+" "+f[4])
		}
	}
	want := "28 00:01:00 reject, 28 07:00:00 100, 28 07:02:00 reject, 28 08:00:00 100, 28 16:30:00 reject, " +
		"29 06:00:00 100, 29 06:02:00 reject, 29 07:00:00 100, 29 15:30:00 reject"
	if got := strings.Join(rows, ", "); got != want {
		t.Errorf("got  %s\nwant %s\n%s", got, want, b.String())
	}
}

// A phone that is told what to do and never called is named: its name may be misspelt.
func TestIdlePhone(t *testing.T) {
	dir := root(t, `
local plan = require "plan"
return { invite = function(call) return plan.parallel { plan.to("sip:100@192.0.2.11", { name = "desk" }), plan.to "sip:gw@192.0.2.12" } end }`)
	var b strings.Builder
	o := Options{Root: dir, From: "a", To: "100", Phones: []string{"100=486", "192.0.2.12=never", "desk=486"}, Cancel: "5s", Out: &b}
	if err := Explain(o); err != nil {
		t.Fatal(err)
	}
	const want = "\nnote  phone desk was not called"
	if text := b.String(); strings.Count(text, "\nnote ") != 1 || !strings.Contains(text, want) {
		t.Errorf("does not say %q, or more:\n%s", want, text)
	}
}

// Who is called as user:NAME and cannot register is named, and who is absent, as he was told, is not; a user of ours calls from a domain of ours.
func TestUsersOfExplain(t *testing.T) {
	dir := root(t, `
local plan = require "plan"
return { invite = function(call) return plan.serial { plan.to("user:" .. call.ruri.user), plan.to "user:mobil", plan.to "user:mobil" } end }`)
	of := func(string) (s scenario.Settings, err error) {
		if s, err = s.WithUsers(map[string]string{"100": "a", "101": "b"}); err == nil {
			s.Auth.Domains = []string{"office.example"}
		}
		return s, err
	}
	var b strings.Builder
	if err := Explain(Options{Root: dir, From: "100", To: "101", Phones: []string{"101=absent"}, Settings: of, Out: &b}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"invite  sip:100@office.example → sip:101@pbx.example", "407 ────│", "note  user mobil is no [[user]] of tandem.toml: no phone can register as him\n"} {
		if strings.Count(text, want) != 1 || strings.Count(text, "\nnote ") != 1 {
			t.Errorf("does not say %q once, or notes more:\n%s", want, text)
		}
	}
	b.Reset()
	if err := Explain(Options{Root: dir, From: "alice", To: "101", Settings: of, Out: &b}); err != nil || !strings.Contains(b.String(), "sip:alice@example.net") {
		t.Errorf("%v\n%s", err, &b)
	}
}

// What explain writes as a test passes.
func TestTestOfACall(t *testing.T) {
	const script = `
local plan = require "plan"
return { invite = function(call) return plan.to("sip:100@192.0.2.11", { on = { busy = plan.to "sip:101@192.0.2.12" } }) end }`
	var b strings.Builder
	dir := root(t, script)
	if err := Explain(Options{Root: dir, From: "a", To: "100", Phones: []string{"100=486@2s"}, Format: "txtar", Out: &b}); err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(filepath.Join(dir, "a.txtar"), []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(scenario.Options{Program: prog})
	if err != nil || len(r.Judge()) > 0 || len(r.Missing) > 0 || len(s.Expects) != 2 || s.Ladders[1] == "" {
		t.Errorf("%v %v\n%s", err, r.Judge(), b.String())
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := Explain(Options{Root: root(t, hours[:strings.Index(hours, "local schedule")]+"return { invite = function(call) return call.ruri.user == '9' and plan.reject(403) or plan.serial { plan.to('sip:1@192.0.2.1:5070', { ring = 5, on = { busy = plan.reject(486) } }) } end }"), From: "a", To: "100", Format: "json", Out: &b}); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal([]byte(b.String()), &d); err != nil {
		t.Fatal(err)
	}
	if d.Plan.Kind != "serial" || d.Plan.Members[0].Ring != 5 || d.Plan.Members[0].On["busy"].Code != 486 || d.Result != "answered by 1" ||
		len(d.Decisions[0].Saw) != 1 || !strings.Contains(d.Decisions[0].Saw[0].Text, `→ false (call.ruri.user = "100")`) || len(d.Messages) < 5 {
		t.Error(b.String())
	}
}

func TestMistakes(t *testing.T) {
	dir := root(t, hours)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Root: dir}, "say who calls whom"},
		{Options{Root: dir, From: "a", To: "100", Phones: []string{"100"}}, `--phone "100": write`},
		{Options{Root: dir, From: "a", To: "100", Phones: []string{"100=soon"}}, `phone 100: "soon" is no status code`},
		{Options{Root: dir, From: "a b", To: "100"}, `"a b" is no number and no SIP URI`},
		{Options{Root: dir, From: "a", To: "100", Format: "jsn"}, `there is no format "jsn"; did you mean "json"?`},
		{Options{Root: filepath.Join(dir, "none"), From: "a", To: "100"}, "name the folder with main.lua"},
		{Options{Root: root(t, "return 1"), From: "a", To: "100"}, "must return a table"},
	} {
		if err := Explain(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// What a script logs is a line each, with its fields by name.
func TestLog(t *testing.T) {
	const script = `
return { invite = function(call)
  call:log("asked", { to = call.ruri.user, from = call.from.user })
  return nil
end }`
	var b strings.Builder
	if err := Explain(Options{Root: root(t, script), From: "a", To: "100", Out: &b}); err != nil {
		t.Fatal(err)
	}
	if want := "\nlog  +0.000 main.lua:3 asked from=a to=100\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q:\n%s", want, b.String())
	}
}
