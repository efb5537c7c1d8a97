package engine_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/clock"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// What package sim/seeds found, each with the seed that found it first.

func reject(code int) *plan.Node {
	return &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: code}}
}

// Seed 5: an early dialog that a provisional made after the end of its call was never forgotten.
func TestEarlyDialogAfterTheEnd(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), reject(603))), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress()})
	if c := r.call(sim.CallSpec{}); c.Final() != 603 {
		t.Errorf("caller got %d", c.Final())
	}
}

// Seed 35: a callee that hung up before the ACK that waited for the caller's never got one.
func TestLateAckWhenTheCalleeHangsUp(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	r.net.SetLatency(50 * time.Millisecond)
	a := r.phone("sip:a@192.0.2.11", sim.After(0))
	r.place(sim.CallSpec{Body: sim.NoBody})
	r.net.Run(at(110 * time.Millisecond))
	ok := a.Sent("200")[0]
	a.SendRaw(at(120*time.Millisecond), flow.Flow{Remote: pbx}, fmt.Appendf(nil,
		"BYE sip:192.0.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKearly\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"+
			"Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
		header(t, ok, "To")[0], header(t, ok, "From")[0], header(t, ok, "Call-ID")[0]))
	r.odd = true // it hung up too early and does not know of it
	r.run()
	if acks := a.Received("ACK"); len(acks) != 1 || len(a.Received("BYE")) != 0 {
		t.Errorf("callee got %d ACK, %d BYE", len(acks), len(a.Received("BYE")))
	}
}

// answerer is a callee that answers an INVITE with what reply makes of it and hears everything else.
type answerer struct {
	out   sim.Sender
	reply func(m *message.Message) [][]byte
	heard []*message.Message
}

func (a *answerer) Receive(_ clock.Time, f flow.Flow, b []byte) {
	m := new(message.Message)
	if m.Parse(bytes.Clone(b)) != nil {
		return
	}
	a.heard = append(a.heard, m)
	if m.Method() == message.INVITE {
		for _, r := range a.reply(m) {
			a.out.Send(f, r)
		}
	}
}

func (a *answerer) Tick(clock.Time)                         {}
func (a *answerer) Next() (clock.Time, bool)                { return 0, false }
func (a *answerer) SendFailed(clock.Time, flow.Flow, error) {}

// got returns the first request with a method that came, nil if none did.
func (a *answerer) got(method message.Method) *message.Message {
	for _, m := range a.heard {
		if m.IsRequest() && m.Method() == method {
			return m
		}
	}
	return nil
}

// answers attaches an answerer at a host.
func (r *rig) answers(host string, reply func(m *message.Message) [][]byte) *answerer {
	a := &answerer{reply: reply}
	r.net.Attach(netip.AddrPortFrom(netip.MustParseAddr(host), 5060), func(out sim.Sender) sim.Node {
		a.out = out
		return a
	})
	r.odd = true
	return a
}

// response is an answer with a Contact and a session description.
func response(m *message.Message, code int, tag string) []byte {
	b := m.AppendResponse(nil, code, "", []byte(tag), pbx)
	b = message.AppendField(b, "Contact", "<sip:a@192.0.2.11>")
	return message.AppendBody(message.AppendField(b, "Content-Type", "application/sdp"), []byte("v=0\r\n"))
}

// Seed 101: a callee that gave our From back with another tag was known by that, and could have taken the place of any
// dialog whose tags it knew.
func TestForeignFromTag(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
		wrong := func(b []byte) []byte { return bytes.Replace(b, m.FromTag(), []byte("stolen"), 1) }
		return [][]byte{wrong(response(m, 183, "x")), response(m, 183, "x"), wrong(response(m, 200, "x"))}
	})
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got := c.Provisionals(); !slices.Equal(got, []int{100, 183, 183}) || !c.Answered() {
		t.Errorf("caller got %v, answered %v", got, c.Answered())
	}
	for _, method := range []message.Method{message.ACK, message.BYE} {
		if m := a.got(method); m == nil || !bytes.Equal(m.FromTag(), a.heard[0].FromTag()) {
			t.Errorf("%s does not come from us", method)
		}
	}
}

