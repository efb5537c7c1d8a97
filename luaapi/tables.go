package luaapi

import (
	"sort"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/machine"
	"tandem/luaapi/mod"
)

// changeable returns the table that a function of the table library is to change.
func changeable(L *lua.LState, function string) *lua.LTable {
	t := L.CheckTable(1)
	if mod.Locked(t) {
		mod.Raise(L, mod.Where(L), "table.%s: the table cannot be changed", function)
	}
	return t
}

// insert is table.insert.
func (v *vm) insert(L *lua.LState) int {
	t := changeable(L, "insert")
	switch L.GetTop() {
	case 2:
		v.meter.set(t, lua.LNumber(v.meter.length(t)+1))
		t.Append(L.Get(2))
	case 3:
		at := argInt(L, 2)
		v.meter.set(t, lua.LNumber(max(at, v.meter.length(t)+1)))
		v.meter.moved(len(machine.Inside(t).Array))
		v.meter.check(L)
		t.Insert(at, L.Get(3))
	default:
		mod.Raise(L, mod.Where(L), "table.insert takes a table, a position if it is not the end, and a value")
	}
	return 0
}

// remove is table.remove. gopher-lua's takes places for items that have been set to nil, t[#t] = nil.
func (v *vm) remove(L *lua.LState) int {
	t := changeable(L, "remove")
	n := v.meter.length(t)
	at := optInt(L, 2, n)
	if at < 1 || at > n {
		return 0
	}
	if s := v.meter.shared; s != nil {
		s.written(L, t, lua.LNumber(at))
	}
	v.meter.moved(n - at)
	L.Push(t.Remove(at))
	return 1
}

// sort is table.sort. gopher-lua's takes places for items that have been set to nil, too.
func (v *vm) sort(L *lua.LState) int {
	s := sorter{v: v, L: L, t: changeable(L, "sort")}
	if L.GetTop() > 1 && L.Get(2) != lua.LNil {
		s.less = L.CheckFunction(2)
	}
	s.n = v.meter.length(s.t)
	if shared := v.meter.shared; shared != nil && s.n > 1 {
		shared.written(L, s.t, lua.LNumber(1))
	}
	sort.Sort(s)
	return 0
}

// sorter sorts the first n items of a table.
type sorter struct {
	v    *vm
	L    *lua.LState
	t    *lua.LTable
	less *lua.LFunction // nil = <
	n    int
}

func (s sorter) Len() int { return s.n }

func (s sorter) Swap(i, j int) {
	a, b := s.t.RawGetInt(i+1), s.t.RawGetInt(j+1)
	s.t.RawSetInt(i+1, b)
	s.t.RawSetInt(j+1, a)
}

// Less compares two items, and charges for it: a budget that is used up ends the sort.
func (s sorter) Less(i, j int) bool {
	m := &s.v.meter
	a, b := s.t.RawGetInt(i+1), s.t.RawGetInt(j+1)
	if s.less == nil {
		m.left -= 3
		m.compare(a, b, false)
		m.check(s.L)
		return s.L.LessThan(a, b)
	}
	m.left -= luaCall
	s.L.Push(s.less)
	s.L.Push(a)
	s.L.Push(b)
	s.L.Call(2, 1)
	less := lua.LVAsBool(s.L.Get(-1))
	s.L.Pop(1)
	return less
}
