package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

// A list of calls tells how far each is; nothing is told of one that is over.
func TestList(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Ring().In(time.Second), sim.Answer().In(3 * time.Second)})
	r.phone("sip:b@192.0.2.12", sim.Silent())
	r.place(sim.CallSpec{CallID: "one", HangupAfter: seconds(10)})
	a, b := "sip:a@192.0.2.11 udp:192.0.2.11:5060 ", "sip:b@192.0.2.12 udp:192.0.2.12:5060 "
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{
		{500 * time.Millisecond, "trying; " + a + "trying; " + b + "trying"},
		{2 * time.Second, "ringing; " + a + "ringing; " + b + "trying"},
		{5 * time.Second, "answered; " + a + "answered"},
		{time.Minute, ""},
	} {
		r.until(at(tt.at))
		var got []string
		for _, i := range r.eng.Shards()[0].List() {
			if i.ID != "one" || i.From != "sip:alice@192.0.2.100" || i.To != "sip:100@pbx.example" || i.Source != "udp:192.0.2.100:5060" || i.Since.Sub(start) != time.Millisecond {
				t.Errorf("%+v", i)
			}
			got = append(got, i.State)
			for _, b := range i.Branches {
				got = append(got, b.Target+" "+b.Remote+" "+b.State)
			}
		}
		if got := strings.Join(got, "; "); got != tt.want {
			t.Errorf("after %s: %s; want %s", tt.at, got, tt.want)
		}
	}
	r.run()
}

// Calls are listed by age.
func TestListOrder(t *testing.T) {
	r, _ := desk(t, sim.Ring(), sim.Send(486).In(20*time.Second))
	var want, got []string
	for _, id := range []string{"d", "a", "e", "c", "b"} {
		want = append(want, id)
		r.place(sim.CallSpec{CallID: id})
		r.until(r.net.Now().Add(time.Second))
	}
	for _, i := range r.eng.Shards()[0].List() {
		got = append(got, i.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	r.run()
}

// A call that is ended by hand ends for both sides, whether it is answered or rings; one that there is not does not.
func TestHangup(t *testing.T) {
	for name, tt := range map[string]struct {
		at     time.Duration
		final  int
		callee string
		byes   int
		seen   []string
	}{
		"rings":    {500 * time.Millisecond, 480, "CANCEL", 0, []string{"ringing", "ended"}},
		"answered": {5 * time.Second, 200, "BYE", 1, []string{"ringing", "answered", "ended"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, a := desk(t, sim.Ring(), sim.Answer().In(2*time.Second))
			c := r.place(sim.CallSpec{CallID: "one"})
			r.until(at(tt.at))
			sh := r.eng.Shards()[0]
			if n := sh.Hangup(r.net.Now(), "other", "Ended"); n != 0 {
				t.Errorf("%d calls of another name", n)
			}
			if n := sh.Hangup(r.net.Now(), "one", "Ended by hand"); n != 1 {
				t.Errorf("%d calls", n)
			}
			if n := sh.Hangup(r.net.Now(), "one", "Ended by hand"); n != 0 {
				t.Errorf("%d calls the second time", n)
			}
			if list := sh.List(); len(list) != 0 {
				t.Errorf("listed: %+v", list)
			}
			r.run()
			if c.Final() != tt.final {
				t.Errorf("final %d", c.Final())
			}
			count(t, a, tt.callee, 1)
			count(t, r.caller, "BYE", tt.byes)
			if bye := r.caller.Received("BYE"); len(bye) > 0 {
				if why := header(t, bye[0], "Reason"); !slices.Equal(why, []string{`SIP;cause=200;text="Ended by hand"`}) {
					t.Errorf("Reason: %s", why)
				}
			}
			wantSeen(t, r.script, tt.seen...)
		})
	}
}

// heard counts the events of a sink.
type heard int

func (h *heard) Trace(trace.Event) { *h++ }

// Whoever follows a shard hears everything, in place of who is told otherwise, and nothing when it has let go.
func TestFollow(t *testing.T) {
	r, _ := desk(t, sim.Send(486))
	sh, own, follower := r.eng.Shards()[0], &r.rec, new(heard)
	r.call(sim.CallSpec{})
	before := len((*own).Events())
	sh.Follow(follower)
	r.call(sim.CallSpec{})
	if *follower != heard(before) || len((*own).Events()) != before {
		t.Errorf("%d events followed, %d recorded; want %d of both", *follower, len((*own).Events()), before)
	}
	sh.Follow(nil)
	r.call(sim.CallSpec{})
	if *follower != heard(before) || len((*own).Events()) != 2*before {
		t.Errorf("%d events followed, %d recorded; want %d and %d", *follower, len((*own).Events()), before, 2*before)
	}
}

// A message that another shard read is traced once, by the one that owns it.
func TestTracedOnce(t *testing.T) {
	sink := new(heard)
	cfg := engine.Config{Clock: newRig(t, unrouted(t), 1).net.Clock(), Locals: []engine.Local{{SentBy: pbx.String(), Addr: pbx.Addr()}}, Trace: sink}
	forwarded := 0
	cfg.Forward = func(int, flow.Flow, []byte) { forwarded++ }
	e := engine.New(cfg, unrouted(t), 2)
	w := written{method: "ACK", callID: "one", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bK1"}
	for _, sh := range e.Shards() {
		sh.Receive(0, flow.Flow{Remote: pbx}, []byte(w.String()))
	}
	if forwarded != 1 || *sink != 1 {
		t.Errorf("forwarded %d times, traced %d times", forwarded, *sink)
	}
}
