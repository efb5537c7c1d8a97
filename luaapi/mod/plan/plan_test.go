package plan

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/luaapi/api"
)

// script is a Lua state with module plan whose chunk sets global p.
type script struct {
	t *testing.T
	L *lua.LState
	m *Module
}

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{t: t, L: lua.NewState()}
	t.Cleanup(s.L.Close)
	s.m = New(nil)
	s.L.SetGlobal("plan", Table(s.L, func(*lua.LState) *Module { return s.m }))
	return s
}

func (s *script) run(src string) string {
	s.t.Helper()
	fn, err := s.L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		s.t.Fatal(err)
	}
	s.L.Push(fn)
	return said(s.L.PCall(0, 0, nil))
}

func said(err error) string {
	var e *lua.ApiError
	if errors.As(err, &e) {
		return e.Object.String()
	}
	return ""
}

// loaded ends loading with a table of defaults written in Lua.
func (s *script) loaded(defaults string) string {
	s.t.Helper()
	fn, err := s.L.Load(strings.NewReader("return "+defaults), "defaults.lua")
	if err != nil {
		s.t.Fatal(err)
	}
	s.L.Push(fn)
	s.L.Call(0, 1)
	v := s.L.Get(-1)
	s.L.Pop(1)
	s.L.Push(s.L.NewFunction(func(L *lua.LState) int { s.m.Loaded(L, "main.lua", v); return 0 }))
	return said(s.L.PCall(0, 0, nil))
}

// node runs "p = …" after loading and returns the node.
func (s *script) node(src string) *plan.Node {
	s.t.Helper()
	if err := s.run("p = " + src); err != "" {
		s.t.Fatal(err)
	}
	n := Node(s.L.GetGlobal("p"))
	if n == nil {
		s.t.Fatalf("%s is no plan", src)
	}
	return n
}

func ready(t *testing.T) *script {
	t.Helper()
	s := newScript(t)
	if err := s.loaded("nil"); err != "" {
		t.Fatal(err)
	}
	return s
}

var ignorePos = cmp.Options{cmpopts.IgnoreTypes(plan.Pos{}, plan.Options(0)), cmpopts.IgnoreUnexported(plan.Node{})}

func sip(user string) *plan.Target {
	return &plan.Target{URI: "sip:" + user + "@h", Key: "sip:" + user + "@h", User: user}
}

func ptr(s string) *string { return &s }

