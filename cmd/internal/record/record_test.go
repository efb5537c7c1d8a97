package record

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/engine/clock"
	"tandem/engine/trace"
	"tandem/luaapi"
	"tandem/luaapi/replay"
	"tandem/luaapi/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const script = `
local plan = require "plan"
return { invite = function(call) return plan.serial { plan.to("sip:100@192.0.2.11", { ring = 20 }), plan.to "sip:101@192.0.2.12" } end }
`

// asking is a script that asks a server whom to call.
const asking = `
local plan, http = require "plan", require "http"
return { invite = function(call)
  return plan.await(http.get("http://192.0.2.5/" .. call.from.user, { query = { to = call.to.user } }), function(call, result) return plan.to(result.body) end)
end }
`

// events are what an engine tells of a scenario.
func events(t *testing.T, text string) []trace.Event {
	t.Helper()
	return eventsOf(t, script, text)
}

func eventsOf(t *testing.T, script, text string) []trace.Event {
	t.Helper()
	return eventsWith(t, scenario.Settings{}, script, text)
}

func eventsWith(t *testing.T, settings scenario.Settings, script, text string) []trace.Event {
	t.Helper()
	s, err := scenario.Parse("a.txtar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	prog, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Run(scenario.Options{Program: prog, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	var all []trace.Event
	for _, c := range r.Calls {
		all = append(all, c.Events()...)
	}
	return all
}

// written records events and returns the file as it is read again.
func written(t *testing.T, cfg Config, all []trace.Event) []*replay.Record {
	t.Helper()
	cfg.Path = filepath.Join(t.TempDir(), "calls.jsonl")
	cfg.Clock = clock.NewVirtual(time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC))
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 1 << 20
	}
	r, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		r.Trace(e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Dropped() > 0 {
		t.Errorf("%d dropped", r.Dropped())
	}
	if info, err := os.Stat(cfg.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	got, _, err := replay.Read(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRecord(t *testing.T) {
	got := written(t, Config{}, events(t, "call alice -> 100 with \"Subject: lunch\"\nphone 100 486 after 2s\nphone 101 183 after 1s, 200 after 3s"))
	if len(got) != 1 {
		t.Fatalf("%d records", len(got))
	}
	r := got[0]
	if r.From != "sip:alice@example.net" || r.RequestURI != "sip:100@pbx.example" || r.Final != 200 || r.Answered != "sip:101@192.0.2.12" ||
		!r.At.Equal(time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC)) || r.Source != "203.0.113.1:5060" || len(r.Headers) != 1 || r.Headers[0] != [2]string{"Subject", "lunch"} {
		t.Errorf("%+v", r)
	}
	if len(r.Legs) != 2 || r.Legs[0].URI != "sip:100@192.0.2.11" || len(r.Legs[0].Responses) != 2 || r.Legs[0].Responses[1] != (replay.Response{At: 2.002, Code: 486}) {
		t.Errorf("%+v", r.Legs)
	}
	if len(r.Decisions) == 0 || !strings.HasPrefix(r.Decisions[0].Text, "invite → serial") || r.Decisions[0].Where != "main.lua:3" {
		t.Errorf("%+v", r.Decisions)
	}
}

// A caller who gives up is recorded with the time.
func TestCancelled(t *testing.T) {
	r := written(t, Config{}, events(t, "call alice -> 100 cancel 5s\nphone 100 never"))[0]
	if r.Cancelled == nil || *r.Cancelled != 5 || r.Final != 487 || r.Answered != "" {
		t.Errorf("%+v", r)
	}
}

// With privacy nothing says who called, but the same caller is the same word.
func TestPrivacy(t *testing.T) {
	got := written(t, Config{Privacy: true}, events(t, "call alice -> 100 with \"Subject: lunch\"\ncall alice -> 100 after 9s\nphone 100 200"))
	if len(got) != 2 || strings.Contains(got[0].From, "alice") || got[0].From != got[1].From || got[0].Source != "" || len(got[0].Headers) > 0 {
		t.Errorf("%+v", got[0])
	}
	for _, r := range got {
		if !regexp.MustCompile(`^call-[0-9a-f]{16}$`).MatchString(r.ID) || r.ID == got[0].ID && r != got[0] {
			t.Errorf("the Call-ID is told: %s", r.ID)
		}
	}
}

// A request that is answered by a challenge is no call; the one that follows is, with the user whose credentials it has.
func TestUser(t *testing.T) {
	settings, err := scenario.Settings{}.WithUsers(map[string]string{"alice": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	all := eventsWith(t, settings, script, "call alice -> 100\ncall alice -> 100 password guess after 9s\nphone 100 200")
	got := written(t, Config{}, all)
	if len(got) != 1 || got[0].User != "alice" || got[0].Final != 200 || len(got[0].Decisions) == 0 || !strings.HasPrefix(got[0].Decisions[0].Text, "invite") {
		t.Errorf("%d records: %+v", len(got), got[0])
	}
	if got := written(t, Config{Privacy: true}, all); len(got) != 1 || got[0].User != "" {
		t.Errorf("%+v", got[0])
	}
}

const asked = "call alice -> 100\nhttp http://192.0.2.5/alice?to=100 body sip:101@192.0.2.12 after 300ms with \"X-Who: desk\"\nphone 101 200"

// What a server answered is recorded, with what stands for the question.
func TestAwaited(t *testing.T) {
	r := written(t, Config{}, eventsOf(t, asking, asked))[0]
	if len(r.Awaited) != 1 {
		t.Fatalf("%+v", r)
	}
	a := r.Awaited[0]
	if a.At != 0.3 || a.Elapsed != 0.3 || a.Kind != "http" || a.Name != "GET http://192.0.2.5/alice" || a.Digest == "" || a.Status != 200 || a.Err != "" ||
		a.Body != "sip:101@192.0.2.12" || len(a.Headers) != 1 || a.Headers[0] != [2]string{"X-Who", "desk"} || a.LeftOut != "" {
		t.Errorf("%+v", a)
	}
	if d := r.Decisions[1]; !strings.HasPrefix(d.Text, "await GET http://192.0.2.5/alice: 200 → ") {
		t.Errorf("%+v", d)
	}
}

// With privacy neither the question nor its answer is there.
func TestAwaitedPrivacy(t *testing.T) {
	r := written(t, Config{Privacy: true}, eventsOf(t, asking, asked))[0]
	line, err := json.Marshal(r.Awaited)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"at":0.3,"elapsed":0.3,"kind":"http","name":"GET http://192.0.2.5","status":200,"left_out":"privacy"}]`
	if string(line) != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
	if d := r.Decisions[1]; !strings.HasPrefix(d.Text, "await GET http://192.0.2.5: 200 → ") {
		t.Errorf("%+v", d)
	}
}

