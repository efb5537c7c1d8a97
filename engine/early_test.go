package engine_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

var supports100rel = []sim.Header{{Name: "Supported", Value: "100rel"}}

func target(uri string, change func(t *plan.Target)) *plan.Node {
	n := to(uri)
	change(n.Target)
	return n
}

// Both legs are reliable: each has its own RSeq and PRACK, and the 2xx waits for the caller's (RFC 3262 §3, §5).
func TestReliableOnBothLegs(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	c := r.call(sim.CallSpec{Headers: supports100rel, HangupAfter: seconds(1)})
	got := r.caller.Received("183")
	if len(got) != 1 || !slices.Equal(header(t, got[0], "Require"), []string{"100rel"}) || len(header(t, got[0], "RSeq")) != 1 {
		t.Fatal("the 183 is to be reliable")
	}
	if len(r.caller.Sent("PRACK")) != 1 || len(a.Received("PRACK")) != 1 || !c.Answered() {
		t.Errorf("PRACK: caller sent %d, callee got %d", len(r.caller.Sent("PRACK")), len(a.Received("PRACK")))
	}
	if m, _ := got[0].Message(); string(m.ToTag()) != c.ToTag() {
		t.Error("answered under another tag than the early dialog")
	}
}

// The caller knows nothing of 100rel: we acknowledge, the caller gets it unreliably.
func TestReliableTowardsCalleeOnly(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got := r.caller.Received("183"); len(got) != 1 || header(t, got[0], "Require") != nil || header(t, got[0], "RSeq") != nil {
		t.Errorf("caller got %v", got)
	}
	if got := a.Received("PRACK"); len(got) != 1 || !strings.HasSuffix(header(t, got[0], "RAck")[0], " 1 INVITE") {
		t.Errorf("callee got %d PRACK", len(got))
	}
}

// The caller wants every provisional reliably.
func TestCallerRequires100rel(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Require", Value: "100rel"}}, HangupAfter: seconds(1)})
	got := r.caller.Received("180")
	if len(got) != 1 || !slices.Equal(header(t, got[0], "Require"), []string{"100rel"}) || len(r.caller.Sent("PRACK")) != 1 || !c.Answered() {
		t.Errorf("180 %v, %d PRACK", got, len(r.caller.Sent("PRACK")))
	}
}

// Rows M6 and M7: with prack = "off" the INVITE leaves without 100rel; a 183 that requires it all the same is not
// acknowledged, and its repeats are dropped.
func TestPrackOff(t *testing.T) {
	r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Prack = plan.PrackOff })), 1)
	stubborn := sim.Step{Act: sim.Respond, Code: 183, SDP: true, Headers: []sim.Header{{Name: "Require", Value: "100rel"}, {Name: "RSeq", Value: "7"}}}
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{stubborn, stubborn.In(time.Second), sim.Answer().In(time.Second)})
	r.odd = true
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got := header(t, a.Received("INVITE")[0], "Supported"); !slices.Equal(got, []string{"timer"}) {
		t.Errorf("Supported: %q", got)
	}
	if len(a.Received("PRACK")) != 0 || len(r.caller.Received("183")) != 1 || !c.Answered() {
		t.Errorf("callee got %d PRACK, caller %d 183", len(a.Received("PRACK")), len(r.caller.Received("183")))
	}
}

func TestPrackRequired(t *testing.T) {
	r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Prack = plan.PrackRequired })), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got := header(t, a.Received("INVITE")[0], "Require"); !slices.Equal(got, []string{"100rel"}) {
		t.Errorf("Require: %q", got)
	}
	if len(a.Received("PRACK")) != 1 {
		t.Error("no PRACK to the 180")
	}
}

// Row M7: a provider that wants 100rel but refuses its PRACK. The call goes on; the trace says why.
func TestPrackRefused(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	a.Reply("PRACK", sim.Reply{Code: 405})
	r.odd = true
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if !c.Answered() || len(a.Received("PRACK")) != 1 {
		t.Errorf("answered %v, %d PRACK", c.Answered(), len(a.Received("PRACK")))
	}
	if !slices.ContainsFunc(r.rec.Events(), func(e trace.Event) bool { return strings.Contains(e.Text, "PRACK refused with 405") }) {
		t.Error("no diagnosis in the trace")
	}
}

