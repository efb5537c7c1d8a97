package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"tandem/engine"
	"tandem/engine/message"
	"tandem/engine/plan"
	"tandem/engine/sim"
	"tandem/engine/trace"
)

const elsewhere = `SIP;cause=200;text="Call completed elsewhere"`

func TestRelay(t *testing.T) {
	s := always(to("sip:100@192.0.2.11"))
	r := newRig(t, s, 1)
	desk := r.phone("sip:100@192.0.2.11", sim.After(3*time.Second))
	c := r.call(sim.CallSpec{From: `"Alice" <sip:alice@192.0.2.100>`, HangupAfter: seconds(10)})

	if !c.Answered() || c.AnsweredBy() != "100" {
		t.Errorf("answered %v by %q", c.Answered(), c.AnsweredBy())
	}
	if got := c.Provisionals(); !slices.Equal(got, []int{100, 180}) {
		t.Errorf("provisionals %v, want 100 180", got)
	}
	if n := len(desk.Received("BYE")); n != 1 {
		t.Errorf("desk got %d BYE, want 1", n)
	}
	if n := len(desk.Received("ACK")); n != 1 {
		t.Errorf("desk got %d ACK, want 1", n)
	}
	wantSeen(t, s, "ringing", "answered", "ended")
}

// Two legs are two dialogs: everything that names a leg is new, everything else is the caller's.
func TestLegs(t *testing.T) {
	n := to("sip:100@192.0.2.11")
	n.Target.Headers = []plan.Header{{Name: "X-Set", Value: "by script"}, {Name: "X-Old", Value: "new"}, {Name: "Priority", Remove: true}}
	r := newRig(t, always(n), 1)
	desk := r.phone("sip:100@192.0.2.11", sim.After(0))
	r.call(sim.CallSpec{
		From: `"Alice" <sip:alice@192.0.2.100>`, HangupAfter: seconds(1),
		Headers: []sim.Header{
			{Name: "X-Old", Value: "old"},
			{Name: "Priority", Value: "urgent"},
			{Name: "Subject", Value: "test"},
			{Name: "Supported", Value: "timer, histinfo"},
			{Name: "Session-Expires", Value: "1800"},
			{Name: "Route", Value: "<sip:192.0.2.1;lr>"},
			{Name: "X-Twice", Value: "a"},
			{Name: "X-Twice", Value: "b"},
			{Name: "User-Agent", Value: "alice's"},
		},
	})
	in := r.caller.Sent("INVITE")[0]
	out := desk.Received("INVITE")[0]
	for name, want := range map[string][]string{
		"X-Set": {"by script"}, "X-Old": {"new"}, "Priority": nil, "Subject": {"test"}, "Supported": {"timer, 100rel, histinfo"},
		"Session-Expires": {"1800"}, "Route": nil, "X-Twice": {"a", "b"}, "User-Agent": {"Tandem"}, "Max-Forwards": {"69"},
		"To": {"<sip:100@192.0.2.11>"}, "Contact": {"<sip:alice@192.0.2.1:5060>"}, "CSeq": {"1 INVITE"},
	} {
		if got := header(t, out, name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	mi, _ := in.Message()
	mo, _ := out.Message()
	if string(mi.CallID()) == string(mo.CallID()) || string(mi.FromTag()) == string(mo.FromTag()) {
		t.Error("the legs share a Call-ID or a From tag")
	}
	if string(mi.Body()) != string(mo.Body()) || len(mo.Body()) == 0 {
		t.Errorf("body changed:\n%s\n%s", mi.Body(), mo.Body())
	}
	ok := r.caller.Received("200")[0]
	if got := header(t, ok, "Contact"); !slices.Equal(got, []string{"<sip:100@192.0.2.1:5060>"}) {
		t.Errorf("Contact towards the caller: %q", got)
	}
}

func TestForkCancelsLosersWithReason(t *testing.T) {
	for _, shards := range []int{1, 3} {
		s := always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"), to("sip:c@192.0.2.13"), to("sip:d@192.0.2.14")))
		r := newRig(t, s, shards)
		r.phone("sip:a@192.0.2.11", sim.After(2*time.Second))
		losers := []*sim.Phone{
			r.phone("sip:b@192.0.2.12", sim.Never()), r.phone("sip:c@192.0.2.13", sim.Never()), r.phone("sip:d@192.0.2.14", sim.Never()),
		}
		c := r.call(sim.CallSpec{HangupAfter: seconds(5)})
		if c.AnsweredBy() != "a" {
			t.Errorf("answered by %q", c.AnsweredBy())
		}
		if got := c.Provisionals(); !slices.Equal(got, []int{100, 180}) {
			t.Errorf("provisionals %v: one 180 stands for many", got)
		}
		for _, p := range losers {
			if got := p.Received("CANCEL"); len(got) != 1 || !slices.Equal(header(t, got[0], "Reason"), []string{elsewhere}) {
				t.Errorf("%s: CANCEL %v", p.Name(), got)
			}
		}
		wantSeen(t, s, "ringing", "ringing", "ringing", "ringing", "answered", "ended")
	}
}

// RFC 3261 §9.1: no CANCEL before a provisional.
func TestSilentBranchIsNotCancelled(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:a@192.0.2.11", sim.After(2*time.Second))
	silent := r.phone("sip:b@192.0.2.12", sim.Silent())
	r.call(sim.CallSpec{HangupAfter: seconds(60)})
	if n := len(silent.Received("CANCEL")); n != 0 {
		t.Errorf("%d CANCEL to a phone that said nothing", n)
	}
}

func TestSerial(t *testing.T) {
	s := always(serial(to("sip:a@192.0.2.11"), ring(20*time.Second, to("sip:b@192.0.2.12")), to("sip:c@192.0.2.13")))
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
	b := r.phone("sip:b@192.0.2.12", sim.Never())
	last := r.phone("sip:c@192.0.2.13", sim.After(time.Second))
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if c.AnsweredBy() != "c" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
	cancel, invite := b.Received("CANCEL"), last.Received("INVITE")
	if len(cancel) != 1 || header(t, cancel[0], "Reason") != nil {
		t.Fatalf("CANCEL after ring-out: %v", cancel)
	}
	if got := invite[0].At.Sub(b.Received("INVITE")[0].At); got != 20*time.Second {
		t.Errorf("next step after %v, want 20 s from the INVITE", got)
	}
	wantSeen(t, s, "busy", "ringing", "no_answer", "ringing", "answered", "ended")
}

func TestCallerCancels(t *testing.T) {
	s := always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"), to("sip:c@192.0.2.13")))
	r := newRig(t, s, 1)
	phones := []*sim.Phone{
		r.phone("sip:a@192.0.2.11", sim.Never()), r.phone("sip:b@192.0.2.12", sim.Never()), r.phone("sip:c@192.0.2.13", sim.Never()),
	}
	c := r.place(sim.CallSpec{})
	c.Cancel(r.net.Now().Add(3*time.Second), "Q.850;cause=16")
	r.run()
	if c.Final() != 487 {
		t.Errorf("caller got %d, want 487", c.Final())
	}
	for _, p := range phones {
		if got := p.Received("CANCEL"); len(got) != 1 || !slices.Equal(header(t, got[0], "Reason"), []string{"Q.850;cause=16"}) {
			t.Errorf("%s: CANCEL %v with the caller's reasons", p.Name(), got)
		}
	}
	wantSeen(t, s, "ringing", "ringing", "ringing", "cancelled", "ended")
}

// What the script says of the 487 is in it; it can neither send a provisional any more nor end the call otherwise.
func TestCancelledSaysWhy(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	s.cancelled = &plan.Reply{Code: 487, Phrase: "Gone", Headers: []plan.Header{{Name: "X-Why", Value: "because"}}}
	var progress error
	s.observe = func(what string, c engine.Call, _ *plan.Step) {
		if what == "cancelled" {
			progress = c.Progress(183, nil)
			c.Hangup("no")
		}
	}
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Never())
	c := r.place(sim.CallSpec{})
	c.Cancel(at(3 * time.Second))
	r.run()
	finals := r.caller.Received("487 INVITE")
	if len(finals) != 1 || len(r.caller.Received("183")) != 0 || progress == nil {
		t.Fatalf("%d 487, %d 183, progress: %v", len(finals), len(r.caller.Received("183")), progress)
	}
	want(t, finals[0], "X-Why", "because")
	if phrase := string(parsed(t, finals[0]).Phrase()); phrase != "Gone" {
		t.Errorf("487 %s", phrase)
	}
	wantSeen(t, s, "ringing", "cancelled", "ended")
}

// The CANCEL at the end of the ring time carries what the target says; one to a loser, or of the caller, carries its own Reason only.
func TestCancelHeaders(t *testing.T) {
	why := []plan.Header{{Name: "X-Why", Value: "because"}}
	for name, c := range map[string]struct {
		ring   time.Duration
		winner sim.Behaviour
		cancel bool
		fields map[string][]string
	}{
		"ring time over":     {ring: 5 * time.Second, winner: sim.Never(), fields: map[string][]string{"X-Why": {"because"}}},
		"answered elsewhere": {winner: sim.Behaviour{sim.Ring(), sim.Answer().In(2 * time.Second)}, fields: map[string][]string{"Reason": {elsewhere}}},
		"the caller gave up": {winner: sim.Never(), cancel: true, fields: map[string][]string{"Reason": {"Q.850;cause=16"}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := to("sip:a@192.0.2.11")
			a.Ring, a.Target.CancelHeaders = c.ring, why
			r := newRig(t, always(parallel(a, to("sip:b@192.0.2.12"))), 1)
			p := r.phone("sip:a@192.0.2.11", sim.Never())
			r.phone("sip:b@192.0.2.12", c.winner)
			over := 5 * time.Second
			call := r.place(sim.CallSpec{HangupAfter: &over})
			if c.cancel {
				call.Cancel(at(3*time.Second), "Q.850;cause=16")
			} else if c.ring > 0 {
				call.Cancel(at(9 * time.Second))
			}
			r.run()
			got := p.Received("CANCEL")
			if len(got) != 1 {
				t.Fatalf("%d CANCEL", len(got))
			}
			for _, field := range []string{"X-Why", "Reason"} {
				want(t, got[0], field, c.fields[field]...)
			}
		})
	}
}

func TestFinalResponses(t *testing.T) {
	for name, c := range map[string]struct {
		plan *plan.Node
		does sim.Behaviour
		want int
	}{
		"no decision":         {nil, nil, 404},
		"reject":              {&plan.Node{Kind: plan.KindReject, Reply: &plan.Reply{Code: 603}}, nil, 603},
		"busy":                {to("sip:a@192.0.2.11"), sim.Status(486, nil), 486},
		"decline":             {to("sip:a@192.0.2.11"), sim.Status(603, nil), 603},
		"unavailable becomes": {to("sip:a@192.0.2.11"), sim.Status(503, nil), 500},
		"challenge":           {to("sip:a@192.0.2.11"), sim.Status(407, nil), 403},
		"unreachable":         {to("sip:a@192.0.2.99"), nil, 500},
		"unresolvable":        {to("sip:a@nowhere.example"), nil, 500},
		"ring-out":            {ring(5*time.Second, to("sip:a@192.0.2.11")), sim.Never(), 480},
		"silence":             {to("sip:a@192.0.2.11"), sim.Silent(), 408},
		"denied redirect":     {to("sip:a@192.0.2.11"), sim.Status(302, nil, sim.Header{Name: "Contact", Value: "<sip:b@192.0.2.12>"}), 480},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(c.plan), 1)
			if c.does != nil {
				r.phone("sip:a@192.0.2.11", c.does)
			}
			if got := r.call(sim.CallSpec{}).Final(); got != c.want {
				t.Errorf("caller got %d, want %d", got, c.want)
			}
		})
	}
}

