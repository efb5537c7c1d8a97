package luatest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/message"
	"tandem/engine/sim"
	"tandem/luaapi/spell"
)

// party is who sends and receives messages: a phone, or the caller of a call.
type party interface {
	title() string
	addr() netip.AddrPort
	log(sent bool, what string, of *call) []*sim.Logged
	radio() *sim.Phone
}

// messages are messages that a party sent or received, in order, without retransmissions.
type messages struct {
	of   party
	sent bool
	what string
	list []*sim.Logged
}

// String is what failures call it.
func (ms *messages) String() string {
	return fmt.Sprintf("%d × %s", len(ms.list), ms.title())
}

func verb(sent bool) string {
	if sent {
		return "sent"
	}
	return "received"
}

var methods = []string{
	"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH",
	"MESSAGE", "REGISTER",
}

// select reads what messages a test asks for: a method, the code of a response to an INVITE, "200 BYE", or nil for all.
func (a *args) selection(v lua.LValue) string {
	s := ""
	switch v.(type) {
	case *lua.LNilType:
		return ""
	case lua.LString, lua.LNumber:
		s = v.String()
	}
	first, method, both := strings.Cut(s, " ")
	if slices.Contains(methods, s) {
		return s
	}
	if code, err := strconv.Atoi(first); err == nil && code >= 100 && code <= 699 && (!both || slices.Contains(methods, method)) {
		if !both {
			return s + " INVITE"
		}
		return s
	}
	a.fail(`%s is no method, and no status code such as 486 or "200 BYE"%s`, show(v), spell.Hint(strings.ToUpper(s), methods))
	return ""
}

// received is phone:received(what) and call:received(what), sent the same for what they sent.
func received(sent bool) method {
	return func(r *run, L *lua.LState) int {
		a := argsOf(L, verb(sent))
		of, ok := value[party](L.Get(1))
		if !ok {
			a.fail(`call it with a colon: phone:%s("INVITE")`, verb(sent))
		}
		if _, ok := of.(*call); ok {
			r.called(L, "call:"+verb(sent)+"(200)")
		}
		what := a.selection(L.Get(2))
		L.Push(r.messages(&messages{of: of, sent: sent, what: what, list: of.log(sent, what, nil)}))
		return 1
	}
}

func (r *run) messages(ms *messages) lua.LValue { return object(r.L, ms, r.class.messages) }

// count is messages:count().
func (*run) count(L *lua.LState) int {
	L.Push(lua.LNumber(len(self[*messages](L, "messages:count()").list)))
	return 1
}

// first returns the first of the messages that a method is called on; none is a failure.
func (r *run) first(L *lua.LState, usage string) *sim.Logged {
	ms := self[*messages](L, usage)
	if len(ms.list) == 0 {
		r.fail(L, "got   "+ms.history(nil), "want  "+ms.title())
	}
	return ms.list[0]
}

// nth is messages:nth(n) and last messages:last(): a list of that one.
func (r *run) nth(L *lua.LState) int {
	ms := self[*messages](L, "messages:nth(2)")
	n, ok := L.Get(2).(lua.LNumber)
	if !ok || n < 1 || n != lua.LNumber(int(n)) {
		argsOf(L, "nth").fail("the number must be a whole number from 1, got %s", show(L.Get(2)))
	}
	if int(n) > len(ms.list) {
		r.fail(L, fmt.Sprintf("got   %d: %s", len(ms.list), ms.history(nil)), fmt.Sprintf("want  %s %d times", ms.title(), int(n)))
	}
	return r.only(L, ms, int(n)-1)
}

func (r *run) last(L *lua.LState) int {
	r.first(L, "messages:last()")
	ms := self[*messages](L, "messages:last()")
	return r.only(L, ms, len(ms.list)-1)
}

// copies is messages:copies(): the messages and their retransmissions.
func (r *run) copies(L *lua.LState) int {
	all := *self[*messages](L, "messages:copies()")
	all.list = all.of.radio().Copies(all.list)
	L.Push(r.messages(&all))
	return 1
}

func (r *run) only(L *lua.LState, ms *messages, i int) int {
	one := *ms
	one.list = ms.list[i : i+1]
	L.Push(r.messages(&one))
	return 1
}

