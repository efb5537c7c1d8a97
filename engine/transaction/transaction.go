// Package transaction is the SIP transaction layer: the four state machines between messages and calls, which
// retransmit, absorb copies and give up.
//
// A Layer and all its transactions belong to one shard and are touched by its goroutine alone. It opens no socket and
// reads no clock: messages come in through Receive, bytes leave through a Sender, timers live in the shard's heap.
// What a callback is given it may use during the call only; from inside one, everything of this package may be called
// but Receive and SendFailed.
//
// RFC 3261 §17 (transactions), §9 (CANCEL), §18.2.2 (where responses go); RFC 6026 (Accepted states, strays);
// RFC 4320 §4.1 (no provisional but 100 outside INVITE).
package transaction

import (
	"time"

	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
)

// Sender is where bytes go.
type Sender interface {
	// Send copies b and sends it. It must not call back into the layer: a failure is told later, with SendFailed.
	Send(f flow.Flow, b []byte)
}

// Timers are the base values that all timers follow from (RFC 3261 §17.1.1.1, table 4).
type Timers struct {
	// T1 is the estimate of a round trip.
	T1 time.Duration
	// T2 is the longest interval between copies of a request other than INVITE and of a final response to INVITE.
	T2 time.Duration
	// T4 is how long a message may stay in the network.
	T4 time.Duration
}

// DefaultTimers are the values of RFC 3261 §17.1.1.1.
var DefaultTimers = Timers{T1: 500 * time.Millisecond, T2: 4 * time.Second, T4: 5 * time.Second}

// User is told of new requests and of what matches no transaction.
type User interface {
	// Request is told of a new request other than ACK and CANCEL, once. It answers through tx, now or later.
	Request(now clock.Time, tx *Server, m *message.Message, f flow.Flow)
	// Cancel is told that the caller wants an INVITE without a final response to end. The CANCEL has been answered;
	// the INVITE is to be, with 487 (RFC 3261 §9.2).
	Cancel(now clock.Time, invite *Server, m *message.Message)
	// Ack is told of an ACK to a 2xx: one that matches no transaction, or one in the Accepted state (RFC 6026 §7.1).
	Ack(now clock.Time, m *message.Message, f flow.Flow)
	// Stray is told of a 2xx to an INVITE that nobody waits for: its client transaction has no user any more, or told
	// of another final response. Every copy of it is told. One that matches no transaction is dropped: anybody can
	// send it, and what answers it would go where it says.
	Stray(now clock.Time, m *message.Message, f flow.Flow)
	// Unacknowledged is told that a final response to an INVITE, m, other than a 2xx got no ACK in 64*T1: Timer H
	// (RFC 3261 §17.2.1). Its transaction is over.
	Unacknowledged(now clock.Time, m *message.Message, f flow.Flow)
}

// ClientUser is told what became of a request.
type ClientUser interface {
	// Response is told of every provisional, 100 included, of the first final, and for an INVITE of every 2xx but
	// those that an ACK kept by Client.Ack has answered.
	Response(now clock.Time, tx *Client, m *message.Message)
	// Failed is told, once and instead of a final response, that none will come.
	Failed(now clock.Time, tx *Client, why Failure)
}

// Failure is why a request got no final response.
type Failure uint8

// The failures.
const (
	// Timeout: nothing came until Timer B or F, or no final response in 64*T1 after CANCEL (RFC 3261 §9.1).
	Timeout Failure = iota
	// TransportError: the request could not be sent (RFC 3261 §17.1.4).
	TransportError
)

// String returns "timeout" or "transport error".
func (f Failure) String() string {
	if f == Timeout {
		return "timeout"
	}
	return "transport error"
}

// State is a state of one of the machines.
type State uint8

// The states of RFC 3261 figures 5 to 8 and RFC 6026 figures 5 and 7.
const (
	Calling    State = iota // INVITE client: sent, nothing heard
	Trying                  // other clients: sent, nothing heard; other servers: not answered
	Proceeding              // a provisional came or went; an INVITE server starts here
	Accepted                // INVITE: a 2xx came or went
	Completed               // another final response came or went
	Confirmed               // INVITE server: it was acknowledged
	Terminated              // over and forgotten
)

var stateNames = [...]string{"Calling", "Trying", "Proceeding", "Accepted", "Completed", "Confirmed", "Terminated"}

// String returns the name that the RFC gives the state.
func (s State) String() string { return stateNames[s] }

// Counters count what a layer did since it was made.
type Counters struct {
	// Requests are the client transactions begun, CANCELs included.
	Requests uint64
	// Served are the server transactions begun, CANCELs included.
	Served uint64
	// RequestsResent are copies of requests sent on Timer A or E.
	RequestsResent uint64
	// ResponsesResent are copies of responses sent on Timer G or for a repeated request.
	ResponsesResent uint64
	// AcksResent are copies of ACKs sent for a repeated final response.
	AcksResent uint64
	// RequestsRepeated are copies of requests that came and were absorbed.
	RequestsRepeated uint64
	// ResponsesIgnored are responses that their transaction had no use for: copies of finals, late provisionals.
	ResponsesIgnored uint64
	// Forgotten are refusals of INVITEs that were sent to sources in doubt and not kept.
	Forgotten uint64
	// Strays are responses dropped because they match no transaction (RFC 6026 §8.9).
	Strays uint64
	// StrayCancels are CANCELs answered with 481.
	StrayCancels uint64
	// Timeouts are requests that got no final response in time.
	Timeouts uint64
	// TransportErrors are requests that could not be sent.
	TransportErrors uint64
	// Unacknowledged are final responses to INVITE, other than 2xx, that no ACK came for until Timer H.
	Unacknowledged uint64
}
