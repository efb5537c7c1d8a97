package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"

	"tandem/luaapi/machine"
)

// A generation that is retired hands its established calls to the one that is served, a few at a time and between two
// events of their shard.

// The work of one turn: how many calls move, and after how many values of their vars no other call follows.
const (
	moveCalls  = 8
	moveValues = 250
)

// establish puts an answered call among those that a retired generation hands on.
func (v *vm) establish(cv *callValue) {
	if cv.established {
		return
	}
	cv.established = true
	cv.next = v.established
	if cv.next != nil {
		cv.next.prev = cv
	}
	v.established = cv
	if v.host != nil && v.gen.retired.Load() {
		v.opt.Post(v.shard, v.moveCalls)
	}
}

// leave takes a call that ends or moves from among them.
func (v *vm) leave(cv *callValue) {
	if !cv.established {
		return
	}
	cv.established = false
	if cv.prev != nil {
		cv.prev.next = cv.next
	} else {
		v.established = cv.next
	}
	if cv.next != nil {
		cv.next.prev = cv.prev
	}
	cv.next, cv.prev = nil, nil
}

// moveCalls hands established calls to the generation that is served, on the shard's goroutine.
func (v *vm) moveCalls() {
	work := 0
	for n := 0; v.established != nil && n < moveCalls && work < moveValues; n++ {
		if !v.gen.retired.Load() {
			return // served again
		}
		cv := v.established
		v.leave(cv)
		if cv.c == nil {
			continue
		}
		to := v.host.acquire(v.shard, func(s *serving) *generation { return s.gen })
		work += to.adopt(cv, v.generation)
		v.drop()
	}
	if v.established != nil {
		v.opt.Post(v.shard, v.moveCalls)
	}
}

// adopt makes a call of another generation one of this one and returns the number of values copied. Its vars are copied:
// what belongs to the other Lua state stays there.
func (v *vm) adopt(old *callValue, from uint64) int {
	c := old.c
	old.c = nil
	cv := &callValue{c: c, line: old.line}
	v.wrap(&cv.ud, cv)
	k := copier{L: v.L, seen: make(map[*lua.LTable]*lua.LTable)}
	if old.vars != nil {
		cv.vars = k.table(old.vars)
	}
	c.SetData(cv)
	c.Move(v)
	v.establish(cv)
	if k.dropped > 0 {
		v.opt.Logger.Warn(fmt.Sprintf("call.vars lost %d values on the way from generation %d to %d: only strings, numbers, booleans and tables go along",
			k.dropped, from, v.generation), zap.String("call", c.ID()), zap.String("at", "call.vars."+k.first))
	}
	return k.values
}

// copier copies plain values into another Lua state.
type copier struct {
	L       *lua.LState
	seen    map[*lua.LTable]*lua.LTable
	values  int
	dropped int    // values that are not plain
	first   string // the key of the first of them
}

func (k *copier) table(t *lua.LTable) *lua.LTable {
	if out := k.seen[t]; out != nil {
		return out
	}
	is := machine.Inside(t)
	out := k.L.CreateTable(len(is.Array), max(1, len(is.Strdict))) // without a size the first field takes 2 KB
	k.seen[t] = out
	t.ForEach(func(key, val lua.LValue) {
		name, ok := k.value(key)
		if ok {
			val, ok = k.value(val)
		}
		if !ok {
			if k.dropped == 0 {
				k.first = key.String()
			}
			k.dropped++
			return
		}
		out.RawSet(name, val)
	})
	return out
}

func (k *copier) value(v lua.LValue) (lua.LValue, bool) {
	k.values++
	switch v := v.(type) {
	case lua.LString, lua.LNumber, lua.LBool:
		return v, true
	case *lua.LTable:
		return k.table(v), true
	}
	return nil, false
}
