package luatest

import (
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/luaapi/mod"
)

// offered is a call as a function of a test sees it that says what a phone does with it: what it calls is written down as
// steps. A phone is offered the call; a caller has placed it, and its steps begin with the answer.
type offered struct {
	name   string
	invite *messages // nil for a caller
	steps  sim.Behaviour
	wait   time.Duration
	tags   []string // of the dialogs that were answered
	over   string   // what ended it: "the 486"
	done   bool     // the function has returned
}

// String is what failures call it.
func (o *offered) String() string { return "call at " + o.name }

func (o *offered) up() bool { return o.invite == nil || len(o.tags) > 0 }

// step adds a step to those of a call at hand.
func (o *offered) step(s sim.Step) {
	s.Wait = o.wait
	o.wait = 0
	o.steps = append(o.steps, s)
}

// offeredCall returns the call that a method was called on.
func offeredCall(L *lua.LState, name string) (*offered, *args) {
	o := self[*offered](L, "call:"+name+"()")
	a := argsOf(L, "call:"+name)
	switch {
	case o.done:
		a.fail("the function has returned; its steps are fixed")
	case o.over != "":
		a.fail("%s has ended the call; nothing comes after it", o.over)
	}
	return o, a
}

// options reads argument n, a table of options that may be left out.
func (a *args) options(n int, names ...string) *lua.LTable {
	if a.L.Get(n) == lua.LNil {
		return &lua.LTable{}
	}
	t, ok := a.L.Get(n).(*lua.LTable)
	if !ok {
		a.fail("expects a table of options, got %s", mod.TypeName(a.L.Get(n)))
	}
	a.known(t, 0, names...)
	return t
}

// flag reads an option that is true or false.
func (a *args) flag(t *lua.LTable, key string) bool {
	switch v := t.RawGetString(key).(type) {
	case *lua.LNilType:
	case lua.LBool:
		return bool(v)
	default:
		a.fail("%s must be true or false, got %s", key, show(v))
	}
	return false
}

// ring is call:ring { headers = } : 180.
func (*run) ring(L *lua.LState) int {
	o, a := offeredCall(L, "ring")
	o.respond(a, 180, 2)
	return 0
}

// send is call:send(code, { sdp =, headers =, phrase =, reliable =, tag = }).
func (*run) send(L *lua.LState) int {
	o, a := offeredCall(L, "send")
	o.respond(a, a.code(L.Get(2), 100), 3)
	return 0
}

// answer is call:answer { headers =, sdp = } : 200.
func (*run) answer(L *lua.LState) int {
	o, a := offeredCall(L, "answer")
	o.respond(a, 200, 2)
	return 0
}

// respond writes down a response, with the options that argument n is.
func (o *offered) respond(a *args, code, n int) {
	t := a.options(n, "headers", "sdp", "phrase", "reliable", "tag")
	s := sim.Send(code)
	s.Headers, s.Phrase, s.Tag, s.Reliable = a.headers(t.RawGetString("headers")), a.text(t, "phrase"), a.text(t, "tag"), a.flag(t, "reliable")
	a.sdp(&s, t.RawGetString("sdp"))
	switch {
	case o.invite == nil:
		a.fail("it is the caller's; responses come from phones")
	case o.up() && (code < 200 || code >= 300 || slices.Contains(o.tags, s.Tag)):
		a.fail("the call was answered already")
	case s.Reliable && (code <= 100 || code >= 200):
		a.fail("only 101 to 199 are sent reliably, got %d", code)
	}
	o.step(s)
	switch {
	case code >= 300:
		o.over = "the " + lua.LNumber(code).String()
	case code >= 200:
		o.tags = append(o.tags, s.Tag)
	}
}

// sdp reads option sdp: true is the phone's own description, false none, a string another one.
func (a *args) sdp(s *sim.Step, v lua.LValue) {
	switch v := v.(type) {
	case *lua.LNilType:
	case lua.LBool:
		s.SDP = bool(v)
		if !v {
			s.Body = sim.NoBody
		}
	case lua.LString:
		s.Body = &sim.Body{Type: "application/sdp", Content: []byte(v)}
	default:
		a.fail("sdp must be true, false or a session description, got %s", mod.TypeName(v))
	}
}

