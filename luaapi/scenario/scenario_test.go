package scenario

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tandem/engine/sim"
	"tandem/engine/trace"
	"tandem/luaapi"
)

const desk = `
local plan = require "plan"
return { invite = function(call)
  return plan.serial {
    plan.to("sip:100@192.0.2.11", { ring = 20, on = { busy = plan.to "sip:101@192.0.2.11" } }),
    plan.to("sip:200@pbx.example.org", { headers = { Diversion = "<sip:100@pbx.example>;reason=no-answer" } }),
  }
end }
`

// try runs a scenario on a script.
func try(t testing.TB, script, text string, o Options) *Run {
	t.Helper()
	s, err := Parse("a.txtar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if o.Program == nil {
		if o.Program, err = luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(script)}), nil); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is said is what happens: every line of these holds.
func TestHolds(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"answered", "call a -> 100\nphone 100 200 after 3s\nexpect order 100\nexpect at 3s answered 100.200\nexpect result answered 100\nexpect at 0 100.180 100.INVITE"},
		{"two phones at one address", "call a -> 100\nphone 100 486\nphone 101 180 after 1s, 200 after 4s\nexpect order 100 101\nexpect at 1 101.180\nexpect at 4 answered"},
		{"a host with a name", "call a -> 100\nphone 100 never\nphone 200 200 after 1s\nexpect order 100 200\nexpect at 20s 100.CANCEL 200.INVITE\n" +
			"expect header 200.INVITE Diversion <sip:100@pbx.example>;reason=no-answer\nexpect header 200.INVITE Subject none\nexpect header 200.INVITE Call-ID any"},
		{"no phone there", "call a -> 100\nphone 100 absent\nphone 200 603\nexpect order 100 200\nexpect result 603\nexpect count 200.INVITE 1\nexpect no 100.CANCEL answered"},
		{"the caller gives up", "call a -> 100 cancel 5s\nphone 100 never\nexpect at 5s 100.CANCEL ended within 50ms\nexpect result cancelled\nexpect at 5s caller.CANCEL"},
		{"the caller hangs up", "call a -> 100 hangup 9s\nphone 100 200 after 1s\nexpect at 10s 100.BYE ended\nexpect no caller.BYE"},
		{"the phone hangs up", "call a -> 100\nphone 100 200 after 1s, bye after 9s\nexpect at 9s caller.BYE ended"},
		{"by its URI", "call a -> 100\nphone desk sip:100@192.0.2.11 486\nphone colleague sip:101@192.0.2.11 200\nexpect order desk colleague"},
		{"by its host", "call a -> 100\nphone 100 503\nphone pbx.example.org 200\nexpect order 100 pbx.example.org\nexpect result answered pbx.example.org"},
		{"a redirection", "call a -> 100\nphone 100 302 to sip:9@192.0.2.13\nphone 200 200 with \"X-Desk: a b\"\nexpect order 100 200\nexpect no caller.302"},
		{"one call after the other", "call a -> 100\ncall b -> 100 after 10s\nphone 100 200 after 1s then 486\nphone 101 200\nexpect order 100\nexpect call 2 order 100 101\nexpect call 2 at 0 answered"},
		{"headers and where it comes from", "call \"\\\"A\\\" <sip:a@example.net>\" -> sip:100@pbx.example via 198.51.100.7 with \"Subject: lunch\"\nphone 100 200\nexpect header 100.INVITE Subject lunch"},
		{"who is called later gives up later", "call a -> 100\ncall b -> 100 after 10s cancel 4s\nphone 100 200 after 1s then never\nexpect call 2 at 4s 100.CANCEL caller.CANCEL\nexpect call 2 result cancelled"},
		{"the caller is gone while it rings", "call a -> 100 vanish 2s\nphone 100 200 after 4s\nexpect at 4s 100.200\nexpect no caller.200 answered"},
		{"the caller is gone in the call", "call a -> 100 vanish 5s\nphone 100 200 after 1s\nexpect at 1s answered\nexpect count 100.BYE 0"},
		{"a transfer, and talk", "call a -> 100\nphone 100 183 sdp, retransmit after 1s, 200 after 2s, hold after 3s, reinvite after 4s, refer to sip:102@192.0.2.8 after 5s, bye after 6s\n" +
			"expect at 3s caller.INVITE\nexpect count caller.INVITE 2\nexpect body caller.INVITE a=sendonly\nexpect header caller.REFER Refer-To <sip:102@192.0.2.8>\nexpect body 100.ACK none\nexpect at 6s ended"},
		{"a bad line", "seed 4\ncall a -> 100\nlink 100 loss 30% delay 20ms\nlink all jitter 5ms\nphone 100 200 after 8s\nexpect result answered 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.ReplaceAll(c.text, `\"`, "")
			r := try(t, desk, text, Options{})
			for _, b := range r.Judge() {
				t.Errorf("%s: got %s, want %s", b.Text, b.Got, b.Want)
			}
			if len(r.Faults)+len(r.Missing) > 0 {
				t.Errorf("faults %v, missing %v", r.Faults, r.Missing)
			}
			if t.Failed() {
				t.Log("\n" + r.Calls[0].Ladder(trace.Options{}))
			}
		})
	}
}

