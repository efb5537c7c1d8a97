package luaapi

import (
	lua "github.com/yuin/gopher-lua"

	"tandem/engine"
	"tandem/engine/message"
)

// registrationField returns what a REGISTER asks for; nil for other requests.
func registrationField(v *vm, r *engine.Registration, key string) lua.LValue {
	if r == nil {
		return lua.LNil
	}
	switch key {
	case "user":
		return lua.LString(r.User)
	case "contacts":
		return registeredContacts(v.L, r)
	}
	longest := uint32(0)
	for i := range r.Contacts {
		longest = max(longest, r.Contacts[i].Expires)
	}
	if len(r.Contacts) == 0 && !r.All {
		return lua.LNil // it asks what there is
	}
	return lua.LNumber(longest)
}

// registeredContacts is req.contacts.
func registeredContacts(L *lua.LState, r *engine.Registration) *lua.LTable {
	list := L.CreateTable(len(r.Contacts), 0)
	for i := range r.Contacts {
		c := &r.Contacts[i]
		t := L.CreateTable(0, 4)
		t.RawSetString("uri", lua.LString(c.URI))
		if u, err := message.ParseURI([]byte(c.URI)); err == nil {
			t.RawSetString("user", str(message.AppendUnescaped(nil, u.User)))
		}
		t.RawSetString("q", lua.LNumber(float64(c.Q)/1000))
		t.RawSetString("expires", lua.LNumber(c.Expires))
		list.RawSetInt(i+1, t)
	}
	return list
}
