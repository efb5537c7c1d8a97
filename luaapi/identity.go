package luaapi

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/identity"
	"tandem/engine/message"
	identitymod "tandem/luaapi/mod/identity"
)

// callIdentity is what scripts have read of who a call was meant for.
type callIdentity struct {
	diversion, history *lua.LTable
}

// diversions is call.diversion.
func (cv *callValue) diversions(v *vm) *lua.LTable {
	if cv.identity.diversion == nil {
		cv.identity.diversion = v.entries(cv, "Diversion")
	}
	return cv.identity.diversion
}

// history is call.history.
func (cv *callValue) history(v *vm) *lua.LTable {
	if cv.identity.history == nil {
		cv.identity.history = v.entries(cv, "History-Info")
	}
	return cv.identity.history
}

// entries returns the entries of a header of the call. What is malformed is kept; the engine tells of it once.
func (v *vm) entries(cv *callValue, header string) *lua.LTable {
	return v.identities().List(v.L, parsed(cv.c.Request(), header))
}

func parsed(m *message.Message, header string) []identity.Entry {
	var buf [4][]byte
	var values []string
	for _, value := range m.AppendValues(buf[:0], header) {
		values = append(values, string(value))
	}
	return identity.Parse(values...)
}

// asserted is call.identity: whom a trusted source says that the caller is (RFC 3325 §5), nil if it says nothing or is not trusted.
func (cv *callValue) asserted(v *vm) lua.LValue {
	if !cv.c.Trusted() {
		return lua.LNil
	}
	if u := firstAddress(v, cv.c.Request(), message.PAssertedIdentity); u != lua.LNil {
		return u
	}
	return firstAddress(v, cv.c.Request(), message.RemotePartyID)
}

// firstAddress is the first address of a header, nil if there is none.
func firstAddress(v *vm, m *message.Message, id message.ID) lua.LValue {
	u := lua.LNil
	m.Each(id, func(e []byte) bool {
		u = &v.nameAddr(e).ud
		return false
	})
	return u
}

// privacy is call.privacy: the values of Privacy, in small letters.
func (cv *callValue) privacy(v *vm) *lua.LTable {
	t := v.L.NewTable()
	m := cv.c.Request()
	for i := range m.Len() {
		if id, _, value := m.Field(i); id == message.Privacy {
			for word := range identity.PrivacyWords(string(value)) {
				t.Append(lua.LString(strings.ToLower(word)))
			}
		}
	}
	return t
}

// retarget is why the call came to whom it is for now: the last ms-retarget-reason of its history, else the reason of the last diversion.
func (cv *callValue) retarget(*vm) string {
	history := parsed(cv.c.Request(), "History-Info")
	for _, e := range slices.Backward(history) {
		if r := identitymod.Retarget(e); r != "" {
			return r
		}
	}
	diversions := parsed(cv.c.Request(), "Diversion")
	if len(diversions) == 0 {
		diversions = identity.ToDiversion(history)
	}
	for _, e := range diversions {
		if e.Err() == nil {
			return e.DiversionReason()
		}
	}
	return ""
}

// secondary reports whether a call that was retargeted so is somebody else's: who gets it as a member of a team or a response group, or as a delegate, has not
// missed it when it is not taken (rows L12, L18). A call that its callee forwarded is its new callee's own.
func secondary(retarget string) bool {
	return slices.Contains([]string{"team-call", "delegation", "acd"}, retarget)
}
