package luaapi

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// posted is a host whose shards run what is posted when the test says so.
type posted struct {
	*Host
	t     testing.TB
	logs  *observer.ObservedLogs
	queue []func()
	n     int
	more  string // what invite does besides
}

const counting = `
	function route.invite(call) call.vars.since = %[1]d %[2]s return plan.to "sip:a@h" end
	function route.answered(call) call.vars.fn = function() end call.vars.list = { "a", { b = true } } end
	function route.ended(call) log.info("%[1]d ends a call of " .. call.vars.since .. " " .. tostring(call.vars.fn) .. " " ..
		tostring(call.vars.list and call.vars.list[2].b) .. " " .. call.id) end`

func newPosted(t testing.TB, shards int) *posted {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	p := &posted{t: t, logs: logs}
	h, err := NewHost(p.next(), Options{Shards: shards, Logger: zap.New(core), Post: func(_ int, fn func()) { p.queue = append(p.queue, fn) }})
	if err != nil {
		t.Fatal(err)
	}
	p.Host = h
	return p
}

// next is the script of the next generation.
func (p *posted) next() *Snapshot {
	p.n++
	return memory("main.lua", script(fmt.Sprintf(counting, p.n, p.more)))
}

func (p *posted) reload() {
	p.t.Helper()
	if err := p.Apply(context.Background(), p.next()); err != nil {
		p.t.Fatal(err)
	}
}

// turn runs what was posted, and what that posts, and returns how many functions that were.
func (p *posted) turn() (n int) {
	for ; len(p.queue) > 0; n++ {
		fn := p.queue[0]
		p.queue = p.queue[1:]
		fn()
	}
	p.queue = nil
	return n
}

// begin starts a call, answered or not.
func (p *posted) begin(shard int, answered bool) *fakeCall {
	c := newCall(p.t)
	s := p.Acquire(shard, nil)
	s.Invite(c)
	if c.moved = s.(*vm); answered {
		s.Answered(c, nil)
	}
	return c
}

// end ends a call in the generation that has it by now, and returns what its handler logged.
func (p *posted) end(c *fakeCall) string {
	p.logs.TakeAll()
	c.moved.Ended(c)
	c.moved.Release(c)
	var lines []string
	for _, e := range p.logs.TakeAll() {
		lines = append(lines, e.Message)
	}
	return strings.Join(lines, "\n")
}

// Past 16 generations with calls, the established ones of the oldest go on in the one that is served. Ringing ones never do.
func TestOldestGenerationsHandTheirCallsOn(t *testing.T) {
	p := newPosted(t, 1)
	ringing, up := p.begin(0, false), p.begin(0, true)
	var later []*fakeCall
	for range maxLive {
		if p.turn() != 0 {
			t.Fatalf("%d generations live and calls move", len(p.Status().Generations))
		}
		p.reload()
		later = append(later, p.begin(0, true))
	}
	if st := p.Status(); len(st.Generations) != maxLive+1 {
		t.Fatalf("%d generations live", len(st.Generations))
	}
	logs := p.logs.FilterMessageSnippet("established calls of generation 1 go on in generation 17")
	if p.turn() != 1 || logs.Len() != 1 {
		t.Errorf("posted other than once, logged %d times", logs.Len())
	}
	lost := p.logs.FilterMessageSnippet("call.vars lost 1 values on the way from generation 1 to 17").All()
	if len(lost) != 1 || lost[0].ContextMap()["at"] != "call.vars.fn" {
		t.Errorf("logged %v", lost)
	}
	if up.moved.Generation() != 17 || ringing.moved.Generation() != 1 || later[0].moved.Generation() != 2 {
		t.Errorf("generations %d, %d, %d", up.moved.Generation(), ringing.moved.Generation(), later[0].moved.Generation())
	}
	gs := p.Status().Generations
	if gs[0].Calls != 1 || gs[len(gs)-1].Calls != 2 || gs[len(gs)-1].Total != 1 {
		t.Errorf("counts %+v", gs)
	}
	if got := p.end(up); got != "17 ends a call of 1 nil true c1@example.net" {
		t.Errorf("logged %q", got)
	}

	// What is answered later follows.
	ringing.moved.Answered(ringing, nil)
	if ringing.moved.Generation() != 1 {
		t.Error("moved in the middle of an event")
	}
	p.turn()
	if got := p.end(ringing); got != "17 ends a call of 1 nil true c1@example.net" || len(p.Status().Generations) != maxLive {
		t.Errorf("logged %q, %d generations live", got, len(p.Status().Generations))
	}
	for _, c := range later {
		p.end(c)
	}
	if gs := p.Status().Generations; len(gs) != 1 || gs[0].Calls != 0 {
		t.Errorf("left %+v", gs)
	}
}

