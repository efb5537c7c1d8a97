package transport

import (
	"tandem/engine/flow"
)

// keepBytes is how much buffer, in bytes, an emptied queue keeps for the next turn.
const keepBytes = 1 << 20

// item is one datagram of a queue, or, with err set, a failure report without a datagram.
type item struct {
	flow     flow.Flow
	off, end int
	err      error
}

// queue holds datagrams back to back in one buffer, which it reuses. Offsets, not slices, because
// the buffer moves when it grows.
type queue struct {
	items []item
	buf   []byte
}

func (q *queue) push(f flow.Flow, b []byte) {
	off := len(q.buf)
	q.buf = append(q.buf, b...)
	q.items = append(q.items, item{flow: f, off: off, end: len(q.buf)})
}

func (q *queue) pushFailure(f flow.Flow, err error) {
	q.items = append(q.items, item{flow: f, err: err})
}

func (q *queue) datagram(i int) []byte {
	it := &q.items[i]
	return q.buf[it.off:it.end:it.end]
}

// reset empties the queue. A burst's buffer is given back.
func (q *queue) reset() {
	clear(q.items)
	q.items, q.buf = q.items[:0], q.buf[:0]
	if cap(q.buf) > keepBytes {
		q.items, q.buf = nil, nil
	}
}
