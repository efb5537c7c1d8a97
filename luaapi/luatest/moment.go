package luatest

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/clock"
	"tandem/engine/sim"
)

// defaultWithin is how far from its time something may happen.
const defaultWithin = 10 * time.Millisecond

// moment is a time in a call at which a test expects something.
type moment struct {
	call   *call
	after  time.Duration // since the call's INVITE was at the engine
	within time.Duration
}

// String is what failures call it.
func (m *moment) String() string {
	return fmt.Sprintf("%s ± %s s", stamp(m.after), strings.TrimPrefix(stamp(m.within), "+"))
}

// stamp writes a time as the ladder does.
func stamp(d time.Duration) string { return fmt.Sprintf("%+.3f", d.Seconds()) }

// moment is t.at(call, seconds, { within = }).
func (r *run) moment(L *lua.LState) int {
	a := argsOf(L, "t.at")
	c, ok := value[*call](L.Get(1))
	if !ok {
		a.fail("the first argument must be a call, got %s; write t.at(call, 20)", show(L.Get(1)))
	}
	if !c.net.ran {
		a.fail("the call has not run: write net:run() before you look at it")
	}
	m := &moment{call: c, after: a.duration("the time", L.Get(2)), within: defaultWithin}
	if L.Get(3) != lua.LNil {
		t := a.table(3, "t.at(call, 20, { within = 0.5 })")
		a.known(t, 0, "within")
		if d := a.later(t, "within"); d != nil {
			m.within = *d
		}
	}
	L.Push(object(L, m, r.class.moment))
	return 1
}

// holds reports whether an instant is the moment.
func (m *moment) holds(at clock.Time) bool {
	return (at.Sub(m.call.zero()) - m.after).Abs() <= m.within
}

// messageAt is t.at(…):received(who, what) and t.at(…):sent(who, what).
func messageAt(sent bool) method {
	return func(r *run, L *lua.LState) int {
		m := self[*moment](L, `t.at(call, 20):`+verb(sent)+`(phone, "CANCEL")`)
		a := argsOf(L, verb(sent))
		of, ok := value[party](L.Get(2))
		if !ok {
			a.fail(`the first argument must be a phone or a call, got %s; write %s(phone, "CANCEL")`, show(L.Get(2)), verb(sent))
		}
		what := a.selection(L.Get(3))
		all := &messages{of: of, sent: sent, what: what, list: of.log(sent, what, m.call)}
		return r.expect(L, m, "", all)
	}
}

// expect pushes those of the messages that came at the moment; none is a failure, which calls them who ("" = their title).
func (r *run) expect(L *lua.LState, m *moment, who string, all *messages) int {
	in := *all
	in.list = nil
	for _, l := range all.list {
		if m.holds(l.At) {
			in.list = append(in.list, l)
		}
	}
	r.look(L, m.call)
	if len(in.list) == 0 {
		who = cmp.Or(who, all.title())
		r.fail(L, "got   "+m.misses(who, all), "want  "+who+" at "+m.String())
	}
	L.Push(r.messages(&in))
	return 1
}

// shownTimes is how many times of messages a failure lists.
const shownTimes = 6

// misses says when it happened instead.
func (m *moment) misses(who string, all *messages) string {
	if len(all.list) == 0 {
		return "never; " + all.history(m.call)
	}
	var times []string
	for _, l := range all.list[:min(len(all.list), shownTimes)] {
		times = append(times, m.missedBy(l.At))
	}
	if len(all.list) > shownTimes {
		times = append(times, "…")
	}
	return who + " at " + strings.Join(times, ", ")
}

func (m *moment) missedBy(at clock.Time) string {
	after := at.Sub(m.call.zero())
	off, word := after-m.after, "late"
	if off < 0 {
		off, word = -off, "early"
	}
	return fmt.Sprintf("%s (%s s %s)", stamp(after), strings.TrimPrefix(stamp(off), "+"), word)
}

// answeredAt is t.at(…):answered().
func (r *run) answeredAt(L *lua.LState) int {
	m := self[*moment](L, "t.at(call, 20):answered()")
	return r.expect(L, m, "the call was answered", &messages{of: m.call, what: "the answer", list: m.call.answers()})
}

// endedAt is t.at(…):ended().
func (r *run) endedAt(L *lua.LState) int {
	m := self[*moment](L, "t.at(call, 20):ended()")
	return r.expect(L, m, "the call ended", &messages{of: m.call, what: "the end", list: m.call.ends()})
}

// answers returns the first 2xx that the caller got, as a list.
func (c *call) answers() []*sim.Logged {
	for l := range c.sim.Messages() {
		if code, method := l.Response(); !l.Sent && code/100 == 2 && method == "INVITE" {
			return []*sim.Logged{l}
		}
	}
	return nil
}

// ends returns what ended the call at the caller's: the refusal, or the first BYE of either side. Of what came at once the refusal
// counts, then what was received.
func (c *call) ends() []*sim.Logged {
	var refusal, received, sent *sim.Logged
	for l := range c.sim.Messages() {
		code, method := l.Response()
		switch {
		case refusal == nil && !l.Sent && code >= 300 && method == "INVITE":
			refusal = l
		case received == nil && !l.Sent && l.Request() == "BYE":
			received = l
		case sent == nil && l.Sent && l.Request() == "BYE":
			sent = l
		}
	}
	var first *sim.Logged
	for _, l := range [...]*sim.Logged{refusal, received, sent} {
		if l != nil && (first == nil || l.At < first.At) {
			first = l
		}
	}
	if first == nil {
		return nil
	}
	return []*sim.Logged{first}
}
