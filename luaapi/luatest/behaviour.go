package luatest

import (
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/sim"
	"tandem/luaapi/mod"
)

// behaviour is what a phone does with a call: steps that are known beforehand, or a function that gives them when the
// INVITE comes.
type behaviour struct {
	name  string // what made it: "t.after"
	steps sim.Behaviour
	fn    *lua.LFunction
}

// String is what failures call it.
func (b *behaviour) String() string { return b.name + "(…)" }

func (r *run) behaviour(L *lua.LState, b *behaviour) int {
	L.Push(object(L, b, r.class.behaviour))
	return 1
}

// after is t.after(seconds).
func (r *run) after(L *lua.LState) int {
	a := argsOf(L, "t.after")
	return r.behaviour(L, &behaviour{name: a.what, steps: sim.After(a.duration("the time", L.Get(1)))})
}

// status is t.status(code, seconds, headers).
func (r *run) status(L *lua.LState) int {
	a := argsOf(L, "t.status")
	code := a.code(L.Get(1), 200, 699)
	var ring *time.Duration
	if L.Get(2) != lua.LNil {
		d := a.duration("the time", L.Get(2))
		ring = &d
	}
	return r.behaviour(L, &behaviour{name: a.what, steps: sim.Status(code, ring, a.headers(L.Get(3))...)})
}

// never is t.never().
func (r *run) never(L *lua.LState) int {
	return r.behaviour(L, &behaviour{name: "t.never", steps: sim.Never()})
}

// silent is t.silent().
func (r *run) silent(L *lua.LState) int {
	return r.behaviour(L, &behaviour{name: "t.silent", steps: sim.Silent()})
}

// defaultAnswers is what a phone does that is not told: it rings and answers after two seconds.
var defaultAnswers = []*behaviour{{name: "t.after", steps: sim.After(2 * time.Second)}}

// answers reads option answers: a behaviour, or a list of them for one call after the other.
func (a *args) answers(v lua.LValue) []*behaviour {
	if v == lua.LNil {
		return defaultAnswers
	}
	if b, ok := value[*behaviour](v); ok {
		return []*behaviour{b}
	}
	t, ok := v.(*lua.LTable)
	if !ok {
		a.fail("answers must be made by t.after, t.status, t.never, t.silent or t.script, got %s", show(v))
	}
	a.known(t, t.Len())
	var list []*behaviour
	for i := 1; i <= t.Len(); i++ {
		b, ok := value[*behaviour](t.RawGetInt(i))
		if !ok {
			a.fail("answers[%d] must be made by t.after, t.status, t.never, t.silent or t.script, got %s", i, show(t.RawGetInt(i)))
		}
		list = append(list, b)
	}
	if list == nil {
		a.fail("answers is an empty list")
	}
	return list
}

// offered is a call as a function of t.script sees it: what it calls is written down as steps.
type offered struct {
	phone  *phone
	invite *messages
	steps  sim.Behaviour
	wait   time.Duration
	up     bool   // answered, and not ended
	over   string // what ended it: "486"
	done   bool   // the function has returned
}

// String is what failures call it.
func (o *offered) String() string { return "call at " + o.phone.sim.Name() }

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

// ring is call:ring { headers = } : 180.
func (*run) ring(L *lua.LState) int {
	o, a := offeredCall(L, "ring")
	o.respond(a, 180, L.Get(2))
	return 0
}

// send is call:send(code, { sdp =, headers =, phrase = }).
func (*run) send(L *lua.LState) int {
	o, a := offeredCall(L, "send")
	o.respond(a, a.code(L.Get(2), 100, 699), L.Get(3))
	return 0
}

// answer is call:answer { headers =, sdp = } : 200.
func (*run) answer(L *lua.LState) int {
	o, a := offeredCall(L, "answer")
	o.respond(a, 200, L.Get(2))
	return 0
}

func (o *offered) respond(a *args, code int, options lua.LValue) {
	if o.up {
		a.fail("the call was answered already")
	}
	s := sim.Send(code)
	if options != lua.LNil {
		t, ok := options.(*lua.LTable)
		if !ok {
			a.fail("expects a table of options, got %s", mod.TypeName(options))
		}
		a.known(t, 0, "headers", "sdp", "phrase")
		s.Headers, s.Phrase = a.headers(t.RawGetString("headers")), a.text(t, "phrase")
		a.sdp(&s, t.RawGetString("sdp"))
	}
	o.step(s)
	switch {
	case code >= 300:
		o.over = "the " + lua.LNumber(code).String()
	case code >= 200:
		o.up = true
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

// bye is call:bye { headers = }.
func (*run) bye(L *lua.LState) int {
	o, a := offeredCall(L, "bye")
	if !o.up {
		a.fail("the call is not answered; write call:answer{} before, or call:send(480)")
	}
	s := sim.Bye()
	if L.Get(2) != lua.LNil {
		t := a.table(2, "call:bye { headers = { … } }")
		a.known(t, 0, "headers")
		s.Headers = a.headers(t.RawGetString("headers"))
	}
	o.step(s)
	o.over = "the BYE"
	return 0
}

// ignoreCancel is call:ignore_cancel().
func (*run) ignoreCancel(L *lua.LState) int {
	o, _ := offeredCall(L, "ignore_cancel")
	o.step(sim.Step{Act: sim.IgnoreCancel})
	return 0
}
