package luaapi

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tandem/engine/flow"
	"tandem/engine/plan"
)

// What an invite handler prints about the call of rig_test.go.
func TestCallFields(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`print(call.id)`, "c1@example.net"},
		{`print(call.ruri.scheme, call.ruri.user, call.ruri.host, call.ruri.port, call.ruri.params.user)`, "sip\t100\tpbx.example\tnil\tphone"},
		{`print(call.ruri.display, call.ruri.tag)`, "nil\tnil"},
		{`print(call.from.user, call.from.host, call.from.port, call.from.tag)`, "alice a\tExample.net\t5070\t88"},
		{`print(call.from.display)`, `Alice "A" Smith`},
		{`print(call.from.params.transport, call.from.params.lr)`, "tcp\ttrue"},
		{`print(call.to.user, call.to.display, call.to.tag, next(call.to.params))`, "100\tnil\tnil\tnil"},
		{`print(call.from == call.from, call.from.params == call.from.params)`, "true\ttrue"},
		{`print(call.from, call.ruri, call, call.source)`, "sip:alice%20a@Example.net:5070;Transport=tcp;lr\tsip:100@pbx.example;user=phone\tcall\ttcp:192.0.2.1:5060"},
		{`print(call.source.ip, call.source.port, call.source.transport, call.source == call.source)`, "192.0.2.1\t5060\ttcp\ttrue"},
		{`print(#call.headers.Diversion, call.headers["diversion"][1])`, "1\t<sip:1@h>;reason=unconditional, <sip:2@h>"},
		{`print(table.concat(call.headers["X-TAG"], " "))`, "one two"},
		{`print(call.headers.Subject[1], call.headers.s[1])`, "hello\thello"},
		{`print(#call.headers.None, call.headers.None[1], call.headers)`, "0\tnil\theaders"},
		{`local d = call.time print(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst, d.unix, d.zone)`, "2026\t11\t23\t10\t15\t30\t2\t327\tfalse\t1795425330\tCET"},
		{`print(call.time == call.time)`, "true"},
		{`print(#call.diversion, call.diversion[1].user, call.diversion[1].reason, call.diversion[2], call.diversion == call.diversion)`, "2\t1\tunconditional\t<sip:2@h>\ttrue"},
		{`print(#call.history, call.retarget, call.secondary)`, "0\tunconditional\tfalse"},
		{`print(call.round, call.pending, call.best)`, "0\t0\tnil"},
		{`call.vars.x = 1 print(call.vars.x, call.vars.y)`, "1\tnil"},
		{`print(type(call), getmetatable(call))`, "userdata\tfalse"},
	} {
		t.Run(c.src, func(t *testing.T) {
			if got := eval(t, c.src); got != "info "+c.want {
				t.Errorf("got %q, want %q", got, "info "+c.want)
			}
		})
	}
}

func TestCallMistakes(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`print(call.form)`, `call.form: no such field; did you mean "from"?`},
		{`print(call.zzz)`, `call.zzz: no such field`},
		{`print(call[1])`, `call has fields with names, not [1]`},
		{`call.x = 1`, `call.x cannot be written; keep what belongs to a call in call.vars`},
		{`call.vars = {}`, `call.vars cannot be written; keep what belongs to a call in call.vars`},
		{`call.from.user = "x"`, `URI.user cannot be written; keep what belongs to a call in call.vars`},
		{`call.headers.Subject = "x"`, `headers.Subject cannot be written; keep what belongs to a call in call.vars`},
		{`print(call.headers[1])`, `headers has fields with names, not [1]`},
		{`print(call.from.usr)`, `URI.usr: no such field; did you mean "user"?`},
		{`print(call.source.trunk)`, `source.trunk: no such field`},
		{`call.progress(183)`, `call:progress is called with a colon`},
		{`call.hangup()`, `call:hangup is called with a colon`},
		{`call.log("x")`, `call:log is called with a colon`},
		{`call:progress(200)`, `call:progress: the code must be a number from 101 to 199, got 200`},
		{`call:progress(183, {Via = "x"})`, `call:progress: header Via cannot be set: every leg has its own`},
		{`call:progress(183, {["X-A"] = false})`, `call:progress: header X-A is false, but there is nothing to take it from`},
		{`call:hangup("a\r\nb")`, `call:hangup: the phrase holds a line break or another control character`},
		{`call:hangup({})`, `call:hangup: phrase must be a string, got table`},
		{`call:log()`, `call:log: the text is nil`},
		{`for k in pairs(call) do end`, `bad argument #1 to pairs (table expected, got userdata)`},
	} {
		t.Run(c.src, func(t *testing.T) {
			if got := eval(t, c.src); got != "error main.lua:3: "+c.want {
				t.Errorf("\ngot  %s\nwant error main.lua:3: %s", got, c.want)
			}
		})
	}
}

