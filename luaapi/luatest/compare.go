package luatest

import (
	"strconv"

	lua "github.com/yuin/gopher-lua"

	shown "tandem/luaapi/show"
)

// pair is two tables that are being compared.
type pair struct{ a, b *lua.LTable }

// difference returns the path to the first place where two values differ, and whether they do. Tables are equal if they
// have equal values under equal keys; everything else is equal as Lua's == says without metamethods.
func difference(a, b lua.LValue) (path string, differ bool) {
	return compare(a, b, make(map[pair]bool))
}

func compare(a, b lua.LValue, met map[pair]bool) (string, bool) {
	ta, ok := a.(*lua.LTable)
	tb, both := b.(*lua.LTable)
	if !ok || !both {
		return "", a != b
	}
	p := pair{ta, tb}
	if ta == tb || met[p] {
		return "", false
	}
	met[p] = true
	for k, v := ta.Next(lua.LNil); k != lua.LNil; k, v = ta.Next(k) {
		if path, differ := compare(v, tb.RawGet(k), met); differ {
			return step(k) + path, true
		}
	}
	for k, _ := tb.Next(lua.LNil); k != lua.LNil; k, _ = tb.Next(k) {
		if ta.RawGet(k) == lua.LNil {
			return step(k), true
		}
	}
	return "", false
}

// step writes a key as a step of a path: .name, [2].
func step(k lua.LValue) string {
	switch k := k.(type) {
	case lua.LString:
		if shown.IsName(string(k)) {
			return "." + string(k)
		}
	case lua.LNumber:
		return "[" + strconv.FormatFloat(float64(k), 'g', -1, 64) + "]"
	}
	return "[" + show(k) + "]"
}
