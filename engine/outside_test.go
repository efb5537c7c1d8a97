package engine_test

import (
	"slices"
	"testing"
	"time"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

func requests(n *plan.Node) *script {
	return &script{request: func(engine.Call) *plan.Node { return n }}
}

func (r *rig) ask(s sim.RequestSpec) *sim.Exchange {
	r.t.Helper()
	s.Dest = flow.Flow{Remote: pbx}
	if s.To == "" {
		s.To = "sip:bob@pbx.example"
	}
	x := r.caller.Request(r.net.Now(), s)
	r.run()
	return x
}

var hello = &sim.Body{Type: "text/plain", Content: []byte("hello")}

// A request outside a dialog goes where the script says, under identifiers of our own.
func TestMessageIsRouted(t *testing.T) {
	n := to("sip:bob@192.0.2.11")
	n.Target.Headers = []plan.Header{{Name: "X-Set", Value: "yes"}}
	s := requests(n)
	r := newRig(t, s, 1)
	bob := r.phone("sip:bob@192.0.2.11")
	x := r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello, Headers: []sim.Header{{Name: "Subject", Value: "greeting"}}})
	got := bob.Received("MESSAGE")
	if x.Code() != 200 || len(got) != 1 || body(t, got[0]) != "hello" {
		t.Fatalf("got %d, bob %d MESSAGE", x.Code(), len(got))
	}
	for name, want := range map[string][]string{
		"Subject": {"greeting"}, "X-Set": {"yes"}, "To": {"<sip:bob@192.0.2.11>"}, "Max-Forwards": {"69"}, "CSeq": {"1 MESSAGE"},
	} {
		if h := header(t, got[0], name); !slices.Equal(h, want) {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
	in, _ := r.caller.Sent("MESSAGE")[0].Message()
	out, _ := got[0].Message()
	if string(in.CallID()) == string(out.CallID()) || string(in.FromTag()) == string(out.FromTag()) {
		t.Error("the legs share a Call-ID or a From tag")
	}
	wantSeen(t, s, "request")
}

func TestRequestDecisions(t *testing.T) {
	refuse := &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 488, Headers: []plan.Header{{Name: "X-Why", Value: "no"}}}}
	for name, c := range map[string]struct {
		method string
		plan   *plan.Node
		want   int
	}{
		"rejected":                      {"MESSAGE", refuse, 488},
		"no handler, MESSAGE":           {"MESSAGE", nil, 405},
		"no handler, SUBSCRIBE":         {"SUBSCRIBE", nil, 489},
		"no handler, OPTIONS of a user": {"OPTIONS", nil, 200},
		"a plan that cannot be":         {"MESSAGE", parallel(to("sip:a@192.0.2.11")), 500},
		"unreachable":                   {"MESSAGE", to("sip:a@192.0.2.99"), 503},
		"unresolvable":                  {"MESSAGE", to("sip:a@nowhere.example"), 503},
		"refused by the target":         {"MESSAGE", to("sip:busy@192.0.2.12"), 486},
		"challenged by the target":      {"MESSAGE", to("sip:auth@192.0.2.13"), 403},
		"target out of service":         {"MESSAGE", to("sip:down@192.0.2.14"), 500},
		"the next one takes it":         {"MESSAGE", serial(to("sip:x@192.0.2.99"), to("sip:busy@192.0.2.12"), to("sip:ok@192.0.2.11")), 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, requests(c.plan), 1)
			r.odd = true
			r.phone("sip:ok@192.0.2.11")
			for uri, code := range map[string]int{"sip:busy@192.0.2.12": 486, "sip:auth@192.0.2.13": 407, "sip:down@192.0.2.14": 503} {
				r.phone(uri).Reply("MESSAGE", sim.Reply{Code: code})
			}
			if x := r.ask(sim.RequestSpec{Method: c.method, Body: hello}); x.Code() != c.want {
				t.Errorf("got %d %s, want %d", x.Code(), x.Why(), c.want)
			}
		})
	}
}

// RFC 4320 §4.1, §4.2: 100 not before 3.5 s; a request that nobody answers is not answered 408.
func TestSlowAndSilentRequests(t *testing.T) {
	r := newRig(t, requests(to("sip:bob@192.0.2.11")), 1)
	bob := r.phone("sip:bob@192.0.2.11")
	bob.Reply("MESSAGE", sim.Reply{Code: 200, After: 6 * time.Second}, sim.Reply{})
	r.odd = true
	if x := r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello}); x.Code() != 200 {
		t.Fatalf("got %d", x.Code())
	}
	trying := r.caller.Received("100")
	if len(trying) != 1 || time.Duration(trying[0].At).Round(10*time.Millisecond) != 3500*time.Millisecond {
		t.Errorf("100 %v", trying)
	}
	if x := r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello}); x.Why() != "timeout" {
		t.Errorf("got %d %s", x.Code(), x.Why())
	}
}

// The script may refuse a transfer.
func TestReferHandler(t *testing.T) {
	r, c, a := answered(t)
	r.script.refer = func(engine.Call) *plan.Node {
		return &plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 603}}
	}
	x := c.Request(at(5*time.Second), "REFER", []sim.Header{{Name: "Refer-To", Value: "<sip:carol@pbx.example>"}}, nil)
	r.run()
	if x.Code() != 603 || len(a.Received("REFER")) != 0 {
		t.Errorf("REFER %d, callee got %d", x.Code(), len(a.Received("REFER")))
	}
	if !slices.Contains(r.script.seen, "refer caller sip:carol@pbx.example") {
		t.Errorf("handlers ran: %q", r.script.seen)
	}
}

// call:hangup in invite: no branch is started.
func TestHangupInInvite(t *testing.T) {
	s := &script{invite: func(c engine.Call) *plan.Node {
		c.Hangup("closed")
		return to("sip:a@192.0.2.11")
	}}
	r := newRig(t, s, 1)
	a := r.phone("sip:a@192.0.2.11")
	c := r.call(sim.CallSpec{})
	if c.Final() != 480 || string(c.Message().Phrase()) != "closed" || len(a.Received("INVITE")) != 0 {
		t.Errorf("caller got %d, callee %d INVITE", c.Final(), len(a.Received("INVITE")))
	}
	wantSeen(t, s, "ended")
}

// When the sender of a request has given up, it goes nowhere any more, whatever the target at hand says then.
func TestNoTargetForWhoHasGivenUp(t *testing.T) {
	r := newRig(t, requests(serial(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"), to("sip:c@192.0.2.13"))), 1)
	r.odd = true
	r.phone("sip:a@192.0.2.11").Reply("MESSAGE", sim.Reply{Code: 480, After: 10 * time.Second})
	b, c := r.phone("sip:b@192.0.2.12"), r.phone("sip:c@192.0.2.13")
	b.Reply("MESSAGE", sim.Reply{Code: 480, After: 30 * time.Second})
	if x := r.ask(sim.RequestSpec{Method: "MESSAGE", Body: hello}); x.Code() >= 200 {
		t.Errorf("answered %d", x.Code())
	}
	count(t, b, "MESSAGE", 1)
	count(t, c, "MESSAGE", 0)
}
