package clock

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// note writes down what fired.
type note struct {
	name  int
	fired *[]int
	then  func(now Time, kind uint8)
}

func (n *note) Fire(now Time, kind uint8) {
	*n.fired = append(*n.fired, n.name)
	if n.then != nil {
		n.then(now, kind)
	}
}

func timers(n int, fired *[]int) []*Timer {
	ts := make([]*Timer, n)
	for i := range ts {
		ts[i] = &Timer{Owner: &note{name: i, fired: fired}, Kind: uint8(i)}
	}
	return ts
}

func TestHeap(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(h *Heap, t []*Timer)
		now  Time
		want []int
		left int
	}{
		"nothing armed": {func(*Heap, []*Timer) {}, 9, nil, 0},
		"in the order of deadlines": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 3)
			h.Arm(t[1], 1)
			h.Arm(t[2], 2)
		}, 9, []int{1, 2, 0}, 0},
		"equal deadlines in the order of arming": {func(h *Heap, t []*Timer) {
			for _, i := range []int{4, 2, 0, 3, 1} {
				h.Arm(t[i], 5)
			}
		}, 5, []int{4, 2, 0, 3, 1}, 0},
		"not before its deadline": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 5)
			h.Arm(t[1], 6)
		}, 5, []int{0}, 1},
		"in the past": {func(h *Heap, t []*Timer) { h.Arm(t[0], -5) }, 0, []int{0}, 0},
		"armed again, later": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 1)
			h.Arm(t[1], 2)
			h.Arm(t[0], 3)
		}, 9, []int{1, 0}, 0},
		"armed again, earlier": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 5)
			h.Arm(t[1], 4)
			h.Arm(t[0], 3)
		}, 9, []int{0, 1}, 0},
		"armed again at the same instant goes to the end": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 5)
			h.Arm(t[1], 5)
			h.Arm(t[0], 5)
		}, 9, []int{1, 0}, 0},
		"stopped": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 1)
			h.Arm(t[1], 2)
			h.Arm(t[2], 3)
			h.Stop(t[1])
			h.Stop(t[1])
			h.Stop(t[4])
		}, 9, []int{0, 2}, 0},
		"stopped and armed": {func(h *Heap, t []*Timer) {
			h.Arm(t[0], 1)
			h.Stop(t[0])
			h.Arm(t[0], 2)
		}, 9, []int{0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var h Heap
			var fired []int
			ts := timers(5, &fired)
			c.do(&h, ts)
			if n := h.Run(c.now); n != len(fired) {
				t.Errorf("Run returned %d, %d fired", n, len(fired))
			}
			if !slices.Equal(fired, c.want) || h.Len() != c.left {
				t.Errorf("fired %v with %d left, want %v with %d", fired, h.Len(), c.want, c.left)
			}
		})
	}
}

func TestTimerTellsWhatItIs(t *testing.T) {
	var h Heap
	var fired []int
	var at Time
	var kind uint8
	x := &Timer{Kind: 7, Owner: &note{fired: &fired, then: func(now Time, k uint8) { at, kind = now, k }}}
	if x.Armed() {
		t.Error("armed from the start")
	}
	h.Arm(x, 5)
	if next, ok := h.Next(); !x.Armed() || x.At() != 5 || next != 5 || !ok {
		t.Errorf("armed %v at %d, next %d", x.Armed(), x.At(), next)
	}
	h.Run(8)
	if _, ok := h.Next(); x.Armed() || ok || at != 8 || kind != 7 {
		t.Errorf("fired at %d as %d, still armed %v", at, kind, x.Armed())
	}
}

// What is armed by what fires runs in the same turn if it is due, in its place; what is stopped does not run.
func TestFiringChangesTheHeap(t *testing.T) {
	var h Heap
	var fired []int
	ts := timers(4, &fired)
	ts[0].Owner.(*note).then = func(now Time, _ uint8) {
		h.Arm(ts[3], now)
		h.Stop(ts[1])
		h.Arm(ts[0], 20)
	}
	h.Arm(ts[0], 1)
	h.Arm(ts[1], 2)
	h.Arm(ts[2], 3)
	if n := h.Run(10); n != 3 || !slices.Equal(fired, []int{0, 2, 3}) || h.Len() != 1 {
		t.Errorf("%d fired: %v, %d left", n, fired, h.Len())
	}
}

