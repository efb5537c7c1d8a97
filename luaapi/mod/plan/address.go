package plan

import (
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// addressOptions say who calls whom on a leg.
var addressOptions = setOf(optParams, optTo, optFrom, optDisplay, optClip, optColp, optTrusted, optPrivacy)

func (d *defaults) applyAddresses(t *plan.Target, set optionSet) {
	if set.has(optParams) {
		t.Params = d.target.Params
	}
	if set.has(optTo) {
		t.To = d.target.To
	}
	if set.has(optFrom) {
		t.From = d.target.From
	}
	if set.has(optDisplay) {
		t.Display = d.target.Display
	}
	if set.has(optClip) {
		t.Clip = d.target.Clip
	}
	if set.has(optColp) {
		t.Colp = d.target.Colp
	}
	if set.has(optTrusted) {
		t.Trust = d.target.Trust
	}
	if set.has(optPrivacy) {
		t.Privacy = d.target.Privacy
	}
}

func (r *reader) addressOption(opt option, v lua.LValue, t *plan.Target) {
	switch opt {
	case optParams:
		t.Params = r.params(v)
	case optTo:
		t.To = r.to(v)
	case optFrom:
		t.From = r.from(v)
	case optDisplay:
		t.Display = r.display("display", v)
	case optClip:
		t.Clip = r.identity("clip", v)
	case optColp:
		t.Colp = r.identity("colp", v)
	case optTrusted:
		if t.Trust = plan.TrustNo; r.bool("trusted", v) {
			t.Trust = plan.TrustYes
		}
	case optPrivacy:
		t.Privacy = r.privacy(v)
	}
}

// privacies are the values of Privacy that can be seen to.
var privacies = []string{"id", "user", "header", "history"}

// privacy reads one of them, or a list of them.
func (r *reader) privacy(v lua.LValue) string {
	t, ok := v.(*lua.LTable)
	if !ok {
		return privacies[r.choice("privacy", v, privacies...)]
	}
	var words []string
	for i := range r.length(t) {
		words = append(words, privacies[r.choice("privacy", t.RawGetInt(i+1), privacies...)])
	}
	if k, _ := t.Next(tail(len(words))); k != lua.LNil {
		r.fail("privacy", "%s: privacy is a list of words, got key %s", r.what, k)
	}
	return strings.Join(words, ";")
}

// params reads { name = value | true } and returns them sorted by name, as they stand in a URI (RFC 3261 §19.1.1).
func (r *reader) params(v lua.LValue) string {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail("params", "%s: params must be a table of values by name, got %s", r.what, mod.TypeName(v))
	}
	var all []string
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			r.fail("params", "%s: params has names as keys, got key %s; write { user = \"phone\" }", r.what, k)
		}
		all = append(all, r.param(string(name), v))
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

func (r *reader) param(name string, v lua.LValue) string {
	if !message.ValidName(name) {
		r.fail(name, "%s: %q is no name of a URI parameter", r.what, name)
	}
	switch strings.ToLower(name) {
	case "transport", "maddr", "method", "ttl", "lr":
		r.fail(name, "%s: params cannot have %s: it says how a request is sent; write it into the URI of the target", r.what, name)
	}
	switch v := v.(type) {
	case lua.LBool:
		if v {
			return ";" + name
		}
	case lua.LString, lua.LNumber:
		p := ";" + name + "=" + v.String()
		u, err := message.ParseURI([]byte("sip:h" + p))
		if got, _ := message.Param(u.Params, name); err != nil || string(u.Params) != p || string(got) != v.String() || len(got) == 0 {
			r.fail(name, "%s: parameter %s cannot be %q", r.what, name, v.String())
		}
		return p
	}
	r.fail(name, "%s: parameter %s must be a string, or true for one without a value, got %s", r.what, name, mod.TypeName(v))
	return ""
}

