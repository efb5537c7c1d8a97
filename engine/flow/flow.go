// Package flow names the way a message came or is to go: a local listener, a transport and a
// remote address.
//
// A Flow is a small comparable value that nobody owns; it holds no socket. The transport turns
// it into one.
package flow

import "net/netip"

// Transport is a SIP transport protocol, as the Via header names it (RFC 3261 §18, §20.42).
type Transport uint8

// The transports. The zero value is UDP.
const (
	UDP Transport = iota
	TCP
	TLS
	WS
	WSS
)

var names = [...]string{UDP: "UDP", TCP: "TCP", TLS: "TLS", WS: "WS", WSS: "WSS"}

// String returns the transport's name as a Via header carries it: "UDP", "TCP", "TLS", "WS", "WSS".
func (t Transport) String() string {
	if int(t) < len(names) {
		return names[t]
	}
	return "UNKNOWN"
}

// Reliable reports whether the transport retransmits by itself, so that transactions need not
// (RFC 3261 §17.1.1.1).
func (t Transport) Reliable() bool { return t != UDP }

// Flow is one way in or out.
type Flow struct {
	// Remote is the peer's address, IPv4 addresses in their four byte form.
	Remote netip.AddrPort
	// Listener is the index of the local listener, in the order of the configuration.
	Listener uint8
	// Transport is the protocol spoken on it.
	Transport Transport
}

// String returns "udp:192.0.2.1:5060".
func (f Flow) String() string {
	b := make([]byte, 0, 48)
	for _, c := range []byte(f.Transport.String()) {
		b = append(b, c|0x20)
	}
	b = append(b, ':')
	return string(f.Remote.AppendTo(b))
}