// What a phone does is read again as it was said.
func TestSay(t *testing.T) {
	for _, words := range []string{
		"never", "silent", "486", "486 after 2s", "200 after 20s", "302 with \"Contact: <sip:1@192.0.2.8>\"", "180 after 1s, 200 after 4s",
		"183 sdp reliable, retransmit after 1s, ignore-cancel after 2s, 200 after 3s, hold after 4s, reinvite after 5s, refer to sip:1@192.0.2.8 after 6s with \"X: y\", bye after 7s",
		"180, vanish after 3s",
	} {
		read, err := ParseAnswers(words)
		if err != nil {
			t.Fatal(err)
		}
		if said, ok := Say(read[0].Steps); !ok || said.Words != words || !reflect.DeepEqual(said.Steps, read[0].Steps) {
			t.Errorf("%s: said %q, %v", words, said.Words, ok)
		}
	}
	for _, b := range []sim.Behaviour{nil, {sim.Send(183).As("b")}, {sim.Answer(), sim.Ask("INFO")}, {sim.Ring().With(sim.NoBody)}, {{Act: sim.Pause}}} {
		if said, ok := Say(b); ok {
			t.Errorf("%v: said %q", b, said.Words)
		}
	}
}

// An error of a handler is expected by a line, or by none.
func TestRaised(t *testing.T) {
	const script = `
return { invite = function(call) return call.vars.x.y end, ended = function(call) error("late") end }
`
	for _, c := range []struct{ expect, left string }{
		{"", "invite: main.lua:2: attempt to index field 'x' (a nil value) with key 'y'|ended: main.lua:2: late"},
		{"expect error late", "invite: main.lua:2: attempt to index field 'x' (a nil value) with key 'y'"},
		{"expect error \"field 'x'\"\nexpect error main.lua:2: late", ""},
	} {
		r := try(t, script, "call a -> 100\n"+c.expect, Options{})
		if left := strings.Join(r.Unexpected(), "|"); left != c.left || len(r.Judge()) > 0 {
			t.Errorf("%q: left %q, broken %v", c.expect, left, r.Judge())
		}
	}
}

// What does not hold is told with what was.
func TestBroken(t *testing.T) {
	for _, c := range []struct{ expect, got, want string }{
		{"order 200", "100 101", "200"},
		{"order", "100 101", "nobody"},
		{"at 5s 101.INVITE", "101.INVITE at +0.003 (4.997 s early)", "101.INVITE at +5.000 ± 0.010 s"},
		{"at 1ms 101.INVITE within 1ms", "101.INVITE at +0.003 (0.002 s late)", "101.INVITE at +0.001 ± 0.001 s"},
		{"at 5s 200.INVITE", "200.INVITE never", "200.INVITE at +5.000 ± 0.010 s"},
		{"result answered 100", "answered by 101", "answered by 100"},
		{"result 486", "answered by 101", "486"},
		{"count 100.INVITE 2", "1: 100.INVITE at +0.001", "2"},
		{"no 100.486", "100.486 at +0.001", "100.486 never"},
		{"header 101.INVITE Subject lunch", "Subject: none", "Subject: lunch"},
		{"header 200.INVITE Subject lunch", "200.INVITE never", "Subject: lunch"},
		{"body 101.INVITE a=inactive", "v=0 o=caller 2587123736855144815 1 IN IP4 203.0.113.1 s=- c=IN IP4 203.0.113.1 t=0 0 m=audio 20120 RTP/AVP 8 0 101 a=rtpmap:8 PCMA/8000 a=rtpmap:0 PCMU/8000 a=rtpmap:101 telephone-event/8000", "a=inactive"},
		{"body 101.CANCEL x", "101.CANCEL never", "101.CANCEL with x"},
		{"body 100.ACK v=0", "none", "v=0"},
		{"error main.lua:9", "no error", "an error with main.lua:9"},
	} {
		t.Run(c.expect, func(t *testing.T) {
			r := try(t, desk, "call a -> 100\nphone 100 486\nphone 101 200 after 1s\nphone 200 200\nexpect "+c.expect, Options{})
			all := r.Judge()
			if len(all) != 1 || all[0].Got != c.got || all[0].Want != c.want {
				t.Errorf("got %+v", all)
			}
		})
	}
}