// What a failed branch said reaches the caller on its own leg: From and To are the caller's.
func TestRelayedFailure(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{{Act: sim.Respond, Code: 486, Phrase: "In a meeting", Headers: []sim.Header{
		{Name: "Reason", Value: "Q.850;cause=17"}, {Name: "Retry-After", Value: "60"}, {Name: "X-Why", Value: "meeting"},
	}}})
	r.call(sim.CallSpec{To: "sip:100@pbx.example"})
	got := r.caller.Received("486")[0]
	m, _ := got.Message()
	if string(m.Phrase()) != "In a meeting" {
		t.Errorf("phrase %q", m.Phrase())
	}
	for name, want := range map[string][]string{"Reason": {"Q.850;cause=17"}, "Retry-After": nil, "X-Why": {"meeting"}} {
		if h := header(t, got, name); !slices.Equal(h, want) {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
}

func TestRedirect(t *testing.T) {
	n := &plan.Node{Kind: plan.KindRedirect, Reply: &plan.Reply{Code: 302, Contacts: []plan.Contact{
		{URI: "sip:a@192.0.2.11", Q: 1000}, {URI: "sip:b@192.0.2.12", Q: 500},
	}}}
	r := newRig(t, always(n), 1)
	if c := r.call(sim.CallSpec{}); c.Final() != 302 {
		t.Fatalf("caller got %d", c.Final())
	}
	if got := header(t, r.caller.Received("302")[0], "Contact"); !slices.Equal(got, []string{"<sip:a@192.0.2.11>", "<sip:b@192.0.2.12>;q=0.5"}) {
		t.Errorf("Contact %q", got)
	}
}

func TestFollowedRedirect(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	s.redirect = func(_ engine.Call, step *plan.Step) *plan.Node {
		if len(step.Contacts) != 2 || step.Contacts[0].User != "c" {
			t.Errorf("contacts %+v, want c before b", step.Contacts)
		}
		return &plan.Node{Kind: plan.KindFollow}
	}
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Status(302, nil, sim.Header{Name: "Contact", Value: "<sip:b@192.0.2.12>;q=0.1, <sip:c@192.0.2.13>;q=0.7"}))
	r.phone("sip:b@192.0.2.12", sim.After(time.Second))
	r.phone("sip:c@192.0.2.13", sim.Status(486, nil))
	if c := r.call(sim.CallSpec{HangupAfter: seconds(1)}); c.AnsweredBy() != "b" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
}

