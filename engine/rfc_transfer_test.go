package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// talk is what a phone sent (>) and received (<), copies left out.
func talk(t *testing.T, p *sim.Phone) string {
	t.Helper()
	var out []string
	seen := map[string]bool{}
	for _, l := range p.Log() {
		if seen[string(l.Raw)] {
			continue
		}
		seen[string(l.Raw)] = true
		m, mark := parsed(t, l), "<"
		if l.Sent {
			mark = ">"
		}
		if m.IsRequest() {
			out = append(out, mark+string(m.MethodName()))
		} else {
			out = append(out, mark+fmt.Sprint(m.Status()))
		}
	}
	return strings.Join(out, " ")
}

// The flows of RFC 3665 §3 and RFC 5359 §2 with us in the place of the proxies, as the caller and the first callee see them.
func TestRFC_096_Flows(t *testing.T) {
	forward := func(first *plan.Node) *plan.Node { return serial(first, to("sip:b@192.0.2.12")) }
	for name, c := range map[string]struct {
		plan           *plan.Node
		does           sim.Behaviour
		spec           sim.CallSpec
		while          func(c *sim.Call)
		caller, callee string
	}{
		"3665 §3.2 successful": {
			spec: sim.CallSpec{HangupAfter: seconds(5)}, does: sim.After(time.Second),
			caller: ">INVITE <100 <180 <200 >ACK >BYE <200", callee: "<INVITE >180 >200 <ACK <BYE >200",
		},
		"3665 §3.6 redirected": {
			plan:   &plan.Node{Kind: plan.KindRedirect, Reply: &plan.Reply{Code: 302, Contacts: []plan.Contact{{URI: "sip:b@192.0.2.12"}}}},
			spec:   sim.CallSpec{Body: sim.NoBody},
			caller: ">INVITE <302 >ACK",
		},
		"3665 §3.6 description in the ACK": {
			spec: sim.CallSpec{HangupAfter: seconds(5), Body: sim.NoBody}, does: sim.After(time.Second),
			caller: ">INVITE <100 <180 <200 >ACK >BYE <200", callee: "<INVITE >180 >200 <ACK <BYE >200",
		},
		"3665 §3.7 re-INVITE": {
			spec: sim.CallSpec{HangupAfter: seconds(5)}, does: sim.After(time.Second),
			while:  func(c *sim.Call) { c.Request(at(3*time.Second), "INVITE", nil, nil) },
			caller: ">INVITE <100 <180 <200 >ACK >INVITE <100 <200 >ACK >BYE <200", callee: "<INVITE >180 >200 <ACK <INVITE >200 <ACK <BYE >200",
		},
		"3665 §3.8 no answer": {
			does:   sim.Never(),
			while:  func(c *sim.Call) { c.Cancel(at(9 * time.Second)) },
			caller: ">INVITE <100 <180 >CANCEL <200 <487 >ACK", callee: "<INVITE >180 <CANCEL >200 >487 <ACK",
		},
		"3665 §3.9 busy": {
			does:   sim.Status(486, nil),
			caller: ">INVITE <100 <486 >ACK", callee: "<INVITE >486 <ACK",
		},
		"3665 §3.10 no response": {
			does:   sim.Silent(),
			caller: ">INVITE <100 <408 >ACK", callee: "<INVITE",
		},
		"3665 §3.11 unavailable": {
			does:   sim.Status(480, seconds(3)),
			caller: ">INVITE <100 <180 <480 >ACK", callee: "<INVITE >180 >480 <ACK",
		},
		"5359 §2.1 hold": {
			spec: sim.CallSpec{HangupAfter: seconds(9)}, does: sim.Behaviour{sim.Ring(), sim.Answer(), sim.Ask("INVITE").With(sdp(2, "sendonly")).In(3 * time.Second)},
			caller: ">INVITE <100 <180 <200 >ACK <INVITE >200 <ACK >BYE <200", callee: "<INVITE >180 >200 <ACK >INVITE <100 <200 >ACK <BYE >200",
		},
		"5359 §2.7 forwarded": {
			plan: to("sip:b@192.0.2.12"), spec: sim.CallSpec{HangupAfter: seconds(5)},
			caller: ">INVITE <100 <180 <200 >ACK >BYE <200",
		},
		"5359 §2.8 forwarded on busy": {
			plan: forward(to("sip:a@192.0.2.11")), does: sim.Status(486, nil), spec: sim.CallSpec{HangupAfter: seconds(5)},
			caller: ">INVITE <100 <180 <200 >ACK >BYE <200", callee: "<INVITE >486 <ACK",
		},
		"5359 §2.9 forwarded on no answer": {
			plan: forward(ring(10*time.Second, to("sip:a@192.0.2.11"))), does: sim.Never(), spec: sim.CallSpec{HangupAfter: seconds(5)},
			caller: ">INVITE <100 <180 <200 >ACK >BYE <200", callee: "<INVITE >180 <CANCEL >200 >487 <ACK",
		},
		"5359 §2.12 find-me": {
			plan: parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12")), does: sim.Never(), spec: sim.CallSpec{HangupAfter: seconds(5)},
			caller: ">INVITE <100 <180 <200 >ACK >BYE <200", callee: "<INVITE >180 <CANCEL >200 >487 <ACK",
		},
		"5359 §2.13 screened": {
			plan:   &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 603}},
			caller: ">INVITE <603 >ACK",
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := c.plan
			if n == nil {
				n = to("sip:a@192.0.2.11")
			}
			r := newRig(t, always(n), 1)
			a := r.phone("sip:a@192.0.2.11", c.does)
			r.phone("sip:b@192.0.2.12", sim.After(time.Second))
			call := r.place(c.spec)
			if c.while != nil {
				c.while(call)
			}
			r.run()
			if got := talk(t, r.caller); got != c.caller {
				t.Errorf("caller %s\nwant   %s", got, c.caller)
			}
			if got := talk(t, a); got != c.callee {
				t.Errorf("callee %s\nwant   %s", got, c.callee)
			}
		})
	}
}

