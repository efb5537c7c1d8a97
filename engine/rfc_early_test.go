package engine_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
)

var requires100rel = []sim.Header{{Name: "Require", Value: "100rel"}}

// Reliable provisionals are a matter of each leg: its own RSeq, its own PRACK. A 100 is never one.
func TestRFC_085_PrackPerLeg(t *testing.T) {
	odd := sim.Send(100, sim.Header{Name: "Require", Value: "100rel"}, sim.Header{Name: "RSeq", Value: "9"})
	r, a := desk(t, odd, sim.Progress().Reliably(), sim.Answer().In(time.Second))
	r.call(sim.CallSpec{Headers: requires100rel, HangupAfter: seconds(1)})
	want(t, r.caller.Received("100")[0], "RSeq")
	want(t, r.caller.Received("100")[0], "Require")
	for _, p := range []struct{ rang, acked *sim.Logged }{{r.caller.Received("183")[0], r.caller.Sent("PRACK")[0]}, {a.Sent("183")[0], a.Received("PRACK")[0]}} {
		cseq := header(t, p.rang, "CSeq")[0]
		want(t, p.acked, "RAck", header(t, p.rang, "RSeq")[0]+" "+cseq)
		want(t, p.acked, "Call-ID", header(t, p.rang, "Call-ID")...)
	}
	count(t, a, "PRACK", 1)
}

// A reliable provisional is repeated, T1 doubling, for 64*T1; then the INVITE is refused. A PRACK that fits none gets 481, and each
// further one has the next RSeq.
func TestRFC_086_ReliableProvisional(t *testing.T) {
	t.Run("no PRACK", func(t *testing.T) {
		r, a := desk(t, sim.Progress())
		r.odd = true
		r.net.Lose(func(d sim.Datagram) bool { return strings.HasPrefix(string(d.Bytes), "PRACK") })
		c := r.call(sim.CallSpec{Headers: supports100rel})
		if got := after(copies(r.caller, "SIP/2.0 183")); !slices.Equal(got, []float64{0, .5, 1.5, 3.5, 7.5, 15.5, 31.5}) {
			t.Errorf("183 after %v", got)
		}
		if c.Final()/100 != 5 {
			t.Errorf("caller got %d", c.Final())
		}
		count(t, a, "CANCEL", 1)
	})
	t.Run("wrong PRACK", func(t *testing.T) {
		r, _ := desk(t, sim.Progress(), sim.Answer().In(10*time.Second))
		r.net.Lose(func(d sim.Datagram) bool {
			return strings.HasPrefix(string(d.Bytes), "PRACK") && d.At < at(100*time.Millisecond)
		})
		c := r.place(sim.CallSpec{Headers: supports100rel, HangupAfter: seconds(1)})
		r.until(at(100 * time.Millisecond))
		progress := r.caller.Received("183")[0]
		rseq, _ := strconv.Atoi(header(t, progress, "RSeq")[0])
		wrong := []string{strconv.Itoa(rseq+1) + " 1 INVITE", strconv.Itoa(rseq) + " 2 INVITE", strconv.Itoa(rseq) + " 1 UPDATE", "", "x"}
		for i, v := range wrong {
			r.write(r.caller, at(200*time.Millisecond), written{
				method: "PRACK", via: "SIP/2.0/UDP 192.0.2.100:5060;branch=z9hG4bKp" + strconv.Itoa(i), cseq: "1 PRACK", more: "RAck: " + v + "\r\n",
				from: header(t, progress, "From")[0], to: header(t, progress, "To")[0], callID: header(t, progress, "Call-ID")[0],
			}.String())
		}
		r.run()
		count(t, r.caller, "481 PRACK", len(wrong))
		if !c.Answered() {
			t.Errorf("caller got %d", c.Final())
		}
	})
	t.Run("RSeq", func(t *testing.T) {
		r, _ := desk(t, sim.Ring(), sim.Progress().In(time.Second), sim.Send(182).In(time.Second), sim.Answer().In(time.Second))
		r.call(sim.CallSpec{Headers: requires100rel, HangupAfter: seconds(1)})
		var seqs []int
		for _, code := range []string{"180", "183", "182"} {
			n, _ := strconv.Atoi(header(t, r.caller.Received(code)[0], "RSeq")[0])
			seqs = append(seqs, n)
		}
		if seqs[0] < 1 || seqs[0] >= 1<<31 || seqs[1] != seqs[0]+1 || seqs[2] != seqs[1]+1 {
			t.Errorf("RSeq %v", seqs)
		}
	})
}

// The 2xx waits for the PRACK of what showed a session description; an offer is made once.
func TestRFC_087_AnswerWaitsForPrack(t *testing.T) {
	r, _ := desk(t, sim.Progress(), sim.Answer().In(time.Second))
	r.net.Lose(func(d sim.Datagram) bool {
		return strings.HasPrefix(string(d.Bytes), "PRACK") && d.At < at(3*time.Second)
	})
	c := r.call(sim.CallSpec{Headers: supports100rel, HangupAfter: seconds(1)})
	if got := r.caller.Received("200 INVITE"); len(got) != 1 || !c.Answered() || got[0].At < at(3*time.Second) {
		t.Fatalf("200 %v", got)
	}
	prack, ok := r.caller.Received("200 PRACK")[0], r.caller.Received("200 INVITE")[0]
	if prack.At > ok.At {
		t.Error("the 200 to the INVITE overtook that to the PRACK")
	}

	late, a := desk(t, sim.Progress().Reliably(), sim.Answer().In(time.Second))
	late.call(sim.CallSpec{Headers: supports100rel, Body: sim.NoBody, HangupAfter: seconds(1)})
	if body(t, a.Received("PRACK")[0]) == "" || body(t, a.Received("ACK")[0]) != "" {
		t.Error("want the answer in the PRACK and in no other")
	}
}

