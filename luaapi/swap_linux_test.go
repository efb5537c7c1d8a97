package luaapi

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// threadTime is the processor time that the calling thread has used: what other programs and the garbage collector's own
// threads do meanwhile is not in it.
func threadTime(tb testing.TB) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// perOp reports the processor time of the process for each run of a benchmark's loop, the collector's included. The function that it
// returns is to be called at the end.
func perOp(b *testing.B) (end func()) {
	used := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := used()
	return func() { b.ReportMetric(float64((used()-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

// turnCost is what one turn of a shard takes.
type turnCost struct {
	cpu           time.Duration
	allocs, bytes uint64
}

// turns runs what was posted and returns what each turn took.
func (p *posted) turns() (all []turnCost) {
	var before, after runtime.MemStats
	for len(p.queue) > 0 {
		fn := p.queue[0]
		p.queue = p.queue[1:]
		runtime.ReadMemStats(&before)
		begin := threadTime(p.t)
		fn()
		took := threadTime(p.t) - begin
		runtime.ReadMemStats(&after)
		all = append(all, turnCost{took, after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc})
	}
	return all
}

// What a shard does for a swap with 1 000 calls up, all of them in the generation that is one too many: the longest turn, in
// processor time of its thread. The time on the clock says more of what else the machine does.
func BenchmarkSwapWith1000Calls(b *testing.B) {
	b.Run("vars=4", func(b *testing.B) { benchSwap(b, "") })
	b.Run("vars=60", func(b *testing.B) { benchSwap(b, "for i = 1, 29 do call.vars['key' .. i] = 'value' .. i end") })
}

func benchSwap(b *testing.B, more string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var longest []turnCost // of each swap
	for b.Loop() {
		p := newPosted(b, 1)
		p.more, p.opt.Load().Logger = more, zap.NewNop() // the list of what a test logs grows in some turn
		p.reload()
		for range 1000 {
			p.begin(0, true)
		}
		for range maxLive {
			p.reload()
			p.begin(0, true)
		}
		longest = append(longest, slices.MaxFunc(p.turns(), func(x, y turnCost) int { return int(x.cpu - y.cpu) }))
	}
	slices.SortFunc(longest, func(x, y turnCost) int { return int(x.cpu - y.cpu) })
	median, worst := longest[len(longest)/2], longest[len(longest)-1]
	b.ReportMetric(float64(median.cpu.Microseconds()), "cpu-µs/longest-turn")
	b.ReportMetric(float64(worst.cpu.Microseconds()), "cpu-µs/worst-turn")
	b.ReportMetric(float64(median.allocs), "allocs/turn")
	b.ReportMetric(float64(median.bytes), "bytes/turn")
}
