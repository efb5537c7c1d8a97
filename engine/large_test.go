package engine_test

import (
	"strings"
	"testing"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/sim"
)

// withTCP gives the engine a TCP listener beside the UDP one, at the same address.
func withTCP(c *engine.Config) {
	local := c.Locals[0]
	local.Transport = flow.TCP
	c.Locals = append(c.Locals, local)
}

// RFC 3261 §18.1.1: a request over 1300 bytes goes by TCP, and by UDP after all if that is refused.
func TestRFC_060_LargeRequests(t *testing.T) {
	for name, c := range map[string]struct {
		refused bool
		want    string
	}{
		"by TCP":           {false, "TCP"},
		"by UDP after all": {true, "UDP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1, withTCP)
			a := r.phone("sip:a@192.0.2.11", sim.After(0))
			if c.refused {
				r.net.Refuse(a.Addr(), flow.TCP)
			}
			spec := brief()
			spec.Headers = []sim.Header{{Name: "Subject", Value: strings.Repeat("x", 1300)}}
			r.call(spec)
			invite := a.Received("INVITE")
			if len(invite) == 0 {
				t.Fatal("no INVITE")
			}
			if via := string(parsed(t, invite[0]).TopVia().Transport); via != c.want {
				t.Errorf("the INVITE says %s, want %s", via, c.want)
			}
			count(t, a, "INVITE", 1)
			count(t, a, "ACK", 1)
		})
	}
}
