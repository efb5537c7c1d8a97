package follow

import (
	"math"
	"net/netip"
	"time"

	"tandem/engine/clock"
	"tandem/engine/trace"
)

// Call is what happened in a call, from its INVITE to its end.
type Call struct {
	// ID is the Call-ID of the caller's leg.
	ID string `json:"id"`
	// From and To are who called whom, as URIs.
	From string `json:"from"`
	To   string `json:"to"`
	// Began is when the INVITE came.
	Began time.Time `json:"began"`
	// Names are the users that addresses were called for, "caller" that of the caller, "" where there are several.
	Names map[string]string `json:"names"`
	// Final is the status code that the caller got.
	Final int `json:"final"`
	// Events are its messages and decisions, in order; Lost counts those that there was no room for.
	Events []Event `json:"events"`
	Lost   int     `json:"lost,omitempty"`
	// Missed counts the calls that were not shown since the one before, because there were too many at a time.
	Missed uint64 `json:"missed,omitempty"`
}

// Event is a message or a decision.
type Event struct {
	// At is in seconds from the INVITE, to the microsecond.
	At float64 `json:"at"`
	// Remote is where Message came from, or went if Sent.
	Remote  string `json:"remote,omitempty"`
	Sent    bool   `json:"sent,omitempty"`
	Message string `json:"message,omitempty"`
	// Text is a decision, Where the line of the script that it stands in.
	Text  string `json:"text,omitempty"`
	Where string `json:"where,omitempty"`
}

func newEvent(e *trace.Event, zero clock.Time) Event {
	out := Event{At: math.Round(e.At.Sub(zero).Seconds()*1e6) / 1e6}
	if e.Kind == trace.Note {
		out.Text, out.Where = e.Text, e.Pos.String()
		return out
	}
	out.Remote, out.Sent, out.Message = e.Remote.String(), e.Kind == trace.Sent, string(e.Bytes)
	return out
}

// Ladder draws the call; the columns have the names of the users.
func (c *Call) Ladder(o trace.Options) string {
	events := make([]trace.Event, 0, len(c.Events))
	for i := range c.Events {
		events = append(events, c.Events[i].traced())
	}
	o.Names = make(map[netip.AddrPort]string)
	for at, who := range c.Names {
		addr, _ := netip.ParseAddrPort(at) // it was written by one
		o.Names[addr] = who
	}
	return trace.Ladder(events, o)
}

func (e *Event) traced() trace.Event {
	out := trace.Event{At: clock.Time(math.Round(e.At * float64(time.Second))), Kind: trace.Received, Bytes: []byte(e.Message)}
	if e.Text != "" {
		out.Kind, out.Text, out.Bytes = trace.Note, e.Text, nil
		if e.Where != "" {
			out.Text = e.Where + " " + e.Text
		}
		return out
	}
	if e.Sent {
		out.Kind = trace.Sent
	}
	out.Remote, _ = netip.ParseAddrPort(e.Remote) // it was written by one
	return out
}
