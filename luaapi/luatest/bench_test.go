package luatest

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkExamples runs the tests of the examples, as `tandem test examples --count N` does, on one processor.
func BenchmarkExamples(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent))
	measure(b, Options{Paths: []string{examples(b)}, Settings: settings, Count: 20})
}

// processor returns the processor's time that the program has taken. Other programs do not count in it.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs tests, and reports calls and tests per second of one processor's time.
func measure(b *testing.B, o Options) {
	b.ReportAllocs()
	o.Out, o.Seed, o.Parallel = io.Discard, 1, 1
	calls, tests := 0, 0
	begin := processor(b)
	for b.Loop() {
		s, err := Run(b.Context(), o)
		if err != nil || s.Bad() || s.Broken > 0 || s.Passed == 0 {
			b.Fatal(s, err)
		}
		calls += s.Calls
		tests += s.Passed
	}
	took := (processor(b) - begin).Seconds()
	b.ReportMetric(float64(calls)/took, "calls/cpu-s")
	b.ReportMetric(float64(tests)/took, "tests/cpu-s")
}

// forked is a test with many calls, each of two branches, and assertions about each of them.
const forked = `-- main.lua --
local plan = require "plan"
local route = {}

function route.invite(call)
  return plan.parallel { plan.to "sip:100@192.0.2.11", plan.to "sip:101@192.0.2.12", ring = 20 }
end

return route
-- a_test.lua --
local t = require "test"
local pbx = t.script "main.lua"

t.test("calls", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11", answers = t.never() }
  local other = net:phone { "sip:101@192.0.2.12", answers = t.after(3) }
  local calls = {}
  for i = 1, %d do
    calls[i] = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example", at = i / 10, hangup = 10 }
  end
  net:run()
  for _, call in ipairs(calls) do
    t.eq(call:answered_by(), other)
    t.eq(call:order(), { "100", "101" })
    t.at(call, 3):received(desk, "CANCEL"):header("Reason", 'SIP;cause=200;text="Call completed elsewhere"')
    t.at(call, 13):ended()
  end
end)
`

// BenchmarkForkedCalls runs calls with two branches in one test, on one processor.
func BenchmarkForkedCalls(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent))
	for _, n := range []int{1, 100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			in(b, fmt.Sprintf(forked, n))
			measure(b, Options{})
		})
	}
}

// BenchmarkCover runs the same calls with and without coverage: `cover` is how many times longer they take.
func BenchmarkCover(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent))
	in(b, fmt.Sprintf(forked, 500))
	var took [2]time.Duration
	for b.Loop() {
		for i, cover := range []bool{false, true} {
			begin := processor(b)
			if s, err := Run(b.Context(), Options{Out: io.Discard, Seed: 1, Parallel: 1, Cover: cover}); err != nil || s.Bad() || s.Passed == 0 {
				b.Fatal(s, err)
			}
			took[i] += processor(b) - begin
		}
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "cover")
}

// BenchmarkWatch is how long it takes from the moment that a script is saved to the verdict of its test: the debounce, the second
// look that finds the same, and the test.
func BenchmarkWatch(b *testing.B) {
	in(b, fmt.Sprintf(forked, 1))
	text, err := os.ReadFile("main.lua")
	if err != nil {
		b.Fatal(err)
	}
	out := &runsOf{all: make(chan string, 10)}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- Watch(ctx, Options{Out: out, Now: still, Seed: 1, Parallel: 1}) }()
	out.next(b)
	for i := 0; b.Loop(); i++ {
		if err := os.WriteFile("main.lua", fmt.Appendf(text[:len(text):len(text)], "-- %d\n", i), 0o644); err != nil {
			b.Fatal(err)
		}
		if got := out.next(b); !strings.Contains(got, "1 passed") {
			b.Fatal(got)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/verdict")
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