// However many calls there are, a turn of the shard moves a few of them.
func TestMovesAFewCallsATurn(t *testing.T) {
	p := newPosted(t, 2)
	var calls []*fakeCall
	for range 300 {
		calls = append(calls, p.begin(0, true), p.begin(1, true))
	}
	for range maxLive {
		p.reload()
		calls = append(calls, p.begin(0, true))
	}
	if n := p.turn(); n < 2*300/moveCalls || n > 2*(300/moveCalls+1) {
		t.Errorf("moved in %d turns", n)
	}
	for _, c := range calls {
		p.end(c)
	}
	if gs := p.Status().Generations; len(gs) != 1 || gs[0].Calls != 0 || gs[0].Total != 1 {
		t.Errorf("left %+v", gs)
	}
}

// What a turn copies is bounded too: behind many values no other call follows.
func TestMovesAFewValuesATurn(t *testing.T) {
	p := newPosted(t, 1)
	p.more = "for i = 1, 150 do call.vars[i] = i end"
	p.reload()
	for range 30 {
		p.begin(0, true)
	}
	for range maxLive {
		p.reload()
		p.begin(0, true)
	}
	if n := p.turn(); n != 30 { // each has over 250 values
		t.Errorf("moved in %d turns", n)
	}
}

// Calls that are over before their turn comes are not moved; a generation that is served again keeps its calls.
func TestCallsThatDoNotMove(t *testing.T) {
	p := newPosted(t, 1)
	over := p.begin(0, true)
	for range maxLive {
		p.reload()
		p.begin(0, true)
	}
	p.end(over)
	if p.turn() != 1 || over.moved.Generation() != 1 {
		t.Error("a call that is over was moved")
	}
	v := p.live[len(p.live)-2].vms[0]
	v.gen.retired.Store(true)
	if _, err := p.Rollback(); err != nil {
		t.Fatal(err)
	}
	v.moveCalls()
	if v.established == nil {
		t.Error("a generation that serves has handed its call on")
	}
}

func TestCopyVars(t *testing.T) {
	from, to := lua.NewState(), lua.NewState()
	defer from.Close()
	defer to.Close()
	if err := from.DoString(`
		local self = { 1, 2, "three", [2.5] = true, [false] = "no", deep = { deeper = { "x" } } }
		self.self, self.deep.up = self, self
		self[print], self.fn, self.ud = 1, function() end, print
		return setmetatable(self, { __index = function() error "asked" end })`); err != nil {
		t.Fatal(err)
	}
	k := copier{L: to, seen: make(map[*lua.LTable]*lua.LTable)}
	out := k.table(from.CheckTable(-1))
	to.SetGlobal("t", out)
	if err := to.DoString(`
		assert(#t == 3 and t[1] == 1 and t[3] == "three" and t[2.5] == true and t[false] == "no")
		assert(t.self == t and t.deep.up == t and t.deep.deeper[1] == "x" and t.fn == nil and getmetatable(t) == nil)`); err != nil {
		t.Error(err)
	}
	if k.dropped != 3 {
		t.Errorf("%d values were dropped", k.dropped)
	}
}

// heap returns the bytes of live objects.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// The memory of dead generations is returned: 1 000 reloads with calls on every one leave no more than one does.
func TestReloadsReturnMemory(t *testing.T) {
	p := newPosted(t, 2)
	module := "return { " + strings.Repeat(`{ name = "x", hours = { 9, 17 } }, `, 100) + "}"
	reload := func() {
		p.n++
		main := fmt.Sprintf("local big = require 'big'\n"+counting, p.n, "")
		if err := p.Apply(context.Background(), memory("main.lua", script(main), "big.lua", module)); err != nil {
			t.Fatal(err)
		}
	}
	var up []*fakeCall
	// reloads has calls come and go over n reloads, more generations of them than may live, and ends them all.
	reloads := func(n int) {
		for range n {
			reload()
			up = append(up, p.begin(1, true))
			p.turn()
			if len(up) > maxLive+8 {
				p.end(up[1]) // the first one stays up
				up = append(up[:1], up[2:]...)
			}
			p.logs.TakeAll()
		}
		if n := len(p.Status().Generations); n > maxLive {
			t.Errorf("%d generations live", n)
		}
		for _, c := range up {
			p.end(c)
		}
		up = nil
		p.logs.TakeAll()
		p.decide() // as Run does when a generation has no more calls
	}
	empty := heap()
	reloads(2) // it serves, and the one to go back to
	each := (heap() - empty) / 2
	reloads(30)
	before := heap()
	reloads(1000)
	after := heap()
	t.Logf("a generation has %d bytes; %d bytes are live before 1000 reloads and %d after", each, before, after)
	if after > before+each {
		t.Errorf("%d bytes are live before 1000 reloads and %d after; a generation has %d", before, after, each)
	}
	if len(p.live) != 1 {
		t.Errorf("%d generations are kept", len(p.live))
	}
}
