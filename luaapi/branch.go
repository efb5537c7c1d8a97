package luaapi

import (
	"bytes"
	"strconv"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/plan"
)

// branchValue is `branch`. It is a copy of the step, so that a function of the plan may refer to it later.
type branchValue struct {
	ud       lua.LUserData
	step     plan.Step
	uri      *uriValue
	response *responseValue
}

// branch returns the argument of a handler, nil for no step.
func (v *vm) branch(s *plan.Step) lua.LValue {
	if s == nil {
		return nil
	}
	b := &branchValue{step: *s}
	v.wrap(&b.ud, b)
	return &b.ud
}

// branchOrNil is branch as a Lua value.
func (v *vm) branchOrNil(s *plan.Step) lua.LValue {
	if b := v.branch(s); b != nil {
		return b
	}
	return lua.LNil
}

// TypeName is what errors call it.
func (*branchValue) TypeName() string { return "branch" }

var branchFields = members("tandem.branch")

func (*branchValue) fields() []string { return branchFields }

func (b *branchValue) get(v *vm, key string) (lua.LValue, bool) {
	s := &b.step
	switch key {
	case "user":
		if s.Target == nil {
			return lua.LNil, true
		}
		return str(s.Target.User), true
	case "name":
		return str(s.Name), true
	case "group":
		return str(s.Group), true
	case "code":
		return code(s.Code), true
	case "phrase":
		return str(s.Phrase), true
	case "elapsed":
		return lua.LNumber(s.Elapsed.Seconds()), true
	case "rang":
		return lua.LBool(s.Rang), true
	case "attempt":
		return lua.LNumber(s.Attempt), true
	case "synthetic":
		return lua.LBool(s.Synthetic), true
	case "outcome":
		return str(outcomeName(s.Outcome)), true
	}
	return b.made(v, key)
}

// made returns the fields that are made when they are asked for.
func (b *branchValue) made(v *vm, key string) (lua.LValue, bool) {
	switch key {
	case "uri":
		return b.uriOf(v), true
	case "contacts":
		return contactList(v.L, b.step.Contacts), true
	case "response":
		if r := b.responseOf(v); r != nil {
			return &r.ud, true
		}
		return lua.LNil, true
	case "reasons":
		return reasonList(v.L, b.message()), true
	case "cause":
		return q850(b.message()), true
	}
	return nil, false
}

func code(n int) lua.LValue {
	if n == 0 {
		return lua.LNil
	}
	return lua.LNumber(n)
}

func outcomeName(o plan.Outcome) string {
	if o == plan.NoOutcome {
		return ""
	}
	return o.String()
}

func (b *branchValue) uriOf(v *vm) lua.LValue {
	if b.step.Target == nil {
		return lua.LNil
	}
	if b.uri == nil {
		b.uri = v.uri([]byte(b.step.Target.URI))
	}
	return &b.uri.ud
}

// message is the final response that came, nil if none did.
func (b *branchValue) message() *message.Message {
	m, _ := b.step.Response.(*message.Message)
	return m
}

func (b *branchValue) responseOf(v *vm) *responseValue {
	if m := b.message(); b.response == nil && m != nil {
		b.response = &responseValue{m: m}
		v.wrap(&b.response.ud, b.response)
	}
	return b.response
}

// contactList is branch.contacts: { uri =, user =, q = } in the order of the step.
func contactList(L *lua.LState, cs []plan.Contact) *lua.LTable {
	list := L.CreateTable(len(cs), 0)
	for i, c := range cs {
		t := L.CreateTable(0, 3)
		t.RawSetString("uri", lua.LString(c.URI))
		t.RawSetString("user", str(c.User))
		t.RawSetString("q", lua.LNumber(float64(c.Q)/1000))
		list.RawSetInt(i+1, t)
	}
	return list
}

// reasonList is branch.reasons: the values of the Reason fields (RFC 3326 §2), lists split.
func reasonList(L *lua.LState, m *message.Message) *lua.LTable {
	t := L.CreateTable(0, 0)
	if m == nil {
		return t
	}
	m.Each(message.Reason, func(e []byte) bool {
		t.Append(lua.LString(e))
		return true
	})
	return t
}

// q850 is branch.cause: the Q.850 cause of the response (RFC 3326 §2, RFC 6432), nil if it has none.
func q850(m *message.Message) lua.LValue {
	cause := lua.LNil
	if m == nil {
		return cause
	}
	m.Each(message.Reason, func(e []byte) bool {
		protocol, params, _ := bytes.Cut(e, []byte(";"))
		if !bytes.EqualFold(bytes.TrimSpace(protocol), []byte("Q.850")) {
			return true
		}
		val, _ := message.Param(append([]byte(";"), params...), "cause")
		if n, err := strconv.Atoi(string(val)); err == nil {
			cause = lua.LNumber(n)
			return false
		}
		return true
	})
	return cause
}

// responseValue is branch.response.
type responseValue struct {
	ud      lua.LUserData
	m       *message.Message
	headers *headersValue
}

// TypeName is what errors call it.
func (*responseValue) TypeName() string { return "response" }

var responseFields = members("tandem.response")

func (*responseValue) fields() []string { return responseFields }

func (r *responseValue) get(v *vm, key string) (lua.LValue, bool) {
	switch key {
	case "code":
		return lua.LNumber(r.m.Status()), true
	case "phrase":
		return str(r.m.Phrase()), true
	case "headers":
		if r.headers == nil {
			r.headers = v.headersOf(r.m)
		}
		return &r.headers.ud, true
	}
	return nil, false
}