// All answers of a call have a bound together.
func TestAwaitedBound(t *testing.T) {
	long := strings.Repeat("x", replay.MaxAnswer-100)
	all := eventsOf(t, `
local plan, http = require "plan", require "http"
local function ask(n) return plan.await(http.get("http://192.0.2.5/" .. n), function() return n < 9 and ask(n + 1) or plan.to "sip:101@192.0.2.12" end) end
return { invite = function(call) return ask(1) end }`, "call alice -> 100\nhttp http://192.0.2.5/* body "+long+"\nphone 101 200")
	r := written(t, Config{}, all)[0]
	kept := 0
	for _, a := range r.Awaited {
		kept += a.Size()
	}
	if n := len(r.Awaited); n != 9 || kept != 4*len(long) || r.Awaited[4].LeftOut != replay.LeftOutSize || kept > maxAnswers {
		t.Errorf("%d operations, %d bytes", n, kept)
	}
}

// Two files are kept, and together they stay below the bound.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	r, err := Open(Config{Path: path, MaxSize: 4000, Clock: clock.NewVirtual(time.Time{})})
	if err != nil {
		t.Fatal(err)
	}
	all := events(t, "call alice -> 100\nphone 100 200")
	const calls = 20
	for i := range calls {
		for _, e := range all {
			e.At = e.At.Add(time.Duration(i) * time.Minute) // else they are copies
			r.Trace(e)
		}
	}
	if err := r.Close(); err != nil || r.Written() != calls {
		t.Fatal(err, r.Written())
	}
	total := int64(0)
	for _, p := range []string{path, path + ".1"} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if got, _, err := replay.Read(path); err != nil || len(got) == 0 || total > 4000 {
		t.Errorf("%d bytes, %d records, %v", total, len(got), err)
	}
}

