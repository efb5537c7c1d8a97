package activity

import (
	"sync"
	"sync/atomic"
)

// maxLines is how many devices and turns a Book keeps: more are no hunt groups.
const maxLines = 65536

// Book counts the calls of devices. The shards of an engine and all versions of its script share one, under a lock that calls take only once a script
// has asked about a device.
type Book struct {
	asked atomic.Bool      // about any device
	mu    sync.Mutex       // of what follows
	lines map[string]*Line // by plan.Target.Key
	turns map[string]uint64
	ended uint64 // calls, of all devices
}

// Line is what a device has done since a script first asked about it.
type Line struct {
	up    int    // its calls that were answered and are not over
	taken uint64 // calls that it answered
	ended uint64 // which of the calls of all devices was its last to end, from 1; 0 = none has
}

// watch returns the line of a device, nil if there are too many.
func (b *Book) watch(key string) *Line {
	l := b.lines[key]
	if l == nil && len(b.lines) < maxLines {
		if b.lines == nil {
			b.lines = make(map[string]*Line)
		}
		l = &Line{}
		b.lines[key] = l
	}
	return l
}

// Look returns what a device has done, and counts its calls from now on; ok is false if there are too many devices.
func (b *Book) Look(key string) (l Line, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked.Store(true)
	p := b.watch(key)
	if p == nil {
		return Line{}, false
	}
	return *p, true
}

// Turn returns how often the turn of a name was taken before; ok is false if there are too many names.
func (b *Book) Turn(name string) (n uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, known := b.turns[name]
	if !known && len(b.turns) >= maxLines {
		return 0, false
	}
	if b.turns == nil {
		b.turns = make(map[string]uint64)
	}
	b.turns[name] = n + 1
	return n, true
}

// Answered counts a call that a device has answered and returns its line for Ended; nil if nobody asks about the device.
func (b *Book) Answered(key string) *Line {
	if !b.asked.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lines[key]
	if l != nil {
		l.up++
		l.taken++
	}
	return l
}

// Ended counts the end of a call that Answered has counted.
func (b *Book) Ended(l *Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended++
	l.up--
	l.ended = b.ended
}