// Seed 295: the call ended while a re-INVITE was under way. Its 2xx got a BYE, the second one in that dialog, and a callee that
// only ever rang left its transaction for ever.
func TestReinviteAtTheEnd(t *testing.T) {
	for name, then := range map[string][]int{"answered late": {180, 200, 200}, "never answered": {180}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
			var again *message.Message
			a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
				if m.ToTag() == nil {
					return [][]byte{response(m, 200, "x")}
				}
				again = m
				return [][]byte{response(m, then[0], "")}
			})
			c := r.place(sim.CallSpec{HangupAfter: seconds(5)})
			c.Request(at(4*time.Second), "INVITE", nil, nil)
			r.net.Run(at(6 * time.Second))
			for _, code := range then[1:] {
				ok := bytes.Replace(response(again, code, ""), []byte("Contact: <sip:a@"), []byte("Contact: <sip:moved@"), 1)
				a.out.Send(flow.Flow{Remote: pbx}, ok)
			}
			r.run()
			got := map[message.Method]int{}
			for _, m := range a.heard {
				if m.IsRequest() && (m.Method() != message.ACK || m.CSeq() == again.CSeq()) {
					got[m.Method()]++
					if m.Method() == message.ACK && string(m.RequestURI()) != "sip:moved@192.0.2.11" {
						t.Errorf("ACK to %s", m.RequestURI()) // seed 29028
					}
				}
			}
			acks := len(then) - 1
			if got[message.CANCEL] == 0 || got[message.ACK] != acks || got[message.BYE] != 11 {
				t.Errorf("callee got %v; want CANCEL, %d ACK and one BYE, sent 11 times", got, acks)
			}
		})
	}
}

// Seed 776: a request inside a dialog that could not be delivered was forgotten, so that each copy of it was a new one.
func TestUndeliverableInfo(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.place(sim.CallSpec{HangupAfter: seconds(60)})
	x := c.Request(at(5*time.Second), "INFO", nil, nil)
	r.net.Run(at(4 * time.Second))
	r.net.SetReach(a.Addr(), sim.Refusing)
	r.run()
	if x.Code() != 503 || len(r.caller.Sent("INFO")) != 1 {
		t.Errorf("INFO got %d %s", x.Code(), x.Why())
	}
}

// Seed 1244: a 183 with a session description and no To tag, which makes no dialog, ended the call with 500. Seed 1640: with all
// early media it was shown in the dialog of somebody else.
func TestEarlyMediaWithoutTag(t *testing.T) {
	for name, early := range map[string]plan.EarlyMedia{"first": plan.EarlyFirst, "all": plan.EarlyAll, "none": plan.EarlyNone} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.EarlyMedia = early })), 1)
			r.answers("192.0.2.11", func(m *message.Message) [][]byte {
				return [][]byte{response(m, 183, ""), response(m, 200, "x")}
			})
			if c := r.call(sim.CallSpec{HangupAfter: seconds(1)}); !c.Answered() {
				t.Errorf("caller got %d", c.Final())
			}
			if b := body(t, r.caller.Received("183")[0]); b != "" {
				t.Errorf("shown %q", b)
			}
		})
	}
}

// Seed 1807: a caller that owed the answer to our offer sent a re-INVITE; after it the callee's 2xx was never acknowledged.
func TestReinviteBeforeLateAck(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.place(sim.CallSpec{Body: sim.NoBody, NoAck: true, HangupAfter: seconds(10)})
	x := c.Request(at(2*time.Second), "INVITE", nil, sim.NoBody)
	r.odd = true // no ACK
	r.run()
	if x.Code() != 491 {
		t.Errorf("re-INVITE got %d", x.Code())
	}
	if len(a.Received("ACK")) != 1 {
		t.Errorf("callee got %d ACK", len(a.Received("ACK")))
	}
}

// Seed 3436: a provisional that came after the answer made an early dialog that outlived the BYE to its callee's 2xx.
func TestEarlyDialogAfterTheAnswer(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:a@192.0.2.11", sim.After(0))
	b := r.phone("sip:b@192.0.2.12", sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Progress().In(time.Second), sim.Answer().In(time.Second)})
	r.place(sim.CallSpec{HangupAfter: seconds(10)})
	r.net.Run(at(1900 * time.Millisecond))
	x := b.Incoming()[0].Request(at(2001*time.Millisecond), "INFO", nil, nil) // it crosses our BYE
	r.run()
	if x.Code() != 481 {
		t.Errorf("INFO got %d", x.Code())
	}
}

