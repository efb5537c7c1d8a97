package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/luaapi/mod"
)

// target is a parsed URI.
type target struct {
	uri, key, user string
	registrant     string       // the user whose registered contacts are meant; "" = the URI is
	again          bool         // plan.to was given it before
	made           *targetValue // what plan.to made of it last; nil = nothing that is kept
	own            optionSet    // what the script wrote of that
}

// maxTargets bounds the cache of parsed URIs.
const maxTargets = 4096

// URI is implemented by the Go values behind userdata that stand for a URI: they may be given as a target.
type URI interface{ URI() string }

// textBytes is how many bytes of a text that is looked at cost an instruction.
const textBytes = 16

func (m *Module) cost(instructions int) {
	if m.Cost != nil {
		m.Cost(instructions)
	}
}

func (r *reader) uri(v lua.LValue, what string) string {
	switch v := v.(type) {
	case lua.LString:
		r.m.cost(len(v) / textBytes)
		return string(v)
	case *lua.LUserData:
		if u, ok := v.Value.(URI); ok {
			return u.URI()
		}
	}
	r.fail("uri", "%s: %s must be a SIP URI such as \"sip:100@192.0.2.1\", got %s", r.what, what, mod.TypeName(v))
	return ""
}

// target reads a URI that can be dialled.
func (r *reader) target(v lua.LValue) *target {
	uri := r.uri(v, "the target")
	if t, ok := r.m.targets[uri]; ok {
		return t
	}
	u, err := message.ParseURI([]byte(uri))
	if problem := undialled(&u, err, uri); problem != "" {
		r.fail("", "%s %q: %s", r.what, uri, problem)
	}
	if len(r.m.targets) >= maxTargets {
		clear(r.m.targets)
	}
	t := parsed(&u, uri)
	r.m.targets[uri] = &t
	return &t
}

func parsed(u *message.URI, uri string) target {
	if name, ok := strings.CutPrefix(uri, userPrefix); ok {
		return target{uri: uri, key: uri, user: name, registrant: name}
	}
	return target{uri: uri, key: string(u.AppendKey(nil)), user: string(message.AppendUnescaped(nil, u.User))}
}

// Undialled says why a text cannot be the target of plan.to, "" if it can.
func Undialled(uri string) string {
	u, err := message.ParseURI([]byte(uri))
	return undialled(&u, err, uri)
}

// undialled says why a URI cannot be the Request-URI of a branch, "" if it can.
func undialled(u *message.URI, err error, uri string) string {
	switch {
	case strings.HasPrefix(uri, userPrefix):
		return misnamed(uri[len(userPrefix):])
	case strings.HasPrefix(uri, "trunk:"):
		return "no trunks in this release; write the address of the carrier"
	case err != nil && !strings.Contains(uri, ":"), err != nil && !hasScheme(uri):
		return `no SIP URI; write "sip:` + uri + `"`
	case err != nil:
		return "no valid SIP URI"
	case u.Scheme == "tel":
		return `tel URIs are not dialled in this release; write "sip:` + string(u.User) + `@HOST;user=phone"`
	case u.Scheme != "sip" && u.Scheme != "sips":
		return fmt.Sprintf("scheme %q cannot be dialled; write a sip: URI", u.Scheme)
	case len(u.Headers) > 0: // RFC 3261 §19.1.1, table 1
		return fmt.Sprintf("a Request-URI has no headers (%q)", u.Headers)
	}
	if _, ok := message.Param(u.Params, "method"); ok { // RFC 3261 §19.1.1, table 1
		return "a Request-URI has no method parameter"
	}
	if t, given := message.Param(u.Params, "transport"); given {
		if _, ok := flow.Of(u.Secure(), string(t)); !ok {
			return fmt.Sprintf("%s with transport=%s is not spoken; write udp (sip only), tcp, tls, ws or wss", u.Scheme, t)
		}
	}
	return ""
}

// userPrefix starts a target that is a user, wherever he is registered.
const userPrefix = "user:"

// Registrant returns the user that a target stands for, "" if it stands for none.
func Registrant(target string) string {
	name, ok := strings.CutPrefix(target, userPrefix)
	if !ok {
		return ""
	}
	return name
}

