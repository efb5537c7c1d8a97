package plan

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sdp"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// divert is plan.divert(target or plan, options).
func (m *Module) divert(L *lua.LState) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: "plan.divert"}
	v := &value{}
	v.node.Divert = &plan.Divert{}
	r.optional(L.Get(2), divertOptions, &options{node: &v.node, divert: v.node.Divert})
	v.node.Members = []*plan.Node{r.diverted(L.Get(1))}
	r.delays(&v.node)
	return m.push(L, v, plan.KindSerial, r.pos)
}

// diverted returns the node of a target, or of what stands where a plan may stand.
func (r *reader) diverted(v lua.LValue) *plan.Node {
	ud, _ := v.(*lua.LUserData)
	if _, text := v.(lua.LString); !text && (ud == nil || !isURI(ud)) {
		return r.node(v, valueOf(v), 1)
	}
	t := r.newTarget(r.target(v))
	r.m.takeDefaults(&t.node, 0)
	if !r.m.loaded {
		r.m.early = append(r.m.early, early{node: &t.node})
	}
	return &t.node
}

// by reads who diverts: a URI, or a user.
func (r *reader) by(v lua.LValue) string {
	uri := r.uri(v, "by")
	probe := uri
	if !strings.Contains(uri, ":") {
		probe = "sip:" + uri + "@h"
	}
	u, err := message.ParseURI([]byte(probe))
	if err != nil || len(u.Headers) > 0 || strings.ContainsAny(uri, "<>\" \t,") || probe != uri && strings.ContainsAny(uri, "@?") {
		r.fail("by", `%s: by cannot be %q; write a user such as "100", or a URI such as "sip:100@pbx.example"`, r.what, uri)
	}
	return uri
}

// count reads a number from 1 to most.
func (r *reader) count(key string, v lua.LValue, most int) int {
	n, ok := v.(lua.LNumber)
	if !ok || n != lua.LNumber(int(n)) || n < 1 || int(n) > most {
		r.fail(key, "%s: %s must be a whole number from 1 to %d, got %s", r.what, key, most, v)
	}
	return int(n)
}

// codecs reads the names of codecs, the preferred first, and whether only the first of them that is offered stays.
func (r *reader) codecs(v lua.LValue) *sdp.Codecs {
	t, ok := v.(*lua.LTable)
	if !ok || t.Len() == 0 {
		r.fail("codecs", `%s: codecs must be a list of names such as { "PCMA", "opus" }, got %s`, r.what, mod.TypeName(v))
	}
	c := &sdp.Codecs{}
	for i := 1; i <= t.Len(); i++ {
		name, ok := t.RawGetInt(i).(lua.LString)
		if !ok || !message.IsToken(string(name)) {
			r.fail("codecs", "%s: codec %d must be a name such as \"PCMA\", got %s", r.what, i, t.RawGetInt(i))
		}
		c.Names = append(c.Names, string(name))
	}
	for _, key := range mod.Names(t) {
		if key != "first" {
			r.fail(key, "%s: codecs has no %q%s", r.what, key, spell.Hint(key, []string{"first"}))
		}
		c.First = r.bool("first", t.RawGetString("first"))
	}
	return c
}
