package transport

import (
	"sync"
	"sync/atomic"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// The bounds of what other goroutines may have waiting for a shard, apart from posted functions.
const (
	maxForwarded      = 4096
	maxForwardedBytes = 8 << 20
)

// mailbox is what other goroutines have for a shard. Each half is two slices: others fill one
// while the shard works through the other.
type mailbox struct {
	mu     sync.Mutex
	posted []func(clock.Time)
	queue  queue

	waiting atomic.Int64 // what is in both halves; read without the lock before sleeping

	// The shard's own.
	sparePosted []func(clock.Time)
	spareQueue  queue
}

func (m *mailbox) post(fn func(clock.Time)) {
	m.mu.Lock()
	m.posted = append(m.posted, fn)
	m.waiting.Add(1)
	m.mu.Unlock()
}

// forward queues a datagram, or a failure if err is set. It reports false if there is no room.
func (m *mailbox) forward(f flow.Flow, b []byte, err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue.items) >= maxForwarded || len(m.queue.buf)+len(b) > maxForwardedBytes {
		return false
	}
	if err != nil {
		m.queue.pushFailure(f, err)
	} else {
		m.queue.push(f, b)
	}
	m.waiting.Add(1)
	return true
}

// take returns what waits. It is the shard's until it calls done.
func (m *mailbox) take() ([]func(clock.Time), *queue) {
	if m.waiting.Load() == 0 {
		return nil, &m.spareQueue
	}
	m.mu.Lock()
	m.posted, m.sparePosted = m.sparePosted, m.posted
	m.queue, m.spareQueue = m.spareQueue, m.queue
	m.waiting.Store(0)
	m.mu.Unlock()
	return m.sparePosted, &m.spareQueue
}

// done empties what take returned.
func (m *mailbox) done() {
	clear(m.sparePosted)
	m.sparePosted = m.sparePosted[:0]
	if cap(m.sparePosted) > maxForwarded {
		m.sparePosted = nil
	}
	m.spareQueue.reset()
}
