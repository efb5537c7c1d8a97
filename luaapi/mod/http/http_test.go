package http

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/goleak"

	"tandem/engine/plan"
	"tandem/luaapi/mod"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script runs Lua that leaves an operation in global `op`.
func script(t *testing.T, c *Client, src string) (*plan.Operation, string) {
	t.Helper()
	L := lua.NewState()
	defer L.Close()
	m := &Module{Client: c, MaxBody: 65536, KeyLine: func(_ plan.Pos, key string) int {
		if i := strings.Index(src, key+" ="); i >= 0 {
			return strings.Count(src[:i], "\n") + 1
		}
		return 0
	}}
	L.SetGlobal("http", Table(L, func(*lua.LState) *Module { return m }))
	fn, err := L.Load(strings.NewReader(src), "main.lua")
	if err != nil {
		t.Fatal(err)
	}
	L.Push(fn)
	if err := L.PCall(0, 0, nil); err != nil {
		var e *lua.ApiError
		if errors.As(err, &e) {
			return nil, e.Object.String()
		}
		return nil, err.Error()
	}
	return mod.OperationOf(L.GetGlobal("op")), ""
}

func TestRequest(t *testing.T) {
	op, _ := script(t, nil, `op = http.request("put", "HTTPS://u:p@api.example:8443/a/b?x=1#top", {
		timeout = 0.5, headers = { ["x-key"] = "k", accept = "text/plain" }, query = { from = "+31 20&x", n = 7 },
		body = "text", max_body = 100, redirects = 0,
	})`)
	r := op.Work.(*Request)
	got := fmt.Sprint(op.Name, op.Timeout, r.Method, r.URL, r.Header, r.Body, r.MaxBody, r.Redirects, r.Host())
	want := `PUT https://api.example:8443/a/b500msPUThttps://u:p@api.example:8443/a/b?from=%2B31+20%26x&n=7&x=1map[Accept:[text/plain] X-Key:[k]]text100 0 api.example:8443`
	if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	op, _ = script(t, nil, `op = http.get "http://192.0.2.5"`)
	r = op.Work.(*Request)
	if op.Timeout != 2*time.Second || r.Method != "GET" || r.MaxBody != 65536 || r.Redirects != 5 || r.Host() != "192.0.2.5:80" {
		t.Errorf("got %+v %+v", op, r)
	}
	if op, _ = script(t, nil, `op = http.post("https://h/", { body = 5 })`); op.Work.(*Request).Body != "5" || op.Work.(*Request).Host() != "h:443" {
		t.Errorf("got %+v", op.Work)
	}
}

