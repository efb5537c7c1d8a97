package engine_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"tandem/engine/sim"
)

// RFC 3515 §2.4.6: a NOTIFY names its REFER by the CSeq number that the REFER had, and that is another one on each leg. So does a
// SUBSCRIBE that refreshes or ends the subscription.
func TestReferSubscriptionIsMapped(t *testing.T) {
	r, c, a := answered(t)
	c.Request(at(5*time.Second), "OPTIONS", nil, nil) // answered here: the numbers of the legs part
	c.Request(at(6*time.Second), "REFER", []sim.Header{{Name: "Refer-To", Value: "<sip:carol@192.0.2.12>"}}, nil)
	c.Request(at(7*time.Second), "REFER", []sim.Header{{Name: "Refer-To", Value: "<sip:dave@192.0.2.13>"}}, nil)
	r.net.Run(at(8 * time.Second))
	id := func(l *sim.Logged) string {
		m, err := l.Message()
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(uint64(m.CSeq()), 10)
	}
	here, there := id(r.caller.Sent("REFER")[1]), id(a.Received("REFER")[1])
	if here == there {
		t.Fatal("the two legs have one number: nothing to map")
	}
	notify := a.Incoming()[0].Request(at(9*time.Second), "NOTIFY", []sim.Header{
		{Name: "Event", Value: "refer;id=" + there + ";x=1"}, {Name: "Subscription-State", Value: "active;expires=60"},
	}, nil)
	c.Request(at(10*time.Second), "SUBSCRIBE", []sim.Header{{Name: "Event", Value: "Refer ; ID=" + here}}, nil)
	unknown := a.Incoming()[0].Request(at(11*time.Second), "NOTIFY", []sim.Header{{Name: "Event", Value: "refer;id=9999"}}, nil)
	other := a.Incoming()[0].Request(at(12*time.Second), "NOTIFY", []sim.Header{{Name: "Event", Value: "dialog;id=" + there}}, nil)
	r.run()
	if notify.Code() != 200 || unknown.Code() != 200 || other.Code() != 200 {
		t.Errorf("NOTIFY %d, %d, %d", notify.Code(), unknown.Code(), other.Code())
	}
	var got []string
	for _, l := range r.caller.Received("NOTIFY") {
		got = append(got, header(t, l, "Event")...)
	}
	if want := []string{"refer;id=" + here + ";x=1", "refer;id=9999", "dialog;id=" + there}; !slices.Equal(got, want) {
		t.Errorf("Event %q, want %q", got, want)
	}
	if got := header(t, a.Received("SUBSCRIBE")[0], "Event"); !slices.Equal(got, []string{"refer;ID=" + there}) {
		t.Errorf("Event of the SUBSCRIBE %q, want id %s", got, there)
	}
}

// RFC 5057 §5.1: who knows nothing of a subscription says so of that, not of the call.
func TestLostSubscriptionLeavesCallUp(t *testing.T) {
	for _, method := range []string{"NOTIFY", "SUBSCRIBE"} {
		t.Run(method, func(t *testing.T) {
			r, c, a := answered(t)
			a.Reply(method, sim.Reply{Code: 481})
			r.odd = true // the simulated caller gives up its dialog for a 481
			lost := c.Request(at(5*time.Second), method, []sim.Header{{Name: "Event", Value: "refer"}}, nil)
			r.net.Run(at(10 * time.Second))
			if n := len(a.Received("BYE")); lost.Code() != 481 || n != 0 {
				t.Errorf("%s %d and %d BYE, want 481 and none", method, lost.Code(), n)
			}
			bye := a.Incoming()[0].Request(at(11*time.Second), "BYE", nil, nil)
			r.run()
			if bye.Code() != 200 {
				t.Errorf("the call is gone: BYE %d", bye.Code())
			}
		})
	}
}
