package luatest

import (
	"sync"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
)

// library is module `test` and the metatables of its objects. It is made once and never changed, so that all states
// share it.
type library struct {
	module                                                                              *lua.LTable
	pbx, network, phone, call, messages, moment, behaviour, offered, failure, generator *lua.LTable
}

// functions are those of module `test`, methods those of its objects by what errors call the objects. The registry in luaapi/api says
// what they are.
var (
	functions = map[string]method{
		"script": (*run).script, "test": (*run).declare, "table": (*run).table, "property": (*run).property, "integer": (*run).integer, "digits": (*run).digits, "behaviour": (*run).anyBehaviour, "stub": (*run).stub, "golden": (*run).golden, "skip": (*run).skip,
		"eq": (*run).eq, "ne": (*run).ne, "ok": (*run).ok, "match": (*run).match, "raises": (*run).raises, "at": (*run).moment,
		"after": (*run).after, "status": (*run).status, "never": (*run).never, "silent": (*run).silent, "late": (*run).late,
	}
	methodsOf = map[string]map[string]method{
		"pbx":     {"network": (*run).network, "decide": (*run).decide},
		"network": {"phone": (*run).phone, "engine": (*run).other, "call": (*run).call, "run": (*run).runNetwork, "link": (*run).link, "lose": (*run).lose, "errors": (*run).errors},
		"phone":   {"received": received(false), "sent": received(true), "unregister": (*run).unregister},
		"call": {
			"answered_by": (*run).answeredBy, "order": (*run).order, "final": (*run).final,
			"received": received(false), "sent": received(true),
		},
		"list of messages": {
			"count": (*run).count, "nth": (*run).nth, "last": (*run).last, "copies": (*run).copies, "uri": (*run).uri, "header": (*run).header, "body": (*run).body, "raw": (*run).raw, "at": (*run).time,
		},
		"moment": {
			"received": messageAt(false), "sent": messageAt(true), "answered": (*run).answeredAt, "ended": (*run).endedAt,
		},
		"call that a phone is offered": {
			"ring": (*run).ring, "send": (*run).send, "answer": (*run).answer, "wait": (*run).wait, "bye": (*run).bye,
			"ignore_cancel": (*run).ignoreCancel, "reinvite": (*run).reinvite, "hold": (*run).hold, "resume": (*run).resume,
			"refer": (*run).refer, "request": (*run).request, "retransmit": (*run).retransmit, "vanish": (*run).vanish, "header": (*run).offeredHeader,
		},
		"behaviour": nil,
		"generator": nil,
		"failure":   nil,
	}
)

// shared returns the library.
var shared = sync.OnceValue(func() *library {
	L := lua.NewState(lua.Options{SkipOpenLibs: true})
	of := func(name string) *lua.LTable { return class(L, name, methodsOf[name]) }
	own := make(map[string]lua.LGFunction, len(functions))
	for name, m := range functions {
		own[name] = function(m)
	}
	return &library{
		module: mod.Table(L, "test", own),
		pbx:    of("pbx"), network: of("network"), phone: of("phone"), call: of("call"), messages: of("list of messages"),
		moment: of("moment"), behaviour: of("behaviour"), offered: of("call that a phone is offered"), failure: of("failure"), generator: of("generator"),
	}
})

// library gives a state module `test`.
func (r *run) library(L *lua.LState) map[string]*lua.LTable {
	L.G.Registry.RawSetString(runKey, &lua.LUserData{Value: r})
	r.class = shared()
	return map[string]*lua.LTable{"test": r.class.module}
}
