package sim

import "time"

// Behaviour is what a phone does with one call that it is offered, step by step, until a CANCEL or BYE ends it.
type Behaviour []Step

// Act is what a step does.
type Act uint8

// The acts.
const (
	Pause        Act = iota // nothing
	Respond                 // answer the INVITE with Code
	InDialog                // send a request with Method in the dialog; BYE ends it
	IgnoreCancel            // from here on a CANCEL is answered but the INVITE is not ended by it
	Mute                    // hear and say nothing of this call
	Retransmit              // send the last response to the INVITE once more
	Vanish                  // the phone is gone from the network for ever
)

// Step is one step of a Behaviour.
type Step struct {
	// Wait is the time since the step before, for the first one since the INVITE.
	Wait time.Duration
	Act  Act
	// Code is the status code of Respond, 100 to 699; Phrase "" is the usual one.
	Code   int
	Phrase string
	// Method is that of InDialog.
	Method string
	// Headers are put into the message.
	Headers []Header
	// Body nil is the phone's SDP for 2xx, re-INVITE and UPDATE, else none. SDP asks for it elsewhere.
	Body *Body
	// SDP puts the phone's session description into a provisional too.
	SDP bool
	// Direction is that of the media in the phone's SDP, by RFC 3264 §5.1: "sendonly", "recvonly", "inactive", "" = both ways.
	Direction string
	// Tag names the dialog, for a callee that forks: each name has a To tag of its own. "" is the first.
	Tag string
	// Reliable sends a provisional by RFC 3262, if the caller supports it.
	Reliable bool
}

// Ring is 180 without SDP.
func Ring() Step { return Send(180) }

// Progress is 183 with SDP.
func Progress() Step { return Step{Act: Respond, Code: 183, SDP: true} }

// Send is a response to the INVITE.
func Send(code int, headers ...Header) Step { return Step{Act: Respond, Code: code, Headers: headers} }

// Answer is 200 with SDP.
func Answer(headers ...Header) Step { return Send(200, headers...) }

// Bye ends the call from the callee's side.
func Bye(headers ...Header) Step { return Step{Act: InDialog, Method: "BYE", Headers: headers} }

// Ask sends a request in the dialog: INFO, INVITE, UPDATE, REFER, ….
func Ask(method string, headers ...Header) Step {
	return Step{Act: InDialog, Method: method, Headers: headers}
}

// Hold is a re-INVITE that puts the peer on hold (RFC 3264 §8.4), Resume one that takes it back.
func Hold() Step { return Step{Act: InDialog, Method: "INVITE", Direction: "sendonly"} }

// Resume is a re-INVITE with media both ways.
func Resume() Step { return Ask("INVITE") }

// In returns the step done d after the one before.
func (s Step) In(d time.Duration) Step { s.Wait = d; return s }

// As returns the step done in the dialog with that name.
func (s Step) As(tag string) Step { s.Tag = tag; return s }

// With returns the step with a body.
func (s Step) With(b *Body) Step { s.Body = b; return s }

// Reliably returns the step as a reliable provisional.
func (s Step) Reliably() Step { s.Reliable = true; return s }

// After rings at once and answers after d.
func After(d time.Duration) Behaviour { return Behaviour{Ring(), Answer().In(d)} }

// Status refuses, or answers, with a final response: at once if ring is nil, else it rings and does so after *ring.
func Status(code int, ring *time.Duration, headers ...Header) Behaviour {
	if ring == nil {
		return Behaviour{Send(code, headers...)}
	}
	return Behaviour{Ring(), Send(code, headers...).In(*ring)}
}

// Never rings for ever.
func Never() Behaviour { return Behaviour{Ring()} }

// Silent does not react at all: no 100, nothing to a CANCEL.
func Silent() Behaviour { return Behaviour{{Act: Mute}} }