// uri is messages:uri() and messages:uri(expected): the Request-URI, nil of a response.
func (r *run) uri(L *lua.LState) int {
	m, err := r.first(L, "messages:uri()").Message()
	got := lua.LNil
	if err == nil && m.IsRequest() {
		got = lua.LString(m.RequestURI())
	}
	if L.GetTop() < 2 {
		L.Push(got)
		return 1
	}
	if got != L.Get(2) {
		r.fail(L, "got   "+show(got), "want  "+show(L.Get(2)))
	}
	L.Push(L.Get(1))
	return 1
}

// title says who sent or received what.
func (ms *messages) title() string {
	what := strings.TrimSuffix(ms.what, " INVITE")
	if what == "" {
		what = "anything"
	}
	return ms.of.title() + " " + verb(ms.sent) + " " + what
}

// history says what the party sent or received instead; in is the call that it is about, nil for any.
func (ms *messages) history(in *call) string {
	var names []string
	for _, l := range ms.of.log(ms.sent, "", in) {
		names = append(names, label(l))
	}
	if len(names) == 0 {
		names = append(names, "nothing")
	}
	return ms.of.title() + " " + verb(ms.sent) + " " + strings.Join(names, ", ")
}

// label is a message's method or status code.
func label(l *sim.Logged) string {
	code, method := l.Response()
	switch {
	case code == 0 && l.Request() == "":
		return "?"
	case code == 0:
		return l.Request()
	case method == "INVITE":
		return strconv.Itoa(code)
	}
	return strconv.Itoa(code) + " " + method
}

// header is messages:header(name) and messages:header(name, expected).
func (r *run) header(L *lua.LState) int {
	const usage = `messages:header("Reason")`
	l := r.first(L, usage)
	a := argsOf(L, "header")
	name, ok := L.Get(2).(lua.LString)
	if !ok || !message.ValidName(string(name)) {
		a.fail("%s is no header name", show(L.Get(2)))
	}
	got := values(L, l, string(name))
	if L.GetTop() < 3 {
		L.Push(got)
		return 1
	}
	want := L.Get(3)
	if n, ok := want.(lua.LNumber); ok {
		want = lua.LString(n.String())
	}
	if _, differ := difference(got, want); differ {
		lines := []string{"got   " + string(name) + ": " + show(got), "want  " + string(name) + ": " + show(want)}
		if got == lua.LNil {
			lines = append(lines, "the "+label(l)+" has no header "+string(name)+nearHeader(l, string(name)))
		}
		r.fail(L, lines...)
	}
	L.Push(L.Get(1))
	return 1
}

// nearHeader suggests a header field that a message has.
func nearHeader(l *sim.Logged, name string) string {
	m, err := l.Message()
	if err != nil {
		return ""
	}
	var names []string
	for i := range m.Len() {
		_, n, _ := m.Field(i)
		names = append(names, string(n))
	}
	return spell.Hint(name, names)
}

// values returns the value of a header field, a list if there are several, nil if there is none.
func values(L *lua.LState, l *sim.Logged, name string) lua.LValue {
	m, err := l.Message()
	if err != nil {
		return lua.LNil
	}
	list := m.AppendValues(nil, name)
	switch len(list) {
	case 0:
		return lua.LNil
	case 1:
		return lua.LString(list[0])
	}
	t := L.CreateTable(len(list), 0)
	for _, v := range list {
		t.Append(lua.LString(v))
	}
	return t
}

// body is messages:body(), raw messages:raw(), at messages:at().
func (r *run) body(L *lua.LState) int {
	m, err := r.first(L, "messages:body()").Message()
	if err != nil {
		L.Push(lua.LString(""))
		return 1
	}
	L.Push(lua.LString(m.Body()))
	return 1
}

func (r *run) raw(L *lua.LState) int {
	L.Push(lua.LString(r.first(L, "messages:raw()").Raw))
	return 1
}

func (r *run) time(L *lua.LState) int {
	L.Push(lua.LNumber(seconds(r.first(L, "messages:at()").At)))
	return 1
}