// Every mistake is raised at its line.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"no URL":         {`http.get()`, `main.lua:1: http.get takes a URL such as "http://192.0.2.5/route", got nil`},
		"scheme":         {`http.get "ftp://h/"`, `main.lua:1: http.get "ftp://h/": the URL must begin with http:// or https://`},
		"none":           {`http.get "192.0.2.5/x"`, `main.lua:1: http.get "192.0.2.5/x": the URL must begin with http:// or https://`},
		"host":           {`http.get "http:///x"`, `main.lua:1: http.get "http:///x": the URL names no host`},
		"line break":     {`http.get "http://h/\r\nX: y"`, "main.lua:1: http.get: no valid URL (\"http://h/\\r\\nX: y\": net/url: invalid control character in URL); write what varies into query = { name = value }"},
		"method":         {`http.request("A B", "http://h/")`, `main.lua:1: http.request takes a method such as "PUT" first, got "A B"`},
		"tunnel":         {`http.request("connect", "http://h/")`, `main.lua:1: http.request: CONNECT makes a tunnel, which nothing could use`},
		"options":        {`http.get("http://h/", 5)`, `main.lua:1: http.get: options must be a table, got number`},
		"body in place":  {`http.post("http://h/", {}, "body")`, `main.lua:1: http.post takes 2 values and no more; a body is an option: { body = … }`},
		"unknown option": {"http.get('http://h/', {\n timout = 1 })", `main.lua:2: http.get has no option "timout"; did you mean "timeout"?`},
		"timeout":        {"http.get('http://h/', {\n timeout = 0 })", `main.lua:2: http.get: timeout must be a number from 0.001 to 60, got 0`},
		"long timeout":   {"http.get('http://h/', { timeout = 61 })", `main.lua:1: http.get: timeout must be a number from 0.001 to 60, got 61`},
		"no number":      {"http.get('http://h/', { timeout = '1' })", `main.lua:1: http.get: timeout must be a number from 0.001 to 60, got string`},
		"NaN":            {"http.get('http://h/', { timeout = 0 / 0 })", `main.lua:1: http.get: timeout must be a number from 0.001 to 60, got NaN`},
		"fraction":       {"http.get('http://h/', { redirects = 1.5 })", `main.lua:1: http.get: redirects must be a whole number, got 1.5`},
		"too large":      {"http.get('http://h/', { max_body = 65537 })", `main.lua:1: http.get: max_body must be a number from 0 to 65536, got 65537`},
		"headers":        {"http.get('http://h/', { headers = 'x' })", `main.lua:1: http.get: headers must be a table of values by name, got string`},
		"list":           {"http.get('http://h/', { headers = { 'x' } })", `main.lua:1: http.get: headers must be a table of values by name`},
		"header name":    {"http.get('http://h/', { headers = { ['a b'] = 'x' } })", `main.lua:1: http.get: "a b" is no header name`},
		"header value":   {"http.get('http://h/', { headers = { a = 'x\\r\\ny' } })", `main.lua:1: http.get: header a holds a line break or another control character`},
		"their own":      {"http.get('http://h/', { headers = { ['content-length'] = 5 } })", `main.lua:1: http.get: header content-length cannot be set: it belongs to the connection`},
		"body":           {"http.post('http://h/', { body = {} })", `main.lua:1: http.post: body must be a string, got table`},
		"query":          {"http.get('http://h/', { query = { a = true } })", `main.lua:1: http.get: a must be a string, got boolean`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := script(t, nil, c.src); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAnswerTable(t *testing.T) {
	L := lua.NewState()
	defer L.Close()
	a := &Answer{Status: 404, Body: "none", Header: map[string][]string{"X-A": {"1", "2"}, "Content-Type": {"text/plain"}}}
	L.SetGlobal("r", a.Table(L))
	err := L.DoString(`
		assert(r.status == 404 and r.body == "none" and r.err == nil)
		assert(r.headers["x-a"][2] == "2" and r.headers["X-A"][1] == "1" and r.headers["CONTENT-type"][1] == "text/plain")
		assert(#r.headers["nothing"] == 0)
		local names = {}
		for n in pairs(r.headers) do names[#names + 1] = n end
		assert(table.concat(names, " ") == "content-type x-a")`)
	if err != nil {
		t.Error(err)
	}
	if a.String() != "404" {
		t.Error(a)
	}
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"":                                   {Allow: []string{"192.0.2.5:80", "api.example", "[2001:db8::1]:443"}, Proxy: "http://192.0.2.9:3128"},
		`allow: "h:" is not HOST:PORT`:       {Allow: []string{"h:"}},
		`allow: "" is not HOST:PORT`:         {Allow: []string{""}},
		`allow: "http://h" is not HOST:PORT`: {Allow: []string{"http://h"}},
		`proxy: "192.0.2.9:3128" is no URL of a proxy; write http://HOST:PORT`: {Proxy: "192.0.2.9:3128"},
	} {
		got := ""
		if err := c.Check(); err != nil {
			got = err.Error()
		}
		if _, err := NewClient(c); got != want || (err == nil) != (want == "") {
			t.Errorf("%+v: got %q, want %q", c, got, want)
		}
	}
}
