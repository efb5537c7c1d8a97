package luaapi

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// require is require: a file of the script root, a module of the library, or one written in Go, in that order.
// Nothing outside of them can be named.
func (v *vm) require(L *lua.LState) int {
	name := L.CheckString(1)
	L.SetTop(0)
	if m := v.module(name); m != nil {
		L.Push(m)
		return 1
	}
	if slices.Contains(v.requiring, name) {
		chain := slices.Concat(v.requiring[slices.Index(v.requiring, name):], []string{name})
		mod.Raise(L, mod.Where(L), "modules require each other in a circle: %s", strings.Join(chain, " → "))
	}
	c := v.prog.chunks[name]
	if c == nil || name == "" {
		v.noModule(L, name)
	}
	v.modules[name] = v.runModule(L, name, c)
	L.Push(v.modules[name])
	return 1
}

// runModule runs the file of a module and returns what it is.
func (v *vm) runModule(L *lua.LState, name string, c *chunk) lua.LValue {
	v.requiring = append(v.requiring, name)
	defer func() { v.requiring = v.requiring[:len(v.requiring)-1] }()
	if s := v.meter.shared; s != nil { // a handler loads it
		s.loading++
		defer func() { s.loading-- }()
	}
	L.Push(L.NewFunctionFromProto(c.proto))
	L.Push(lua.LString(name))
	L.Call(1, 1)
	m := L.Get(-1)
	L.Pop(1)
	if v.meter.shared != nil {
		v.meter.shared.add(m, name)
	}
	if m == lua.LNil {
		return lua.LTrue
	}
	return m
}

func (v *vm) noModule(L *lua.LState, name string) {
	if p := strings.NewReplacer("/", ".", `\`, ".").Replace(strings.TrimSuffix(name, ".lua")); p != name && v.prog.chunks[p] != nil {
		mod.Raise(L, mod.Where(L), "no module %q; modules are named with dots: require %q", name, p)
	}
	file := strings.ReplaceAll(name, ".", "/") + ".lua"
	mod.Raise(L, mod.Where(L), "no module %q: there is no %s, and Tandem has none of that name%s", name, file, spell.Hint(name, v.moduleNames()))
}