// 199 tells a caller that supports it, and can have it unreliably, which early dialog is over; one from a callee passes.
func TestRFC_094_EarlyDialogOver(t *testing.T) {
	supported := []sim.Header{{Name: "Supported", Value: "199"}}
	early := sim.Behaviour{sim.Progress(), sim.Send(404).In(time.Second)}
	for name, c := range map[string]struct {
		headers []sim.Header
		want    int
	}{
		"supported": {supported, 1}, "not supported": {nil, 0}, "reliable only": {append(supported[:1:1], requires100rel...), 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, phones := fork(t, early, sim.After(3*time.Second))
			call := r.call(sim.CallSpec{Headers: c.headers, HangupAfter: seconds(1)})
			got := r.caller.Received("199")
			if len(got) != c.want || !call.Answered() {
				t.Fatalf("%d 199, answered %v", len(got), call.Answered())
			}
			offered := strings.Contains(strings.Join(header(t, phones[0].Received("INVITE")[0], "Supported"), ","), "199")
			if offered != (c.want == 1) {
				t.Errorf("199 offered to the callee: %v", offered)
			}
			if c.want == 0 {
				return
			}
			want(t, got[0], "Reason", "SIP;cause=404")
			want(t, got[0], "RSeq")
			if tag := parsed(t, got[0]).ToTag(); string(tag) != string(first(t, r.caller, "183").ToTag()) || string(tag) == call.ToTag() {
				t.Errorf("199 under tag %s", tag)
			}
		})
	}
	t.Run("passed", func(t *testing.T) {
		over := sim.Send(199, sim.Header{Name: "Reason", Value: "SIP;cause=486"})
		forks := sim.Behaviour{
			sim.Progress().As("x"), sim.Ring().As("y").In(time.Second), over.As("x").In(time.Second), over.As("z"), sim.Send(480).As("y").In(time.Second),
		}
		r, _ := fork(t, forks, sim.After(5*time.Second))
		r.call(sim.CallSpec{Headers: supported, HangupAfter: seconds(1)})
		got := r.caller.Received("199")
		if len(got) != 1 || string(parsed(t, got[0]).ToTag()) != string(first(t, r.caller, "183").ToTag()) {
			t.Fatalf("%d 199, want one for the dialog that was shown", len(got))
		}
		want(t, got[0], "Reason", "SIP;cause=486")
	})
}

// Each early dialog keeps its own session description: none stands under the tag of another.
func TestRFC_095_EarlyMediaOfForks(t *testing.T) {
	for name, policy := range map[string]plan.EarlyMedia{"first": plan.EarlyFirst, "all": plan.EarlyAll} {
		t.Run(name, func(t *testing.T) {
			change := func(t *plan.Target) { t.EarlyMedia = policy }
			r := newRig(t, always(parallel(target("sip:a@192.0.2.11", change), target("sip:b@192.0.2.12", change))), 1)
			r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress(), sim.Progress().In(2 * time.Second)})
			r.phone("sip:b@192.0.2.12", sim.Behaviour{sim.Progress().In(time.Second), sim.Answer().In(4 * time.Second)})
			r.call(sim.CallSpec{HangupAfter: seconds(1)})
			owner := map[string]string{}
			for _, l := range slices.Concat(r.caller.Received("183"), r.caller.Received("200 INVITE")) {
				_, rest, _ := strings.Cut(body(t, l), "o=")
				who, _, _ := strings.Cut(rest, " ")
				tag := string(parsed(t, l).ToTag())
				if owner[tag] != "" && owner[tag] != who {
					t.Errorf("tag %s shows %s after %s", tag, who, owner[tag])
				}
				owner[tag] = who
			}
			if len(owner) != 2 {
				t.Errorf("%d dialogs with media, want 2", len(owner))
			}
		})
	}
}

// While a branch is pending the caller hears a provisional at least every minute.
func TestRFC_109_SignOfLife(t *testing.T) {
	for name, does := range map[string]sim.Behaviour{
		"rings once": {sim.Ring()},
		"only tries": {sim.Send(100)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(ring(175*time.Second, to("sip:a@192.0.2.11"))), 1)
			r.phone("sip:a@192.0.2.11", does)
			r.call(sim.CallSpec{})
			last := at(0)
			for _, l := range slices.Concat(copies(r.caller, "SIP/2.0 18"), copies(r.caller, "SIP/2.0 48")) {
				if l.At.Sub(last) > time.Minute+10*time.Millisecond {
					t.Errorf("nothing from %v to %v", time.Duration(last), time.Duration(l.At))
				}
				last = l.At
			}
		})
	}
}
