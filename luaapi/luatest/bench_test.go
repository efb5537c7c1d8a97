package luatest

import (
	"io"
	"runtime/debug"
	"testing"
)

// BenchmarkExamples runs the tests of the examples, as `tandem test examples --count N` does.
func BenchmarkExamples(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(GCPercent))
	dir := examples(b)
	b.ReportAllocs()
	calls, tests := 0, 0
	for b.Loop() {
		s, err := Run(b.Context(), Options{Paths: []string{dir}, Out: io.Discard, Seed: 1, Count: 20})
		if err != nil || s.Bad() || s.Broken > 0 {
			b.Fatal(s, err)
		}
		calls += s.Calls
		tests += s.Passed
	}
	b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(tests)/b.Elapsed().Seconds(), "tests/s")
}