// Calls whose end is among the lost events are forgotten: they would take the room of others.
func TestLostEnds(t *testing.T) {
	b := newBook(false)
	all := events(t, "call alice -> 100\nphone 100 200 after 1s")
	for _, e := range all {
		if e.Kind == trace.Sent && strings.HasPrefix(string(e.Bytes), "SIP/2.0 200") {
			break
		}
		if b.add(&item{e: e}) != nil {
			t.Fatal("a call was over without an end")
		}
	}
	if len(b.calls) != 1 || len(b.legs) != 1 {
		t.Fatalf("%d calls and %d legs are open", len(b.calls), len(b.legs))
	}
	next := all[0]
	next.At, next.Bytes = next.At.Add(longest+time.Second), []byte(strings.Replace(string(next.Bytes), "Call-ID: ", "Call-ID: other", 1))
	b.add(&item{e: next})
	if len(b.calls) != 1 || len(b.legs) != 0 || len(b.order) != 1 {
		t.Errorf("%d calls and %d legs are open, %d in order", len(b.calls), len(b.legs), len(b.order))
	}
}

// A copy of an INVITE that has its final response is no other call; one that is tried again under the same Call-ID is.
func TestCopies(t *testing.T) {
	all := events(t, "call alice -> 100\nphone 100 486\nphone 101 486")
	final := slices.IndexFunc(all, func(e trace.Event) bool {
		return strings.HasPrefix(string(e.Bytes), "SIP/2.0 486") && e.Kind == trace.Sent
	})
	copied := append(slices.Clone(all), all[0], all[final])
	if got := written(t, Config{}, copied); len(got) != 1 || len(got[0].Decisions) == 0 {
		t.Errorf("%d records of a call", len(got))
	}
	again := all[0]
	again.Bytes = []byte(strings.Replace(string(again.Bytes), "branch=z9hG4bK", "branch=z9hG4bKx", 1))
	if got := written(t, Config{}, append(copied, again, all[final])); len(got) != 2 {
		t.Errorf("%d records of two calls", len(got))
	}
}

// A queue that is full loses events and never waits.
func TestFull(t *testing.T) {
	r := &Recorder{cfg: Config{Clock: clock.NewVirtual(time.Time{})}, queue: make(chan item, 1)}
	for range 3 {
		r.Trace(trace.Event{Kind: trace.Note})
	}
	if r.Dropped() != 2 {
		t.Errorf("%d dropped", r.Dropped())
	}
}

func TestNoFile(t *testing.T) {
	if _, err := Open(Config{Path: filepath.Join(t.TempDir(), "none", "calls")}); err == nil || !strings.HasPrefix(err.Error(), "record: ") {
		t.Error(err)
	}
}

func BenchmarkTrace(b *testing.B) {
	r := &Recorder{cfg: Config{Clock: clock.NewVirtual(time.Time{})}, queue: make(chan item, 1)}
	e := trace.Event{Kind: trace.Received, Bytes: []byte("SIP/2.0 180 Ringing\r\n" + strings.Repeat("X: y\r\n", 50))}
	b.ReportAllocs()
	for b.Loop() {
		r.Trace(e)
	}
}