// RFC 3262 §3: without a PRACK the provisional is repeated for 64*T1, then the INVITE is refused.
func TestUnacknowledgedProvisional(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress()})
	r.odd = true
	r.net.Lose(func(d sim.Datagram) bool { return bytes.HasPrefix(d.Bytes, []byte("PRACK")) })
	c := r.call(sim.CallSpec{Headers: supports100rel})
	n := 0
	for _, l := range r.caller.Log() {
		if bytes.HasPrefix(l.Raw, []byte("SIP/2.0 183")) {
			n++
		}
	}
	if n != 7 || c.Final() != 504 || len(a.Received("CANCEL")) != 1 {
		t.Errorf("183 sent %d times, want 7; final %d, %d CANCEL", n, c.Final(), len(a.Received("CANCEL")))
	}
}

// A late offer with reliable provisionals: the callee's offer in its 183, the caller's answer in the PRACK (RFC 3262 §5).
func TestLateOfferInPrack(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	c := r.call(sim.CallSpec{Headers: supports100rel, Body: sim.NoBody, HangupAfter: seconds(1)})
	got := a.Received("PRACK")
	if len(got) != 1 || body(t, got[0]) == "" || body(t, got[0]) != body(t, r.caller.Sent("PRACK")[0]) {
		t.Fatalf("the PRACK is to carry the caller's answer: %d PRACK", len(got))
	}
	if acks := a.Received("ACK"); !c.Answered() || len(acks) != 1 || body(t, acks[0]) != "" {
		t.Errorf("%d ACK", len(acks))
	}
}

// A late offer offers no 100rel unless the caller can answer in its PRACK.
func TestLateOfferOffersNo100rel(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	r.call(sim.CallSpec{Body: sim.NoBody, HangupAfter: seconds(1)})
	if got := header(t, a.Received("INVITE")[0], "Supported"); !slices.Equal(got, []string{"timer"}) {
		t.Errorf("Supported: %q", got)
	}
}

// UPDATE is announced on a leg only if the peer on the other leg takes it, and passes in early dialogs (RFC 3311).
func TestUpdateBeforeAnswer(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(5 * time.Second)})
	c := r.place(sim.CallSpec{Headers: supports100rel, HangupAfter: seconds(1)})
	x := c.Request(at(2*time.Second), "UPDATE", nil, nil)
	r.net.Run(at(3 * time.Second))
	y := a.Incoming()[0].Request(at(3*time.Second), "UPDATE", nil, nil)
	r.run()
	if x.Code() != 200 || y.Code() != 200 || len(a.Received("UPDATE")) != 1 || len(r.caller.Received("UPDATE")) != 1 {
		t.Errorf("UPDATE from the caller %d, from the callee %d", x.Code(), y.Code())
	}
	if got := header(t, a.Received("INVITE")[0], "Allow")[0]; !strings.HasSuffix(got, ", UPDATE") {
		t.Errorf("Allow towards the callee: %s", got)
	}
}

func TestUpdateNotAnnounced(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Allow", Value: "INVITE, ACK, BYE, CANCEL"}}, HangupAfter: seconds(1)})
	if got := header(t, a.Received("INVITE")[0], "Allow")[0]; strings.Contains(got, "UPDATE") {
		t.Errorf("Allow towards the callee: %s", got)
	}
}

// RFC 3311 §5.2: an UPDATE with an offer while one is open is refused, 500 from the same side, 491 from the other.
func TestUpdateGlare(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("UPDATE", sim.Reply{Code: 200, After: 3 * time.Second})
	first := c.Request(at(5*time.Second), "UPDATE", nil, nil)
	second := c.Request(at(6*time.Second), "UPDATE", nil, nil)
	r.net.Run(at(5500 * time.Millisecond))
	other := a.Incoming()[0].Request(at(7*time.Second), "UPDATE", nil, nil)
	r.run()
	if first.Code() != 200 || second.Code() != 500 || other.Code() != 491 {
		t.Errorf("got %d, %d, %d; want 200, 500, 491", first.Code(), second.Code(), other.Code())
	}
}

// early_media = "all": every early dialog under a tag of its own, and its SDP under no other.
func TestEarlyMediaAll(t *testing.T) {
	all := func(t *plan.Target) { t.EarlyMedia = plan.EarlyAll }
	r := newRig(t, always(parallel(target("sip:a@192.0.2.11", all), target("sip:b@192.0.2.12", all))), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress()})
	b := r.phone("sip:b@192.0.2.12", sim.Behaviour{sim.Progress().In(time.Second), sim.Answer().In(3 * time.Second)})
	c := r.call(sim.CallSpec{HangupAfter: seconds(2)})
	shown := r.caller.Received("183")
	if len(shown) != 2 {
		t.Fatalf("caller was shown %d 183", len(shown))
	}
	m0, _ := shown[0].Message()
	m1, _ := shown[1].Message()
	if string(m0.ToTag()) == string(m1.ToTag()) || c.ToTag() != string(m1.ToTag()) {
		t.Errorf("tags %s %s, answer under %s", m0.ToTag(), m1.ToTag(), c.ToTag())
	}
	if body(t, shown[0]) != body(t, a.Sent("183")[0]) || body(t, shown[1]) != body(t, b.Sent("183")[0]) {
		t.Error("SDP under the wrong tag")
	}
}

