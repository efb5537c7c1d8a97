package transaction

import (
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// What a transaction's own timer is armed as, by the letters of RFC 3261 table 4. It is always the nearer one of a pair:
// the next copy, or giving up.
const (
	timerA uint8 = iota // copy of an INVITE
	timerB              // no answer to an INVITE
	timerE              // copy of another request
	timerF              // no answer to it
	timerG              // copy of a final response to an INVITE
	timerH              // no ACK to it
	unsent              // a request that could not be sent at all
	over                // D, I, J, K, L or M: see linger
)

// tx is what the four machines have in common. A finished transaction keeps little more than this, for half a minute.
type tx struct {
	layer    *Layer
	key      string    // in the layer's table; "" if it is not there
	flow     flow.Flow // where it sends to
	bytes    []byte    // what is sent again: a request, the ACK to its rejection, a response
	timer    clock.Timer
	until    clock.Time    // when B, F or H gives up, or a lingering transaction is over
	interval time.Duration // of Timer A, E or G; 0 on a reliable transport

	queue      *queue // that it stands in
	prev, next *tx

	state  State
	method message.Method
}

// State returns the state that the machine is in.
func (t *tx) State() State { return t.state }

// Method returns the method of the request; for methods that the engine does not know, message.UnknownMethod.
func (t *tx) Method() message.Method { return t.method }

// Flow returns where the transaction sends to: a client's requests, a server's responses.
func (t *tx) Flow() flow.Flow { return t.flow }

func (t *tx) send(b []byte) { t.layer.out.Send(t.flow, b) }

func (t *tx) reliable() bool { return t.flow.Transport.Reliable() }

// keep keeps a copy of a message, to send it again, in place of the one before.
func (t *tx) keep(b []byte) {
	t.drop()
	t.bytes = t.layer.shelf.keep(b)
}

// drop forgets the message that was kept.
func (t *tx) drop() {
	t.layer.shelf.drop(t.bytes)
	t.bytes = nil
}

// begin starts the clock of a message that is sent: copies from T1 on, unless the transport makes them, and an end
// after 64*T1.
func (t *tx) begin(now clock.Time, again, giveUp uint8) {
	t.until = now.Add(64 * t.layer.timers.T1)
	if !t.reliable() {
		t.interval = t.layer.timers.T1
	}
	t.schedule(now, again, giveUp)
}

// schedule arms the timer for the next copy, or for giving up if that comes first.
func (t *tx) schedule(now clock.Time, again, giveUp uint8) {
	at := now.Add(t.interval)
	t.timer.Kind = again
	if t.interval == 0 || at >= t.until {
		t.timer.Kind, at = giveUp, t.until
	}
	t.layer.heap.Arm(&t.timer, at)
}

// finish leaves the waiting to l. On a reliable transport, where no copies come that would have to be absorbed, a
// transaction other than an accepted INVITE is over at once: Timers D, I, J and K are zero.
func (t *tx) finish(now clock.Time, l *linger) {
	t.layer.heap.Stop(&t.timer)
	t.leave()
	if t.reliable() && t.state != Accepted {
		t.timer.Owner.Fire(now, over)
		return
	}
	l.add(now, t)
}

// end takes the transaction out of the heap and of its queue.
func (t *tx) end() {
	t.layer.heap.Stop(&t.timer)
	t.leave()
	t.drop()
	t.state = Terminated
}

// queue is a list of transactions in the order in which they joined it.
type queue struct {
	first, last *tx
	linger      *linger // that it belongs to, nil if its members wait for a first response
}

func (q *queue) push(t *tx) {
	t.queue, t.prev = q, q.last
	if q.last == nil {
		q.first = t
	} else {
		q.last.next = t
	}
	q.last = t
}

// leave takes t out of the queue that it stands in, if any, and cleans up after the last one.
func (t *tx) leave() {
	q := t.queue
	if q == nil {
		return
	}
	if t.prev == nil {
		q.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		q.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.queue, t.prev, t.next = nil, nil, nil
	switch {
	case q.first != nil:
	case q.linger != nil:
		t.layer.heap.Stop(&q.linger.timer)
	default:
		delete(t.layer.waiting, t.flow.Key())
		t.layer.spare = q
	}
}

// grain is what the ends of finished transactions are rounded up to, so that many of them share one wake-up.
const grain = clock.Time(100 * time.Millisecond)

// linger holds finished transactions until copies of their messages can no longer come. All wait equally long, so the
// first to join is the first to go: a queue and one timer for all do for tens of thousands.
type linger struct {
	queue
	heap  *clock.Heap
	timer clock.Timer
	wait  time.Duration
}

func (l *linger) init(heap *clock.Heap, wait time.Duration) {
	l.heap, l.wait = heap, wait
	l.linger, l.timer.Owner = l, l
}

func (l *linger) add(now clock.Time, t *tx) {
	t.until = (now.Add(l.wait) + grain - 1) / grain * grain
	l.push(t)
	if !l.timer.Armed() {
		l.heap.Arm(&l.timer, l.first.until)
	}
}

// Fire ends what has waited long enough.
func (l *linger) Fire(now clock.Time, _ uint8) {
	for l.first != nil && l.first.until <= now {
		l.first.timer.Owner.Fire(now, over)
	}
	if l.first != nil {
		l.heap.Arm(&l.timer, l.first.until)
	}
}