// to reads "keep" or a URI.
func (r *reader) to(v lua.LValue) string {
	if v == lua.LString(plan.ToKeep) {
		return plan.ToKeep
	}
	if _, ok := v.(lua.LString); !ok {
		if u, ok := v.(*lua.LUserData); !ok || !isURI(u) {
			r.fail("to", `%s: to must be "keep" or a URI such as "sip:100@pbx.example", got %s`, r.what, mod.TypeName(v))
		}
	}
	uri := r.uri(v, "to")
	u, err := message.ParseURI([]byte(uri))
	if err != nil || len(u.Headers) > 0 { // RFC 3261 §19.1.1, table 1: neither headers nor a method
		r.fail("to", `%s: to cannot be %q; write "keep" or a URI such as "sip:100@pbx.example"`, r.what, uri)
	}
	return uri
}

func isURI(u *lua.LUserData) bool { _, ok := u.Value.(URI); return ok }

var fromFields = []string{"user", "host", "display"}

// from reads { user, host, display }; what is left out stays as it came in.
func (r *reader) from(v lua.LValue) *plan.From {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail("from", "%s: from must be a table with user, host or display, got %s", r.what, mod.TypeName(v))
	}
	f := &plan.From{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		switch k.String() {
		case "user":
			f.User = escapeUser(r.filled("user", v))
		case "host":
			f.Host = r.filled("host", v)
			if u, err := message.ParseURI([]byte("sip:" + f.Host)); err != nil || u.User != nil || len(u.Params)+len(u.Headers) > 0 {
				r.fail("host", `%s: from: host cannot be %q; write a name, an IP address, or one of them with a port`, r.what, f.Host)
			}
		case "display":
			f.Display = r.display("from: display", v)
		default:
			r.fail(k.String(), "%s: from has no %q%s", r.what, k.String(), spell.Hint(k.String(), fromFields))
		}
	}
	return f
}

// auth reads who meets a challenge: "pass", the caller, or credentials of the leg's own.
func (r *reader) auth(v lua.LValue) plan.Auth {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.choice("auth", v, "pass")
		return plan.Auth{Pass: true}
	}
	l := &plan.Login{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		switch k.String() {
		case "user":
			l.User = r.text("auth: user", v)
		case "password":
			l.Password = r.text("auth: password", v)
		default:
			r.fail(k.String(), "%s: auth has no %q%s", r.what, k.String(), spell.Hint(k.String(), []string{"user", "password"}))
		}
	}
	if l.User == "" {
		r.fail("auth", `%s: auth is "pass" or a table with user and password; the user is missing`, r.what)
	}
	return plan.Auth{Login: l}
}

func (r *reader) filled(key string, v lua.LValue) string {
	s := r.text(key, v)
	if s == "" {
		r.fail(key, "%s: from: %s is empty; leave it out to keep what came in", r.what, key)
	}
	return s
}

// escapeUser escapes a user part (RFC 3261 §25.1, user).
func escapeUser(user string) string {
	const hex, plain = "0123456789ABCDEF", "-_.!~*'()&=+$,;?/"
	var b strings.Builder
	for i := range len(user) {
		switch c := user[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}

// display reads a display name; false is none.
func (r *reader) display(key string, v lua.LValue) *string {
	name := ""
	if v != lua.LFalse {
		name = r.text(key, v)
	}
	if !message.ValidValue(name) {
		r.fail(key, "%s: %s holds a line break or another control character", r.what, key)
	}
	return &name
}

// identity reads a P-Asserted-Identity: a URI, or false to take it away (RFC 3325 §9.1).
func (r *reader) identity(key string, v lua.LValue) *plan.Header {
	h := &plan.Header{Name: "P-Asserted-Identity"}
	if v == lua.LFalse {
		h.Remove = true
		return h
	}
	if u, ok := v.(*lua.LUserData); !ok || !isURI(u) {
		if _, ok := v.(lua.LString); !ok {
			r.fail(key, "%s: %s must be a URI such as \"sip:100@pbx.example\", or false, got %s", r.what, key, mod.TypeName(v))
		}
	}
	uri := r.uri(v, key)
	u, err := message.ParseURI([]byte(uri))
	if err != nil || u.Scheme != "sip" && u.Scheme != "sips" && u.Scheme != "tel" {
		r.fail(key, `%s: %s cannot be %q; write a URI such as "sip:100@pbx.example" or "tel:+4930123"`, r.what, key, uri)
	}
	h.Value = "<" + uri + ">"
	return h
}
