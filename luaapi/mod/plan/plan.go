// Package plan is the Lua module `plan`: it makes the nodes of engine/plan that a script returns.
//
// A Module belongs to one Lua state. The nodes that it makes are never changed after the script has loaded, so that
// one made at file scope may stand in every call. Their checks are made here, at the line that has the mistake: what
// gets out is valid. RFC 3261 §19.1 (URIs), §20 (header fields), §21.3 (redirection).
package plan

import (
	"math/bits"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/luaapi/machine"
	"tandem/luaapi/mod"
)

// KeyLine is mod.KeyLine.
type KeyLine = mod.KeyLine

// Module is the module `plan` of one Lua state.
type Module struct {
	keyLine  KeyLine
	targets  map[string]*target // parsed URIs
	defaults defaults           // route.defaults
	loaded   bool
	early    []early // made while the script loads: they get the defaults afterwards
	made     *plan.Node
	// Cost is told what reading arguments costs besides the call, in instructions; nil = nobody asks.
	Cost func(instructions int)
}

// Made returns the plan that was made last since it was asked before, nil if none was: one that a handler made and did not return.
func (m *Module) Made() *plan.Node {
	n := m.made
	m.made = nil
	return n
}

// value is what the userdata of a plan holds. It lies beside its node in one piece of memory: targets are made at
// every call.
type value struct {
	ud   lua.LUserData
	node plan.Node
}

// early is a node that was made while the script loads, and the options that the script wrote.
type early struct {
	node *plan.Node
	set  optionSet
}

// TypeName is what errors call it.
func (*value) TypeName() string { return "plan" }

type targetValue struct {
	value
	target plan.Target
}

type replyValue struct {
	value
	reply plan.Reply
}

// New returns the module for a state. keyLine may be nil.
func New(keyLine KeyLine) *Module {
	if keyLine == nil {
		keyLine = func(plan.Pos, string) int { return 0 }
	}
	return &Module{keyLine: keyLine, targets: make(map[string]*target)}
}

// metatable is that of plans, in all states.
var metatable = mod.Once(func(L *lua.LState) *lua.LTable {
	mt := L.CreateTable(0, 2)
	mt.RawSetString("__metatable", lua.LFalse)
	mt.RawSetString("__tostring", L.NewFunction(toString))
	return mt
})

// Table returns what `require "plan"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	return mod.Table(L, "plan", mod.Bind(of, map[string]func(*Module, *lua.LState) int{
		"to": (*Module).to, "serial": (*Module).serial, "parallel": (*Module).parallel,
		"reject": (*Module).reject, "redirect": (*Module).redirect, "follow": (*Module).follow, "pass": (*Module).pass, "await": (*Module).await,
		"divert": (*Module).divert, "accept": (*Module).accept,
	}))
}

// Node returns the node of a plan, nil if v is none.
func Node(v lua.LValue) *plan.Node {
	if p := valueOf(v); p != nil {
		return &p.node
	}
	return nil
}

func valueOf(v lua.LValue) *value {
	if ud, ok := v.(*lua.LUserData); ok {
		if p, ok := ud.Value.(*value); ok {
			return p
		}
	}
	return nil
}

func (m *Module) push(L *lua.LState, v *value, kind plan.Kind, pos plan.Pos) int {
	return m.pushOf(L, v, kind, pos, 0)
}

// pushOf is push of a node of which the script wrote the options of a set.
func (m *Module) pushOf(L *lua.LState, v *value, kind plan.Kind, pos plan.Pos, set optionSet) int {
	v.node.Kind, v.node.Pos = kind, pos
	v.ud.Value, v.ud.Metatable, v.ud.Env = v, metatable(), L.Env
	if !m.loaded {
		m.early = append(m.early, early{&v.node, set})
	}
	m.made = &v.node
	L.Push(&v.ud)
	return 1
}

// to is plan.to(target, options).
func (m *Module) to(L *lua.LState) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: "plan.to"}
	t, opts := r.target(L.Get(1)), L.Get(2)
	if t.made != nil && t.is(r.pos, opts) {
		m.made = &t.made.node
		L.Push(&t.made.ud)
		return 1
	}
	v := r.newTarget(t)
	o := options{node: &v.node, target: &v.target}
	r.optional(opts, targetOptions, &o)
	m.takeDefaults(&v.node, o.set)
	if m.loaded && t.again && o.set&^(1<<optRing|1<<optDelay) == 0 {
		t.made, t.own = v, o.set
	}
	t.again = true
	return m.pushOf(L, &v.value, plan.KindTarget, r.pos, o.set)
}

func (r *reader) newTarget(t *target) *targetValue {
	tv := &targetValue{target: plan.Target{URI: t.uri, Key: t.key, User: t.user, Registrant: t.registrant}}
	tv.node.Target, tv.node.Kind, tv.node.Pos = &tv.target, plan.KindTarget, r.pos
	return tv
}