// wait is call:wait(seconds).
func (*run) wait(L *lua.LState) int {
	o, a := offeredCall(L, "wait")
	o.wait += a.duration("the time", L.Get(2))
	return 0
}

// inDialog returns the call that a request is to be sent in, and the options that argument n is.
func inDialog(L *lua.LState, name string, n int) (*offered, *args, *lua.LTable) {
	o, a := offeredCall(L, name)
	if !o.up() {
		a.fail("the call is not answered; write call:answer{} before, or call:send(480)")
	}
	if name == "bye" {
		return o, a, a.options(n, "headers")
	}
	return o, a, a.options(n, "headers", "sdp", "body", "type")
}

// ask writes down a request in the dialog.
func (o *offered) ask(a *args, s sim.Step, t *lua.LTable) {
	s.Headers = append(s.Headers, a.headers(t.RawGetString("headers"))...)
	a.sdp(&s, t.RawGetString("sdp"))
	if body := a.text(t, "body"); body != "" {
		s.Body = &sim.Body{Type: a.need(t, "type", "text/plain"), Content: []byte(body)}
	}
	o.step(s)
}

// bye is call:bye { headers = }.
func (*run) bye(L *lua.LState) int {
	o, a, t := inDialog(L, "bye", 2)
	o.ask(a, sim.Bye(), t)
	o.over = "the BYE"
	return 0
}

// reinvite is call:reinvite { headers =, sdp = }, hold and resume are call:hold { } and call:resume { }.
func (*run) reinvite(L *lua.LState) int {
	o, a, t := inDialog(L, "reinvite", 2)
	o.ask(a, sim.Resume(), t)
	return 0
}

func (*run) hold(L *lua.LState) int {
	o, a, t := inDialog(L, "hold", 2)
	o.ask(a, sim.Hold(), t)
	return 0
}

func (*run) resume(L *lua.LState) int {
	o, a, t := inDialog(L, "resume", 2)
	o.ask(a, sim.Resume(), t)
	return 0
}

// refer is call:refer(uri, { headers = }).
func (*run) refer(L *lua.LState) int {
	o, a, t := inDialog(L, "refer", 3)
	uri, ok := L.Get(2).(lua.LString)
	if !ok {
		a.fail(`the first argument must be a URI, got %s; write call:refer("sip:102@pbx.example")`, show(L.Get(2)))
	}
	a.uri("the URI", string(uri))
	target := string(uri)
	if _, err := message.ParseNameAddr([]byte(target)); err != nil || target[0] != '<' {
		target = "<" + target + ">"
	}
	o.ask(a, sim.Ask("REFER", sim.Header{Name: "Refer-To", Value: target}), t)
	return 0
}

// dialogMethods are what call:request sends.
var dialogMethods = []string{"INFO", "UPDATE", "MESSAGE", "NOTIFY", "OPTIONS", "INVITE", "REFER"}

// request is call:request(method, { headers =, sdp =, body =, type = }).
func (*run) request(L *lua.LState) int {
	o, a, t := inDialog(L, "request", 3)
	method, _ := L.Get(2).(lua.LString)
	if !slices.Contains(dialogMethods, string(method)) {
		a.fail("the method must be one of %s, got %s", list(dialogMethods), show(L.Get(2)))
	}
	o.ask(a, sim.Ask(string(method)), t)
	return 0
}

// retransmit is call:retransmit(): the last response once more.
func (*run) retransmit(L *lua.LState) int {
	o, a := offeredCall(L, "retransmit")
	if !slices.ContainsFunc(o.steps, func(s sim.Step) bool { return s.Act == sim.Respond }) {
		a.fail("no response was sent yet")
	}
	o.step(sim.Step{Act: sim.Retransmit})
	return 0
}

// vanish is call:vanish(): the phone is gone from the network.
func (*run) vanish(L *lua.LState) int {
	o, _ := offeredCall(L, "vanish")
	o.step(sim.Step{Act: sim.Vanish})
	o.over = "the phone's going"
	return 0
}

// ignoreCancel is call:ignore_cancel().
func (*run) ignoreCancel(L *lua.LState) int {
	o, a := offeredCall(L, "ignore_cancel")
	if o.invite == nil {
		a.fail("it is the caller's; nobody cancels a caller")
	}
	o.step(sim.Step{Act: sim.IgnoreCancel})
	return 0
}
