// Package flow names the way a message came or is to go: a local listener, a transport, a remote
// address and, where there is one, a connection.
//
// A Flow is a small comparable value that nobody owns; it holds no socket. The transport turns
// it into one.
package flow

import (
	"errors"
	"net/netip"
	"strings"
)

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

// Secure reports whether the transport is encrypted (RFC 3261 §26.2.1, RFC 7118 §5).
func (t Transport) Secure() bool { return t == TLS || t == WSS }

// Of returns the transport that a URI asks for by its transport parameter, empty if it has none, or by its scheme: sips means
// TLS (RFC 3261 §26.2.2, RFC 7118 §5.2). ok is false for what is not spoken, or not securely.
func Of(sips bool, name string) (t Transport, ok bool) {
	switch strings.ToLower(name) {
	case "":
		if sips {
			return TLS, true
		}
		return UDP, true
	case "udp":
		return UDP, !sips
	case "tcp":
		if sips {
			return TLS, true
		}
		return TCP, true
	case "tls":
		return TLS, true
	case "ws":
		if sips {
			return WSS, true
		}
		return WS, true
	case "wss":
		return WSS, true
	}
	return UDP, false
}

// Web reports whether the transport is a WebSocket.
func (t Transport) Web() bool { return t == WS || t == WSS }

// ErrLost is what a message fails with whose connection was there, and is gone: on another one it may arrive.
var ErrLost = errors.New("the connection was lost")

// Flow is one way in or out.
type Flow struct {
	// Remote is the peer's address, IPv4 addresses in their four byte form.
	Remote netip.AddrPort
	// Name is the host that the certificate of a peer has to be for whom we connect to by TLS; "" = its address.
	Name string
	// Conn is the connection, 0 for none: one to Remote is then found or made. What is sent on a connection that is gone
	// goes to Remote in the same way (RFC 3261 §18.2.2).
	Conn uint32
	// Listener is the index of the local listener, in the order of the configuration.
	Listener uint8
	// Transport is the protocol spoken on it.
	Transport Transport
	// Local is which address of ours the peer has sent to, if the listener is at every address of the machine: what goes to the peer leaves
	// from there (RFC 3581 §4). The transport numbers them; 0 = the system chooses.
	Local uint8
	// Fixed says that nothing else leads to the peer: no other connection, transport or listener (RFC 5626 §5.3).
	Fixed bool
}

// Key returns what flows have in common that fail together: the connection if they name one. Connections to the same peer are
// the same whichever listener they are made from.
func (f Flow) Key() Flow {
	if f.Conn != 0 {
		return Flow{Conn: f.Conn}
	}
	f.Fixed, f.Local = false, 0
	if f.Transport.Reliable() {
		f.Listener = 0
	}
	return f
}

// Hop is where a target was found: one place to try (RFC 3263 §4).
type Hop struct {
	Remote    netip.AddrPort
	Transport Transport
	// Name is the host that was asked for, which the certificate has to be for.
	Name string
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
