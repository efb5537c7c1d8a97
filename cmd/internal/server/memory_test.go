package server

import (
	"math"
	"os"
	"runtime/debug"
	"testing"
)

func TestPaceGC(t *testing.T) {
	tests := map[string]struct {
		gogc, limit string
		percent     int
		limited     bool
	}{
		"by default":                {percent: gcPercent, limited: true},
		"GOGC goes before it":       {gogc: "70", percent: 100, limited: true},
		"GOMEMLIMIT goes before it": {limit: "off", percent: gcPercent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
			defer func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }()
			for name, value := range map[string]string{"GOGC": tt.gogc, "GOMEMLIMIT": tt.limit} {
				if t.Setenv(name, value); value == "" {
					os.Unsetenv(name) // t.Setenv puts back what was there
				}
			}
			if err := PaceGC(); err != nil {
				t.Fatal(err)
			}
			if got := debug.SetGCPercent(100); got != tt.percent {
				t.Errorf("collects at %d %%, want %d", got, tt.percent)
			}
			if got := debug.SetMemoryLimit(-1) < math.MaxInt64; got != tt.limited {
				t.Errorf("memory limited: %v, want %v", got, tt.limited)
			}
		})
	}
}
