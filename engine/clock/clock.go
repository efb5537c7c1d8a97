// Package clock is where time comes from: the wall clock of a running engine or the virtual clock
// of a simulated one, and the heap that orders what is due.
//
// A Heap belongs to one shard and is touched by its goroutine alone. Nothing else in the core
// reads a clock: the shard reads it once per turn and hands `now` down.
package clock

import (
	"sync/atomic"
	"time"
)

// Time is an instant in nanoseconds since the clock's own origin. It never runs backwards.
// Instants of different clocks cannot be compared.
type Time int64

// Add returns the instant d later.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the duration t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Clock tells the time.
type Clock interface {
	// Now returns the monotonic instant, for timers and durations.
	Now() Time
	// Date returns the calendar date and time, for scripts and records.
	Date() time.Time
}

// Wall is the clock of the machine.
type Wall struct{ start time.Time }

// NewWall returns a wall clock whose origin is now.
func NewWall() *Wall { return &Wall{start: time.Now()} }

// Now returns the time since the clock was made, from the monotonic clock.
func (w *Wall) Now() Time { return Time(time.Since(w.start)) }

// Date returns the machine's date.
func (w *Wall) Date() time.Time { return time.Now() }

// Virtual is a clock that stands still until it is moved. It may be read from any goroutine.
type Virtual struct {
	now   atomic.Int64
	start time.Time
}

// NewVirtual returns a virtual clock at instant 0, which is date start.
func NewVirtual(start time.Time) *Virtual { return &Virtual{start: start} }

// Now returns the virtual instant.
func (v *Virtual) Now() Time { return Time(v.now.Load()) }

// Date returns the virtual date.
func (v *Virtual) Date() time.Time { return v.start.Add(time.Duration(v.now.Load())) }

// Set moves the clock to t. Earlier instants than the present one are ignored.
func (v *Virtual) Set(t Time) {
	if int64(t) > v.now.Load() {
		v.now.Store(int64(t))
	}
}
