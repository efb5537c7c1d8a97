package lower_test

import (
	"context"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"

	"tandem/luaapi/lower"
)

// routing is a handler with what handlers have: tables, lookups, defaults, loops, conditions. gopher-lua runs it correctly
// as it is too, so that the two can be compared.
const routing = `
local users = {}
for i = 0, 99 do users[tostring(i + 200)] = { host = "192.0.2.20", ring = i % 3 == 0 and 20 or nil } end
local groups = { sales = { "201", "202", "203" }, support = { "204", "205" } }
local function open(hour, day) return day ~= 0 and hour >= 8 and hour < 18 end
local function target(name, opts)
	local user = users[name]
	if not user then return nil end
	opts = opts or {}
	return { uri = "sip:" .. name .. "@" .. user.host, ring = opts.ring or user.ring or 25, delay = opts.delay }
end
return function(call)
	local name, plan = call.user, { mode = "parallel" }
	local group = groups[name]
	if not open(call.hour, call.day) then return target("299", { ring = 60 }) end
	if group then
		for i, member in ipairs(group) do
			local to = target(member, { delay = (i - 1) * 5 })
			if to and not (call.from == member or to.busy) then plan[#plan + 1] = to end
		end
	else
		local first, second = target(name), target("250")
		plan[1], plan[2] = first, second
	end
	local count, longest = 0, 0
	for _, to in ipairs(plan) do
		count = count + 1
		if to.ring > longest then longest = to.ring end
	end
	plan.ring, plan.count = longest, count
	return #plan > 0 and plan or nil
end`

// handler loads the routing function; it leaves it and the call on the stack.
func handler(t testing.TB, lowered bool) *lua.LState {
	tree, err := parse.Parse(strings.NewReader(routing), "routing.lua")
	if err != nil {
		t.Fatal(err)
	}
	if lowered {
		tree = lower.Chunk(tree)
	}
	proto, err := lua.Compile(tree, "routing.lua")
	if err != nil {
		t.Fatal(err)
	}
	L := lua.NewState()
	t.Cleanup(L.Close)
	L.SetGlobal(lower.Concat, L.NewFunction(join))
	L.Push(L.NewFunctionFromProto(proto))
	L.Call(0, 1)
	call := L.NewTable()
	call.RawSetString("user", lua.LString("sales"))
	call.RawSetString("from", lua.LString("202"))
	call.RawSetString("hour", lua.LNumber(10))
	call.RawSetString("day", lua.LNumber(3))
	L.Push(call)
	return L
}

// join is lower.Concat for strings.
func join(L *lua.LState) int {
	var buf [8]string
	parts := buf[:0]
	for i := 1; i <= L.GetTop(); i++ {
		parts = append(parts, string(L.Get(i).(lua.LString)))
	}
	L.Push(lua.LString(strings.Join(parts, "")))
	return 1
}

func bench(b *testing.B, lowered bool) {
	L := handler(b, lowered)
	fn, call := L.Get(1), L.Get(2)
	b.ReportAllocs()
	for b.Loop() {
		L.Push(fn)
		L.Push(call)
		L.Call(1, 1)
		L.Pop(1)
	}
}

// counter counts instructions: the machine asks its context before each.
type counter struct {
	context.Context
	n int
}

func (c *counter) Done() <-chan struct{} { c.n++; return nil }

// instructions returns how many instructions the handler runs.
func instructions(t *testing.T, lowered bool) int {
	L := handler(t, lowered)
	c := &counter{Context: t.Context()}
	L.SetContext(c)
	L.Call(1, 1)
	if n := L.Get(-1).(*lua.LTable).Len(); n != 2 {
		t.Fatalf("the plan has %d targets", n)
	}
	return c.n
}

// TestCost bounds what lowering costs: 5 % more instructions in a routing function.
func TestCost(t *testing.T) {
	before, after := instructions(t, false), instructions(t, true)
	if after*100 > before*105 {
		t.Errorf("the function runs %d instructions, and %d without lowering", after, before)
	}
	t.Logf("%d instructions, %d without lowering", after, before)
}

func BenchmarkRouting(b *testing.B)          { bench(b, true) }
func BenchmarkRoutingUnlowered(b *testing.B) { bench(b, false) }

// BenchmarkChunk is what lowering adds to loading a file.
func BenchmarkChunk(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		tree, err := parse.Parse(strings.NewReader(routing), "routing.lua")
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		lower.Chunk(tree)
	}
}