// A 2xx that crosses the CANCEL of a ring-out wins as long as there is no winner.
func TestLateAnswerWins(t *testing.T) {
	s := always(serial(ring(5*time.Second, to("sip:a@192.0.2.11")), to("sip:b@192.0.2.12")))
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Ring(), sim.Answer().In(6 * time.Second)})
	b := r.phone("sip:b@192.0.2.12", sim.Never())
	if c := r.call(sim.CallSpec{HangupAfter: seconds(5)}); c.AnsweredBy() != "a" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
	if got := b.Received("CANCEL"); len(got) != 1 || !slices.Equal(header(t, got[0], "Reason"), []string{elsewhere}) {
		t.Errorf("CANCEL %v", got)
	}
}

// A 2xx after the winner is acknowledged and ended.
func TestSecondAnswerIsReleased(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:a@192.0.2.11", sim.After(2*time.Second))
	b := r.phone("sip:b@192.0.2.12", sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Ring(), sim.Answer().In(2500 * time.Millisecond)})
	if c := r.call(sim.CallSpec{HangupAfter: seconds(5)}); c.AnsweredBy() != "a" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
	if len(b.Received("ACK")) != 1 || len(b.Received("BYE")) != 1 {
		t.Fatalf("ACK %d, BYE %d; want one each", len(b.Received("ACK")), len(b.Received("BYE")))
	}
	if got := header(t, b.Received("BYE")[0], "Reason"); !slices.Equal(got, []string{elsewhere}) {
		t.Errorf("Reason of the BYE %q", got)
	}
}

