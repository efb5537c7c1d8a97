package luatest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
	"tandem/engine/sim"
	httpmod "tandem/luaapi/mod/http"
)

// web is what t.stub("http", { … }) says of servers: no test asks a real one.
type web struct {
	pages    []*page
	requests *lua.LTable // that were made, for the test to look at
}

// page is what is said of some requests.
type page struct {
	method, url string // "" = every method
	prefix      bool   // the url is how that of a request begins
	answers     []lua.LValue
	used        int
}

// stubHTTP is t.stub("http", { ["GET http://192.0.2.5/route"] = answer, ["http://192.0.2.5/*"] = … }). It returns the list of the
// requests that are made.
func (r *run) stubHTTP(L *lua.LState, a *args, t *lua.LTable) int {
	w := &web{requests: L.CreateTable(0, 0)}
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		key, ok := k.(lua.LString)
		if !ok || !strings.Contains(string(key), "://") {
			a.fail(`%s names no request; write ["GET http://192.0.2.5/route"] = { body = "…" }`, show(k))
		}
		w.pages = append(w.pages, a.page(string(key), v))
	}
	slices.SortStableFunc(w.pages, func(p, q *page) int { // what says most about a request goes first
		return len(q.url) + len(q.method) - len(p.url) - len(p.method)
	})
	r.webs = append(r.webs, w)
	L.Push(w.requests)
	return 1
}

func (a *args) page(key string, v lua.LValue) *page {
	p := &page{url: key}
	if method, url, ok := strings.Cut(key, " "); ok {
		p.method, p.url = strings.ToUpper(method), url
	}
	p.url, p.prefix = strings.CutSuffix(p.url, "*")
	p.answers = []lua.LValue{v}
	if t, ok := v.(*lua.LTable); ok && t.Len() > 0 {
		p.answers = nil
		for i := 1; i <= t.Len(); i++ {
			p.answers = append(p.answers, t.RawGetInt(i))
		}
	}
	for _, v := range p.answers {
		if _, ok := v.(*lua.LFunction); !ok {
			a.answer(v)
		}
	}
	return p
}

// answer reads { status =, headers =, body =, err =, after = }.
func (a *args) answer(v lua.LValue) sim.Outcome {
	t, ok := v.(*lua.LTable)
	if !ok {
		a.fail(`an answer must be a table or a function that returns one, got %s; write { status = 200, body = "…", after = 0.1 }`, show(v))
	}
	a.known(t, 0, "after", "body", "err", "headers", "status")
	o := sim.Outcome{After: 10 * time.Millisecond}
	if d := a.later(t, "after"); d != nil {
		o.After = *d
	}
	if e := a.text(t, "err"); e != "" {
		o.Err = errors.New(e)
		return o
	}
	answer := &httpmod.Answer{Status: int(a.whole(t, "status", 100, 599, 200)), Body: a.text(t, "body"), Header: make(http.Header)}
	for _, h := range a.headers(t.RawGetString("headers")) {
		answer.Header.Add(h.Name, h.Value)
	}
	o.Value = answer
	return o
}

func (p *page) matches(r *httpmod.Request) bool {
	if p.method != "" && p.method != r.Method {
		return false
	}
	url, query, _ := strings.Cut(r.URL.String(), "?")
	if strings.Contains(p.url, "?") {
		url += "?" + query
	}
	return url == p.url || p.prefix && strings.HasPrefix(url, p.url)
}

// next uses up the next answer; the last one stays.
func (p *page) next() lua.LValue {
	v := p.answers[min(p.used, len(p.answers)-1)]
	p.used++
	return v
}

// errNoStub is what an operation comes to that the test says nothing of; the test fails.
var errNoStub = errors.New("no stub")

// work says what comes of an operation.
func (n *network) work(op *plan.Operation) sim.Outcome {
	req, ok := op.Work.(*httpmod.Request)
	if !ok {
		return n.unstubbed(op, fmt.Sprintf("%s has no stub", op.Name))
	}
	for _, w := range slices.Backward(n.r.webs) {
		for _, p := range w.pages {
			if p.matches(req) {
				return n.reply(op, w, p, req)
			}
		}
	}
	return n.unstubbed(op, fmt.Sprintf("no test asks a server, and there is no stub for %s; write t.stub(\"http\", { [%q] = { body = \"…\" } })", op.Name, op.Name))
}

// unstubbed fails the test at the line of the script that made the operation.
func (n *network) unstubbed(op *plan.Operation, what string) sim.Outcome {
	n.breakOff(lua.LString(op.Pos.String() + ": " + what))
	return sim.Outcome{Err: errNoStub}
}

// breakOff stops the test with an error as soon as the network comes to a halt.
func (n *network) breakOff(object lua.LValue) {
	if n.broken == nil {
		n.broken = &lua.ApiError{Type: lua.ApiErrorRun, Object: object}
	}
}

// reply is what a page says to a request.
func (n *network) reply(op *plan.Operation, w *web, p *page, req *httpmod.Request) sim.Outcome {
	L := n.r.L
	asked := requestTable(L, req)
	asked.RawSetString("at", lua.LNumber(seconds(n.sim.Now())))
	w.requests.Append(asked)
	v := p.next()
	fn, ok := v.(*lua.LFunction)
	a := &args{r: n.r, L: L, pos: op.Pos, what: `t.stub("http")`}
	if !ok {
		return a.answer(v)
	}
	var o sim.Outcome
	err := L.CallByParam(lua.P{Fn: L.NewFunction(func(L *lua.LState) int {
		L.Push(fn)
		L.Push(asked)
		L.Call(1, 1)
		inner := *a
		inner.L = L
		o = inner.answer(L.Get(-1))
		return 0
	}), Protect: true})
	var raised *lua.ApiError
	if errors.As(err, &raised) {
		n.breakOff(raised.Object)
		return sim.Outcome{Err: errNoStub}
	}
	return o
}

// requestTable is a request as tests look at it.
func requestTable(L *lua.LState, req *httpmod.Request) *lua.LTable {
	t := L.CreateTable(0, 6)
	t.RawSetString("method", lua.LString(req.Method))
	t.RawSetString("url", lua.LString(req.URL.String()))
	t.RawSetString("body", lua.LString(req.Body))
	headers, query := L.CreateTable(0, len(req.Header)), L.CreateTable(0, 0)
	for name := range req.Header {
		headers.RawSetString(strings.ToLower(name), lua.LString(req.Header.Get(name)))
	}
	for name, values := range req.URL.Query() {
		query.RawSetString(name, lua.LString(values[0]))
	}
	t.RawSetString("headers", headers)
	t.RawSetString("query", query)
	return t
}
