package clock

// Firer is what a timer wakes. It runs on the goroutine that owns the heap.
type Firer interface {
	// Fire is called once when the timer is due; kind is the timer's own Kind.
	Fire(now Time, kind uint8)
}

// Timer is one deadline, embedded in what it belongs to so that arming it allocates nothing.
// The zero value, with Owner set, is a stopped timer.
type Timer struct {
	// Owner is woken.
	Owner Firer
	// Kind tells the owner's timers apart.
	Kind uint8

	at    Time
	index int // position in the heap plus one; 0 = not armed
}

// Armed reports whether the timer is waiting.
func (t *Timer) Armed() bool { return t.index > 0 }

// At returns the deadline of an armed timer.
func (t *Timer) At() Time { return t.at }

// Heap orders timers by deadline, equal deadlines by the order in which they were armed.
// The zero value is empty and ready.
type Heap struct {
	waits []wait
	seq   uint64
}

// wait is a place in the heap. What it is ordered by stands here, so that the timers compared need not be fetched.
type wait struct {
	at    Time
	seq   uint64
	timer *Timer
}

func (w *wait) before(v *wait) bool { return w.at < v.at || w.at == v.at && w.seq < v.seq }

// Len returns how many timers are armed.
func (h *Heap) Len() int { return len(h.waits) }

// Next returns the earliest deadline.
func (h *Heap) Next() (Time, bool) {
	if len(h.waits) == 0 {
		return 0, false
	}
	return h.waits[0].at, true
}

// Arm sets t to fire at the given instant, moving it if it is armed already.
func (h *Heap) Arm(t *Timer, at Time) {
	h.seq++
	t.at = at
	if t.index == 0 {
		h.waits = append(h.waits, wait{})
		t.index = len(h.waits)
	}
	h.place(t.index-1, wait{at, h.seq, t})
}

// Stop disarms t. It does nothing to a timer that is not armed.
func (h *Heap) Stop(t *Timer) {
	if t.index == 0 {
		return
	}
	i, last := t.index-1, len(h.waits)-1
	w := h.waits[last]
	h.waits[last] = wait{}
	h.waits = h.waits[:last]
	t.index = 0
	if i != last {
		h.place(i, w)
	}
}

// Run fires every timer that is due at now, earliest first, those that become due meanwhile
// included. It returns how many fired.
func (h *Heap) Run(now Time) int {
	n := 0
	for len(h.waits) > 0 && h.waits[0].at <= now {
		t := h.waits[0].timer
		h.Stop(t)
		t.Owner.Fire(now, t.Kind)
		n++
	}
	return n
}

// place puts w into place i, which is free, or where it belongs above or below it.
func (h *Heap) place(i int, w wait) {
	for i > 0 {
		p := (i - 1) / 2
		if !w.before(&h.waits[p]) {
			break
		}
		h.set(i, h.waits[p])
		i = p
	}
	for {
		c := 2*i + 1
		if c >= len(h.waits) {
			break
		}
		if r := c + 1; r < len(h.waits) && h.waits[r].before(&h.waits[c]) {
			c = r
		}
		if !h.waits[c].before(&w) {
			break
		}
		h.set(i, h.waits[c])
		i = c
	}
	h.set(i, w)
}

func (h *Heap) set(i int, w wait) {
	h.waits[i] = w
	w.timer.index = i + 1
}