// A 2xx that crosses the caller's CANCEL is acknowledged and ended, with the caller's reasons.
func TestAnswerAfterCallersCancel(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Ring(), sim.Answer().In(4 * time.Second)})
	c := r.place(sim.CallSpec{})
	c.Cancel(r.net.Now().Add(3*time.Second), "SIP;cause=200;text=\"Call completed elsewhere\"")
	r.run()
	if c.Final() != 487 {
		t.Errorf("caller got %d", c.Final())
	}
	if len(a.Received("BYE")) != 1 || !slices.Equal(header(t, a.Received("BYE")[0], "Reason"), []string{elsewhere}) {
		t.Errorf("BYE %v", a.Received("BYE"))
	}
}

// Two callees behind one branch answer: the first wins, the other dialog is ended.
func TestForkedAnswer(t *testing.T) {
	r := newRig(t, always(to("sip:a@192.0.2.11")), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Ring(), sim.Answer().In(time.Second), sim.Answer().As("other").In(10 * time.Millisecond)})
	c := r.call(sim.CallSpec{HangupAfter: seconds(5)})
	if !c.Answered() || len(a.Received("BYE")) != 2 {
		t.Errorf("answered %v, %d BYE; want one for each dialog", c.Answered(), len(a.Received("BYE")))
	}
}