// A REFER passes and is answered by who carries it out; NOTIFY tells the real progress, the last one ends the subscription.
func TestRFC_106_BlindTransfer(t *testing.T) {
	for name, c := range map[string]struct {
		carol sim.Behaviour
		last  string
	}{"taken": {sim.After(time.Second), "SIP/2.0 200 OK\r\n"}, "busy": {sim.Status(486, nil), "SIP/2.0 486 Busy Here\r\n"}} {
		t.Run(name, func(t *testing.T) {
			s := &script{invite: func(c engine.Call) *plan.Node {
				if strings.Contains(string(c.Request().RequestURI()), "carol") {
					return to("sip:carol@192.0.2.12")
				}
				return to("sip:a@192.0.2.11")
			}}
			r := newRig(t, s, 1)
			a, carol := r.phone("sip:a@192.0.2.11", sim.After(time.Second)), r.phone("sip:carol@192.0.2.12", c.carol)
			up := r.place(sim.CallSpec{HangupAfter: seconds(60)})
			refer := up.Request(at(5*time.Second), "REFER", []sim.Header{{Name: "Refer-To", Value: "<sip:carol@pbx.example>"}}, nil)
			r.until(at(6 * time.Second))
			event, frag := sim.Header{Name: "Event", Value: "refer"}, "message/sipfrag;version=2.0"
			a.Incoming()[0].Request(at(6*time.Second), "NOTIFY", []sim.Header{event, {Name: "Subscription-State", Value: "active;expires=60"}},
				&sim.Body{Type: frag, Content: []byte("SIP/2.0 100 Trying\r\n")})
			hang := 5 * time.Second
			second := a.Call(at(6*time.Second), sim.CallSpec{To: "sip:carol@pbx.example", Dest: flow.Flow{Remote: pbx}, HangupAfter: &hang})
			r.until(at(9 * time.Second))
			last := fmt.Sprintf("SIP/2.0 %d %s\r\n", second.Final(), second.Message().Phrase())
			a.Incoming()[0].Request(at(9*time.Second), "NOTIFY", []sim.Header{event, {Name: "Subscription-State", Value: "terminated;reason=noresource"}},
				&sim.Body{Type: frag, Content: []byte(last)})
			r.run()
			if refer.Code() != 202 || len(carol.Received("INVITE")) != 1 {
				t.Errorf("REFER got %d, carol %d INVITE", refer.Code(), len(carol.Received("INVITE")))
			}
			want(t, a.Received("REFER")[0], "Refer-To", "<sip:carol@pbx.example>")
			got := r.caller.Received("NOTIFY")
			if len(got) != 2 || body(t, got[0]) != "SIP/2.0 100 Trying\r\n" || body(t, got[1]) != c.last {
				t.Fatalf("NOTIFY %v", got)
			}
			want(t, got[0], "Subscription-State", "active;expires=60")
			want(t, got[1], "Subscription-State", "terminated;reason=noresource")
			want(t, got[1], "Content-Type", frag)
		})
	}
}

