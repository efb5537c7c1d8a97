package luaapi

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"tandem/luaapi/api"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// object is a Go value that scripts see through userdata: call, branch, a URI, …. Reading a field calls get: nothing
// is built that the script does not touch.
type object interface {
	mod.Named
	// get returns a field; ok is false if there is none of that name.
	get(v *vm, key string) (value lua.LValue, ok bool)
	// fields names what get knows; nil = anything goes.
	fields() []string
}

// members returns the names of the fields and methods that the registry knows of a class.
func members(t api.Type) []string { return api.Lua().Class(t).Members() }

// objects makes the metatable of all objects, and the methods of calls.
func (c *shares) objects(L *lua.LState) {
	c.object = L.CreateTable(0, 4)
	c.object.RawSetString("__metatable", lua.LFalse)
	set(L, c.object, map[string]lua.LGFunction{"__index": own((*vm).index), "__newindex": newIndex, "__tostring": objectString})
	c.methods = map[string]*lua.LFunction{
		"progress": L.NewFunction(own((*vm).progress)), "hangup": L.NewFunction(hangup), "log": L.NewFunction(own((*vm).callLog)),
	}
}

// wrap readies the userdata that lies inside an object.
func (v *vm) wrap(ud *lua.LUserData, o object) {
	ud.Value, ud.Metatable, ud.Env = o, v.shares.object, v.L.Env
}

func (v *vm) index(L *lua.LState) int {
	o := L.Get(1).(*lua.LUserData).Value.(object)
	key, ok := L.Get(2).(lua.LString)
	if !ok {
		mod.Raise(L, mod.Where(L), "%s has fields with names, not [%s]", o.TypeName(), L.Get(2))
	}
	val, ok := o.get(v, string(key))
	if !ok {
		mod.Raise(L, mod.Where(L), "%s.%s: no such field%s", o.TypeName(), string(key), spell.Hint(string(key), o.fields()))
	}
	L.Push(val)
	return 1
}

func newIndex(L *lua.LState) int {
	o := L.Get(1).(*lua.LUserData).Value.(object)
	mod.Raise(L, mod.Where(L), "%s.%s cannot be written; keep what belongs to a call in call.vars", o.TypeName(), L.Get(2))
	return 0
}

func objectString(L *lua.LState) int {
	o := L.Get(1).(*lua.LUserData).Value.(object)
	text := o.TypeName()
	if s, ok := o.(fmt.Stringer); ok {
		text = s.String()
	}
	L.Push(lua.LString(text))
	return 1
}

// str returns a string, nil for an empty one.
func str[S ~string | ~[]byte](s S) lua.LValue {
	if len(s) == 0 {
		return lua.LNil
	}
	return lua.LString(s)
}
