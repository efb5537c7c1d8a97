package sim

import (
	"testing"
	"time"

	"tandem/engine/clock"
)

func sec(n float64) clock.Time { return clock.Time(n * float64(time.Second)) }

// Every case is one call from alice to bob; rows is what alice saw of it, as seconds, direction and message.
func TestCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		spec   CallSpec
		bob    Behaviour
		rows   string
		final  int
		faults []string
	}{
		{
			name: "ring, answer, caller hangs up", spec: CallSpec{HangupAfter: new(10 * time.Second)}, bob: After(2 * time.Second),
			rows: "0>INVITE 0.002<180 2.002<200 2.002>ACK 12.002>BYE 12.004<200/BYE", final: 200,
		},
		{
			name: "callee hangs up", bob: Behaviour{Ring(), Answer().In(time.Second), Bye(Header{"Reason", "Q.850;cause=16"}).In(3 * time.Second)},
			rows: "0>INVITE 0.002<180 1.002<200 1.002>ACK 4.002<BYE 4.002>200/BYE", final: 200,
		},
		{name: "busy at once", bob: Status(486, nil), rows: "0>INVITE 0.002<486 0.002>ACK", final: 486},
		{
			name: "busy after ringing", bob: Status(486, new(2*time.Second)), rows: "0>INVITE 0.002<180 2.002<486 2.002>ACK", final: 486,
		},
		{
			name: "caller cancels", spec: CallSpec{CancelAfter: new(5 * time.Second)}, bob: Never(),
			rows: "0>INVITE 0.002<180 5>CANCEL 5.002<200/CANCEL 5.002<487 5.002>ACK", final: 487,
		},
		{
			name: "cancel before the first provisional waits for it", spec: CallSpec{CancelAfter: new(time.Millisecond)},
			bob: Behaviour{Ring().In(150 * time.Millisecond)}, rows: "0>INVITE 0.152<180 0.152>CANCEL 0.154<200/CANCEL 0.154<487 0.154>ACK", final: 487,
		},
		{
			name: "late 200 after CANCEL is acknowledged and released", spec: CallSpec{CancelAfter: new(time.Second)},
			bob:  Behaviour{{Act: IgnoreCancel}, Ring(), Answer().In(3 * time.Second)},
			rows: "0>INVITE 0.002<180 1>CANCEL 1.002<200/CANCEL 3.002<200 3.002>ACK 3.002>BYE 3.004<200/BYE", final: 200,
		},
		{
			name: "silent callee: Timer B", bob: Silent(),
			rows:   "0>INVITE 0.5>INVITE 1.5>INVITE 3.5>INVITE 7.5>INVITE 15.5>INVITE 31.5>INVITE",
			faults: []string{"alice: no final response: timeout"},
		},
		{
			name: "100 where the first response takes long", bob: Behaviour{Ring().In(time.Second), Send(603).In(time.Second)},
			rows: "0>INVITE 0.002<100 1.002<180 2.002<603 2.002>ACK", final: 603,
		},
		{
			name: "early media, then other dialogs of a fork", spec: CallSpec{HangupAfter: new(time.Second)},
			bob:  Behaviour{Progress(), Ring().As("b").In(time.Second), Answer().As("b").In(time.Second)},
			rows: "0>INVITE 0.002<183 1.002<180 2.002<200 2.002>ACK 3.002>BYE 3.004<200/BYE", final: 200,
		},
		{
			name: "a second 200 with another tag is acknowledged and released", spec: CallSpec{HangupAfter: new(9 * time.Second)},
			bob:    Behaviour{Answer(), Answer().As("b").In(time.Second)},
			rows:   "0>INVITE 0.002<200 0.002>ACK 1.002<200 1.002>ACK 1.002>BYE 1.004<200/BYE 9.002>BYE 9.004<200/BYE",
			faults: []string{"2 final responses"}, final: 200,
		},
		{
			name: "unacknowledged 200 is repeated, then the callee gives up", spec: CallSpec{NoAck: true}, bob: Behaviour{Answer()}, final: 200,
			rows: "0>INVITE 0.002<200 0.502<200 1.502<200 3.502<200 7.502<200 11.502<200 15.502<200 19.502<200 23.502<200 27.502<200 31.502<200" +
				" 32.002<BYE 32.002>200/BYE",
			faults: []string{"got no ACK"},
		},
		{
			name: "a final that contradicts the one before is not sent", bob: Behaviour{Send(486), Send(404).In(time.Second)},
			rows: "0>INVITE 0.002<486 0.002>ACK", faults: []string{"bob: 486 ends the call"}, final: 486,
		},
		{
			name: "a provisional after the answer is not sent", spec: CallSpec{HangupAfter: new(2 * time.Second)}, bob: Behaviour{Answer(), Ring().In(time.Second)},
			rows: "0>INVITE 0.002<200 0.002>ACK 2.002>BYE 2.004<200/BYE", faults: []string{"bob: step 2: 180 after the final response 200"}, final: 200,
		},
		{
			name: "steps end with the call", spec: CallSpec{HangupAfter: new(time.Second)},
			bob:  Behaviour{Answer(), Ask("INFO").In(5 * time.Second)},
			rows: "0>INVITE 0.002<200 0.002>ACK 1.002>BYE 1.004<200/BYE", final: 200,
		},
		{
			name: "no behaviour: nothing is said", spec: CallSpec{}, bob: nil, rows: "0>INVITE 0.5>INVITE 1.5>INVITE 3.5>INVITE 7.5>INVITE 15.5>INVITE 31.5>INVITE",
			faults: []string{"alice: no final response: timeout"},
		},
		{
			name: "unusual phrase and headers", bob: Behaviour{{Act: Respond, Code: 480, Phrase: "Gone Fishing", Headers: []Header{{"Retry-After", "60"}}}},
			rows: "0>INVITE 0.002<480 0.002>ACK", final: 480,
		},
		{
			name: "bare 100", bob: Behaviour{Send(100), Send(404).In(time.Second)}, rows: "0>INVITE 0.002<100 1.002<404 1.002>ACK", final: 404,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.bob.Behave(c.bob)
			call := r.call(c.spec)
			r.run()
			r.eq("messages", r.rows(), c.rows)
			r.eq("final", call.Final(), c.final)
			r.eq("answered", call.Answered(), c.final == 200)
			r.check(c.faults...)
		})
	}
}