// is reports whether the target that is kept, which has no options but times, is what plan.to was asked for at a place: handlers
// make the same ones at every call.
func (t *target) is(pos plan.Pos, opts lua.LValue) bool {
	if t.made.node.Pos != pos {
		return false
	}
	switch opts := opts.(type) {
	case *lua.LNilType:
		return t.own == 0
	case *lua.LTable:
		in := machine.Inside(opts)
		return len(in.Array) == 0 && len(in.Dict) == 0 && len(in.Strdict) == bits.OnesCount32(uint32(t.own)) &&
			t.has(optRing, in, t.made.node.Ring) && t.has(optDelay, in, t.made.node.Delay)
	}
	return false
}

// has reports whether a table gives a time as the target has it.
func (t *target) has(o option, in *machine.Table, want time.Duration) bool {
	if !t.own.has(o) {
		return true
	}
	n, ok := in.Strdict[optionNames[o]].(lua.LNumber)
	return ok && n >= 0 && duration(n) == want
}

func (m *Module) serial(L *lua.LState) int { return m.group(L, "plan.serial", plan.KindSerial) }

func (m *Module) parallel(L *lua.LState) int { return m.group(L, "plan.parallel", plan.KindParallel) }

// group is plan.serial { … } and plan.parallel { … }.
func (m *Module) group(L *lua.LState, what string, kind plan.Kind) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: what}
	list := r.list(1)
	n := r.length(list)
	v := &value{}
	r.options(list, n, groupOptions, &options{node: &v.node})
	v.node.Members = make([]*plan.Node, n)
	for i := range n {
		item := list.RawGetInt(i + 1)
		v.node.Members[i] = r.node(item, valueOf(item), i+1)
	}
	r.delays(&v.node)
	return m.push(L, v, kind, r.pos)
}

// takeDefaults gives a target the options of route.defaults that it does not set itself. They give way to what a group says.
func (m *Module) takeDefaults(n *plan.Node, own optionSet) {
	if rest := m.defaults.set &^ own; rest != 0 {
		m.defaults.apply(n, rest)
		n.Weak = rest.given()
	}
}

// delays refuses members that could never start: their delay is not below the time that the group rings.
func (r *reader) delays(group *plan.Node) {
	if group.Ring == 0 {
		return
	}
	for _, n := range group.Members {
		delay, pos := n.Delay, n.Pos
		if e := group.Each; e != nil && e.Said&^(n.Said&^n.Weak)&plan.OptDelay != 0 && n.Kind != plan.KindDeferred {
			delay, pos = e.Delay, r.pos
		}
		if delay >= group.Ring {
			mod.Raise(r.L, pos, "delay of %v s is not below the %v s that the group at %s rings: it would never start",
				delay.Seconds(), group.Ring.Seconds(), r.pos)
		}
	}
}

// await is plan.await(operation, function(call, result) … end).
func (m *Module) await(L *lua.LState) int {
	const example = "plan.await(http.get(url), function(call, result) … end)"
	r := reader{m: m, L: L, pos: mod.Where(L), what: "plan.await"}
	op := mod.OperationOf(L.Get(1))
	fn, ok := L.Get(2).(*lua.LFunction)
	switch {
	case op == nil:
		r.fail("", "plan.await takes an operation, got %s; write %s", mod.TypeName(L.Get(1)), example)
	case !ok:
		r.fail("", "plan.await takes a function of the call and the result, got %s; write %s", mod.TypeName(L.Get(2)), example)
	case fn.IsG:
		r.fail("", "plan.await: the function must be written in Lua; write %s", example)
	case L.GetTop() > 2:
		r.fail("", "plan.await takes an operation and a function and no more; a timeout is an option of the operation")
	}
	v := &value{}
	v.node.Await, v.node.Func = op, fn
	return m.push(L, v, plan.KindAwait, r.pos)
}

// follow is plan.follow().
func (m *Module) follow(L *lua.LState) int {
	return m.push(L, &value{}, plan.KindFollow, mod.Where(L))
}

// pass is plan.pass().
func (m *Module) pass(L *lua.LState) int {
	return m.push(L, &value{}, plan.KindPass, mod.Where(L))
}

// Loaded ends the loading of the script: from here on, nodes do not change. defaults is route.defaults of the script
// file or nil; it applies to the targets made so far too. A mistake in it is raised as a Lua error.
func (m *Module) Loaded(L *lua.LState, file string, defaults lua.LValue) {
	r := reader{m: m, L: L, pos: plan.Pos{File: file}, what: "route.defaults"}
	if _, ok := defaults.(*lua.LTable); !ok && defaults != lua.LNil {
		r.fail("defaults", "route.defaults must be a table of options for targets, got %s", mod.TypeName(defaults))
	}
	o := options{node: &m.defaults.node, target: &m.defaults.target}
	r.optional(defaults, targetOptions, &o)
	m.defaults.set = o.set
	for _, e := range m.early {
		if e.node.Target != nil {
			m.takeDefaults(e.node, e.set)
		}
	}
	for _, e := range m.early {
		r.pos = e.node.Pos
		r.delays(e.node)
	}
	m.early, m.loaded = nil, true
}

func toString(L *lua.LState) int {
	v := valueOf(L.Get(1))
	if v == nil {
		L.TypeError(1, lua.LTUserData)
	}
	L.Push(lua.LString(v.node.String()))
	return 1
}
