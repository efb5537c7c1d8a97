package luaapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"tandem/engine/plan"
)

const (
	constantPlan = `
		local three = plan.parallel {
			plan.to "sip:200@192.0.2.13",
			plan.to("sip:201@192.0.2.14", { delay = 5 }),
			plan.to("sip:202@192.0.2.15", { ring = 20 }),
			ring = 25,
		}
		function route.invite(call) return three end`
	builtPlan = `
		function route.invite(call)
			return plan.parallel {
				plan.to "sip:200@192.0.2.13",
				plan.to("sip:201@192.0.2.14", { delay = 5 }),
				plan.to("sip:202@192.0.2.15", { ring = 20 }),
				ring = 25,
			}
		end`
	// sharedOptions is builtPlan with its option tables made once.
	sharedOptions = `
		local late, short = { delay = 5 }, { ring = 20 }
		function route.invite(call)
			return plan.parallel {
				plan.to "sip:200@192.0.2.13",
				plan.to("sip:201@192.0.2.14", late),
				plan.to("sip:202@192.0.2.15", short),
			}
		end`
	lookUp = `
		local users = {}
		for i = 0, 999 do users[tostring(i)] = plan.to("sip:" .. i .. "@192.0.2.20", { ring = 20 }) end
		function route.invite(call) return users[call.ruri.user] end`
	busy = `
		local voicemail = plan.to "sip:voicemail@192.0.2.20"
		function route.busy(call, branch)
			if branch.user == "102" then return voicemail end
		end`
)

// invites returns what asks a script about a call.
func invites(b *testing.B, body string) func() {
	r := serve(b, script(body))
	v, c := r.vm(), newCall(b)
	if v.Invite(c) == nil {
		b.Fatal(r.logged())
	}
	return func() {
		c.data = nil
		v.Invite(c)
	}
}

func bench(b *testing.B, f func()) {
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}

func benchInvite(b *testing.B, body string) { bench(b, invites(b, body)) }

func BenchmarkInviteConstantPlan(b *testing.B)  { benchInvite(b, constantPlan) }
func BenchmarkInviteBuiltPlan(b *testing.B)     { benchInvite(b, builtPlan) }
func BenchmarkInviteSharedOptions(b *testing.B) { benchInvite(b, sharedOptions) }
func BenchmarkInviteLookUp(b *testing.B)        { benchInvite(b, lookUp) }

func BenchmarkBusy(b *testing.B) {
	r := serve(b, script(busy))
	v, c := r.vm(), newCall(b)
	s := &plan.Step{Target: &plan.Target{URI: "sip:102@h", Key: "sip:102@h", User: "102"}, Outcome: plan.Busy, Code: 486}
	if v.Handler(c, plan.Busy, s) == nil {
		b.Fatal(r.logged())
	}
	b.ReportAllocs()
	for b.Loop() {
		v.Handler(c, plan.Busy, s)
	}
}

func BenchmarkNoHandler(b *testing.B) {
	v, c := serve(b, script(busy)).vm(), newCall(b)
	b.ReportAllocs()
	for b.Loop() {
		v.Handler(c, plan.Failed, &plan.Step{})
	}
}

// bare returns what calls the same body in a bare gopher-lua with tables for plans, to see what the host adds.
func bare(b *testing.B, script string, context bool) func() {
	L := lua.NewState(stateOptions)
	lua.OpenBase(L)
	L.SetTop(0)
	if context {
		m := &meter{left: 1 << 60, bytes: 1 << 60}
		m.run(&vm{L: L})
		L.SetContext(m)
	}
	const stub = `
		local plan = {}
		function plan.to(uri, opts) return { uri, opts } end
		function plan.parallel(list) return list end
		local route = {}
		%s
		return route`
	fn, err := L.Load(strings.NewReader(fmt.Sprintf(stub, script)), "main.lua")
	if err != nil {
		b.Fatal(err)
	}
	L.Push(fn)
	L.Call(0, 1)
	invite := L.GetField(L.Get(-1), "invite")
	L.SetTop(0)
	call := L.NewTable()
	ruri := L.NewTable()
	ruri.RawSetString("user", lua.LString("100"))
	call.RawSetString("ruri", ruri)
	return func() {
		L.Push(invite)
		L.Push(call)
		if err := L.PCall(1, 1, nil); err != nil {
			b.Fatal(err)
		}
		L.SetTop(0)
	}
}

func benchBare(b *testing.B, body string, context bool) { bench(b, bare(b, body, context)) }

// BenchmarkBuiltPlanRatio reports how many times as long as the bare call a handler takes that returns a plan of three targets, the
// median of turns that each measure both: whatever else the machine does, it does to both.
func BenchmarkBuiltPlanRatio(b *testing.B) {
	ours, theirs := invites(b, builtPlan), bare(b, builtPlan, false)
	took := func(f func()) time.Duration {
		start := time.Now()
		for range 2000 {
			f()
		}
		return time.Since(start)
	}
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, float64(took(ours))/float64(took(theirs)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkBareConstantPlan(b *testing.B)  { benchBare(b, constantPlan, false) }
func BenchmarkBareBuiltPlan(b *testing.B)     { benchBare(b, builtPlan, false) }
func BenchmarkBareSharedOptions(b *testing.B) { benchBare(b, sharedOptions, false) }
func BenchmarkBareLookUp(b *testing.B)        { benchBare(b, lookUp, false) }
func BenchmarkBareMetered(b *testing.B)       { benchBare(b, builtPlan, true) }

func BenchmarkLoadGeneration(b *testing.B) {
	p, err := Compile(memory("main.lua", script(lookUp)), nil)
	if err != nil {
		b.Fatal(err)
	}
	opt := Options{}.withDefaults()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newVM(p, &opt, 1, 0, &shardStats{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewState(b *testing.B) {
	p, err := Compile(memory("main.lua", "return {}"), nil)
	if err != nil {
		b.Fatal(err)
	}
	opt := Options{}.withDefaults()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newVM(p, &opt, 1, 0, &shardStats{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAcquire(b *testing.B) {
	r := serve(b, "return {}")
	for b.Loop() {
		r.Acquire(0, nil).Release(nil)
	}
}

func BenchmarkMatch(b *testing.B) {
	benchInvite(b, `function route.invite(call)
		local user, host = ("sip:alice@example.net;user=phone"):match("^sip:([^@]+)@([^;]+)")
		if host == "example.net" then return plan.to "sip:100@192.0.2.1" end
	end`)
}
