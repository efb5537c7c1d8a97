package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	planmod "tandem/luaapi/mod/plan"
	"tandem/luaapi/spell"
)

// handler is a function of the script that the engine calls.
type handler uint8

// The handlers of the Lua reference, in its order; missed is a known name that this release does not
// call. hFunction is a function in a plan, hAwait that of an await, hFallback route.fallback.
const (
	hInvite handler = iota
	hRinging
	hBusy // the outcomes follow in the order of plan.Outcome
	hNoAnswer
	hTimeout
	hOffline
	hRejected
	hFailed
	hLimited
	hDenied
	hRedirected
	hExhausted
	hAnswered
	hCancelled
	hEnded
	hMissed
	hRefer
	hRequest
	hRegister
	numRoutes
	hFunction handler = iota - 1
	hAwait
	hFallback
	numHandlers
)

var handlerNames = [numHandlers]string{
	"invite", "ringing", "busy", "no_answer", "timeout", "offline", "rejected", "failed", "limited", "denied",
	"redirected", "exhausted", "answered", "cancelled", "ended", "missed", "refer", "request", "register",
	"function", "await", "fallback",
}

func (h handler) String() string { return handlerNames[h] }

// handlerOf is the handler that an outcome asks.
func handlerOf(o plan.Outcome) handler { return hBusy + handler(o-plan.Busy) }

// routeKeys are all keys that a table of handlers may have.
var routeKeys = append(append([]string{}, handlerNames[:numRoutes]...), "fallback", "defaults")

// route is what main.lua returned.
type route struct {
	handlers [numRoutes]*lua.LFunction
	fallback *plan.Node
	// fallbackFn is set if fallback is a function.
	fallbackFn *lua.LFunction
	defaults   lua.LValue
}

// readRoute reads the table of handlers that the entry file returned.
func (v *vm) readRoute(ret lua.LValue) (route, error) {
	r := route{defaults: lua.LNil}
	t, ok := ret.(*lua.LTable)
	if !ok {
		return r, v.mistake("", nil, "must return a table of handlers, got %s; end it with \"return route\"", typeName(ret))
	}
	for k, val := t.Next(lua.LNil); k != lua.LNil; k, val = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			return r, v.mistake("", nil, "returns a table with key %s; handlers have names", k)
		}
		if err := v.readKey(&r, string(name), val); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (v *vm) readKey(r *route, name string, val lua.LValue) error {
	switch name {
	case "fallback":
		r.fallback = planmod.Node(val)
		fn, isFn := val.(*lua.LFunction)
		if r.fallbackFn = fn; isFn {
			return nil
		}
		if r.fallback == nil || r.fallback.Kind == plan.KindFollow {
			return v.mistake(name, val, "fallback must be a plan or a function, got %s", typeName(val))
		}
		return nil
	case "defaults":
		r.defaults = val
		return nil
	}
	for h, known := range handlerNames[:numRoutes] {
		if name != known {
			continue
		}
		fn, ok := val.(*lua.LFunction)
		if !ok {
			return v.mistake(name, val, "handler %q must be a function, got %s", name, typeName(val))
		}
		r.handlers[h] = fn
		return nil
	}
	return v.mistake(name, val, "%q is not a handler%s", name, spell.Hint(name, routeKeys))
}

// mistake is an error in the table of handlers, at the line of a key if it can be found.
func (v *vm) mistake(key string, val lua.LValue, format string, args ...any) error {
	file := v.prog.chunks[""].file
	e := &Error{Pos: plan.Pos{File: file}, Message: fmt.Sprintf(format, args...)}
	if fn, ok := val.(*lua.LFunction); ok && !fn.IsG {
		e.Pos = planmod.Function(fn)
	} else if key != "" {
		e.Pos.Line = v.prog.keyLine(e.Pos, key)
	}
	return e
}