// Seed 5267: a 2xx without Contact, behind the callee's refusal, was neither acknowledged nor ended.
func TestStrayWithoutContact(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
		return [][]byte{response(m, 603, "x"), bytes.Replace(response(m, 200, "x"), []byte("Contact"), []byte("X-Contact"), 1)}
	})
	r.call(sim.CallSpec{})
	for _, method := range []message.Method{message.ACK, message.BYE} {
		if m := a.got(method); m == nil || string(m.RequestURI()) != "sip:a@192.0.2.11" {
			t.Errorf("no %s under the URI of the INVITE", method)
		}
	}
}

// Seed 8997: a copy of the answer that came when its transaction was over ended the callee's side of a call that was up.
func TestVeryLateCopyOfTheAnswer(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	var ok []byte
	a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
		ok = response(m, 200, "x")
		return [][]byte{ok}
	})
	r.place(sim.CallSpec{HangupAfter: seconds(60)})
	r.net.Run(at(40 * time.Second))
	a.out.Send(flow.Flow{Remote: pbx}, ok)
	r.net.Run(at(50 * time.Second))
	if a.got(message.BYE) != nil {
		t.Error("callee got BYE")
	}
	r.run()
}

// Seed 8220219: the 2xx to an INVITE inside the dialog that had failed had no ACK as long as the call was up, and after it a BYE under the number of the one
// before. The same for a refresh of ours, with which the call ends.
func TestLateAnswerInDialog(t *testing.T) {
	for name, c := range map[string]struct {
		refresh bool
		want    []string
	}{
		"of the caller": {false, []string{"ACK 2", "ACK 2", "BYE 3", "ACK 2"}},
		"refresh":       {true, []string{"BYE 3", "ACK 2", "ACK 2", "ACK 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
			var again *message.Message
			a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
				if m.ToTag() != nil {
					again = m
					return nil
				}
				b := response(m, 200, "x")
				if c.refresh {
					b = bytes.Replace(b, []byte("Contact"), []byte("Session-Expires: 100;refresher=uac\r\nContact"), 1)
				}
				return [][]byte{b}
			})
			call := r.place(sim.CallSpec{HangupAfter: seconds(75)})
			if !c.refresh {
				r.net.Run(at(49 * time.Second))
				call.Request(r.net.Now(), "INVITE", nil, nil)
			}
			r.net.Run(at(51 * time.Second)) // the refresh goes out after 50 s
			heard := len(a.heard)
			r.eng.Shards()[0].SendFailed(r.net.Now(), flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060")}, nil)
			for _, when := range []time.Duration{52, 53, 76} { // the last one when the call is over
				r.net.Run(at(when * time.Second))
				a.out.Send(flow.Flow{Remote: pbx}, response(again, 200, "x"))
			}
			r.run()
			var got []string
			byes := map[string]bool{} // by their transactions: nobody answers them
			for _, m := range a.heard[heard:] {
				branch := string(m.TopVia().Branch)
				if m.Method() == message.ACK || m.Method() == message.BYE && !byes[branch] {
					got = append(got, fmt.Sprintf("%v %d", m.Method(), m.CSeq()))
				}
				byes[branch] = m.Method() == message.BYE
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the callee got %v, want %v", got, c.want)
			}
		})
	}
}

