// Package transport moves messages between sockets and shards: UDP, TCP, TLS, WebSocket.
//
// A Shard is one goroutine (the one that calls Run) that reads its own sockets, handles what
// came and flushes what it has to send once per turn. It owns its sockets, buffers and outgoing
// queues alone; only the mailbox (Post, Forward), the wake-up and the counters are shared, and
// all of that is safe to use from any goroutine. Nothing on the way of a datagram changes
// goroutines, takes a lock or allocates.
//
// A connection has a goroutine that reads it, cuts what comes into messages and hands each to the mailbox of its shard; what a
// shard sends goes into a bounded queue, which another goroutine writes. The connections belong to all shards together, behind a
// lock: calls of several shards share one to the same peer. A peer that is slow, or silent, or says too much makes nobody wait
// and is closed.
//
// Norms: RFC 3261 §18 (transport; §18.1.1 on size, §18.2.2 on responses, §18.3 on framing, §18.4 on errors), RFC 5626 §4.4.1
// (keep-alive), RFC 5922 §7 (certificates), RFC 6455 and RFC 7118 (WebSocket).
package transport

import (
	"errors"

	"tandem/engine/clock"
	"tandem/engine/flow"
)

// MaxDatagram is the most that one datagram can hold, in bytes (RFC 3261 §18.1.1). What IP lets
// through is less: 65507 bytes over IPv4, 65527 over IPv6.
const MaxDatagram = 65535

// ErrNoListener is what a datagram fails with whose flow names a listener that there is not, or
// one of another transport.
var ErrNoListener = errors.New("no listener for this flow")

// ErrTooLarge is what a datagram of more than MaxDatagram bytes fails with.
var ErrTooLarge = errors.New("message does not fit into a datagram")

// Handler is what a shard does with what comes. A message of a connection is a datagram here. Its methods run on the shard's goroutine, one at
// a time. Within a turn the order is: Receive for each datagram, functions posted, SendFailed,
// Tick, and only then what was sent leaves.
type Handler interface {
	// Receive handles one datagram. b is valid during the call only, and may be empty.
	Receive(now clock.Time, f flow.Flow, b []byte)
	// Tick runs what is due. It is called once per turn, after all that the turn brought.
	Tick(now clock.Time)
	// Next returns the earliest deadline, false when there is none. The shard sleeps no longer.
	// A deadline that stays in the past after Tick keeps the shard from sleeping.
	Next() (clock.Time, bool)
	// SendFailed says that datagrams to f do not arrive: the send itself was refused, in this
	// turn or the last (EMSGSIZE, ENETUNREACH, EPERM, …), or an ICMP error came back
	// (ECONNREFUSED, EHOSTUNREACH, …; RFC 3261 §18.4). An ICMP error says nothing of which
	// datagram and reaches any shard, so every shard is told; one that has sent nothing to f
	// has nothing to do.
	SendFailed(now clock.Time, f flow.Flow, err error)
}

// Stats is a reading of a shard's counters. All but Waiting count from the start.
type Stats struct {
	In          uint64 // datagrams received from the shard's sockets
	Out         uint64 // datagrams handed to the kernel
	SendErrors  uint64 // datagrams whose send was refused; each came with a SendFailed
	SendDrops   uint64 // datagrams thrown away because the socket stayed full
	ICMPErrors  uint64 // ICMP errors that the shard's sockets got and that RFC 3261 §18.4 counts
	QueueDrops  uint64 // datagrams and errors of others thrown away because the mailbox was full
	KernelDrops uint64 // datagrams that the kernel threw away because a receive buffer was full
	Forwarded   uint64 // datagrams handed over by other shards
	Posted      uint64 // functions posted
	Waiting     int    // functions and datagrams in the mailbox now
	Turns       uint64 // turns of the loop
}