// Replaces names a dialog of ours, of either leg, and goes on as the far side knows it; what names none, or wrongly, is refused.
func TestRFC_107_Replaces(t *testing.T) {
	for name, c := range map[string]struct {
		value func(ours, theirs string) []string
		want  int
	}{
		"the caller's leg":   {func(ours, _ string) []string { return []string{ours} }, 200},
		"as carol knows it":  {func(_, theirs string) []string { return []string{theirs} }, 200},
		"none of ours":       {func(string, string) []string { return []string{"x@y;to-tag=1;from-tag=2"} }, 481},
		"early-only, but up": {func(ours, _ string) []string { return []string{ours + ";early-only"} }, 486},
		"no from-tag":        {func(ours, _ string) []string { s, _, _ := strings.Cut(ours, ";from-tag"); return []string{s} }, 400},
		"two":                {func(ours, theirs string) []string { return []string{ours, theirs} }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(to("sip:carol@192.0.2.12")), 1)
			carol := r.phone("sip:carol@192.0.2.12", sim.After(time.Second))
			r.place(sim.CallSpec{HangupAfter: seconds(30)})
			r.until(at(3 * time.Second))
			id, toTag, fromTag := dialogOf(t, r.caller.Received("200 INVITE")[0])
			cid, cTo, cFrom := dialogOf(t, carol.Sent("200 INVITE")[0])
			theirs := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", cid, cTo, cFrom)
			var headers []sim.Header
			for _, v := range c.value(fmt.Sprintf("%s;to-tag=%s;from-tag=%s", id, toTag, fromTag), theirs) {
				headers = append(headers, sim.Header{Name: "Replaces", Value: v})
			}
			second := r.place(sim.CallSpec{Headers: headers, HangupAfter: seconds(1)})
			r.run()
			if second.Final() != c.want {
				t.Fatalf("got %d, want %d", second.Final(), c.want)
			}
			if count(t, carol, "INVITE", map[bool]int{true: 2, false: 1}[c.want == 200]); c.want == 200 {
				want(t, carol.Received("INVITE")[1], "Replaces", theirs)
			}
		})
	}
	t.Run("a dialog that is over", func(t *testing.T) {
		r := newRig(t, always(to("sip:carol@192.0.2.12")), 3)
		carol := r.phone("sip:carol@192.0.2.12", sim.After(time.Second))
		r.call(sim.CallSpec{HangupAfter: seconds(3)})
		id, toTag, fromTag := dialogOf(t, r.caller.Received("200 INVITE")[0])
		cid, cTo, cFrom := dialogOf(t, carol.Sent("200 INVITE")[0])
		for value, code := range map[string]int{
			id + ";to-tag=" + toTag + ";from-tag=" + fromTag: 603, cid + ";to-tag=" + cTo + ";from-tag=" + cFrom: 603,
			"x" + id + ";to-tag=" + toTag + ";from-tag=" + fromTag: 481,
		} {
			if c := r.call(sim.CallSpec{Headers: []sim.Header{{Name: "Replaces", Value: value}}}); c.Final() != code {
				t.Errorf("Replaces %s got %d, want %d", value, c.Final(), code)
			}
		}
	})
	t.Run("not in other requests", func(t *testing.T) {
		r := newRig(t, unrouted(t), 1)
		if x := r.ask(sim.RequestSpec{Method: "OPTIONS", Headers: []sim.Header{{Name: "Replaces", Value: "x;to-tag=1;from-tag=2"}}}); x.Code() != 400 {
			t.Errorf("OPTIONS got %d", x.Code())
		}
	})
}

// Referred-By passes unchanged, in the REFER and in the INVITE that comes of it, and is never made up.
func TestRFC_108_ReferredBy(t *testing.T) {
	for _, given := range [][]string{nil, {"\"Alice\" <sip:alice@192.0.2.100>;cid=\"2@x\""}} {
		var headers []sim.Header
		for _, v := range given {
			headers = append(headers, sim.Header{Name: "Referred-By", Value: v})
		}
		r, c, a := answered(t)
		c.Request(at(5*time.Second), "REFER", slices.Concat(headers, []sim.Header{{Name: "Refer-To", Value: "<sip:a@pbx.example>"}}), nil)
		r.until(at(6 * time.Second))
		r.place(sim.CallSpec{Headers: headers, HangupAfter: seconds(1)})
		r.run()
		want(t, a.Received("REFER")[0], "Referred-By", given...)
		want(t, a.Received("INVITE")[1], "Referred-By", given...)
	}
}