// The heap against a list that is sorted anew each time: any sequence of Arm, Stop and Run.
func TestHeapAgainstList(t *testing.T) {
	type entry struct {
		name int
		at   Time
	}
	rapid.Check(t, func(t *rapid.T) {
		var h Heap
		var fired []int
		ts := timers(rapid.IntRange(1, 40).Draw(t, "timers"), &fired)
		var list []entry // in the order of arming
		drop := func(name int) {
			list = slices.DeleteFunc(list, func(e entry) bool { return e.name == name })
		}
		now := Time(0)
		pick := rapid.IntRange(0, len(ts)-1)
		t.Repeat(map[string]func(*rapid.T){
			"arm": func(t *rapid.T) {
				e := entry{pick.Draw(t, "timer"), now + Time(rapid.IntRange(-3, 20).Draw(t, "in"))}
				h.Arm(ts[e.name], e.at)
				drop(e.name)
				list = append(list, e)
			},
			"stop": func(t *rapid.T) {
				i := pick.Draw(t, "timer")
				h.Stop(ts[i])
				drop(i)
			},
			"run": func(t *rapid.T) {
				now += Time(rapid.IntRange(0, 10).Draw(t, "pass"))
				due := slices.Clone(list)
				due = slices.DeleteFunc(due, func(e entry) bool { return e.at > now })
				slices.SortStableFunc(due, func(a, b entry) int { return int(a.at - b.at) })
				fired = fired[:0]
				h.Run(now)
				var want []int
				for _, e := range due {
					want = append(want, e.name)
					drop(e.name)
				}
				if !slices.Equal(fired, want) {
					t.Fatalf("fired %v, want %v", fired, want)
				}
			},
			"": func(t *rapid.T) {
				next, ok := h.Next()
				if h.Len() != len(list) || ok != (len(list) > 0) {
					t.Fatalf("%d armed, want %d", h.Len(), len(list))
				}
				for _, e := range list {
					if !ts[e.name].Armed() || ts[e.name].At() != e.at || e.at < next {
						t.Fatalf("timer %d: armed %v at %d, next %d, want %d", e.name, ts[e.name].Armed(), ts[e.name].At(), next, e.at)
					}
				}
			},
		})
	})
}

func TestArmingDoesNotAllocate(t *testing.T) {
	var h Heap
	fired := make([]int, 0, 1<<16)
	ts := timers(100, &fired)
	for i, x := range ts {
		h.Arm(x, Time(i))
	}
	if n := testing.AllocsPerRun(100, func() {
		h.Stop(ts[3])
		h.Arm(ts[3], 70)
		h.Arm(ts[9], 2)
		h.Run(-1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkArm(b *testing.B) {
	var h Heap
	var fired []int
	ts := timers(10000, &fired)
	for i, x := range ts {
		h.Arm(x, Time(i*7919%10007))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Arm(ts[i%len(ts)], Time(i))
	}
}

func TestTime(t *testing.T) {
	a := Time(0).Add(1500 * time.Millisecond)
	if a != 1_500_000_000 || a.Sub(500_000_000) != time.Second {
		t.Errorf("%d, %v", a, a.Sub(500_000_000))
	}
}

func TestVirtual(t *testing.T) {
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var c Clock = NewVirtual(start)
	v := c.(*Virtual)
	for _, x := range []struct{ set, want Time }{{0, 0}, {5e9, 5e9}, {3e9, 5e9}, {5e9, 5e9}, {6e9, 6e9}} {
		v.Set(x.set)
		if got := c.Now(); got != x.want || !c.Date().Equal(start.Add(time.Duration(x.want))) {
			t.Errorf("Set(%d): now %d, %v", x.set, got, c.Date())
		}
	}
}

func TestWall(t *testing.T) {
	var c Clock = NewWall()
	a, d := c.Now(), c.Date()
	if b := c.Now(); a < 0 || b < a {
		t.Errorf("%d, then %d", a, b)
	}
	if d.Before(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the date is %v", d)
	}
}