// misnamed says why nobody can be registered under a name, "" if somebody can.
func misnamed(name string) string {
	if name == "" || len(name) > 128 || strings.ContainsAny(name, "@:;/?<>\"") || strings.TrimSpace(name) != name || !message.ValidValue(name) {
		return `user: takes the name of a user, such as "user:100"`
	}
	return ""
}

func hasScheme(uri string) bool {
	return len(uri) > 4 && (strings.EqualFold(uri[:4], "sip:") || strings.EqualFold(uri[:5], "sips:") || strings.EqualFold(uri[:4], "tel:"))
}

// list returns the table that argument n is.
func (r *reader) list(n int) *lua.LTable {
	t, ok := r.L.Get(n).(*lua.LTable)
	if !ok {
		r.fail("", "%s takes one list, got %s; write %s { a, b }", r.what, mod.TypeName(r.L.Get(n)), r.what)
	}
	if r.L.GetTop() > n {
		r.fail("", "%s takes one list and no more; write its options into the list", r.what)
	}
	return t
}

// length returns how many items a list has. A nil among or after them is an error.
func (r *reader) length(t *lua.LTable) int {
	n := t.MaxN()
	if n == 0 {
		return 0
	}
	r.m.cost(3 * n)
	for i := 1; i < n; i++ {
		if t.RawGetInt(i) == lua.LNil {
			r.hole(i)
		}
	}
	last := t.Remove(-1) // a nil after the last item is seen only so
	if last == lua.LNil {
		r.hole(n + 1)
	}
	t.RawSetInt(n, last)
	return n
}

// tail is the key after which the named fields of a list of n items follow.
func tail(n int) lua.LValue {
	if n < len(tails) {
		return tails[n]
	}
	return lua.LNumber(n)
}

// tails are the first of them: a number made an LValue is an allocation.
var tails = func() (t [64]lua.LValue) {
	t[0] = lua.LNil
	for n := 1; n < len(t); n++ {
		t[n] = lua.LNumber(n)
	}
	return t
}()

func (r *reader) hole(i int) {
	r.fail("", "%s: item %d is nil; leave out what is not there", r.what, i)
}

// step returns the node of what stands where a plan may stand, nil if it may not.
func step(v lua.LValue, p *value) *plan.Node {
	if p != nil && p.node.Kind != plan.KindFollow && p.node.Kind != plan.KindPass && p.node.Kind != plan.KindAccept {
		return &p.node
	}
	if fn, ok := v.(*lua.LFunction); ok && !fn.IsG {
		return &plan.Node{Kind: plan.KindDeferred, Func: fn, Pos: Function(fn)}
	}
	return nil
}

// Function returns where a function of the script starts.
func Function(fn *lua.LFunction) plan.Pos {
	if fn.IsG {
		return plan.Pos{}
	}
	return plan.Pos{File: fn.Proto.SourceName, Line: fn.Proto.LineDefined}
}

func (r *reader) node(v lua.LValue, p *value, i int) *plan.Node {
	n := step(v, p)
	if n == nil {
		r.notPlan("", fmt.Sprintf("item %d", i), v)
	}
	return n
}

func (r *reader) notPlan(key, what string, v lua.LValue) {
	if p := valueOf(v); p != nil && p.node.Kind == plan.KindFollow {
		r.fail(key, "%s: %s is plan.follow(), which only route.redirected may return", r.what, what)
	} else if p != nil && p.node.Kind == plan.KindPass {
		r.fail(key, "%s: %s is plan.pass(), which only route.refer may return", r.what, what)
	}
	if p := valueOf(v); p != nil && p.node.Kind == plan.KindAccept {
		r.fail(key, "%s: %s is plan.accept(…), which only route.register may return", r.what, what)
	}
	hint := ""
	if s, ok := v.(lua.LString); ok {
		hint = fmt.Sprintf("; write plan.to %q", string(s))
	} else if mod.OperationOf(v) != nil {
		hint = "; write plan.await(operation, function(call, result) … end)"
	}
	r.fail(key, "%s: %s must be a plan or a function that returns one, got %s%s", r.what, what, mod.TypeName(v), hint)
}

