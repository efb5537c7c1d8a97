package server

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// How the memory of a routing engine is collected. What it keeps for 32 s after each call is small but many (RFC 3261 §17 keeps finished
// transactions for their copies), so that a collection costs much and frees little: with Go's 100 % collecting is a quarter of all user time at
// 1000 calls/s, with 400 % a sixteenth. The price is memory, so from half of what the machine or the control group has, collections come
// as often as they must.
const (
	gcPercent   = 400
	memoryShare = 0.5
)

// PaceGC makes the whole process collect its memory as an engine under load should. GOGC and GOMEMLIMIT in the environment go before it.
// It returns an error if the memory of the machine cannot be read; the pace is set nevertheless.
func PaceGC() error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	_, err := memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)))
	return err
}