// Seed 14237: what a plan had to do at once was done although a handler had hung up.
func TestHangupInHandler(t *testing.T) {
	s := always(serial(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12")))
	s.handler = func(c engine.Call, _ plan.Outcome, _ *plan.Step) *plan.Node {
		c.Hangup("enough")
		return nil
	}
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
	b := r.phone("sip:b@192.0.2.12", sim.After(0))
	c := r.call(sim.CallSpec{})
	if c.Final() != 480 || string(c.Message().Phrase()) != "enough" || len(b.Received("INVITE")) != 0 {
		t.Errorf("caller got %d, b %d INVITE", c.Final(), len(b.Received("INVITE")))
	}
	wantSeen(t, s, "busy", "ended")
}

// Seed 15790: the same where a function that stands in a plan hangs up.
func TestHangupInFunction(t *testing.T) {
	s := always(parallel(to("sip:a@192.0.2.11"), &plan.Node{Kind: plan.KindDeferred}))
	s.deferred = func(c engine.Call, _ *plan.Step) *plan.Node {
		c.Hangup("enough")
		return to("sip:b@192.0.2.12")
	}
	s.invite(nil).Each = &plan.Each{Delay: 10 * time.Second}
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(0))
	if c := r.call(sim.CallSpec{}); c.Final() != 480 || len(a.Received("INVITE")) != 0 {
		t.Errorf("caller got %d, a %d INVITE", c.Final(), len(a.Received("INVITE")))
	}
	wantSeen(t, s, "ended")
}

// Seed 90: early media that waited for the PRACK to those before it were read from the memory of their datagram, which had gone to
// another one by then.
func TestQueuedEarlyMedia(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.answers("192.0.2.11", func(*message.Message) [][]byte { return nil })
	r.place(sim.CallSpec{Headers: supports100rel})
	r.net.Run(at(time.Second))
	for _, phrase := range []string{"One", "Two"} {
		b := bytes.Replace(response(a.heard[0], 183, "x"), []byte("Session Progress"), []byte(phrase), 1)
		r.eng.Shards()[0].Receive(r.net.Now(), flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.11:5060")}, b)
		for i := range b {
			b[i] = 'x'
		}
	}
	r.run()
	if got := r.caller.Received("183"); len(got) < 2 || body(t, got[1]) != "v=0\r\n" {
		t.Fatalf("%d 183, the last one %q", len(got), got[len(got)-1].Raw)
	}
}

// Seed 25: what a script had the caller told was not sent reliably although the caller wanted all provisionals so.
func TestProgressIsReliable(t *testing.T) {
	s := &script{invite: func(c engine.Call) *plan.Node {
		for _, code := range []int{181, 182} {
			if err := c.Progress(code, []plan.Header{{Name: "X-Code", Value: strconv.Itoa(code)}}); err != nil {
				t.Error(err)
			}
		}
		n := to("sip:a@192.0.2.11")
		n.Target.Send181 = true
		return n
	}}
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Require", Value: "100rel"}}, HangupAfter: seconds(1)})
	if got := c.Provisionals(); !slices.Equal(got, []int{181, 182, 181, 180}) || !c.Answered() {
		t.Errorf("caller got %v, answered %v", got, c.Answered())
	}
	for _, l := range slices.Concat(r.caller.Received("181"), r.caller.Received("182")) {
		if len(header(t, l, "RSeq")) != 1 {
			t.Errorf("not reliable: %s", l.Raw)
		}
	}
}

// Seed 335: the BYE to a 2xx too many had the CSeq number of the PRACK before it, and was refused.
func TestReleaseAfterPrack(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	b := r.phone("sip:b@192.0.2.12", sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Progress().Reliably(), sim.Answer().In(2 * time.Second)})
	r.call(sim.CallSpec{HangupAfter: seconds(5)})
	prack, bye := b.Received("PRACK"), b.Received("BYE")
	if len(prack) != 1 || len(bye) != 1 || !slices.Equal(header(t, bye[0], "CSeq"), []string{"3 BYE"}) {
		t.Errorf("%d PRACK, %d BYE, CSeq %s", len(prack), len(bye), header(t, bye[0], "CSeq"))
	}
}

// Seed 18150: after an answer that had waited for the caller's PRACK the timer that keeps callers informed stayed armed.
func TestNoTimerAfterThePrack(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress(), sim.Answer()})
	c := r.place(sim.CallSpec{Headers: supports100rel, HangupAfter: seconds(50)})
	r.net.Run(at(40 * time.Second))
	if next, ok := r.eng.Shards()[0].Next(); ok || !c.Answered() {
		t.Errorf("answered %v, woken at %s", c.Answered(), time.Duration(next))
	}
	r.run()
}

