package scenario

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"tandem/engine/clock"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

// Caller is what the caller is called in ladders.
func (c *Placed) Caller() string { return c.from }

// Plan is what the script's invite decided; nil = nothing, or it was not asked.
func (c *Placed) Plan() *plan.Node { return c.run.plans[c.CallID()] }

// Legs are the INVITEs that the engine sent for the call, in order.
func (c *Placed) Legs() (all []*Leg) {
	for _, l := range c.run.legs {
		if l.call == c.CallID() {
			all = append(all, l)
		}
	}
	return all
}

// Order are the names of those that were called, in order.
func (c *Placed) Order() []string {
	names := []string{}
	for _, l := range c.Legs() {
		names = append(names, l.Name)
	}
	return names
}

// Winner is the leg that answered the call, nil if none did: the first 2xx that the engine was given.
func (c *Placed) Winner() *Leg {
	if !c.Answered() {
		return nil
	}
	var m message.Message
	legs := c.Legs()
	for _, e := range c.run.events {
		if e.Kind != trace.Received || m.Parse(e.Bytes) != nil || m.IsRequest() || m.Status()/100 != 2 || m.Method() != message.INVITE {
			continue
		}
		if i := slices.IndexFunc(legs, func(l *Leg) bool { return l.callID == string(m.CallID()) }); i >= 0 {
			return legs[i]
		}
	}
	return nil
}

// Result says what came of the call: "answered by 101", "486", "no final response".
func (c *Placed) Result() string {
	switch w := c.Winner(); {
	case w != nil:
		return "answered by " + w.Name
	case c.Answered():
		return "answered"
	case c.Final() > 0:
		return fmt.Sprint(c.Final())
	}
	return "no final response"
}

// Events are what the engine told of the call until nothing happened any more.
func (c *Placed) Events() []trace.Event {
	var rec trace.Recorder
	for _, e := range c.run.events {
		rec.Trace(e)
	}
	events := rec.Call(c.CallID())
	for i := range events {
		if what, ok := strings.CutSuffix(events[i].Text, " → "); ok {
			events[i].Text = what + ": nothing decided"
		}
	}
	return events
}

// Ladder draws the call; the column titles are those of the run.
func (c *Placed) Ladder(o trace.Options) string {
	o.Names = c.run.names()
	return trace.Ladder(c.Events(), o)
}

// Arrows are the messages of the call.
func (c *Placed) Arrows() []trace.Arrow {
	return trace.Arrows(c.Events(), trace.Options{Names: c.run.names()})
}

// Names are the titles of addresses in ladders.
func (r *Run) Names() map[netip.AddrPort]string { return r.names() }

// zero is when the INVITE was at the engine.
func (c *Placed) zero() clock.Time { return c.At().Add(sim.Latency) }

// logged returns the messages that a party sent or received in the call: "caller", or phones of that name.
func (c *Placed) logged(name string, sent bool, what string) []*sim.Logged {
	if name == "caller" {
		if sent {
			return c.Sent(what)
		}
		return c.Received(what)
	}
	var out []*sim.Logged
	for _, l := range c.Legs() {
		if st := c.run.stations[l.To]; l.Name == name && st != nil && st.phone != nil {
			out = st.phone.AppendLogged(out, sent, what, l.callID)
		}
	}
	slices.SortStableFunc(out, func(a, b *sim.Logged) int { return int(a.At - b.At) })
	return out
}
