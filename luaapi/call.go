package luaapi

import (
	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap/zapcore"

	"tandem/engine"
	"tandem/engine/message"
	"tandem/luaapi/mod"
	activitymod "tandem/luaapi/mod/activity"
	planmod "tandem/luaapi/mod/plan"
)

// callValue is `call`. What scripts read more than once is kept once made; of that, what shows the INVITE only while a handler runs:
// calls wait for long.
type callValue struct {
	ud lua.LUserData
	c  engine.Call // nil once the call is over

	from, to, ruri *uriValue
	headers        *headersValue
	source         *sourceValue
	vars, time     *lua.LTable
	identity       callIdentity
	registration   *engine.Registration // of a REGISTER

	fellBack       bool // route.fallback was asked
	judged, failed bool // for the canary
	arm            *arm // what the call counts for while a canary runs; nil = nothing

	// established calls of a generation are a list.
	established bool
	next, prev  *callValue

	line *activitymod.Line // of the device that answered, if scripts ask about it
}

// rest lets go of what shows the INVITE: it is made again for a handler that asks.
func (cv *callValue) rest() {
	cv.from, cv.to, cv.ruri, cv.headers, cv.source = nil, nil, nil, nil, nil
}

// judge counts the call for a canary: its set-up is over.
func (cv *callValue) judge() {
	if cv.arm != nil && !cv.judged {
		cv.judged = true
		cv.arm.judge(cv.failed)
	}
}

// fail notes that a handler failed, or the script answered 5xx.
func (cv *callValue) fail() {
	if cv.arm != nil && cv.judged && !cv.failed {
		cv.arm.failed.Add(1)
	}
	cv.failed = true
}

// callOf returns the value of a call, which lives as long as the call.
func (v *vm) callOf(c engine.Call) *callValue {
	if cv, ok := c.Data().(*callValue); ok {
		return cv
	}
	cv := &callValue{c: c}
	v.wrap(&cv.ud, cv)
	c.SetData(cv)
	return cv
}

// TypeName is what errors call it.
func (*callValue) TypeName() string { return "call" }

var callFields = members("tandem.call")

func (*callValue) fields() []string { return callFields }

// get returns a field of the call.
func (cv *callValue) get(v *vm, key string) (lua.LValue, bool) {
	switch key {
	case "vars":
		if cv.vars == nil {
			cv.vars = v.L.CreateTable(0, 1) // without a size the first field takes 2 KB
		}
		return cv.vars, true
	case "progress", "hangup", "log":
		return v.shares.methods[key], true
	}
	if cv.c == nil {
		cv.alive(v.L, "call."+key)
	}
	switch key {
	case "id":
		return lua.LString(cv.c.ID()), true
	case "method":
		return str(cv.c.Request().MethodName()), true
	case "body":
		return lua.LString(cv.c.Request().Body()), true
	case "best":
		return v.branchOrNil(cv.c.Best()), true
	case "round":
		return lua.LNumber(cv.c.Round()), true
	case "pending":
		return lua.LNumber(cv.c.Pending()), true
	case "time":
		if cv.time == nil {
			cv.time = dateTable(v.L, cv.c.Date())
		}
		return cv.time, true
	case "source":
		if cv.source == nil {
			cv.source = v.sourceOf(cv.c.Source(), cv.c.User(), cv.c.Trusted())
		}
		return &cv.source.ud, true
	case "emergency":
		return lua.LBool(cv.c.Emergency()), true
	case "identity":
		return cv.asserted(v), true
	case "preferred":
		return firstAddress(v, cv.c.Request(), message.PPreferredIdentity), true
	case "privacy":
		return cv.privacy(v), true
	case "diversion":
		return cv.diversions(v), true
	case "history":
		return cv.history(v), true
	case "user", "contacts", "expires":
		return registrationField(v, cv.registration, key), true
	case "retarget":
		return str(cv.retarget(v)), true
	case "secondary":
		return lua.LBool(secondary(cv.retarget(v))), true
	}
	return cv.message(v, key)
}

// message returns the fields that the INVITE holds.
func (cv *callValue) message(v *vm, key string) (lua.LValue, bool) {
	m := cv.c.Request()
	var keep **uriValue
	switch key {
	case "from":
		keep = &cv.from
	case "to":
		keep = &cv.to
	case "ruri":
		keep = &cv.ruri
	case "headers":
		if cv.headers == nil {
			cv.headers = v.headersOf(m)
		}
		return &cv.headers.ud, true
	default:
		return nil, false
	}
	if *keep == nil {
		*keep = v.addressOf(m, key)
	}
	return &(*keep).ud, true
}

func (v *vm) addressOf(m *message.Message, key string) *uriValue {
	switch key {
	case "from":
		return v.nameAddr(m.Get(message.From))
	case "to":
		return v.nameAddr(m.Get(message.To))
	}
	return v.uri(m.RequestURI())
}

// alive raises an error if the call is over.
func (cv *callValue) alive(L *lua.LState, what string) {
	if cv.c == nil {
		mod.Raise(L, mod.Where(L), "%s: the call is over; keep what you need in variables of your own", what)
	}
}

// self returns the call that a method is called on.
func self(L *lua.LState, what string) *callValue {
	if ud, ok := L.Get(1).(*lua.LUserData); ok {
		if cv, ok := ud.Value.(*callValue); ok {
			cv.alive(L, what)
			return cv
		}
	}
	mod.Raise(L, mod.Where(L), "%s is called with a colon", what)
	return nil
}

// progress is call:progress(code, headers).
func (v *vm) progress(L *lua.LState) int {
	const what = "call:progress"
	cv := self(L, what)
	code := planmod.Code(L, what, L.Get(2), 101, 199)
	headers := v.plan.Headers(L, what, L.Get(3))
	if err := cv.c.Progress(code, headers); err != nil {
		mod.Raise(L, mod.Where(L), "%s: %v", what, err)
	}
	return 0
}

// hangup is call:hangup(phrase).
func hangup(L *lua.LState) int {
	const what = "call:hangup"
	cv := self(L, what)
	cv.c.Hangup(planmod.Phrase(L, what, L.Get(2)))
	return 0
}

// callLog is call:log(text, fields).
func (v *vm) callLog(L *lua.LState) int {
	const what = "call:log"
	cv := self(L, what)
	outer := v.current
	v.current = cv
	v.log.Write(L, what, zapcore.InfoLevel, 2)
	v.current = outer
	return 0
}
