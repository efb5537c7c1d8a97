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
	seq   uint64
	index int // position in the heap plus one; 0 = not armed
}

// Armed reports whether the timer is waiting.
func (t *Timer) Armed() bool { return t.index > 0 }

// At returns the deadline of an armed timer.
func (t *Timer) At() Time { return t.at }

// Heap orders timers by deadline, equal deadlines by the order in which they were armed.
// The zero value is empty and ready.
type Heap struct {
	timers []*Timer
	seq    uint64
}

// Len returns how many timers are armed.
func (h *Heap) Len() int { return len(h.timers) }

// Next returns the earliest deadline.
func (h *Heap) Next() (Time, bool) {
	if len(h.timers) == 0 {
		return 0, false
	}
	return h.timers[0].at, true
}

// Arm sets t to fire at the given instant, moving it if it is armed already.
func (h *Heap) Arm(t *Timer, at Time) {
	h.seq++
	t.at, t.seq = at, h.seq
	if t.index == 0 {
		h.timers = append(h.timers, t)
		t.index = len(h.timers)
		h.up(t.index - 1)
		return
	}
	i := t.index - 1
	if !h.down(i) {
		h.up(i)
	}
}

// Stop disarms t. It does nothing to a timer that is not armed.
func (h *Heap) Stop(t *Timer) {
	if t.index == 0 {
		return
	}
	i, last := t.index-1, len(h.timers)-1
	if i != last {
		h.swap(i, last)
	}
	h.timers[last] = nil
	h.timers = h.timers[:last]
	t.index = 0
	if i != last && !h.down(i) {
		h.up(i)
	}
}

// Run fires every timer that is due at now, earliest first, those that become due meanwhile
// included. It returns how many fired.
func (h *Heap) Run(now Time) int {
	n := 0
	for len(h.timers) > 0 && h.timers[0].at <= now {
		t := h.timers[0]
		h.Stop(t)
		t.Owner.Fire(now, t.Kind)
		n++
	}
	return n
}

func (h *Heap) less(i, j int) bool {
	a, b := h.timers[i], h.timers[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (h *Heap) swap(i, j int) {
	h.timers[i], h.timers[j] = h.timers[j], h.timers[i]
	h.timers[i].index, h.timers[j].index = i+1, j+1
}

func (h *Heap) up(i int) {
	for i > 0 {
		p := (i - 1) / 2
		if !h.less(i, p) {
			return
		}
		h.swap(i, p)
		i = p
	}
}

func (h *Heap) down(i int) bool {
	start := i
	for {
		c := 2*i + 1
		if c >= len(h.timers) {
			break
		}
		if r := c + 1; r < len(h.timers) && h.less(r, c) {
			c = r
		}
		if !h.less(c, i) {
			break
		}
		h.swap(i, c)
		i = c
	}
	return i != start
}