func TestProgressAndHangup(t *testing.T) {
	r := serve(t, script(`
		function route.invite(call)
			call:progress(180)
			call:progress(183, { ["X-B"] = 2, ["X-A"] = "1" })
			call:hangup()
			call:hangup("Closed")
		end`))
	c := newCall(t)
	r.vm().Invite(c)
	if got, want := strings.Join(c.progress, ","), "Ringing,Session Progress X-A=1 X-B=2"; got != want {
		t.Errorf("progress %q, want %q", got, want)
	}
	if got, want := strings.Join(c.hangups, ","), ",Closed"; got != want {
		t.Errorf("hangups %q, want %q", got, want)
	}
	c = newCall(t)
	c.refuse = errors.New("the call has had its final response")
	r.vm().Invite(c)
	if got, want := r.logged(), "error main.lua:6: call:progress: the call has had its final response"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// vars and the call itself are the same in all handlers of a call, and others in another call.
func TestVars(t *testing.T) {
	r := serve(t, script(`
		function route.invite(call) call.vars.n = 1 call.vars.call = call end
		function route.busy(call) call.vars.n = call.vars.n + 1 end
		function route.ended(call) print(call.vars.n, call.vars.call == call, call.vars.call.vars.n) end`))
	v, c, other := r.vm(), newCall(t), newCall(t)
	v.Invite(c)
	v.Invite(other)
	v.Handler(c, plan.Busy, &plan.Step{})
	v.Handler(c, plan.Busy, &plan.Step{})
	v.Ended(c)
	v.Ended(other)
	if got, want := r.logged(), "info 3\ttrue\t3\ninfo 1\ttrue\t1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCallIsOver(t *testing.T) {
	r := serve(t, `
		local kept = {}
		return {
			invite = function(call)
				for _, old in ipairs(kept) do
					print(old.vars.x, pcall(function() return old.from end))
					print(pcall(old.progress, old, 183))
				end
				kept[#kept + 1] = call
				call.vars.x = "kept"
			end,
		}`)
	v, c := r.vm(), newCall(t)
	v.Invite(c)
	v.Ended(c)
	v.Invite(newCall(t))
	want := "info kept\tfalse\tmain.lua:6: call.from: the call is over; keep what you need in variables of your own\n" +
		"info false\tmain.lua:7: call:progress: the call is over; keep what you need in variables of your own"
	if got := r.logged(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// An error in a handler that the engine calls all the same is logged without a call.
	v.fail(hBusy, &callValue{}, errors.New("late"), plan.Pos{})
	if got := r.logged(); got != "error late" {
		t.Errorf("got %s", got)
	}
}

func TestBestRoundPending(t *testing.T) {
	r := serve(t, script(`function route.exhausted(call) print(call.best.code, call.round, call.pending, call.best.outcome) end`))
	c := newCall(t)
	c.best, c.round, c.pending = &plan.Step{Code: 486, Outcome: plan.Busy}, 2, 1
	r.vm().Exhausted(c, c.best, 2)
	if got := r.logged(); got != "info 486\t2\t1\tbusy" {
		t.Errorf("got %s", got)
	}
}

const busyText = "SIP/2.0 486 Busy Right Now\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
	"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n" +
	"Reason: SIP;cause=486;text=\"a, b\", q.850 ;text=\"User busy\";cause=17\r\n" +
	"Reason: Q.850;cause=34\r\nX-Why: because\r\nContent-Length: 0\r\n\r\n"

func TestBranch(t *testing.T) {
	full := plan.Step{
		Branch: 3, Target: &plan.Target{URI: "sip:%34%31@192.0.2.9:5070;x=y", User: "41"}, Name: "desk", Group: "floor",
		Outcome: plan.Busy, Code: 486, Phrase: "Busy Right Now", Response: parseMessage(t, busyText),
		Contacts: []plan.Contact{{URI: "sip:c@h", User: "c", Q: 1000}, {URI: "sip:h", Q: 250}},
		Elapsed:  2500 * time.Millisecond, Rang: true, Attempt: 2,
	}
	var empty plan.Step
	empty.Synthetic = true
	for _, c := range []struct {
		step      *plan.Step
		src, want string
	}{
		{&full, `branch.user, branch.name, branch.group, branch.code, branch.phrase, branch.outcome`, "41\tdesk\tfloor\t486\tBusy Right Now\tbusy"},
		{&full, `branch.elapsed, branch.rang, branch.attempt, branch.synthetic`, "2.5\ttrue\t2\tfalse"},
		{&full, `branch.uri, branch.uri.user, branch.uri.port, branch.uri == branch.uri`, "sip:%34%31@192.0.2.9:5070;x=y\t41\t5070\ttrue"},
		{&full, `branch.cause, #branch.reasons, branch.reasons[1], branch.reasons[3]`, "17\t3\tSIP;cause=486;text=\"a, b\"\tQ.850;cause=34"},
		{&full, `branch.response.code, branch.response.phrase, branch.response.headers["x-why"][1]`, "486\tBusy Right Now\tbecause"},
		{&full, `branch.response == branch.response, branch.response.headers == branch.response.headers`, "true\ttrue"},
		{&full, `#branch.contacts, branch.contacts[1].uri, branch.contacts[1].user, branch.contacts[1].q, branch.contacts[2].user, branch.contacts[2].q`, "2\tsip:c@h\tc\t1\tnil\t0.25"},
		{&full, `branch, branch.response`, "branch\tresponse"},
		{&empty, `branch.user, branch.uri, branch.name, branch.group, branch.code, branch.phrase, branch.outcome`, "nil\tnil\tnil\tnil\tnil\tnil\tnil"},
		{&empty, `branch.cause, #branch.reasons, branch.response, #branch.contacts, branch.synthetic, branch.rang`, "nil\t0\tnil\t0\ttrue\tfalse"},
		{&full, `branch.usr`, `!branch.usr: no such field; did you mean "user"?`},
		{&full, `branch.response.body`, `!response.body: no such field`},
		{&full, `branch.to`, `!branch.to: no such field`},
	} {
		t.Run(c.src, func(t *testing.T) {
			r := serve(t, "return { busy = function(call, branch) print("+c.src+") end }")
			r.vm().Handler(newCall(t), plan.Busy, c.step)
			want := "info " + c.want
			if msg, ok := strings.CutPrefix(c.want, "!"); ok {
				want = "error main.lua:1: " + msg
			}
			if got := r.logged(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestCauseThatIsNoNumber(t *testing.T) {
	m := parseMessage(t, strings.Replace(busyText, "cause=17", "cause=x", 1))
	if got := q850(m).String(); got != "34" {
		t.Errorf("got %s, want that of the next Reason", got)
	}
	if got := q850(parseMessage(t, inviteText)).String(); got != "nil" {
		t.Errorf("got %s without a Reason", got)
	}
}

// A branch that a function of the plan refers to is what it was when the handler got it.
func TestBranchIsACopy(t *testing.T) {
	r := serve(t, script(`
		function route.busy(call, branch)
			return plan.serial { function() return plan.to("sip:" .. branch.user .. "-" .. branch.code .. "@h") end }
		end`))
	v, c := r.vm(), newCall(t)
	s := &plan.Step{Code: 486, Target: &plan.Target{User: "7"}}
	n := v.Handler(c, plan.Busy, s)
	*s = plan.Step{}
	if got := v.Deferred(c, n.Members[0].Func, nil).String(); got != "7-486" {
		t.Errorf("got %s", got)
	}
}

func TestURIsOfAllKinds(t *testing.T) {
	for _, c := range []struct{ ruri, want string }{
		{"tel:+3120;phone-context=x", "tel\t+3120\tnil\tnil\tx"},
		{"sips:h", "sips\tnil\th\tnil\tnil"},
		{"sip:a@[2001:db8::1]:5061", "sip\ta\t[2001:db8::1]\t5061\tnil"},
		{"urn:service:sos", "urn\tnil\tnil\tnil\tnil"},
	} {
		r := serve(t, `return { invite = function(call)
			local u = call.ruri print(u.scheme, u.user, u.host, u.port, u.params["phone-context"]) end }`)
		call := newCall(t)
		call.invite = parseMessage(t, strings.Replace(inviteText, "sip:100@pbx.example;user=phone", c.ruri, 1))
		r.vm().Invite(call)
		if got := r.logged(); got != "info "+c.want {
			t.Errorf("%s: got %q, want %q", c.ruri, got, c.want)
		}
	}
}

func TestUnreadableAddress(t *testing.T) {
	v := serve(t, "return {}").vm()
	uv := v.nameAddr([]byte("nonsense"))
	if user, _ := uv.get(v, "user"); uv.String() != "nonsense" || user.String() != "nil" {
		t.Errorf("%s has user %s", uv, user)
	}
}

func TestRouteToAnAddressOfTheCall(t *testing.T) {
	r := serve(t, script(`function route.invite(call) return plan.to(call.ruri, { ring = 5 }) end`))
	if n := r.vm().Invite(newCall(t)); n == nil || n.Target.URI != "sip:100@pbx.example;user=phone" {
		t.Errorf("got %v (%s)", n, r.logged())
	}
}

func TestUnquote(t *testing.T) {
	for in, want := range map[string]string{
		`"Alice"`: "Alice", `Alice`: "Alice", `"a\"b\\"`: `a"b\`, `"`: `"`, `""`: "", ``: "",
	} {
		if got := string(unquote([]byte(in))); got != want {
			t.Errorf("unquote(%s) = %s, want %s", in, got, want)
		}
	}
}

func TestSourceUser(t *testing.T) {
	r := serve(t, `return { invite = function(call) print(call.source.user) end }`)
	for user, want := range map[string]string{"": "info nil", "100": "info 100"} {
		c := newCall(t)
		c.user = user
		r.vm().Invite(c)
		if got := r.logged(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSourceWithoutAnAddress(t *testing.T) {
	r := serve(t, `return { invite = function(call) print(call.source.ip, call.source.port, call.source.transport) end }`)
	c := newCall(t)
	c.source = flow.Flow{}
	r.vm().Invite(c)
	if got := r.logged(); got != "info nil\t0\tudp" {
		t.Errorf("got %s", got)
	}
	c = newCall(t)
	c.source = flow.Flow{Remote: netip.MustParseAddrPort("[2001:db8::1]:5060"), Transport: flow.WSS}
	r.vm().Invite(c)
	if got := r.logged(); got != "info 2001:db8::1\t5060\twss" {
		t.Errorf("got %s", got)
	}
}