func TestCallState(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Behaviour{Progress(), Ring().In(time.Second), Answer(Header{"X-Room", "7"}).In(time.Second)})
	call := r.call(CallSpec{Headers: []Header{{"Subject", "lunch"}}})
	r.runTo(time.Second)
	r.eq("answered at 1 s", call.Answered(), false)
	r.eq("up at 1 s", call.Up(), false)
	r.eq("tag at 1 s", call.ToTag(), "")
	r.eq("by at 1 s", call.AnsweredBy(), "")
	r.run()
	in := r.bob.Incoming()[0]
	r.eq("provisionals", call.Provisionals(), []int{183, 180})
	r.eq("answered by", call.AnsweredBy(), "bob")
	r.eq("tag", call.ToTag() != "", true)
	r.eq("header of the answer", header(call.Message(), "X-Room"), "7")
	r.eq("placed at", call.At(), 0)
	r.eq("subject", header(in.Message(), "Subject"), "lunch")
	r.eq("came at", time.Duration(in.At()), "1ms")
	r.eq("callee answered", in.Answered(), true)
	r.eq("callee's final", in.Final(), 200)
	r.eq("both up", call.Up() && in.Up(), true)
	r.eq("why", call.Why(), "")
	r.eq("calls", len(r.alice.Calls()), 1)
	r.eq("names", r.alice.Name()+" "+r.bob.Addr().String(), "alice 192.0.2.11:5060")
	r.eq("Call-ID", call.CallID(), in.CallID())
	call.Bye(r.net.Now(), Header{"Reason", "Q.850;cause=16"})
	r.run()
	r.eq("both over", call.Up() || in.Up(), false)
	bye, _ := in.Received("BYE")[0].Message()
	r.eq("reason", header(bye, "Reason"), "Q.850;cause=16")
	r.check()
}

func TestCancelWithReason(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Never())
	call := r.call(CallSpec{})
	call.Cancel(sec(3), `SIP;cause=200;text="Call completed elsewhere"`)
	call.Cancel(sec(9)) // too late: nothing happens
	r.run()
	cancels := r.bob.Received("CANCEL")
	r.eq("CANCELs", len(cancels), 1)
	m, _ := cancels[0].Message()
	r.eq("reason", header(m, "reason"), `SIP;cause=200;text="Call completed elsewhere"`)
	r.eq("cancelled", r.bob.Incoming()[0].Cancelled(), true)
	r.eq("answered", r.bob.Incoming()[0].Answered(), false)
	r.eq("sent 487", len(call.Received("487"))+len(r.bob.Sent("487 INVITE")), 2)
	r.check()
}

// A list answers one call after the other; its last behaviour goes on.
func TestBehaviours(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Status(486, nil), After(time.Second), Status(603, nil))
	var calls []*Call
	for range 4 {
		calls = append(calls, r.call(CallSpec{HangupAfter: new(time.Second)}))
		r.run()
	}
	for i, want := range []int{486, 200, 603, 603} {
		r.eq("call", calls[i].Final(), want)
	}
	r.check()
}

// The default is to ring and to answer after two seconds.
func TestDefaultBehaviour(t *testing.T) {
	r := newRig(t)
	r.call(CallSpec{HangupAfter: new(time.Second)})
	r.run()
	r.eq("messages", r.rows(), "0>INVITE 0.002<180 2.002<200 2.002>ACK 3.002>BYE 3.004<200/BYE")
}

// A phone rings until it is told otherwise, and may be called by itself.
func TestOwnCall(t *testing.T) {
	r := newRig(t)
	r.alice.Behave(After(time.Second))
	s := CallSpec{To: "sip:alice@192.0.2.1", HangupAfter: new(time.Second)}
	s.Dest.Remote = aliceAddr
	call := r.alice.Call(0, s)
	r.run()
	r.eq("final", call.Final(), 200)
	r.eq("sides up", call.Up() || r.alice.Incoming()[0].Up(), false)
	r.check()
}

// BYEs that cross are both answered.
func TestCrossingByes(t *testing.T) {
	r := newRig(t)
	r.bob.Behave(Behaviour{Answer()})
	call := r.call(CallSpec{})
	call.Bye(sec(2))
	r.runTo(time.Second)
	r.bob.Incoming()[0].Bye(sec(2))
	r.run()
	r.eq("messages", r.rows(), "0>INVITE 0.002<200 0.002>ACK 2>BYE 2.001<BYE 2.001>200/BYE 2.002<200/BYE")
	r.check()
}

func TestUnreachable(t *testing.T) {
	r := newRig(t)
	r.net.SetReach(bobAddr, Refusing)
	call := r.call(CallSpec{CancelAfter: new(time.Second)})
	r.run()
	r.eq("why", call.Why(), "transport error")
	r.eq("messages", r.rows(), "0>INVITE")
	r.check("alice: no final response: transport error")
}