func TestHangupByCallee(t *testing.T) {
	s := always(to("sip:a@192.0.2.11"))
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Answer(), sim.Bye(sim.Header{Name: "Reason", Value: "Q.850;cause=16"}).In(3 * time.Second)})
	r.call(sim.CallSpec{})
	got := r.caller.Received("BYE")
	if len(got) != 1 || !slices.Equal(header(t, got[0], "Reason"), []string{"Q.850;cause=16"}) {
		t.Errorf("BYE %v", got)
	}
	wantSeen(t, s, "answered", "ended")
}

// Max-Forwards, methods, option tags and schemes are refused before the script is asked.
func TestRefusedBeforeRouting(t *testing.T) {
	for name, c := range map[string]struct {
		spec sim.CallSpec
		want int
		has  [2]string
	}{
		"Max-Forwards 0":  {sim.CallSpec{Headers: []sim.Header{{Name: "Max-Forwards", Value: "0"}}}, 483, [2]string{}},
		"unknown Require": {sim.CallSpec{Headers: []sim.Header{{Name: "Require", Value: "foo, histinfo, bar"}}}, 420, [2]string{"Unsupported", "foo, bar"}},
		"Proxy-Require":   {sim.CallSpec{Headers: []sim.Header{{Name: "Proxy-Require", Value: "baz"}}}, 420, [2]string{"Unsupported", "baz"}},
		"unknown scheme":  {sim.CallSpec{RequestURI: "nobody:knows", To: "sip:a@b"}, 416, [2]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{invite: func(engine.Call) *plan.Node { t.Error("the script was asked"); return nil }}
			r := newRig(t, s, 1)
			if got := r.call(c.spec).Final(); got != c.want {
				t.Fatalf("caller got %d, want %d", got, c.want)
			}
			if c.has[0] != "" {
				if got := header(t, r.caller.Received("420")[0], c.has[0]); !slices.Equal(got, []string{c.has[1]}) {
					t.Errorf("%s: %q, want %q", c.has[0], got, c.has[1])
				}
			}
		})
	}
}

func TestScriptEndsCall(t *testing.T) {
	t.Run("while ringing", func(t *testing.T) {
		s := always(to("sip:a@192.0.2.11"))
		s.observe = func(what string, c engine.Call, _ *plan.Step) {
			if what == "ringing" {
				c.Hangup("enough")
			}
		}
		r := newRig(t, s, 1)
		a := r.phone("sip:a@192.0.2.11", sim.Never())
		c := r.call(sim.CallSpec{})
		if c.Final() != 480 || string(c.Message().Phrase()) != "enough" || len(a.Received("CANCEL")) != 1 {
			t.Errorf("caller got %d, callee %d CANCEL", c.Final(), len(a.Received("CANCEL")))
		}
	})
	t.Run("when answered", func(t *testing.T) {
		s := always(to("sip:a@192.0.2.11"))
		s.observe = func(what string, c engine.Call, _ *plan.Step) {
			if what == "answered" {
				c.Hangup("")
			}
		}
		r := newRig(t, s, 1)
		a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
		r.call(sim.CallSpec{})
		if len(a.Received("BYE")) != 1 || len(r.caller.Received("BYE")) != 1 {
			t.Error("want a BYE to both sides")
		}
	})
}

func TestProgress(t *testing.T) {
	s := &script{invite: func(c engine.Call) *plan.Node {
		if err := c.Progress(181, []plan.Header{{Name: "X-To", Value: "b"}}); err != nil {
			t.Error(err)
		}
		if err := c.Progress(200, nil); err == nil {
			t.Error("a final response passed as progress")
		}
		return to("sip:a@192.0.2.11")
	}}
	r := newRig(t, s, 1)
	r.phone("sip:a@192.0.2.11", sim.After(time.Second))
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got := c.Provisionals(); !slices.Equal(got, []int{181, 180}) {
		t.Errorf("provisionals %v", got)
	}
	if got := header(t, r.caller.Received("181")[0], "X-To"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("X-To %q", got)
	}
}

