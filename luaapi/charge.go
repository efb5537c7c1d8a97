package luaapi

import (
	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/machine"
)

// costly are the instructions whose cost is not always about the same.
var costly = func() (all [64]bool) {
	for _, op := range []int{
		lua.OP_NEWTABLE, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_SETLIST, lua.OP_CLOSURE, lua.OP_LEN, lua.OP_EQ, lua.OP_LT, lua.OP_LE,
		lua.OP_CALL, lua.OP_TAILCALL, lua.OP_RETURN, lua.OP_VARARG, lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF,
	} {
		all[op] = true
	}
	return all
}()

// What things take, in bytes, measured and rounded up.
const (
	tableBytes   = 112
	itemBytes    = 32 // of a list, with the room that it grows by
	fieldBytes   = 128
	firstBytes   = 2200 // of the map that the first field brings to a table that was made without
	listBytes    = 512  // of the list that the first item of a table brings
	closureBytes = 160
)

// What calls cost, in instructions: of a function, and how much more if it is written in Go.
const (
	anyCall = 2
	goCall  = 3
)

// metaRead is how many instructions it costs to look for a field in a metatable too: __index may lead on and on.
const metaRead = 6

// charge takes from the budgets what an instruction costs besides one.
func (m *meter) charge(f *machine.Frame, inst uint32) {
	a, b, c := int(inst>>18)&0xff, int(inst&0x1ff), int(inst>>9)&0x1ff
	switch op := int(inst >> 26); op {
	case lua.OP_CALL, lua.OP_TAILCALL:
		m.left -= anyCall
		if fn, ok := m.L.Get(a + 1).(*lua.LFunction); ok && fn.IsG {
			m.left -= goCall
		}
		m.values(a, b)
	case lua.OP_GETTABLE:
		m.read(m.L.Get(b + 1))
		m.hash(m.operand(f, c))
	case lua.OP_GETTABLEKS, lua.OP_SELF:
		m.read(m.L.Get(b + 1))
	case lua.OP_RETURN:
		m.values(a, b)
	case lua.OP_VARARG:
		m.left -= max(f.Args-int(f.Fn.Proto.NumParameters), 0) / 6
	case lua.OP_EQ, lua.OP_LT, lua.OP_LE:
		m.compare(m.operand(f, b), m.operand(f, c), op == lua.OP_EQ)
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		m.set(m.L.Get(a+1), m.operand(f, b))
	case lua.OP_LEN:
		if t, ok := m.L.Get(b + 1).(*lua.LTable); ok {
			m.length(t)
		}
	case lua.OP_NEWTABLE:
		m.makes(tableBytes + itemBytes*b + fieldBytes*c)
	case lua.OP_SETLIST:
		m.values(a, b)
		if b == 0 {
			m.makes(itemBytes * max(m.L.GetTop()-a, 0))
		}
	case lua.OP_CLOSURE:
		m.makes(closureBytes)
	}
}

// operand returns a register or a constant.
func (m *meter) operand(f *machine.Frame, rk int) lua.LValue {
	if rk&256 != 0 {
		return f.Fn.Proto.Constants[rk&255]
	}
	return m.L.Get(rk + 1)
}

// makes takes from the budgets what making n bytes costs.
func (m *meter) makes(n int) {
	m.left -= n / 64
	m.bytes -= n
}

// read charges for a table that has a metatable.
func (m *meter) read(of lua.LValue) {
	if t, ok := of.(*lua.LTable); ok && t.Metatable != lua.LNil {
		m.left -= metaRead
	}
}

// hash charges for a long string that is a key.
func (m *meter) hash(key lua.LValue) {
	if s, ok := key.(lua.LString); ok {
		m.left -= len(s) / 128
	}
}

// values charges for values that are copied: all from register a on if b is 0.
func (m *meter) values(a, b int) {
	if b == 0 {
		m.left -= max(m.L.GetTop()-a, 0) / 6
	}
}

// compare charges for the comparison of two strings. The machine compares them byte by byte if they may be different in order.
func (m *meter) compare(x, y lua.LValue, equal bool) {
	s, ok := x.(lua.LString)
	if !ok {
		return
	}
	t, ok := y.(lua.LString)
	switch {
	case !ok:
	case !equal:
		m.left -= min(len(s), len(t)) / 16
	case len(s) == len(t):
		m.left -= len(s) / 512
	}
}

// set charges for a field or an item that is assigned to. One far behind the end of a list makes all items before it.
func (m *meter) set(of, key lua.LValue) {
	lt, ok := of.(*lua.LTable)
	if !ok {
		return
	}
	if m.shared != nil {
		m.shared.written(m.L, lt, key)
	}
	t := machine.Inside(lt)
	n, ok := key.(lua.LNumber)
	switch {
	case ok && n >= 1 && n < maxArrayIndex:
		if t.Array == nil {
			m.makes(listBytes)
		}
		if more := int(n) - len(t.Array); more > 0 {
			m.makes(itemBytes * more)
		}
	case t.Strdict == nil && key.Type() == lua.LTString:
		m.makes(firstBytes)
	default:
		m.makes(fieldBytes)
	}
	m.hash(key)
}

// length returns the length of a list, and charges for the items behind its end that are nil: the machine looks at all of them.
func (m *meter) length(t *lua.LTable) int {
	n := t.Len()
	m.left -= (len(machine.Inside(t).Array) - n) * 3 / 4
	return n
}
