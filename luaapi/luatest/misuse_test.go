package luatest

import (
	"strings"
	"testing"
)

// said returns the lines that a test's report has beside its source line.
func said(out string) (lines []string) {
	for line := range strings.Lines(out) {
		if _, text, ok := strings.Cut(line, " │ "); ok {
			lines = append(lines, strings.TrimSpace(text))
		}
	}
	return lines
}

const misused = `
-- main.lua --
local plan = require "plan"
return { invite = function() return plan.to "sip:100@192.0.2.11" end }
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"
t.test("misused", function()
  local net = pbx:network {}
  local function call() return net:call { from = "sip:a@example.net", to = "sip:100@pbx.example" } end
  local function phone(a) return net:phone { "sip:100@192.0.2.11", answers = a } end
  local function asked(fn) phone(t.script(fn)) call() net:run() end
  BODY
end)
`

// TestMisuse holds what is said about mistakes in tests.
func TestMisuse(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"no script", `t.script()`, `t.script: expects the path of a script, or a function that says what a phone does; got nil`},
		{"no such script", `t.script "other.lua"`, `t.script: other.lua does not load: cannot read the scripts: stat other.lua: no such file or directory`},
		{"network without options", `pbx:network()`, `pbx:network: expects a table of options, got nil; write pbx:network {}`},
		{"network with a dot", `pbx.network {}`, `call it with a colon: pbx:network {}`},
		{"option of a network", `pbx:network { sed = 1 }`, `pbx:network: there is no option "sed"; did you mean "seed"?`},
		{"date", `pbx:network { at = "tomorrow" }`, `pbx:network: at: "tomorrow" is no date; write 2026-11-23 10:15 Europe/Amsterdam`},
		{"zone", `pbx:network { at = "2026-11-23 10:15 Mars/Base" }`, `pbx:network: at: there is no time zone "Mars/Base"`},
		{"hour that is left out", `pbx:network { at = "2026-03-29 02:30 Europe/Amsterdam" }`, `pbx:network: at: 2026-03-29 02:30 is left out in Europe/Amsterdam: clocks go forward`},
		{"shards", `pbx:network { shards = 0 }`, `pbx:network: shards must be a whole number from 1 to 16, got 0`},
		{"seed", `pbx:network { seed = 1.5 }`, `pbx:network: seed must be a whole number from 0 to 9007199254740992, got 1.5`},

		{"phone without URI", `net:phone { answers = t.never() }`, `net:phone: the first item must be the phone's URI; write net:phone { "sip:100@192.0.2.11", answers = t.after(2) }`},
		{"phone elsewhere", `net:phone { "sip:100@10.0.0.1" }`, `net:phone: the host of "sip:100@10.0.0.1" must be an address in 192.0.2.0/24, the network of the tests`},
		{"phone with a name as host", `net:phone { "sip:100@pbx.example" }`, `net:phone: the host of "sip:100@pbx.example" must be an address in 192.0.2.0/24, the network of the tests`},
		{"phone at the engine", `net:phone { "sip:100@192.0.2.1:5070" }`, `net:phone: 192.0.2.1 is Tandem's own address`},
		{"phone at a caller", `net:phone { "sip:100@192.0.2.200" }`, `net:phone: 192.0.2.200 and above are the callers' addresses`},
		{"two phones in one place", `phone() phone()`, `net:phone: phone 100 is at 192.0.2.11 already; a phone needs an address, or a port, of its own`},
		{"engine without a script", `net:engine { at = "192.0.2.60" }`, `net:engine: the first item must be a script; write net:engine { t.script "trunk.lua", at = "192.0.2.60" }`},
		{"engine of a path", `net:engine { "trunk.lua", at = "192.0.2.60" }`, `net:engine: the first item must be a script; write net:engine { t.script "trunk.lua", at = "192.0.2.60" }`},
		{"engine of a phone", `net:engine { phone(), at = "192.0.2.60" }`, `net:engine: the first item must be a script, got phone 100; write net:engine { t.script "trunk.lua", at = "192.0.2.60" }`},
		{"engine nowhere", `net:engine { pbx }`, `net:engine: at is missing; write net:engine { t.script "trunk.lua", at = "192.0.2.60" }`},
		{"engine at the engine", `net:engine { pbx, at = "192.0.2.1" }`, `net:engine: 192.0.2.1 is Tandem's own address`},
		{"engine at a phone", `phone() net:engine { pbx, at = "192.0.2.11" }`, `net:engine: phone 100 is at 192.0.2.11 already; a phone needs an address, or a port, of its own`},
		{"phone at another engine", `net:engine { pbx, at = "192.0.2.11" } phone()`, `net:phone: an engine is at 192.0.2.11 already`},
		{"no URI", `net:phone { "100" }`, `net:phone: the URI "100" is no SIP URI; write "sip:100@pbx.example"`},
		{"option of a phone", `net:phone { "sip:100@192.0.2.11", answer = t.never() }`, `net:phone: there is no option "answer"; did you mean "answers"?`},
		{"two URIs", `net:phone { "sip:100@192.0.2.11", "sip:101@192.0.2.11" }`, `net:phone: item [2] has no meaning`},
		{"odd key", `net:phone { "sip:100@192.0.2.11", [true] = 1 }`, `net:phone: a boolean as a key has no meaning`},
		{"name that is no text", `net:phone { "sip:100@192.0.2.11", name = 5 }`, `net:phone: name must be a string, got number`},
		{"name with a line break", `net:phone { "sip:100@192.0.2.11", name = "a\nb" }`, `net:phone: name holds a line break or another control character`},
		{"answers of another kind", `phone(486)`, `net:phone: answers must be made by t.after, t.status, t.never, t.silent, t.late or t.script, got 486`},
		{"answers that were not called", `phone(t.never)`, `net:phone: answers must be made by t.after, t.status, t.never, t.silent, t.late or t.script, got function`},
		{"list of answers", `phone { t.never(), "x" }`, `net:phone: answers[2] must be made by t.after, t.status, t.never, t.silent, t.late or t.script, got "x"`},
		{"no answers", `phone {}`, `net:phone: answers is an empty list`},
		{"key in a list of answers", `phone { first = t.never() }`, `net:phone: there is no option "first"`},
		{"method of a phone", `phone():recieved("BYE")`, `a phone has no method "recieved"; did you mean "received"?`},

		{"call without from", `net:call { to = "sip:100@pbx.example" }`, `net:call: from is missing; write from = "sip:alice@example.net"`},
		{"call to a number", `net:call { from = "sip:a@example.net", to = "100" }`, `net:call: to "100" is no SIP URI; write "sip:100@pbx.example"`},
		{"option of a call that is near none", `net:call { when = 5 }`, `net:call: there is no option "when"; it takes from, to, headers, cancel, hangup, at, answered, vanish, ack, sdp, replies, ruri, user, password`},
		{"option of a call", `net:call { form = "sip:a@example.net", to = "sip:100@pbx.example" }`, `net:call: there is no option "form"; did you mean "from"?`},
		{"time that is no number", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", cancel = "5" }`, `net:call: cancel must be a number of seconds, got "5"`},
		{"negative time", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", hangup = -1 }`, `net:call: hangup must be from 0 to 86400 seconds, got -1`},
		{"no number", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", at = 0/0 }`, `net:call: at must be from 0 to 86400 seconds, got NaN`},
		{"time that is past", `net:run(5) net:call { from = "sip:a@example.net", to = "sip:b@example.net", at = 4 }`, `net:call: at = 4 is past: the network is at 5 s`},
		{"headers that are no table", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", headers = "x" }`, `net:call: headers must be a table of values by name, got string`},
		{"header name", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", headers = { ["a b"] = "x" } }`, `net:call: "a b" is no header name`},
		{"header value", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", headers = { Subject = {} , X = { true } } }`, `net:call: header X must be a string or a list of strings, got boolean`},
		{"injected header", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", headers = { Subject = "a\r\nVia: b" } }`, `net:call: header Subject holds a line break or another control character`},
		{"header of the phone's own", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", headers = { i = "x" } }`, `net:call: header Call-ID cannot be given: phones write their own`},

		{"running back", `net:run(5) net:run(4)`, `net:run: the network is at 5 s already`},
		{"running too far", `net:run(90000)`, `net:run: the time to run to must be from 0 to 86400 seconds, got 90000`},
		{"looked at before it ran", `call():final()`, `the call has not run: write net:run() before you look at it`},
		{"never run", `call()`, `the call was never run; write net:run()`},
		{"moment before it ran", `t.at(call(), 5)`, `t.at: the call has not run: write net:run() before you look at it`},
		{"moment of a phone", `t.at(phone(), 5)`, `t.at: the first argument must be a call, got phone 100; write t.at(call, 20)`},
		{"moment without time", `local c = call() net:run() t.at(c)`, `t.at: the time must be a number of seconds, got nil`},
		{"option of a moment", `local c = call() net:run() t.at(c, 5, { witin = 1 })`, `t.at: there is no option "witin"; did you mean "within"?`},
		{"moment without phone", `local c = call() net:run() t.at(c, 5):received("BYE")`, `received: the first argument must be a phone or a call, got "BYE"; write received(phone, "CANCEL")`},
		{"method that is none", `phone():received("CANCLE")`, `received: "CANCLE" is no method, and no status code such as 486 or "200 BYE"; did you mean "CANCEL"?`},
		{"method in small letters", `phone():received("bye")`, `received: "bye" is no method, and no status code such as 486 or "200 BYE"; did you mean "BYE"?`},
		{"code that is none", `phone():sent(99)`, `sent: 99 is no method, and no status code such as 486 or "200 BYE"`},
		{"header of no name", `local p = phone() call() net:run() p:received("INVITE"):header()`, `header: nil is no header name`},

		{"after nothing", `t.after()`, `t.after: the time must be a number of seconds, got nil`},
		{"provisional as end", `t.status(180)`, `t.status: the code must be a whole number from 200 to 699, got 180`},
		{"time of a status", `t.status(486, "1")`, `t.status: the time must be a number of seconds, got "1"`},
		{"one value", `t.eq(1)`, `t.eq: takes two values, got 1`},
		{"no value", `t.ok()`, `t.ok: takes a value`},
		{"explanation", `t.eq(1, 1, {})`, `the explanation: must be a string, got table`},
		{"pattern that is none", `t.match("a", 5)`, `t.match: the second value must be a Lua pattern, got number`},
		{"malformed pattern", `t.match("a", "[a")`, `the pattern: "[a": malformed pattern (missing ']')`},
		{"raises without function", `t.raises("x")`, `t.raises: the first value must be a function, got "x"`},
		{"raises with a number", `t.raises(call, 5)`, `t.raises: the second value must be a Lua pattern, got 5`},
		{"writing to the library", `t.mine = 1`, `module test cannot be changed; keep "mine" in a local of your own`},

		{"code to send", `asked(function(_, c) c:send(99) end)`, `call:send: the code must be a whole number from 100 to 699, got 99`},
		{"option to send", `asked(function(_, c) c:send(183, { spd = true }) end)`, `call:send: there is no option "spd"; did you mean "sdp"?`},
		{"options that are none", `asked(function(_, c) c:answer(3) end)`, `call:answer: expects a table of options, got number`},
		{"sdp of another kind", `asked(function(_, c) c:answer { sdp = 1 } end)`, `call:answer: sdp must be true, false or a session description, got number`},
		{"after the end", `asked(function(_, c) c:send(486) c:ring() end)`, `call:ring: the 486 has ended the call; nothing comes after it`},
		{"after the BYE", `asked(function(_, c) c:answer() c:bye() c:bye() end)`, `call:bye: the BYE has ended the call; nothing comes after it`},
		{"twice answered", `asked(function(_, c) c:answer() c:answer() end)`, `call:answer: the call was answered already`},
		{"BYE before the answer", `asked(function(_, c) c:ring() c:bye() end)`, `call:bye: the call is not answered; write call:answer{} before, or call:send(480)`},
		{"option of a BYE", `asked(function(_, c) c:answer() c:bye { sdp = true } end)`, `call:bye: there is no option "sdp"; it takes headers`},
		{"200 after 200", `asked(function(_, c) c:answer() c:send(486) end)`, `call:send: the call was answered already`},
		{"reliable 200", `asked(function(_, c) c:send(200, { reliable = true }) end)`, `call:send: only 101 to 199 are sent reliably, got 200`},
		{"reliable of another kind", `asked(function(_, c) c:ring { reliable = 1 } end)`, `call:ring: reliable must be true or false, got 1`},
		{"hold before the answer", `asked(function(_, c) c:hold() end)`, `call:hold: the call is not answered; write call:answer{} before, or call:send(480)`},
		{"transfer to nobody", `asked(function(_, c) c:answer() c:refer() end)`, `call:refer: the first argument must be a URI, got nil; write call:refer("sip:102@pbx.example")`},
		{"transfer to a number", `asked(function(_, c) c:answer() c:refer "102" end)`, `call:refer: the URI "102" is no SIP URI; write "sip:100@pbx.example"`},
		{"request of no method", `asked(function(_, c) c:answer() c:request("info") end)`, `call:request: the method must be one of INFO, UPDATE, MESSAGE, NOTIFY, OPTIONS, INVITE and REFER, got "info"`},
		{"body without type", `asked(function(_, c) c:answer() c:request("INFO", { body = "x" }) end)`, `call:request: type is missing; write type = "text/plain"`},
		{"retransmission of nothing", `asked(function(_, c) c:retransmit() end)`, `call:retransmit: no response was sent yet`},
		{"after it has gone", `asked(function(_, c) c:vanish() c:ring() end)`, `call:ring: the phone's going has ended the call; nothing comes after it`},
		{"answer of a caller", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", answered = function(c) c:answer() end }`, `call:answer: it is the caller's; responses come from phones`},
		{"CANCEL of a caller", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", answered = function(c) c:ignore_cancel() end }`, `call:ignore_cancel: it is the caller's; nobody cancels a caller`},
		{"INVITE of a caller", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", answered = function(c) c:header "From" end }`, `call:header: it is the caller's; it has no INVITE that came`},
		{"answered that is none", `net:call { from = "sip:a@example.net", to = "sip:b@example.net", answered = 5 }`, `net:call: answered must be a function that says what the caller does then, got 5`},
		{"replies that are none", `net:phone { "sip:100@192.0.2.11", replies = 488 }`, `net:phone: replies must be a table of answers by method, got 488`},
		{"reply to no method", `net:phone { "sip:100@192.0.2.11", replies = { BEY = 488 } }`, `net:phone: there is no option "BEY"; did you mean "BYE"?`},
		{"reply that is none", `net:phone { "sip:100@192.0.2.11", replies = { BYE = true } }`, `net:phone: the reply to BYE must be a code, a table { code = 200, after = 2 }, or false, got true`},
		{"loss that is none", `net:link(phone(), { loss = 2 })`, `net:link: loss must be from 0 to 1, got 2`},
		{"all links down", `net:link { down = true }`, `net:link: there is no option "down"; it takes loss, duplicate, delay, jitter`},
		{"link of nobody", `net:link(5, {})`, `net:link: expects a table of options, got number; write net:link(phone, { loss = 0.1 })`},
		{"losing from nobody", `net:lose("200")`, `net:lose: the first argument must be a phone or a call, got "200"; write net:lose(phone, 200)`},
		{"losing half", `net:lose(phone(), 200, 0.5)`, `net:lose: the number of times must be a whole number from 1, got 0.5`},
		{"nth of none", `local p = phone() call() net:run() p:received("INVITE"):nth(0)`, `nth: the number must be a whole number from 1, got 0`},
		{"stub too late", `t.stub("log", {})`, `t.stub: the script has loaded with the module already; stub before pbx:network`},
		{"stub of plans", `t.stub("plan", {})`, `t.stub: module plan cannot be stubbed: what it makes is what a test is about`},
		{"stub of nothing", `t.stub("log")`, `t.stub: takes the name of a module and a table, got "log" and nil; write t.stub("clock", { now = function() return 0 end })`},
		{"golden of a phone", `t.golden(phone())`, `t.golden: the first argument must be a call, got phone 100; write t.golden(call)`},
		{"golden before it ran", `t.golden(call())`, `t.golden: the call has not run: write net:run() before you look at it`},
		{"decision about nobody", `pbx:decide { from = "sip:a@example.net" }`, `pbx:decide: to is missing; write to = "sip:100@pbx.example"`},

		{"kept for later", `local kept asked(function(_, c) kept = c end) kept:ring()`, `call:ring: the function has returned; its steps are fixed`},
		{"no method of a call", `asked(function(_, c) c:hangup() end)`, `a call that a phone is offered has no method "hangup"`},
		{"error in a function", `asked(function(_, c) c.x.y = 1 end)`, `a call that a phone is offered has no method "x"`},
		{"header of the INVITE", `asked(function(_, c) c:header(5) end)`, `call:header: 5 is no header name`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, strings.Replace(misused[1:], "BODY", c.body, 1))
			s, out := runs(t, Options{Seed: 1})
			if s.Errors != 1 {
				t.Errorf("no error in\n%s", out)
			}
			if lines := said(out); len(lines) < 2 || lines[1] != c.want {
				t.Errorf("got  %q\nwant %q\n%s", lines, c.want, out)
			}
		})
	}
}

// What stands at file scope is as good as what stands in a test, and says where it is.
func TestMisuseWhileTheFileLoads(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"test without function", `t.test("x")`, `a_test.lua:2: t.test: takes a name and a function, got "x" and nil`},
		{"test of a Go function", `t.test("x", t.never)`, `a_test.lua:2: t.test: the function must be written in Lua`},
		{"cases that are none", `t.table("x", 5, function() end)`, `a_test.lua:2: t.table: takes a name, a table of cases and a function, got "x", number and function`},
		{"no cases", `t.table("x", {}, function() end)`, `a_test.lua:2: t.table: there are no cases`},
		{"hole in the cases", `t.table("x", { [1] = 1, [3] = 3 }, function() end)`, `a_test.lua:2: t.table: case 2 is nil`},
		{"cases of one name", `t.table("x", { { name = "a" }, { name = "a" } }, function() end)`, `a_test.lua:2: t.table: there is a test of that name at line 2`},
		{"network outside a test", `t.script("main.lua"):network {}`, `a_test.lua:2: pbx:network: stands in a test, or in a function that tests call`},
		{"skip outside a test", `t.skip "x"`, `a_test.lua:2: t.skip: stands in a test`},
		{"assertion outside a test", `t.eq(1, 2)`, `a_test.lua:2: got   1; want  2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in(t, "-- main.lua --\nreturn {}\n-- a_test.lua --\nlocal t = require 'test'\n"+c.src+"\n")
			s, out := runs(t, Options{Seed: 1})
			if s.Broken != 1 || !strings.Contains(out, "\n  "+c.want+"\n") {
				t.Errorf("got\n%s\nwant %s", out, c.want)
			}
		})
	}
}
