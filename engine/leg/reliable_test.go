package leg

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/message"
)

// caller notes what a Reliable does and when.
type caller struct{ did []string }

func (c *caller) ResendProvisional(now clock.Time, b []byte) {
	c.did = append(c.did, fmt.Sprint(string(b), " ", time.Duration(now)))
}

func (c *caller) Unpracked(now clock.Time) {
	c.did = append(c.did, "unpracked "+fmt.Sprint(time.Duration(now)))
}
func (c *caller) Free(clock.Time) { c.did = append(c.did, "free") }

// RFC 3262 §3: after T1, doubling without a bound, for 64*T1.
func TestReliableSchedule(t *testing.T) {
	var h clock.Heap
	var r Reliable
	c := &caller{}
	r.Start(&h, c, 7, 100)
	if n := r.NextRSeq(); n != 100 {
		t.Errorf("first RSeq %d", n)
	}
	r.Sent(0, []byte("183"), true, 500*time.Millisecond)
	runAll(&h)
	want := []string{"183 500ms", "183 1.5s", "183 3.5s", "183 7.5s", "183 15.5s", "183 31.5s", "unpracked 32s"}
	if !slices.Equal(c.did, want) {
		t.Errorf("got %v, want %v", c.did, want)
	}
	if waiting, media := r.Outstanding(); waiting || media {
		t.Error("still waits")
	}
}

func TestReliablePrack(t *testing.T) {
	var h clock.Heap
	var r Reliable
	c := &caller{}
	r.Start(&h, c, 7, 100)
	r.Sent(0, []byte("183"), true, 500*time.Millisecond)
	for name, rack := range map[string]RAck{
		"wrong RSeq": {101, 7, true}, "wrong CSeq": {100, 8, true}, "wrong method": {100, 7, false},
	} {
		if r.Prack(rack) {
			t.Errorf("%s matched", name)
		}
	}
	if !r.Prack(RAck{100, 7, true}) || r.Prack(RAck{100, 7, true}) {
		t.Error("a PRACK matches once")
	}
	r.Release(0)
	runAll(&h)
	if !slices.Equal(c.did, []string{"free"}) || r.NextRSeq() != 101 {
		t.Errorf("got %v, next RSeq %d, want 101", c.did, r.NextRSeq())
	}
}

// RFC 3262 §4: repeats and those that come too early are dropped; the first may have any number.
func TestReceivedOrder(t *testing.T) {
	var r Received
	for _, c := range []struct {
		rseq uint32
		want bool
	}{{17, true}, {17, false}, {19, false}, {18, true}, {16, false}, {19, true}} {
		if got := r.Accept(c.rseq); got != c.want {
			t.Errorf("Accept(%d) = %v", c.rseq, got)
		}
	}
}

// RFC 3261 §13.2.2.4: the 2xx replaces target and route set of the early dialog; sequence numbers go on.
func TestConfirm(t *testing.T) {
	d, err := NewUAC(accepted(t, "Contact: <sip:100@192.0.2.11>", "Record-Route: <sip:192.0.2.7;lr>"), from, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.NextSeq()
	d.Sequence(44)
	d.Confirm(accepted(t, "Contact: <sip:100@192.0.2.12:5070>"))
	if string(d.Target) != "sip:100@192.0.2.12:5070" || len(d.Routes) != 0 || d.LocalSeq != 2 || d.RemoteSeq != 44 {
		t.Errorf("got %s %q %d %d", d.Target, d.Routes, d.LocalSeq, d.RemoteSeq)
	}
	var m message.Message
	d.Confirm(&m) // nothing usable in it
	if string(d.Target) != "sip:100@192.0.2.12:5070" {
		t.Errorf("target %s", d.Target)
	}
}

// RFC 3262 §3: after a final response nothing is repeated, but a PRACK is still taken.
func TestReliableSilence(t *testing.T) {
	var h clock.Heap
	var r Reliable
	c := &caller{}
	r.Start(&h, c, 7, 100)
	r.Silence()
	if r.Prack(RAck{99, 7, true}) {
		t.Error("a PRACK of nothing was taken")
	}
	r.Sent(0, []byte("180"), false, 500*time.Millisecond)
	r.Silence()
	runAll(&h)
	if waiting, _ := r.Outstanding(); waiting || len(c.did) != 0 {
		t.Errorf("waits %v, did %v", waiting, c.did)
	}
	if r.Prack(RAck{101, 7, true}) || !r.Prack(RAck{100, 7, true}) || r.Prack(RAck{100, 7, true}) {
		t.Error("its PRACK is to be taken once, and no other")
	}
}