// headers reads { name = value | false }, sorted by name.
func (r *reader) headers(key string, v lua.LValue) []plan.Header {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail(key, "%s: %s must be a table of values by name, got %s", r.what, key, mod.TypeName(v))
	}
	hs := []plan.Header{}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			r.fail(key, "%s: %s has header names as keys, got key %s", r.what, key, k)
		}
		hs = append(hs, r.header(string(name), v))
	}
	slices.SortFunc(hs, func(a, b plan.Header) int { return strings.Compare(fold(a.Name), fold(b.Name)) })
	for i := 1; i < len(hs); i++ {
		if fold(hs[i].Name) == fold(hs[i-1].Name) {
			r.fail(hs[i].Name, "%s: header %s is given twice", r.what, hs[i].Name)
		}
	}
	return hs
}

// fold returns what is equal for equal header names.
func fold(name string) string {
	if id := message.Lookup([]byte(name)); id != message.Other {
		name = id.String()
	}
	return strings.ToLower(name)
}

func (r *reader) header(name string, v lua.LValue) plan.Header {
	if !message.ValidName(name) {
		r.fail(name, "%s: %q is no header name", r.what, name)
	}
	if id := message.Lookup([]byte(name)); id.PerLeg() {
		r.fail(name, "%s: header %s cannot be set: every leg has its own", r.what, id)
	}
	switch v := v.(type) {
	case lua.LBool:
		if !v {
			return plan.Header{Name: name, Remove: true}
		}
	case lua.LString:
		r.m.cost(len(v) / textBytes)
		if !message.ValidValue(string(v)) {
			r.fail(name, "%s: header %s holds a line break or another control character", r.what, name)
		}
		return plan.Header{Name: name, Value: string(v)}
	case lua.LNumber:
		return plan.Header{Name: name, Value: v.String()}
	}
	r.fail(name, "%s: header %s must be a string, or false to take it away, got %s", r.what, name, mod.TypeName(v))
	return plan.Header{}
}

// Headers reads a header table for a function that is not of this module: what names it in errors.
func (m *Module) Headers(L *lua.LState, what string, v lua.LValue) []plan.Header {
	r := reader{m: m, L: L, pos: mod.Where(L), what: what}
	return r.added("headers", v)
}

// added reads headers of what is ours alone, where there is nothing to take away.
func (r *reader) added(key string, v lua.LValue) []plan.Header {
	if v == lua.LNil {
		return nil
	}
	hs := r.headers(key, v)
	for _, h := range hs {
		if h.Remove {
			r.fail(h.Name, "%s: header %s is false, but there is nothing to take it from", r.what, h.Name)
		}
	}
	return hs
}

// Phrase reads a reason phrase that may be left out.
func Phrase(L *lua.LState, what string, v lua.LValue) string {
	r := reader{m: noLines, L: L, pos: mod.Where(L), what: what}
	return r.phrase(v)
}

var noLines = &Module{keyLine: func(plan.Pos, string) int { return 0 }}

func (r *reader) phrase(v lua.LValue) string {
	if v == lua.LNil {
		return ""
	}
	p := r.text("phrase", v)
	if !message.ValidValue(p) {
		r.fail("", "%s: the phrase holds a line break or another control character", r.what)
	}
	return p
}

// Code reads a status code between lo and hi.
func Code(L *lua.LState, what string, v lua.LValue, lo, hi int) int {
	r := reader{m: noLines, L: L, pos: mod.Where(L), what: what}
	return r.code(v, lo, hi)
}

func (r *reader) code(v lua.LValue, lo, hi int) int {
	n, ok := v.(lua.LNumber)
	if !ok || float64(n) != math.Trunc(float64(n)) || n < lua.LNumber(lo) || n > lua.LNumber(hi) {
		got := mod.TypeName(v)
		if ok {
			got = n.String()
		}
		r.fail("", "%s: the code must be a number from %d to %d, got %s", r.what, lo, hi, got)
	}
	return int(n)
}
