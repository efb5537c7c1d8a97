// Package http is the Lua module `http`: operations for plan.await that ask an HTTP server (RFC 9110).
//
// A Module belongs to one Lua state; a Request that it makes does not change, so that a pool may do it on any goroutine. The
// Client has the connections and is shared by all states of all generations; it needs no lock of its own. What is wrong with
// a request is raised at its line; what goes wrong on the way is a value, `result.err`.
package http

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/luaapi/mod"
	"tandem/luaapi/spell"
)

// What a request may ask for, and gets if it does not.
const (
	DefaultTimeout   = 2 * time.Second
	MaxTimeout       = 60 * time.Second
	DefaultRedirects = 5
	MaxRedirects     = 10
)

// Module is the module `http` of one Lua state.
type Module struct {
	// Client does the requests.
	Client *Client
	// KeyLine finds the lines of options; it may be nil.
	KeyLine mod.KeyLine
	// MaxBody is the longest body of an answer, in bytes.
	MaxBody int
}

// Table returns what `require "http"` gives, in all states. of finds the module of the one that calls.
func Table(L *lua.LState, of func(L *lua.LState) *Module) *lua.LTable {
	return mod.Table(L, "http", mod.Bind(of, map[string]func(*Module, *lua.LState) int{
		"get": (*Module).get, "post": (*Module).post, "request": (*Module).request,
	}))
}

// get is http.get(url, options), post http.post(url, options), request http.request(method, url, options).
func (m *Module) get(L *lua.LState) int { return m.method(L, "http.get", "GET", 1) }

func (m *Module) post(L *lua.LState) int { return m.method(L, "http.post", "POST", 1) }

func (m *Module) request(L *lua.LState) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: "http.request"}
	method, ok := L.Get(1).(lua.LString)
	if !ok || !message.ValidName(string(method)) {
		r.fail("", "http.request takes a method such as \"PUT\" first, got %s", show(L.Get(1)))
	}
	if m := strings.ToUpper(string(method)); m == "CONNECT" {
		r.fail("", "http.request: CONNECT makes a tunnel, which nothing could use")
	}
	return m.method(L, "http.request", strings.ToUpper(string(method)), 2)
}

// method makes a request whose URL is argument n.
func (m *Module) method(L *lua.LState, what, method string, n int) int {
	r := reader{m: m, L: L, pos: mod.Where(L), what: what}
	req := &Request{Method: method, Header: make(http.Header), MaxBody: m.MaxBody, Redirects: DefaultRedirects, client: m.Client}
	u := r.url(L.Get(n))
	timeout := DefaultTimeout
	switch t := L.Get(n + 1).(type) {
	case *lua.LNilType:
	case *lua.LTable:
		r.options(t, req, u, &timeout)
	default:
		r.fail("", "%s: options must be a table, got %s", what, mod.TypeName(t))
	}
	if L.GetTop() > n+1 {
		r.fail("", "%s takes %d values and no more; a body is an option: { body = … }", what, n+1)
	}
	req.URL = u
	L.Push(mod.NewOperation(L, plan.Operation{Name: req.String(), Timeout: timeout, Pos: r.pos, Work: req}))
	return 1
}

// reader reads the arguments of one call of the script and raises its mistakes.
type reader struct {
	m    *Module
	L    *lua.LState
	pos  plan.Pos
	what string
}

func (r *reader) fail(key, format string, args ...any) {
	mod.Raise(r.L, r.m.KeyLine.At(r.pos, key), format, args...)
}

func show(v lua.LValue) string {
	if s, ok := v.(lua.LString); ok {
		return `"` + string(s) + `"`
	}
	return mod.TypeName(v)
}

// url reads a URL that can be asked.
func (r *reader) url(v lua.LValue) *url.URL {
	s, ok := v.(lua.LString)
	if !ok {
		r.fail("", "%s takes a URL such as \"http://192.0.2.5/route\", got %s", r.what, mod.TypeName(v))
	}
	u, err := url.Parse(string(s))
	switch {
	case err != nil:
		r.fail("", "%s: no valid URL (%s); write what varies into query = { name = value }", r.what, strings.TrimPrefix(err.Error(), "parse "))
	case u.Scheme != "http" && u.Scheme != "https":
		r.fail("", "%s %q: the URL must begin with http:// or https://", r.what, string(s))
	case u.Hostname() == "":
		r.fail("", "%s %q: the URL names no host", r.what, string(s))
	}
	u.Fragment, u.RawFragment = "", ""
	return u
}

var optionNames = []string{"timeout", "headers", "query", "body", "max_body", "redirects"}

func (r *reader) options(t *lua.LTable, req *Request, u *url.URL, timeout *time.Duration) {
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		switch key := k.String(); key {
		case "timeout":
			*timeout = time.Duration(r.number(key, v, 0.001, MaxTimeout.Seconds()) * float64(time.Second))
		case "headers":
			r.pairs(key, v, func(name, value string) { r.header(req.Header, name, value) })
		case "query":
			q := u.Query()
			r.pairs(key, v, q.Set)
			u.RawQuery = q.Encode()
		case "body":
			req.Body = r.text(key, v)
		case "max_body":
			req.MaxBody = r.whole(key, v, 0, r.m.MaxBody)
		case "redirects":
			req.Redirects = r.whole(key, v, 0, MaxRedirects)
		default:
			r.fail(key, "%s has no option %q%s", r.what, key, spell.Hint(key, optionNames))
		}
	}
}

func (r *reader) number(key string, v lua.LValue, lo, hi float64) float64 {
	n, ok := v.(lua.LNumber)
	if !ok || !(float64(n) >= lo && float64(n) <= hi) {
		got := mod.TypeName(v)
		if ok {
			got = n.String()
		}
		r.fail(key, "%s: %s must be a number from %v to %v, got %s", r.what, key, lo, hi, got)
	}
	return float64(n)
}

func (r *reader) whole(key string, v lua.LValue, lo, hi int) int {
	f := r.number(key, v, float64(lo), float64(hi))
	if f != float64(int(f)) {
		r.fail(key, "%s: %s must be a whole number, got %v", r.what, key, f)
	}
	return int(f)
}

func (r *reader) text(key string, v lua.LValue) string {
	switch v.(type) {
	case lua.LString, lua.LNumber:
	default:
		r.fail(key, "%s: %s must be a string, got %s", r.what, key, mod.TypeName(v))
	}
	return v.String()
}

// pairs reads { name = value }, in the order of the names.
func (r *reader) pairs(key string, v lua.LValue, each func(name, value string)) {
	t, ok := v.(*lua.LTable)
	if !ok {
		r.fail(key, "%s: %s must be a table of values by name, got %s", r.what, key, mod.TypeName(v))
	}
	names := mod.Names(t)
	n := 0
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		n++
	}
	if n != len(names) {
		r.fail(key, "%s: %s must be a table of values by name", r.what, key)
	}
	slices.Sort(names)
	for _, name := range names {
		each(name, r.text(name, t.RawGetString(name)))
	}
}

// own are header fields that the client writes itself.
var own = []string{"Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Te"}

func (r *reader) header(h http.Header, name, value string) {
	switch {
	case !message.ValidName(name):
		r.fail(name, "%s: %q is no header name", r.what, name)
	case !message.ValidValue(value):
		r.fail(name, "%s: header %s holds a line break or another control character", r.what, name)
	case slices.Contains(own, http.CanonicalHeaderKey(name)):
		r.fail(name, "%s: header %s cannot be set: it belongs to the connection", r.what, name)
	}
	h.Set(name, value)
}
