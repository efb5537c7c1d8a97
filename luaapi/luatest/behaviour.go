package luatest

import (
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/sim"
)

// behaviour is what a phone does with a call: steps that are known beforehand, or a function that gives them when the
// INVITE comes.
type behaviour struct {
	name  string // what made it: "t.after"
	shown string // how it would be written, if it is known
	steps sim.Behaviour
	fn    *lua.LFunction
}

// String is what failures call it.
func (b *behaviour) String() string {
	if b.shown != "" {
		return b.shown
	}
	return b.name + "(…)"
}

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
	code := a.code(L.Get(1), 200)
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

// late is t.late(seconds).
func (r *run) late(L *lua.LState) int {
	a := argsOf(L, "t.late")
	d := a.duration("the time", L.Get(1))
	return r.behaviour(L, &behaviour{name: a.what, steps: sim.Behaviour{sim.Ring(), {Act: sim.IgnoreCancel}, sim.Answer().In(d)}})
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
		a.fail("answers must be made by t.after, t.status, t.never, t.silent, t.late or t.script, got %s", show(v))
	}
	a.known(t, t.Len())
	var list []*behaviour
	for i := 1; i <= t.Len(); i++ {
		b, ok := value[*behaviour](t.RawGetInt(i))
		if !ok {
			a.fail("answers[%d] must be made by t.after, t.status, t.never, t.silent, t.late or t.script, got %s", i, show(t.RawGetInt(i)))
		}
		list = append(list, b)
	}
	if list == nil {
		a.fail("answers is an empty list")
	}
	return list
}