// A refresh of ours by re-INVITE is an INVITE like any other: nothing may be offered meanwhile, and one that is only rung for must
// not outlive its call, nor its 2xx stay without ACK.
func TestRefreshUnderWay(t *testing.T) {
	for name, then := range map[string][]int{"answered late": {180, 200, 200}, "never answered": {180}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
			var again *message.Message
			a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
				if m.ToTag() == nil {
					b := bytes.Replace(response(m, 200, "x"), []byte("Contact"), []byte("Session-Expires: 100;refresher=uac\r\nContact"), 1)
					return [][]byte{b}
				}
				again = m
				return [][]byte{response(m, then[0], "")}
			})
			c := r.place(sim.CallSpec{HangupAfter: seconds(60)})
			x := c.Request(at(55*time.Second), "INVITE", nil, nil) // the refresh goes out after 50 s
			r.net.Run(at(61 * time.Second))
			for _, code := range then[1:] {
				a.out.Send(flow.Flow{Remote: pbx}, response(again, code, ""))
			}
			r.run()
			if x.Code() != 491 || a.got(message.CANCEL) == nil {
				t.Errorf("re-INVITE meanwhile got %d", x.Code())
			}
			acks := 0
			for _, m := range a.heard {
				if m.IsRequest() && m.Method() == message.ACK && m.CSeq() == again.CSeq() {
					acks++
				}
			}
			if acks != len(then)-1 {
				t.Errorf("%d ACK to %d copies of the 2xx", acks, len(then)-1)
			}
		})
	}
}

// Seed 4150: the longest duration was over before the caller had its answer, which waited for a PRACK: the caller's INVITE never
// got one.
func TestLongestDurationBeforeTheAnswer(t *testing.T) {
	r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.MaxDuration = 10 * time.Second })), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress(), sim.Answer()})
	c := r.place(sim.CallSpec{Headers: supports100rel})
	r.net.Lose(func(d sim.Datagram) bool { return bytes.HasPrefix(d.Bytes, []byte("PRACK")) })
	r.odd = true
	r.run()
	if c.Final() != 504 {
		t.Errorf("caller got %d", c.Final())
	}
}

// Seed 30171: what a script had the caller told as a callee answered went out in another callee's early dialog, which was over, and
// its missing PRACK ended the call.
func TestProgressWhenAnswered(t *testing.T) {
	s := always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12")))
	s.observe = func(what string, c engine.Call, _ *plan.Step) {
		if what == "answered" {
			if err := c.Progress(182, nil); err != nil {
				t.Error(err)
			}
		}
	}
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress()})
	r.phone("sip:b@192.0.2.12", sim.After(time.Second))
	c := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Require", Value: "100rel"}}, HangupAfter: seconds(60)})
	told := r.caller.Received("182")
	if len(told) != 1 || len(r.caller.Received("BYE")) != 0 {
		t.Fatalf("%d 182, %d BYE", len(told), len(r.caller.Received("BYE")))
	}
	if m, _ := told[0].Message(); string(m.ToTag()) != c.ToTag() {
		t.Errorf("182 under tag %s, the answer under %s", m.ToTag(), c.ToTag())
	}
}

// Seed 40041509: the 200 to a re-INVITE that was refused with 481, by which the call ended, came after that: it got a second BYE under the number of the first.
func TestAcceptedAfterItWasRefused(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	var again *message.Message
	a := r.answers("192.0.2.11", func(m *message.Message) [][]byte {
		if m.ToTag() != nil {
			again = m
			return [][]byte{response(m, 481, "")}
		}
		return [][]byte{response(m, 200, "x")}
	})
	r.place(sim.CallSpec{HangupAfter: seconds(60)}).Request(at(5*time.Second), "INVITE", nil, nil)
	for i := range 3 {
		r.net.Run(at(time.Duration(6+i) * time.Second))
		a.out.Send(flow.Flow{Remote: pbx}, response(again, 200, ""))
	}
	r.run()
	acks, byes := map[string]int{}, map[string]bool{}
	for _, m := range a.heard {
		switch {
		case m.Method() == message.ACK && m.CSeq() == again.CSeq() && string(m.TopVia().Branch) != string(again.TopVia().Branch):
			acks[string(m.Bytes())]++
		case m.IsRequest() && m.Method() == message.BYE:
			byes[string(m.TopVia().Branch)] = true
		}
	}
	if len(acks) != 1 || len(byes) != 1 {
		t.Errorf("%d different ACKs to 3 copies of the 200, %d BYEs", len(acks), len(byes))
	}
	for _, n := range acks {
		if n != 3 {
			t.Errorf("an ACK went out %d times, to 3 copies of the 200", n)
		}
	}
}