// Nothing is left unread: what is not known is an error at its line before anything runs.
func TestMistakes(t *testing.T) {
	const call = "call a -> 100\nphone 100 200\n"
	for _, c := range []struct{ text, want string }{
		{"# only a title", "a.txtar:1: there is no call"},
		{call + "seed 1\nseed 2", "a.txtar:4: line 3 says seed already"},
		{call + "phone 101 200, 486 after 2s", "a.txtar:3: phone 101: 486 comes after the answer; a phone that hangs up does bye"},
		{call + "phone 101 486, 200 after 2s", "a.txtar:3: phone 101: nothing comes after 486"},
		{call + "phone 101 200, bye after 1s, bye after 2s", "a.txtar:3: phone 101: nothing comes after bye"},
		{call + "phone 101 bye after 1s", "a.txtar:3: phone 101: bye comes before the answer; write 200 before it"},
		{call + "phone 101 200 reliable", "a.txtar:3: phone 101: only 101 to 199 are sent reliably, not 200"},
		{call + "phone 101 retransmit", "a.txtar:3: phone 101: there is no response before retransmit"},
		{call + "phone 101 200, refer after 2s", "a.txtar:3: phone 101: write: refer to sip:102@pbx.example after 5s"},
		{call + "phone 101 absent, 486", "a.txtar:3: phone 101: who is absent does nothing else"},
		{call + "call b -> 100\nexpect call 2 at 5s caller2.180", "a.txtar:4: caller2: who places a call is its caller; write: expect call 2 at 5s caller.180"},
		{call + "expect body 100.INVITE", "a.txtar:3: write: expect body 100.INVITE a=sendonly"},
		{call + "expect error", "a.txtar:3: write: expect error main.lua:12"},
		{call + "fone 101 200", `a.txtar:3: "fone" is not known; lines begin with`},
		{call + "phone 101 200 affter 2s", `a.txtar:3: phone 101: "affter" is not known here; did you mean "after"?`},
		{call + "phone 101 700", `a.txtar:3: phone 101: "700" is no status code`},
		{call + "phone 101 200 after", `a.txtar:3: phone 101: something must follow "after"`},
		{call + "phone 101 200 after soon", `a.txtar:3: phone 101: "soon" is no time`},
		{call + "phone 101 180 after 4s, 200 after 1s", "a.txtar:3: phone 101: 200 after 1s comes after what happens at 4s"},
		{call + "phone 101 180, , 200", "a.txtar:3: phone 101: a step is missing"},
		{call + "phone 100 486", "a.txtar:3: there is a phone 100 at line 2"},
		{call + "phone caller 486", `a.txtar:3: a phone cannot be called "caller"`},
		{call + "phone x sip:x@desk.example 486", "a.txtar:3: sip:x@desk.example: the host must be an address"},
		{"call a 100", "a.txtar:1: write: call alice -> 100"},
		{"call a -> 100 via trunk-kpn", "a.txtar:1: via trunk-kpn: write the address that the call comes from"},
		{"call a -> 100 cancle 3s", `a.txtar:1: "cancle" is not known of a call; did you mean "cancel"?`},
		{"call a -> 100 with Subject", `a.txtar:1: "Subject" is no header field`},
		{"call a -> 100 with \"Via: x\"", "a.txtar:1: header Via cannot be given"},
		{"call a -> \"100", `a.txtar:1: a " is not closed`},
		{call + "at tomorrow", `a.txtar:3: "tomorrow" is no date`},
		{call + "at 2026-03-29 02:30 Europe/Amsterdam", "2026-03-29 02:30 is left out in Europe/Amsterdam: clocks go forward"},
		{call + "at 2026-03-29 02:30 Europe/Amsterdum", `there is no time zone "Europe/Amsterdum"`},
		{call + "seed x", `a.txtar:3: "x" is no seed`},
		{call + "link 101 loss 3%", `a.txtar:3: there is no phone "101"; did you mean "100"?`},
		{call + "link 100 loss 300%", `a.txtar:3: "300%" is no share`},
		{call + "http 192.0.2.5", "a.txtar:3: write: http http://192.0.2.5/100"},
		{call + "http http://192.0.2.5/ 700", "a.txtar:3: 700 is no status of HTTP"},
		{call + "http http://192.0.2.5/ boddy x", `a.txtar:3: "boddy" is not known of a server; did you mean "body"?`},
		{call + "http http://192.0.2.5/ body", `a.txtar:3: something must follow "body"`},
		{call + "expect", "a.txtar:3: say what is expected"},
		{call + "expect ordre 100", `a.txtar:3: "ordre" is nothing that can be expected; did you mean "order"?`},
		{call + "expect order 100 1OO", `a.txtar:3: there is no phone "1OO"`},
		{call + "expect at 2s 100", `a.txtar:3: "100" is nothing that happens`},
		{call + "expect at 2s 100.CANCLE", `a.txtar:3: "CANCLE" is no method and no status code; did you mean "CANCEL"?`},
		{call + "expect at 2s", "a.txtar:3: say what happens"},
		{call + "expect call 2 order 100", `a.txtar:3: there is no call "2"`},
		{call + "expect result well", "a.txtar:3: write: expect result answered 100"},
		{call + "expect result answered 101", `a.txtar:3: there is no phone "101"`},
		{call + "expect count 100.INVITE many", `a.txtar:3: "many" is no number`},
		{call + "\n-- notes.txt --\nx\n", `a.txtar:4: "notes.txt" is no file of a script, and no ladder`},
		{call + "\n-- notes.txt --\n", `a.txtar:4: "notes.txt" is no file of a script, and no ladder; names end with .lua, .csv, .json, .ics`},
		{call + "\n-- lib.lua --\nreturn 1\n-- ../main.lua --\n", `a.txtar:6: "../main.lua" is no file of a script`},
	} {
		t.Run(c.text, func(t *testing.T) {
			_, err := Parse("a.txtar", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

const all = `# A title
at      2026-11-23 10:15:30 Europe/Amsterdam
seed    7
script  ../main.lua
call    alice -> 100 ruri sip:100@192.0.2.1 via 198.51.100.7:5062 after 1s cancel 5s hangup 9s vanish 10s with "Subject: a b"
call    "A <sip:a@h>" -> sip:x@example.org user 100 password "a b"
phone   100 486 after 2s then 180 after 1s, 200 after 2s with "X: y z", bye after 4s
phone   vm sip:vm@192.0.2.9 302 to sip:1@192.0.2.8 then absent
phone   200 silent then never then 183 sdp reliable, ignore-cancel after 2s, 200 after 3s, retransmit after 3s, hold after 3s, resume after 3s, reinvite after 4s, refer to sip:1@192.0.2.8 after 5s with "X: y", vanish after 9s
link    all loss 10% double 5% delay 20ms
link    100 jitter 5ms
http    GET http://192.0.2.5/* 404 body "a b" after 1s with "X: y"
http    http://192.0.2.6/ err "refused"

expect  order 100
expect  call 2 at 2s 100.486 within 1s

-- ladder --
x
-- ladder 2 --
y
-- lib/a.lua --
return 1
-- people.csv --
number,desk
`

func TestParseDate(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"2026-11-23 10:15", "2026-11-23T10:15:00Z"},
		{"2026-11-23 10:15:30 UTC", "2026-11-23T10:15:30Z"},
		{"2026-07-01 10:15 Europe/Amsterdam", "2026-07-01T10:15:00+02:00"},
		{"2026-12-24 18:00 America/New_York", "2026-12-24T18:00:00-05:00"},
	} {
		got, err := ParseDate(c.in)
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%q gave %v %v, want %s", c.in, got, err, c.want)
		}
	}
}

// What is written is read again as it was.
func TestFormat(t *testing.T) {
	s, err := Parse("a.txtar", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.Format()); got != all {
		t.Errorf("got\n%s\nwant\n%s", got, all)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		all, "call a -> 100\n# \"no quote\n", "call a -> 100\nhttp http://h/ err 1\"2\"\n", "call a -> 100\n-- --\n", "call a -> 100\n--\x00 --",
		"call \"\\\"A\\\" <sip:a@h>\" -> 100 with \"Subject: \\\"x\\\"\"\n", "call a -> 100\nphone \"#\" 486\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("a.txtar", text)
		if err != nil {
			return
		}
		once := s.Format()
		if again, err := Parse("a.txtar", once); err != nil || string(again.Format()) != string(once) {
			t.Errorf("%v\n%s", err, once)
		}
	})
}

// Files of every kind that a script root may have stand in the place of those on disk, or beside them.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.lua": `local plan, lookup = require "plan", require "lookup"
local people, more = lookup.csv("people.csv", { key = "number" }), lookup.json("more.json", { key = "number" })
return { invite = function(call)
  local row = people:get(call.to.user) or more:get(call.to.user)
  return row and plan.to("sip:" .. row.desk .. "@192.0.2.11")
end }`,
		"people.csv": "number,desk\n100,11\n101,12\n",
		"more.json":  `[{ "number": "200", "desk": "21" }]`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const calls = "call a -> 100\ncall a -> 200\n"
	for _, c := range []struct{ name, files, want string }{
		{"those on disk", "", "11 21"},
		{"a table", "-- people.csv --\nnumber,desk\n100,13\n", "13 21"},
		{"another kind of table", "-- more.json --\n[{ \"number\": \"200\", \"desk\": \"22\" }]\n", "11 22"},
		{"a script, which reads those on disk", "-- main.lua --\nlocal p, l = require 'plan', require 'lookup'\n" +
			"local t = l.csv('people.csv', { key = 'number' })\nreturn { invite = function(c) return p.to('sip:' .. t:get('101').desk .. '@192.0.2.11') end }\n", "12 12"},
		{"a table that was not there", "-- main.lua --\nlocal p, l = require 'plan', require 'lookup'\n" +
			"local t = l.csv('own.csv', { key = 'n' })\nreturn { invite = function(c) return p.to('sip:' .. t:get(c.to.user).to .. '@192.0.2.11') end }\n-- own.csv --\nn,to\n100,1\n200,2\n", "1 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(filepath.Join(dir, "a.txtar"), []byte(calls+c.files))
			if err != nil {
				t.Fatal(err)
			}
			snap, err := s.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			prog, err := luaapi.Compile(snap, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run(Options{Program: prog, Others: &DefaultAnswers})
			if err != nil {
				t.Fatal(err)
			}
			got := append(r.Calls[0].Order(), r.Calls[1].Order()...)
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %s", got, c.want)
			}
		})
	}
}

// The same seed gives the same run.
func TestSameSeed(t *testing.T) {
	const text = "call a -> 100\nlink all loss 20% jitter 30ms\nphone 100 486 after 1s\nphone 101 200 after 3s\nphone 200 200"
	one := try(t, desk, text, Options{Seed: 3}).Calls[0].Ladder(trace.Options{Repeats: true})
	if two := try(t, desk, text, Options{Seed: 3}).Calls[0].Ladder(trace.Options{Repeats: true}); one != two {
		t.Errorf("%s\n%s", one, two)
	}
}

// Only the decision is asked for.
func TestDecide(t *testing.T) {
	r := try(t, desk, "call a -> 100", Options{Decide: true})
	if n := r.Calls[0].Plan(); n == nil || len(r.Calls[0].Legs()) > 0 || !strings.HasPrefix(n.String(), "serial{100") {
		t.Errorf("plan %v, legs %v", n, r.Calls[0].Order())
	}
}

// Who is not spoken of is missing, or answers as the others do.
func TestOthers(t *testing.T) {
	if r := try(t, desk, "call a -> 100", Options{}); strings.Join(r.Missing, ", ") != "100 at 192.0.2.11, 200 at pbx.example.org" {
		t.Errorf("missing %q", r.Missing)
	}
	if r := try(t, desk, "call a -> 100", Options{Others: &DefaultAnswers}); len(r.Missing) > 0 || r.Calls[0].Result() != "answered by 100" {
		t.Errorf("missing %v, %s", r.Missing, r.Calls[0].Result())
	}
}

// What servers answer is said too; what is not said is told.
func TestHTTP(t *testing.T) {
	const script = `
local plan, http = require "plan", require "http"
return { invite = function(call)
  return plan.await(http.get("http://192.0.2.5/" .. call.ruri.user), function(call, result)
    if result.err then return plan.reject(503) end
    return plan.to(result.body)
  end)
end }`
	r := try(t, script, "call a -> 100\nhttp http://192.0.2.5/100 body sip:200@192.0.2.11 after 1s\nphone 200 200\nexpect order 200\nexpect at 1s 200.INVITE", Options{})
	if all := r.Judge(); len(all) > 0 || len(r.Unasked) > 0 {
		t.Errorf("%+v, %q", all, r.Unasked)
	}
	r = try(t, script, "call a -> 100\nhttp GET http://192.0.2.5/1* err refused\nexpect result 503", Options{})
	if all := r.Judge(); len(all) > 0 {
		t.Errorf("%+v", all)
	}
	if r = try(t, script, "call a -> 100", Options{}); len(r.Unasked) != 1 || r.Unasked[0] != "GET http://192.0.2.5/100" || r.Calls[0].Final() != 503 {
		t.Errorf("%q, %s", r.Unasked, r.Calls[0].Result())
	}
}

func BenchmarkRun(b *testing.B) {
	s, err := Parse("a.txtar", []byte("call a -> 100\nphone 100 486\nphone 101 200 after 1s\nexpect order 100 101"))
	if err != nil {
		b.Fatal(err)
	}
	prog, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(desk)}), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r, err := s.Run(Options{Program: prog}); err != nil || len(r.Judge()) > 0 {
			b.Fatal(err)
		}
	}
}

// Ladders that are not there yet come in the order of the calls.
func TestUpdateAddsInOrder(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "a.txtar")
		if err := os.WriteFile(path, []byte("call\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Update(path, map[int]string{4: "d\n", 2: "b\n", 3: "c\n", 1: "a\n"}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if want := "call\n\n-- ladder --\na\n-- ladder 2 --\nb\n-- ladder 3 --\nc\n-- ladder 4 --\nd\n"; err != nil || string(text) != want {
			t.Fatalf("%v\n%s", err, text)
		}
	}
}

// Credentials that nobody asks for, or that the caller cannot have, are mistakes of the scenario.
func TestCredentials(t *testing.T) {
	users, err := Settings{}.WithUsers(map[string]string{"100": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	prog, err := luaapi.Compile(luaapi.NewSnapshot("main.lua", map[string][]byte{"main.lua": []byte(`return { invite = function(call)
  return require("plan").reject(call.source.user == "100" and 486 or 480)
end }`)}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		call     string
		settings Settings
		want     string
	}{
		{"100 -> 200", users, "result 486"},
		{"100 -> 200", Settings{}, "result 480"},
		{"alice -> 200", users, "result 480"},
		{"alice -> 200 user 100 password secret", users, "result 480"},
		{"100 -> 200 password guess", users, "result 407"},
		{"100 -> 200 user 999 password guess", users, "result 407"},
		{"100 -> 200 user 100", Settings{}, "a.txtar:1: nobody is asked for credentials here"},
		{"100 -> 200 user 999", users, "a.txtar:1: there is no user 999: say its password too"},
		{"alice -> 200 password x", users, "a.txtar:1: password without user: sip:alice@example.net is no user of ours"},
	} {
		s, err := Parse("a.txtar", []byte("call "+c.call))
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Run(Options{Program: prog, Settings: c.settings})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = "result " + r.Calls[0].Result()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.call, got, c.want)
		}
	}
}