// auth = "pass": the target's challenge goes to the caller, and the caller's credentials to the target; to no other.
func TestCredentialsPass(t *testing.T) {
	pass := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Auth.Pass = true })
	r := newRig(t, always(serial(pass, to("sip:b@192.0.2.12"))), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Status(407, nil))
	b := r.phone("sip:b@192.0.2.12", sim.After(time.Second))
	credentials := []sim.Header{{Name: "Proxy-Authorization", Value: `Digest username="alice"`}, {Name: "Authorization", Value: `Digest username="bob"`}}
	r.call(sim.CallSpec{Headers: credentials, HangupAfter: seconds(1)})
	for _, h := range credentials {
		if got := header(t, a.Received("INVITE")[0], h.Name); !slices.Equal(got, []string{h.Value}) {
			t.Errorf("%s at the target that challenges: %q", h.Name, got)
		}
		if got := header(t, b.Received("INVITE")[0], h.Name); got != nil {
			t.Errorf("%s at the other: %q", h.Name, got)
		}
	}
}

// A final response that is never acknowledged is told in the trace and in the log, under the call's id.
func TestNoAckIsTold(t *testing.T) {
	told := func(t *testing.T, r *rig, call, code string) {
		t.Helper()
		r.run()
		notes := 0
		for _, e := range r.rec.Events() {
			if e.Kind == trace.Note && e.Call == call && strings.HasPrefix(e.Text, code+" to 192.0.2.1") && strings.Contains(e.Text, "no ACK") {
				notes++
			}
		}
		warned := r.logs.FilterMessageSnippet("no ACK").FilterField(zap.String("call", call)).Len()
		if notes != 1 || warned != 1 {
			t.Errorf("%d notes and %d warnings, want one of each", notes, warned)
		}
	}
	t.Run("refusal", func(t *testing.T) {
		r := newRig(t, always(nil), 1)
		r.odd = true
		r.write(r.caller, 0, written{}.String())
		told(t, r, "written@192.0.2.100", "404")
	})
	t.Run("answer", func(t *testing.T) {
		r, _ := desk(t, sim.Answer())
		r.odd = true
		c := r.place(sim.CallSpec{NoAck: true})
		r.run()
		told(t, r, c.CallID(), "200")
	})
	t.Run("refusal inside the dialog", func(t *testing.T) {
		r, c, a := answered(t)
		r.odd = true
		r.until(at(2 * time.Second))
		ok := parsed(t, a.Sent("200 INVITE")[0])
		w := written{
			via: "SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKx", from: string(ok.Get(message.To)), to: string(ok.Get(message.From)),
			callID: string(ok.CallID()), cseq: "9 INVITE", more: "Require: nonsense\r\n",
		}
		r.write(a, r.net.Now(), w.String())
		told(t, r, c.CallID(), "420")
	})
}

// Row P22: a 302 of one member of a group has its target ring together with the members that ring still.
func TestRedirectInsideAGroup(t *testing.T) {
	a := target("sip:a@192.0.2.11", func(t *plan.Target) { t.Redirect = plan.RedirectFollow })
	r := newRig(t, always(parallel(a, to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Ring(), sim.Send(302, sim.Header{Name: "Contact", Value: "<sip:mobile@192.0.2.13>"}).In(2 * time.Second)})
	b := r.phone("sip:b@192.0.2.12", sim.Never())
	mobile := r.phone("sip:mobile@192.0.2.13", sim.After(3*time.Second))
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if c.AnsweredBy() != "mobile" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
	rang, cancelled := mobile.Received("INVITE")[0].At, b.Received("CANCEL")
	if len(cancelled) != 1 || rang >= cancelled[0].At || time.Duration(rang).Round(100*time.Millisecond) != 2*time.Second {
		t.Errorf("the mobile rang at %v, b's CANCEL: %v", time.Duration(rang), cancelled)
	}
	want(t, cancelled[0], "Reason", elsewhere)
}