func TestEarlyMediaNone(t *testing.T) {
	none := func(t *plan.Target) { t.EarlyMedia = plan.EarlyNone }
	r := newRig(t, always(target("sip:a@192.0.2.11", none)), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress(), sim.Answer().In(3 * time.Second)})
	c := r.call(sim.CallSpec{HangupAfter: seconds(2)})
	got := r.caller.Received("183")
	if len(got) != 1 || body(t, got[0]) != "" || header(t, got[0], "Content-Type") != nil {
		t.Fatalf("caller got %v", got)
	}
	if m, _ := got[0].Message(); string(m.ToTag()) != c.ToTag() {
		t.Error("nobody's SDP was shown under the first tag: the answer is to share it")
	}
}

// RFC 3261 §15: the caller may end an early dialog with BYE.
func TestByeInEarlyDialog(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11", sim.Never())
	c := r.place(sim.CallSpec{})
	x := c.Request(at(2*time.Second), "BYE", nil, nil)
	r.odd = true
	r.run()
	if x.Code() != 200 || c.Final() != 487 || len(a.Received("CANCEL")) != 1 {
		t.Errorf("BYE %d, INVITE %d, %d CANCEL", x.Code(), c.Final(), len(a.Received("CANCEL")))
	}
	wantSeen(t, s, "ringing", "cancelled", "ended")
}

// A caller that gives up while the 2xx waits for its PRACK: the callee's leg is ended.
func TestCancelWhileAnswerWaits(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress(), sim.Answer().In(time.Second)})
	r.odd = true
	r.net.Lose(func(d sim.Datagram) bool { return bytes.HasPrefix(d.Bytes, []byte("PRACK")) })
	c := r.place(sim.CallSpec{Headers: supports100rel})
	c.Cancel(at(3 * time.Second))
	r.run()
	if c.Final() != 487 || len(a.Received("BYE")) != 1 || len(a.Received("ACK")) != 1 {
		t.Errorf("final %d, callee got %d ACK, %d BYE", c.Final(), len(a.Received("ACK")), len(a.Received("BYE")))
	}
}

// RFC 3261 §12.2.1.2: a peer that knows nothing of its dialog any more ends the call.
func TestLostDialogEndsCall(t *testing.T) {
	r, c, a := answered(t)
	a.Reply("INFO", sim.Reply{Code: 481})
	x := c.Request(at(5*time.Second), "INFO", nil, nil)
	r.odd = true
	r.run()
	if x.Code() != 481 || len(r.caller.Received("BYE")) != 1 || len(a.Received("BYE")) != 1 {
		t.Errorf("INFO %d; BYE to the caller %d, to the callee %d", x.Code(), len(r.caller.Received("BYE")), len(a.Received("BYE")))
	}
}

// A callee whose reliable 183 had its answer need not repeat it in the 200. A caller that did not see it reliably needs it there
// (RFC 3261 §13.2.1): it knows nothing of 100rel, or was shown somebody else's 183, or none.
func TestAnswerOfAReliable183(t *testing.T) {
	brief := sim.Behaviour{sim.Progress().Reliably(), sim.Answer().With(sim.NoBody).In(time.Second)}
	late := func(t *plan.Target) { t.EarlyMedia = plan.EarlyNone }
	for name, c := range map[string]struct {
		headers []sim.Header
		plan    *plan.Node
		want    bool
	}{
		"no 100rel":      {nil, to("sip:a@192.0.2.11"), true},
		"another's 183":  {supports100rel, parallel(to("sip:b@192.0.2.12"), to("sip:a@192.0.2.11")), true},
		"no early media": {supports100rel, target("sip:a@192.0.2.11", late), true},
		"acknowledged":   {supports100rel, to("sip:a@192.0.2.11"), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(c.plan), 1)
			a := r.phone("sip:a@192.0.2.11", brief)
			r.phone("sip:b@192.0.2.12", sim.Behaviour{sim.Progress().Reliably()})
			r.call(sim.CallSpec{Headers: c.headers, HangupAfter: seconds(1)})
			got, want := body(t, r.caller.Received("200 INVITE")[0]), ""
			if c.want {
				want = body(t, a.Sent("183")[0])
			}
			if got != want {
				t.Errorf("the 200 has the body %q, want %q", got, want)
			}
		})
	}
}