func TestTo(t *testing.T) {
	busy := &plan.Node{Kind: plan.KindTarget, Target: sip("b")}
	for _, c := range []struct {
		name, src string
		want      plan.Node
	}{
		{"bare", `plan.to "sip:a@h"`, plan.Node{Target: sip("a")}},
		{
			"key and user", `plan.to "sip:%61lice@EXAMPLE.net:5061;Transport=UDP"`,
			plan.Node{Target: &plan.Target{
				URI: "sip:%61lice@EXAMPLE.net:5061;Transport=UDP", Key: "sip:alice@example.net:5061;transport=udp", User: "alice",
			}},
		},
		{"times", `plan.to("sip:a@h", {ring = 20, delay = 0.5})`, plan.Node{Ring: 20 * time.Second, Delay: 500 * time.Millisecond, Target: sip("a")}},
		{"name", `plan.to("sip:a@h", {name = "desk"})`, plan.Node{Name: "desk", Target: sip("a")}},
		{"edges", `plan.to("sip:a@h", {on = {busy = plan.to "sip:b@h"}})`, plan.Node{On: &plan.Edges{plan.Busy: busy}, Target: sip("a")}},
		{
			"credentials", `plan.to("sip:a@h", {auth = {user = "tandem", password = "secret"}})`,
			plan.Node{Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", Auth: plan.Auth{Login: &plan.Login{User: "tandem", Password: "secret"}}}},
		},
		{
			"policies", `plan.to("sip:a@h", {on_6xx = "branch", redirect = "follow", auth = "pass"})`,
			plan.Node{Target: &plan.Target{
				URI: "sip:a@h", Key: "sip:a@h", User: "a", On6xx: plan.SixBranch, Redirect: plan.RedirectFollow, Auth: plan.Auth{Pass: true},
			}},
		},
		{
			"policies, the other words", `plan.to("sip:a@h", {on_6xx = "stop", redirect = "pass"})`,
			plan.Node{Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", On6xx: plan.SixStop, Redirect: plan.RedirectPass}},
		},
		{
			"the leg", `plan.to("sip:a@h", {early_media = "all", prack = "off", max_duration = 30, send_181 = true, dialect = "minisipserver"})`,
			plan.Node{Target: &plan.Target{
				URI: "sip:a@h", Key: "sip:a@h", User: "a", EarlyMedia: plan.EarlyAll, Prack: plan.PrackOff, MaxDuration: 30 * time.Second,
				Send181: true, Dialect: "minisipserver",
			}},
		},
		{
			"headers are sorted", `plan.to("sip:a@h", {headers = {["X-B"] = "2", ["X-A"] = 1, Subject = false}})`,
			plan.Node{Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", Headers: []plan.Header{
				{Name: "Subject", Remove: true}, {Name: "X-A", Value: "1"}, {Name: "X-B", Value: "2"},
			}}},
		},
		{
			"headers of a CANCEL", `plan.to("sip:a@h", {cancel_headers = {["X-B"] = "2", ["X-A"] = 1}})`,
			plan.Node{Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", CancelHeaders: []plan.Header{{Name: "X-A", Value: "1"}, {Name: "X-B", Value: "2"}}}},
		},
		{
			"addresses", `plan.to("sip:a@h", {params = {user = "phone", x = true, n = 5}, to = "keep", display = "Desk", clip = false,
				from = {user = "a b", host = "pbx.example:5070", display = false}})`,
			plan.Node{Target: &plan.Target{
				URI: "sip:a@h", Key: "sip:a@h", User: "a", Params: ";n=5;user=phone;x", To: plan.ToKeep, Display: ptr("Desk"),
				From: &plan.From{User: "a%20b", Host: "pbx.example:5070", Display: ptr("")},
				Clip: &plan.Header{Name: "P-Asserted-Identity", Remove: true},
			}},
		},
		{
			"addresses, the other words", `plan.to("sip:a@h", {params = {}, to = "tel:+4930", display = false, clip = "tel:+4930;ext=1", from = {}})`,
			plan.Node{Target: &plan.Target{
				URI: "sip:a@h", Key: "sip:a@h", User: "a", To: "tel:+4930", Display: ptr(""), From: &plan.From{},
				Clip: &plan.Header{Name: "P-Asserted-Identity", Value: "<tel:+4930;ext=1>"},
			}},
		},
		{"no options", `plan.to("sip:a@h", nil)`, plan.Node{Target: sip("a")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(&c.want, ready(t).node(c.src), ignorePos); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	s := ready(t)
	n := s.node(`plan.serial {
		plan.to "sip:a@h",
		plan.parallel {
			plan.to "sip:b@h",
			plan.to("sip:c@h", { delay = 5 }),
			ring = 25, name = "floor", delay = 1, hold = true,
			each = { ring = 10, delay = 2, on_6xx = "branch", redirect = "deny", headers = { ["X-A"] = "1" },
				on = { busy = plan.reject(486) } },
			on = { no_answer = plan.to "sip:v@h" },
		},
		plan.serial {},
	}`)
	want := &plan.Node{Kind: plan.KindSerial, Members: []*plan.Node{
		{Target: sip("a")},
		{
			Kind: plan.KindParallel, Ring: 25 * time.Second, Name: "floor", Delay: time.Second, Hold: true,
			Each: &plan.Each{
				Ring: 10 * time.Second, Delay: 2 * time.Second,
				On: &plan.Edges{plan.Busy: {Kind: plan.KindReject, Reply: &plan.Reply{Code: 486}}},
				Target: plan.Target{
					On6xx: plan.SixBranch, Redirect: plan.RedirectDeny, Headers: []plan.Header{{Name: "X-A", Value: "1"}},
				},
			},
			On:      &plan.Edges{plan.NoAnswer: {Target: sip("v")}},
			Members: []*plan.Node{{Target: sip("b")}, {Target: sip("c"), Delay: 5 * time.Second}},
		},
		{Kind: plan.KindSerial, Members: []*plan.Node{}},
	}}
	if diff := cmp.Diff(want, n, ignorePos); diff != "" {
		t.Error(diff)
	}
}

func TestPositions(t *testing.T) {
	s := ready(t)
	n := s.node("plan.serial {\n plan.to 'sip:a@h',\n plan.parallel {\n},\n function(call)\n end }")
	var got []string
	for _, m := range append([]*plan.Node{n}, n.Members...) {
		got = append(got, m.Pos.String())
	}
	if diff := cmp.Diff([]string{"main.lua:1", "main.lua:2", "main.lua:3", "main.lua:5"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeferred(t *testing.T) {
	s := ready(t)
	n := s.node(`plan.to("sip:a@h", {on = {busy = function(call, branch) return nil end}})`)
	edge := n.On[plan.Busy]
	if fn, ok := edge.Func.(*lua.LFunction); !ok || edge.Kind != plan.KindDeferred || fn.Proto.NumParameters != 2 {
		t.Errorf("edge is %+v, want the function", edge)
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		src  string
		want plan.Node
	}{
		{`plan.reject(486)`, plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 486}}},
		{
			`plan.reject(503, "Come back", {["Retry-After"] = 30})`,
			plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{
				Code: 503, Phrase: "Come back", Headers: []plan.Header{{Name: "Retry-After", Value: "30"}},
			}},
		},
		{
			`plan.redirect { "sip:a@h", { uri = "tel:+3120", q = 0.5 }, { uri = "sip:b@h", user = "b" } }`,
			plan.Node{Kind: plan.KindRedirect, Reply: &plan.Reply{Code: 302, Contacts: []plan.Contact{
				{URI: "sip:a@h", Key: "sip:a@h", User: "a", Q: 1000},
				{URI: "tel:+3120", Key: "tel:+3120", User: "+3120", Q: 500},
				{URI: "sip:b@h", Key: "sip:b@h", User: "b", Q: 1000},
			}}},
		},
		{`plan.follow()`, plan.Node{Kind: plan.KindFollow}},
		{`plan.pass()`, plan.Node{Kind: plan.KindPass}},
	} {
		t.Run(c.src, func(t *testing.T) {
			if diff := cmp.Diff(&c.want, ready(t).node(c.src), ignorePos); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`plan.to("sip:a@h", {rign = 1})`, `plan.to has no option "rign"; did you mean "ring"?`},
		{`plan.to("sip:a@h", {prack = "yes"})`, `plan.to: prack cannot be "yes"; it is "supported", "off" or "required"`},
		{`plan.to("sip:a@h", {max_duration = 0})`, `plan.to: max_duration must be above 0 s; leave it out for no limit`},
		{`plan.to("sip:a@h", {send_181 = "yes"})`, `plan.to: send_181 must be true or false, got string`},
		{`plan.to("sip:a@h", {dialect = "other"})`, `plan.to: dialect cannot be "other"; it is "minisipserver"`},
		{`plan.to("sip:a@h", {params = "user=phone"})`, `plan.to: params must be a table of values by name, got string`},
		{`plan.to("sip:a@h", {params = {"user"}})`, `plan.to: params has names as keys, got key 1; write { user = "phone" }`},
		{`plan.to("sip:a@h", {params = {["a;b"] = "1"}})`, `plan.to: "a;b" is no name of a URI parameter`},
		{`plan.to("sip:a@h", {params = {Transport = "tcp"}})`, `plan.to: params cannot have Transport: it says how a request is sent; write it into the URI of the target`},
		{`plan.to("sip:a@h", {params = {x = "1;y=2"}})`, `plan.to: parameter x cannot be "1;y=2"`},
		{`plan.to("sip:a@h", {params = {x = "1?y=2"}})`, `plan.to: parameter x cannot be "1?y=2"`},
		{`plan.to("sip:a@h", {params = {x = "a@b"}})`, `plan.to: parameter x cannot be "a@b"`},
		{`plan.to("sip:a@h", {params = {x = "a\r\nVia: x"}})`, `plan.to: parameter x cannot be "a\r\nVia: x"`},
		{`plan.to("sip:a@h", {params = {x = ""}})`, `plan.to: parameter x cannot be ""`},
		{`plan.to("sip:a@h", {params = {x = false}})`, `plan.to: parameter x must be a string, or true for one without a value, got boolean`},
		{`plan.to("sip:a@h", {to = 5})`, `plan.to: to must be "keep" or a URI such as "sip:100@pbx.example", got number`},
		{`plan.to("sip:a@h", {to = "100"})`, `plan.to: to cannot be "100"; write "keep" or a URI such as "sip:100@pbx.example"`},
		{`plan.to("sip:a@h", {to = "sip:a@h?Subject=x"})`, `plan.to: to cannot be "sip:a@h?Subject=x"; write "keep" or a URI such as "sip:100@pbx.example"`},
		{`plan.to("sip:a@h", {from = "sip:a@h"})`, `plan.to: from must be a table with user, host or display, got string`},
		{`plan.to("sip:a@h", {from = {usr = "a"}})`, `plan.to: from has no "usr"; did you mean "user"?`},
		{`plan.to("sip:a@h", {from = {user = ""}})`, `plan.to: from: user is empty; leave it out to keep what came in`},
		{`plan.to("sip:a@h", {from = {user = 100}})`, `plan.to: user must be a string, got number`},
		{`plan.to("sip:a@h", {from = {host = "a b"}})`, `plan.to: from: host cannot be "a b"; write a name, an IP address, or one of them with a port`},
		{`plan.to("sip:a@h", {from = {host = "a@b"}})`, `plan.to: from: host cannot be "a@b"; write a name, an IP address, or one of them with a port`},
		{`plan.to("sip:a@h", {from = {display = "a\nb"}})`, `plan.to: from: display holds a line break or another control character`},
		{`plan.to("sip:a@h", {display = 5})`, `plan.to: display must be a string, got number`},
		{`plan.to("sip:a@h", {display = "a\nb"})`, `plan.to: display holds a line break or another control character`},
		{`plan.to("sip:a@h", {cancel_headers = {Reason = false}})`, `plan.to: header Reason is false, but there is nothing to take it from`},
		{`plan.to("sip:a@h", {cancel_headers = "X"})`, `plan.to: cancel_headers must be a table of values by name, got string`},
		{`plan.to("sip:a@h", {colp = true})`, `plan.to: colp must be a URI such as "sip:100@pbx.example", or false, got boolean`},
		{`plan.to("sip:a@h", {trusted = 1})`, `plan.to: trusted must be true or false, got number`},
		{`plan.to("sip:a@h", {privacy = "all"})`, `plan.to: privacy cannot be "all"; it is "id", "user", "header" or "history"`},
		{`plan.to("sip:a@h", {privacy = {"id", "none"}})`, `plan.to: privacy cannot be "none"; it is "id", "user", "header" or "history"`},
		{`plan.to("sip:a@h", {privacy = {"id", x = 1}})`, `plan.to: privacy is a list of words, got key x`},
		{`plan.to("sip:a@h", {clip = true})`, `plan.to: clip must be a URI such as "sip:100@pbx.example", or false, got boolean`},
		{`plan.to("sip:a@h", {clip = "+4930"})`, `plan.to: clip cannot be "+4930"; write a URI such as "sip:100@pbx.example" or "tel:+4930123"`},
		{`plan.to("sip:a@h", {timeout = 20})`, `plan.to has no option "timeout"; did you mean "ring"?`},
		{`plan.to("sip:a@h", {busy = plan.to "sip:b@h"})`, `plan.to has no option "busy"; write on = { busy = … }`},
		{`plan.parallel {on_no_answer = plan.to "sip:b@h"}`, `plan.parallel has no option "on_no_answer"; write on = { no_answer = … }`},
		{`plan.to("sip:a@h", {onbusy = plan.to "sip:b@h"})`, `plan.to has no option "onbusy"; write on = { busy = … }`},
		{`plan.to("sip:a@h", {hold = true})`, `plan.to has no option "hold"`},
		{`plan.to("sip:a@h", {"ring"})`, `plan.to: options have names, got key 1`},
		{`plan.to("sip:a@h", "ring")`, `plan.to: options must be a table, got string`},
		{`plan.to("sip:a@h", {ring = 0})`, `plan.to: ring must be above 0 s; leave it out for no limit of its own`},
		{`plan.to("sip:a@h", {ring = -1})`, `plan.to: ring must not be negative, got -1 s`},
		{`plan.to("sip:a@h", {ring = 0/0})`, `plan.to: ring must not be negative, got NaN s`},
		{`plan.to("sip:a@h", {ring = 1/0})`, `plan.to: ring must be at most 1000000 s, got +Inf s`},
		{`plan.to("sip:a@h", {ring = 1e-12})`, `plan.to: ring must be above 0 s; leave it out for no limit of its own`},
		{`plan.to("sip:a@h", {ring = "20"})`, `plan.to: ring must be a number of seconds, got string`},
		{`plan.to("sip:a@h", {delay = -0.5})`, `plan.to: delay must not be negative, got -0.5 s`},
		{`plan.to("sip:a@h", {name = 5})`, `plan.to: name must be a string, got number`},
		{`plan.to("sip:a@h", {on_6xx = "stopp"})`, `plan.to: on_6xx cannot be "stopp"; it is "stop" or "branch"; did you mean "stop"?`},
		{`plan.to("sip:a@h", {redirect = "x"})`, `plan.to: redirect cannot be "x"; it is "deny", "follow" or "pass"`},
		{`plan.to("sip:a@h", {auth = {}})`, `plan.to: auth is "pass" or a table with user and password; the user is missing`},
		{`plan.to("sip:a@h", {auth = {user = "u", pasword = "p"}})`, `plan.to: auth has no "pasword"; did you mean "password"?`},
		{`plan.to("sip:a@h", {auth = {user = 1}})`, `plan.to: auth: user must be a string, got number`},
		{`plan.to("sip:a@h", {auth = "no"})`, `plan.to: auth cannot be "no"; it is "pass"`},
		{`plan.to("sip:a@h", {on = 1})`, `plan.to: on must be a table of plans by outcome, got number`},
		{`plan.to("sip:a@h", {on = {plan.to "sip:b@h"}})`, `plan.to: on has outcomes as keys, got key 1; write on = { busy = … }`},
		{`plan.to("sip:a@h", {on = {bussy = plan.to "sip:b@h"}})`, `plan.to: on has no outcome "bussy"; did you mean "busy"?`},
		{`plan.to("sip:a@h", {on = {busy = "sip:b@h"}})`, `plan.to: on.busy must be a plan or a function that returns one, got string; write plan.to "sip:b@h"`},
		{`plan.to("sip:a@h", {on = {busy = false}})`, `plan.to: on.busy must be a plan or a function that returns one, got boolean`},
		{`plan.to("sip:a@h", {on = {busy = plan.follow()}})`, `plan.to: on.busy is plan.follow(), which only route.redirected may return`},
		{`plan.to("sip:a@h", {on = {busy = print}})`, `plan.to: on.busy must be a plan or a function that returns one, got function`},
		{`plan.to("sip:a@h", {headers = "X: 1"})`, `plan.to: headers must be a table of values by name, got string`},
		{`plan.to("sip:a@h", {headers = {"X: 1"}})`, `plan.to: headers has header names as keys, got key 1`},
		{`plan.to("sip:a@h", {headers = {["X Y"] = "1"}})`, `plan.to: "X Y" is no header name`},
		{`plan.to("sip:a@h", {headers = {["X-Y"] = "1\r\nVia: x"}})`, `plan.to: header X-Y holds a line break or another control character`},
		{`plan.to("sip:a@h", {headers = {["X-Y"] = true}})`, `plan.to: header X-Y must be a string, or false to take it away, got boolean`},
		{`plan.to("sip:a@h", {headers = {["X-Y"] = {}}})`, `plan.to: header X-Y must be a string, or false to take it away, got table`},
		{`plan.to("sip:a@h", {headers = {via = "x"}})`, `plan.to: header Via cannot be set: every leg has its own`},
		{`plan.to("sip:a@h", {headers = {m = "x"}})`, `plan.to: header Contact cannot be set: every leg has its own`},
		{`plan.to("sip:a@h", {headers = {["max-forwards"] = false}})`, `plan.to: header Max-Forwards cannot be set: every leg has its own`},
		{`plan.to("sip:a@h", {headers = {["X-A"] = "1", ["x-a"] = "2"}})`, `plan.to: header x-a is given twice`},
		{`plan.to("sip:a@h", {headers = {o = "1", Event = "2"}})`, `plan.to: header Event is given twice`},

		{`plan.to()`, `plan.to: the target must be a SIP URI such as "sip:100@192.0.2.1", got nil`},
		{`plan.to(100)`, `plan.to: the target must be a SIP URI such as "sip:100@192.0.2.1", got number`},
		{`plan.to(plan.follow())`, `plan.to: the target must be a SIP URI such as "sip:100@192.0.2.1", got plan`},
		{`plan.to "100@192.0.2.1"`, `plan.to "100@192.0.2.1": no SIP URI; write "sip:100@192.0.2.1"`},
		{`plan.to "100@192.0.2.1:5070"`, `plan.to "100@192.0.2.1:5070": no SIP URI; write "sip:100@192.0.2.1:5070"`},
		{`plan.to "sip:a b@h"`, `plan.to "sip:a b@h": no valid SIP URI`},
		{`plan.to "sip:"`, `plan.to "sip:": no SIP URI; write "sip:sip:"`},
		{`plan.to "trunk:acme/100"`, `plan.to "trunk:acme/100": no trunks in this release; write the address of the carrier`},
		{`plan.to "sips:a@h;transport=udp"`, `plan.to "sips:a@h;transport=udp": sips with transport=udp is not spoken; write udp (sip only), tcp, tls, ws or wss`},
		{`plan.to "sip:a@h;transport=sctp"`, `plan.to "sip:a@h;transport=sctp": sip with transport=sctp is not spoken; write udp (sip only), tcp, tls, ws or wss`},
		{`plan.to "tel:+31201234567"`, `plan.to "tel:+31201234567": tel URIs are not dialled in this release; write "sip:+31201234567@HOST;user=phone"`},
		{`plan.to "mailto:a@h"`, `plan.to "mailto:a@h": scheme "mailto" cannot be dialled; write a sip: URI`},
		{`plan.to "sip:a@h?Subject=x"`, `plan.to "sip:a@h?Subject=x": a Request-URI has no headers ("?Subject=x")`},
		{`plan.to "sip:a@h;method=BYE"`, `plan.to "sip:a@h;method=BYE": a Request-URI has no method parameter`},

		{`plan.serial()`, `plan.serial takes one list, got nil; write plan.serial { a, b }`},
		{`plan.serial(plan.follow(), 1)`, `plan.serial takes one list, got plan; write plan.serial { a, b }`},
		{`plan.parallel({}, {ring = 1})`, `plan.parallel takes one list and no more; write its options into the list`},
		{`plan.parallel {rings = 25}`, `plan.parallel has no option "rings"; did you mean "ring"?`},
		{`plan.parallel {headers = {}}`, `plan.parallel has no option "headers"`},
		{`plan.parallel {[0.5] = plan.to "sip:a@h"}`, `plan.parallel: options have names, got key 0.5`},
		{`plan.parallel {hold = 1}`, `plan.parallel: hold must be true or false, got number`},
		{`plan.serial {"sip:a@h"}`, `plan.serial: item 1 must be a plan or a function that returns one, got string; write plan.to "sip:a@h"`},
		{`plan.serial {plan.to "sip:a@h", {}}`, `plan.serial: item 2 must be a plan or a function that returns one, got table`},
		{`plan.serial {plan.pass()}`, `plan.serial: item 1 is plan.pass(), which only route.refer may return`},
		{`plan.serial {plan.follow()}`, `plan.serial: item 1 is plan.follow(), which only route.redirected may return`},
		{`plan.serial {nil, plan.to "sip:a@h"}`, `plan.serial: item 1 is nil; leave out what is not there`},
		{`plan.serial {plan.to "sip:a@h", nil, plan.to "sip:a@h"}`, `plan.serial: item 2 is nil; leave out what is not there`},
		{`plan.serial {plan.to "sip:a@h", nil}`, `plan.serial: item 2 is nil; leave out what is not there`},
		{`plan.serial {plan.to "sip:a@h", nil, ring = 5}`, `plan.serial: item 2 is nil; leave out what is not there`},
		{`plan.serial {each = 1}`, `plan.serial: each must be a table of options for the members, got number`},
		{`plan.serial {each = {rings = 1}}`, `plan.serial: each has no option "rings"; did you mean "ring"?`},
		{`plan.serial {each = {name = "x"}}`, `plan.serial: each has no option "name"`},
		{`plan.parallel {plan.to("sip:a@h", {delay = 30}), ring = 25}`, `delay of 30 s is not below the 25 s that the group at main.lua:1 rings: it would never start`},
		{`plan.parallel {plan.to("sip:a@h"), ring = 5, each = {delay = 5}}`, `delay of 5 s is not below the 5 s that the group at main.lua:1 rings: it would never start`},

		{`plan.reject()`, `plan.reject: the code must be a number from 300 to 699, got nil`},
		{`plan.reject("486")`, `plan.reject: the code must be a number from 300 to 699, got string`},
		{`plan.reject(200)`, `plan.reject: the code must be a number from 300 to 699, got 200`},
		{`plan.reject(700)`, `plan.reject: the code must be a number from 300 to 699, got 700`},
		{`plan.reject(486.5)`, `plan.reject: the code must be a number from 300 to 699, got 486.5`},
		{`plan.reject(486, 5)`, `plan.reject: phrase must be a string, got number`},
		{`plan.reject(486, "a\nb")`, `plan.reject: the phrase holds a line break or another control character`},
		{`plan.reject(486, nil, "x")`, `plan.reject: headers must be a table of values by name, got string`},
		{`plan.reject(486, nil, {["X-A"] = false})`, `plan.reject: header X-A is false, but there is nothing to take it from`},
		{`plan.redirect "sip:a@h"`, `plan.redirect takes one list, got string; write plan.redirect { a, b }`},
		{`plan.redirect {}`, `plan.redirect needs a contact`},
		{`plan.redirect {uri = "sip:a@h"}`, `plan.redirect has no option "uri"; write { { uri = …, q = … }, … }`},
		{`plan.redirect {{uri = "sip:a@h", qq = 1}}`, `plan.redirect: a contact has no "qq"; did you mean "q"?`},
		{`plan.redirect {{uri = "sip:a@h", q = 2}}`, `plan.redirect: q must be a number from 0 to 1, got 2`},
		{`plan.redirect {{q = 1}}`, `plan.redirect: a contact must be a SIP URI such as "sip:100@192.0.2.1", got nil`},
		{`plan.redirect {"a b"}`, `plan.redirect "a b": no valid URI`},

		{`plan.divert()`, `plan.divert: item 1 must be a plan or a function that returns one, got nil`},
		{`plan.divert "a b"`, `plan.divert "a b": no SIP URI; write "sip:a b"`},
		{`plan.divert("sip:a@h", { bye = "x" })`, `plan.divert has no option "bye"; did you mean "by"?`},
		{`plan.divert("sip:a@h", { by = "a@b" })`, `plan.divert: by cannot be "a@b"; write a user such as "100", or a URI such as "sip:100@pbx.example"`},
		{`plan.divert("sip:a@h", { by = 100 })`, `plan.divert: by must be a SIP URI such as "sip:100@192.0.2.1", got number`},
		{`plan.divert("sip:a@h", { reason = "busy" })`, `plan.divert: reason cannot be "busy"; it is "user-busy", "no-answer", "unavailable", "unconditional" or "deflection"`},
		{`plan.divert("sip:a@h", { max = 0 })`, `plan.divert: max must be a whole number from 1 to 99, got 0`},
		{`plan.divert("sip:a@h", { codecs = { "PCMA" } })`, `plan.divert has no option "codecs"`},
		{`plan.to("sip:a@h", { codecs = {} })`, `plan.to: codecs must be a list of names such as { "PCMA", "opus" }, got table`},
		{`plan.to("sip:a@h", { codecs = { 8 } })`, `plan.to: codec 1 must be a name such as "PCMA", got 8`},
		{`plan.to("sip:a@h", { codecs = { "PCMA", frist = true } })`, `plan.to: codecs has no "frist"; did you mean "first"?`},
		{`plan.too "sip:a@h"`, `plan has no "too"; did you mean "to"?`},
		{`plan.to = nil`, `module plan cannot be changed; keep "to" in a local of your own`},
	} {
		t.Run(c.src, func(t *testing.T) {
			src := "local x = " + c.src
			if strings.HasSuffix(c.src, "= nil") {
				src = c.src
			}
			if got := ready(t).run(src); got != "main.lua:1: "+c.want {
				t.Errorf("\ngot  %s\nwant main.lua:1: %s", got, c.want)
			}
		})
	}
}

func TestMistakesNameTheLineOfTheKey(t *testing.T) {
	s := newScript(t)
	s.m.keyLine = func(call plan.Pos, key string) int {
		if call == (plan.Pos{File: "main.lua", Line: 2}) && key == "rings" {
			return 4
		}
		return 0
	}
	if got, want := s.run("\nlocal p = plan.serial {\n\nrings = 3 }"), `main.lua:4: plan.serial has no option "rings"; did you mean "ring"?`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDelayIsNamedAtTheMember(t *testing.T) {
	got := ready(t).run("\nlocal late = plan.to('sip:a@h', {delay = 30})\n\nplan.parallel { late, ring = 25 }")
	if want := "main.lua:2: delay of 30 s is not below the 25 s that the group at main.lua:4 rings: it would never start"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestListIsLeftAsItWas(t *testing.T) {
	s := ready(t)
	if err := s.run(`
		local list = { plan.to "sip:a@h", plan.to "sip:b@h", ring = 5 }
		local first, second = list[1], list[2]
		plan.serial(list)
		assert(#list == 2 and list[1] == first and list[2] == second and list.ring == 5)
	`); err != "" {
		t.Error(err)
	}
}

func TestNodeMayStandInManyPlans(t *testing.T) {
	s := ready(t)
	if err := s.run(`a = plan.to "sip:a@h"  p = plan.serial { a, a }  q = plan.parallel { a }`); err != "" {
		t.Fatal(err)
	}
	p, q := Node(s.L.GetGlobal("p")), Node(s.L.GetGlobal("q"))
	if a := Node(s.L.GetGlobal("a")); p.Members[0] != a || p.Members[1] != a || q.Members[0] != a {
		t.Error("the node was copied")
	}
}

func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		name, defaults, src string
		want                plan.Node
	}{
		{"taken", `{ring = 20, on_6xx = "branch"}`, `plan.to "sip:a@h"`, plan.Node{
			Ring: 20 * time.Second, Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", On6xx: plan.SixBranch},
		}},
		{"explicit wins", `{ring = 20, delay = 3}`, `plan.to("sip:a@h", {ring = 5, delay = 0})`, plan.Node{Ring: 5 * time.Second, Target: sip("a")}},
		{"headers as a whole", `{headers = {A = "1"}}`, `plan.to("sip:a@h", {headers = {B = "2"}})`, plan.Node{
			Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", Headers: []plan.Header{{Name: "B", Value: "2"}}},
		}},
		{"not for groups", `{ring = 20}`, `plan.serial {}`, plan.Node{Kind: plan.KindSerial, Members: []*plan.Node{}}},
		{"all options", `{name = "n", auth = "pass", redirect = "pass", on = {busy = plan.reject(486)}}`, `plan.to "sip:a@h"`, plan.Node{
			Name: "n", On: &plan.Edges{plan.Busy: {Kind: plan.KindReject, Reply: &plan.Reply{Code: 486}}},
			Target: &plan.Target{URI: "sip:a@h", Key: "sip:a@h", User: "a", Redirect: plan.RedirectPass, Auth: plan.Auth{Pass: true}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			early := s.node(c.src)
			if err := s.loaded(c.defaults); err != "" {
				t.Fatal(err)
			}
			late := s.node(c.src)
			if diff := cmp.Diff(&c.want, late, ignorePos); diff != "" {
				t.Errorf("made in a call: %s", diff)
			}
			if diff := cmp.Diff(&c.want, early, ignorePos); diff != "" {
				t.Errorf("made while loading: %s", diff)
			}
		})
	}
}

func TestDefaultsMistakes(t *testing.T) {
	for _, c := range []struct{ src, defaults, want string }{
		{"", "5", "main.lua: route.defaults must be a table of options for targets, got number"},
		{"", "{rign = 5}", `main.lua: route.defaults has no option "rign"; did you mean "ring"?`},
		{"", "{each = {}}", `main.lua: route.defaults has no option "each"`},
		{
			"\np = plan.parallel { plan.to 'sip:a@h', ring = 5 }", "{delay = 6}",
			"main.lua:2: delay of 6 s is not below the 5 s that the group at main.lua:2 rings: it would never start",
		},
	} {
		s := newScript(t)
		if err := s.run(c.src); err != "" {
			t.Fatal(err)
		}
		if got := s.loaded(c.defaults); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestToString(t *testing.T) {
	s := ready(t)
	s.node(`plan.serial { plan.to "sip:100@h", plan.parallel { plan.to "sip:200@h", plan.to("sip:201@h", {delay = 5}) } }`)
	if err := s.run("s = tostring(p)"); err != "" {
		t.Fatal(err)
	}
	if got, want := s.L.GetGlobal("s").String(), "serial{100, parallel{200, 201+5s}}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type uriValue struct{}

func (uriValue) URI() string { return "sip:a@h" }

func TestURIValueIsATarget(t *testing.T) {
	s := ready(t)
	s.L.SetGlobal("uri", &lua.LUserData{Value: uriValue{}})
	if n := s.node("plan.to(uri)"); n.Target.URI != "sip:a@h" {
		t.Errorf("target is %q", n.Target.URI)
	}
}

func TestParsedTargetsAreBounded(t *testing.T) {
	s := ready(t)
	if err := s.run(`for i = 1, 10000 do plan.to("sip:" .. i .. "@h") end`); err != "" {
		t.Fatal(err)
	}
	if n := len(s.m.targets); n > maxTargets {
		t.Errorf("%d parsed targets are kept, want at most %d", n, maxTargets)
	}
}

func TestForOtherModules(t *testing.T) {
	s := ready(t)
	s.L.SetGlobal("progress", s.L.NewFunction(func(L *lua.LState) int {
		code := Code(L, "call:progress", L.Get(1), 101, 199)
		phrase := Phrase(L, "call:progress", L.Get(2))
		hs := s.m.Headers(L, "call:progress", L.Get(3))
		if code != 183 || phrase != "Wait" || len(hs) != 1 || hs[0] != (plan.Header{Name: "X-A", Value: "1"}) {
			t.Errorf("got %d %q %v", code, phrase, hs)
		}
		return 0
	}))
	if err := s.run(`progress(183, "Wait", {["X-A"] = "1"})`); err != "" {
		t.Error(err)
	}
	for src, want := range map[string]string{
		`progress(200)`:                     "main.lua:1: call:progress: the code must be a number from 101 to 199, got 200",
		`progress(183, {})`:                 "main.lua:1: call:progress: phrase must be a string, got table",
		`progress(183, "", {["X-A"] = {}})`: "main.lua:1: call:progress: header X-A must be a string, or false to take it away, got table",
	} {
		if got := s.run(src); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if Node(lua.LNil) != nil || Node(&lua.LUserData{}) != nil {
		t.Error("a plan where none is")
	}
}

func TestFunction(t *testing.T) {
	s := ready(t)
	if pos := Function(s.L.NewFunction(func(*lua.LState) int { return 0 })); pos != (plan.Pos{}) {
		t.Errorf("got %v for a Go function", pos)
	}
}

// What the registry knows of tables and words is what is read.
func TestRegistry(t *testing.T) {
	var all optionSet
	for _, s := range []optionSet{targetOptions, groupOptions, eachOptions, divertOptions} {
		all |= s
	}
	if all != 1<<numOptions-1 {
		t.Errorf("the registry knows only %q of %q", all.names(), optionNames)
	}
	r := api.Lua()
	for class, want := range map[api.Type][]string{"tandem.edges": outcomes, "tandem.from_options": fromFields} {
		if diff := cmp.Diff(want, api.Names(r.Class(class).Fields)); diff != "" {
			t.Errorf("%s: -read +registry\n%s", class, diff)
		}
	}
	ring, delay := r.Class("tandem.target_options").Field("ring").Range, r.Class("tandem.target_options").Field("delay").Range
	if ring.Max != maxSeconds || !ring.Above || delay.Max != maxSeconds || delay.Above {
		t.Errorf("ring %+v, delay %+v", ring, delay)
	}
}
