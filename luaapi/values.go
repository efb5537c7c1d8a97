package luaapi

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/luaapi/mod"
)

// uriValue is a URI: call.from, call.to, call.ruri, branch.uri.
type uriValue struct {
	ud     lua.LUserData
	raw    []byte
	header []byte // the value of the header that it stands in; nil for a bare URI
	params *lua.LTable
}

// uri returns the value of a bare URI. One that cannot be read has no fields set but is its text.
func (v *vm) uri(raw []byte) *uriValue {
	uv := &uriValue{raw: raw}
	v.wrap(&uv.ud, uv)
	return uv
}

// nameAddr returns the value of a From or To.
func (v *vm) nameAddr(value []byte) *uriValue {
	na, err := message.ParseNameAddr(value)
	if err != nil {
		return v.uri(value)
	}
	uv := v.uri(na.URI)
	uv.header = value
	return uv
}

// parsed returns the parts of a URI. Only those of the last one are kept: calls wait for long.
func (v *vm) parsed(uv *uriValue) *message.URI {
	if v.lastURI != uv {
		v.lastURI = uv
		v.lastParts, _ = message.ParseURI(uv.raw)
	}
	return &v.lastParts
}

// around returns the header around a URI, zero for a bare one.
func (uv *uriValue) around() message.NameAddr {
	na, _ := message.ParseNameAddr(uv.header)
	return na
}

// TypeName is what errors call it.
func (*uriValue) TypeName() string { return "URI" }

// URI returns its text: plan.to takes it.
func (uv *uriValue) URI() string { return string(uv.raw) }

// String returns its text: tostring gives it.
func (uv *uriValue) String() string { return string(uv.raw) }

var uriFields = members("tandem.uri")

func (*uriValue) fields() []string { return uriFields }

func (uv *uriValue) get(v *vm, key string) (lua.LValue, bool) {
	u := v.parsed(uv)
	switch key {
	case "scheme":
		return str(u.Scheme), true
	case "user":
		if bytes.IndexByte(u.User, '%') < 0 {
			return str(u.User), true
		}
		return str(message.AppendUnescaped(nil, u.User)), true
	case "host":
		return str(u.Host), true
	case "port":
		if u.Port == 0 {
			return lua.LNil, true
		}
		return lua.LNumber(u.Port), true
	case "params":
		if uv.params == nil {
			uv.params = paramTable(v.L, u.Params)
		}
		return uv.params, true
	case "display":
		return str(unquote(uv.around().Display)), true
	case "tag":
		tag, _ := message.Param(uv.around().Params, "tag")
		return str(tag), true
	}
	return nil, false
}

// paramTable returns parameters by name in lower case; one without a value is true.
func paramTable(L *lua.LState, params []byte) *lua.LTable {
	t := L.CreateTable(0, 0)
	message.EachParam(params, func(name, value []byte) bool {
		val := lua.LValue(lua.LTrue)
		if len(value) > 0 {
			val = lua.LString(message.AppendUnescaped(nil, value))
		}
		t.RawSetString(strings.ToLower(string(message.AppendUnescaped(nil, name))), val)
		return true
	})
	return t
}

// unquote takes the quotes and backslashes off a display name (RFC 3261 §25.1, quoted-string).
func unquote(d []byte) []byte {
	if len(d) < 2 || d[0] != '"' || d[len(d)-1] != '"' {
		return d
	}
	d = d[1 : len(d)-1]
	if bytes.IndexByte(d, '\\') < 0 {
		return d
	}
	var out []byte
	for i := 0; i < len(d); i++ {
		if d[i] == '\\' && i+1 < len(d) {
			i++
		}
		out = append(out, d[i])
	}
	return out
}

// headersValue is call.headers and branch.response.headers.
type headersValue struct {
	ud lua.LUserData
	m  *message.Message
}

func (v *vm) headersOf(m *message.Message) *headersValue {
	h := &headersValue{m: m}
	v.wrap(&h.ud, h)
	return h
}

// TypeName is what errors call it.
func (*headersValue) TypeName() string { return "headers" }

func (*headersValue) fields() []string { return nil }

// get returns the raw values of the fields of a name, in order; an empty list if there are none.
func (h *headersValue) get(v *vm, key string) (lua.LValue, bool) {
	var buf [8][]byte
	vals := h.m.AppendValues(buf[:0], key)
	t := v.L.CreateTable(len(vals), 0)
	for i, val := range vals {
		t.RawSetInt(i+1, lua.LString(val))
	}
	return t, true
}

// sourceValue is call.source.
type sourceValue struct {
	ud      lua.LUserData
	from    flow.Flow
	user    string
	trusted bool
}

func (v *vm) sourceOf(f flow.Flow, user string, trusted bool) *sourceValue {
	s := &sourceValue{from: f, user: user, trusted: trusted}
	v.wrap(&s.ud, s)
	return s
}

// TypeName is what errors call it.
func (*sourceValue) TypeName() string { return "source" }

// String returns "udp:192.0.2.1:5060".
func (s *sourceValue) String() string { return s.from.String() }

var sourceFields = members("tandem.source")

func (*sourceValue) fields() []string { return sourceFields }

func (s *sourceValue) get(_ *vm, key string) (lua.LValue, bool) {
	switch key {
	case "ip":
		return ip(s.from.Remote), true
	case "user":
		if s.user == "" {
			return lua.LNil, true
		}
		return lua.LString(s.user), true
	case "trusted":
		return lua.LBool(s.trusted), true
	case "port":
		return lua.LNumber(s.from.Remote.Port()), true
	case "transport":
		return lua.LString(strings.ToLower(s.from.Transport.String())), true
	}
	return nil, false
}

func ip(a netip.AddrPort) lua.LValue {
	if !a.IsValid() {
		return lua.LNil
	}
	return lua.LString(a.Addr().String())
}

// dateTable is call.time: the fields of Lua's os.date "*t", with unix (s) and zone.
func dateTable(L *lua.LState, d time.Time) *lua.LTable {
	t := L.CreateTable(0, 11)
	zone, _ := d.Zone()
	for _, f := range []struct {
		name  string
		value int
	}{
		{"year", d.Year()},
		{"month", int(d.Month())},
		{"day", d.Day()},
		{"hour", d.Hour()},
		{"min", d.Minute()},
		{"sec", d.Second()},
		{"wday", int(d.Weekday()) + 1},
		{"yday", d.YearDay()},
		{"unix", int(d.Unix())},
	} {
		t.RawSetString(f.name, lua.LNumber(f.value))
	}
	t.RawSetString("isdst", lua.LBool(d.IsDST()))
	t.RawSetString("zone", lua.LString(zone))
	return t
}

var _ mod.Named = (*headersValue)(nil)
