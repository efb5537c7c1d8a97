package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/engine/clock"
	"tandem/engine/plan"
	"tandem/engine/sim"
)

// A target set holds no URI twice, equal by §19.1.4.
func TestRFC_010_TargetOnce(t *testing.T) {
	for name, second := range map[string]string{
		"the same": "sip:a@192.0.2.11", "escaped": "sip:%61@192.0.2.11", "scheme in capitals": "SIP:a@192.0.2.11",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(parallel(to("sip:a@192.0.2.11"), to(second))), 1)
			a := r.phone("sip:a@192.0.2.11", sim.After(time.Second))
			r.call(sim.CallSpec{HangupAfter: seconds(1)})
			count(t, a, "INVITE", 1)
		})
	}
}

// Every branch has a copy of its own: what a script changes on one is not on the other, and fields of one name keep their order.
func TestRFC_011_CopyPerBranch(t *testing.T) {
	n := to("sip:a@192.0.2.11")
	n.Target.Headers = []plan.Header{{Name: "NewFangledHeader", Value: "changed"}, {Name: "X-Three", Remove: true}}
	r := newRig(t, always(parallel(n, to("sip:b@192.0.2.12"))), 1)
	a, b := r.phone("sip:a@192.0.2.11", sim.Status(486, nil)), r.phone("sip:b@192.0.2.12", sim.Status(486, nil))
	wsinv := strings.Replace(torture(t, "wsinv"), ";   tag    = 1918181833n", "", 1)
	r.write(r.caller, 0, strings.Replace(wsinv, "NewFangledHeader", "X-Three: 1\r\nX-Other: o\r\nX-Three: 2\r\nX-Three: 3\r\nNewFangledHeader", 1))
	r.run()
	ia, ib := a.Received("INVITE")[0], b.Received("INVITE")[0]
	want(t, ia, "NewFangledHeader", "changed")
	want(t, ia, "X-Three")
	want(t, ib, "X-Three", "1", "2", "3")
	if got := header(t, ib, "NewFangledHeader"); len(got) != 1 || strings.Join(strings.Fields(got[0]), " ") != "newfangled value continued newfangled value" {
		t.Errorf("NewFangledHeader: %q", got)
	}
}

// The Request-URI is the target's, without what must not stand in one (§19.1.1, table 1).
func TestRFC_012_RequestURI(t *testing.T) {
	for given, want := range map[string]string{
		"sip:a@192.0.2.11": "sip:a@192.0.2.11",
		"sip:a@192.0.2.11?Route=%3Csip:192.0.2.66%3E":             "sip:a@192.0.2.11",
		"sip:a@192.0.2.11;method=MESSAGE":                         "sip:a@192.0.2.11",
		"sip:a@192.0.2.11;x=1;METHOD=INFO;transport=udp?Subject=": "sip:a@192.0.2.11;x=1;transport=udp",
		"sip:a?b@192.0.2.11;method=INVITE":                        "sip:a?b@192.0.2.11",
		"sip:a@192.0.2.11;methods=x;lr":                           "sip:a@192.0.2.11;methods=x;lr",
	} {
		t.Run(given, func(t *testing.T) {
			r := newRig(t, always(to(given)), 1)
			a := r.phone("sip:a@192.0.2.11", sim.Status(486, nil))
			r.call(sim.CallSpec{})
			if got := string(first(t, a, "INVITE").RequestURI()); got != want {
				t.Errorf("Request-URI %s, want %s", got, want)
			}
		})
	}
}

// Each branch has one Via, ours, with a branch that is unique.
func TestRFC_015_BranchPerFork(t *testing.T) {
	r, phones := fork(t, sim.Status(486, nil), sim.Status(486, nil), sim.Status(486, nil))
	r.call(sim.CallSpec{})
	r.call(sim.CallSpec{})
	seen := map[string]bool{}
	for _, p := range phones {
		for _, l := range p.Received("INVITE") {
			m := parsed(t, l)
			branch := string(m.TopVia().Branch)
			if len(header(t, l, "Via")) != 1 || string(m.TopVia().Host) != "192.0.2.1" || !strings.HasPrefix(branch, "z9hG4bK") || seen[branch] {
				t.Errorf("Via: %q", header(t, l, "Via"))
			}
			seen[branch] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d branches, want 6", len(seen))
	}
}

// Timer C is over three minutes, and each 101-199 restarts it.
func TestRFC_017_TimerCRestarts(t *testing.T) {
	again := sim.Ring().In(time.Minute)
	r, a := desk(t, sim.Ring(), again, again, again, sim.Answer().In(20*time.Second))
	if c := r.call(sim.CallSpec{HangupAfter: seconds(1)}); !c.Answered() {
		t.Errorf("caller got %d", c.Final())
	}
	count(t, a, "CANCEL", 0)
}

// A 6xx cancels the other branches and is the response.
func TestRFC_020_GlobalFailure(t *testing.T) {
	r, phones := fork(t, sim.Never(), sim.Status(603, seconds(1)))
	c := r.call(sim.CallSpec{})
	if c.Final() != 603 {
		t.Errorf("caller got %d, want 603", c.Final())
	}
	count(t, phones[0], "CANCEL", 1)
	want(t, phones[0].Received("CANCEL")[0], "Reason")
}

// Provisionals pass; of several 2xx one does, and the others are acknowledged and ended.
func TestRFC_021_OneAnswer(t *testing.T) {
	late := sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Ring(), sim.Answer().In(2500 * time.Millisecond)}
	r, phones := fork(t, sim.Behaviour{sim.Progress()}, sim.After(2500*time.Millisecond), late)
	c := r.call(sim.CallSpec{HangupAfter: seconds(5)})
	count(t, r.caller, "183", 1)
	count(t, r.caller, "200 INVITE", 1)
	if c.AnsweredBy() != "b" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
	count(t, phones[2], "ACK", 1)
	count(t, phones[2], "BYE", 1)
	want(t, phones[2].Received("BYE")[0], "Reason", elsewhere)
}

// A 100 means one hop: the caller hears of ours only.
func TestRFC_022_TryingIsOurs(t *testing.T) {
	trying := sim.Behaviour{sim.Send(100), sim.Send(100).In(time.Second), sim.Answer().In(time.Second)}
	r, _ := fork(t, trying, trying)
	c := r.call(sim.CallSpec{HangupAfter: seconds(1)})
	if got := c.Provisionals(); !slices.Equal(got, []int{100}) {
		t.Errorf("provisionals %v", got)
	}
}

// After a final response nothing else goes to the caller. A 2xx that comes late is acknowledged and ended as long as its INVITE is
// known; later nothing shows any more that it was asked for, and it is dropped.
func TestRFC_023_OneFinal(t *testing.T) {
	r, a := desk(t, sim.Send(486))
	r.odd = true // the ACK to what is sent by hand surprises the phone
	c := r.place(sim.CallSpec{})
	for i, when := range []clock.Time{at(time.Second), at(20 * time.Second), at(60 * time.Second)} {
		r.until(when)
		tag := fmt.Sprintf(";tag=late%d", i)
		r.write(a, when, altered(a.Sent("486")[0], "486 Busy Here", "200 OK", ";tag=", tag, "Content-Length", "Contact: <sip:a@192.0.2.11>\r\nContent-Length"))
		r.until(when.Add(time.Second))
		ended := min(i+1, 2) // Timer D is 32 s
		count(t, a, "BYE", ended)
		count(t, a, "ACK", ended+1) // one to the 486
	}
	if c.Final() != 486 || len(r.caller.Received("200")) != 0 {
		t.Errorf("caller got %d and %d 200", c.Final(), len(r.caller.Received("200")))
	}
	r.run()
}

// The best response by the order of the reference.
func TestRFC_024_BestResponse(t *testing.T) {
	for _, c := range []struct {
		codes []int
		want  int
	}{
		{[]int{404, 486, 503}, 486},
		{[]int{404, 480, 486}, 486},
		{[]int{404, 480}, 480},
		{[]int{486, 484}, 484},
		{[]int{484, 420}, 420},
		{[]int{420, 415}, 415},
		{[]int{408, 404}, 404},
		{[]int{500, 408}, 408},
		{[]int{502, 504}, 502},
		{[]int{503, 500}, 500},
		{[]int{302, 404}, 404},
		{[]int{302, 503}, 500},
		{[]int{410, 404}, 410},
		{[]int{0, 404}, 404},
		{[]int{0, 500}, 408},
		{[]int{486, 606}, 606},
	} {
		t.Run(fmt.Sprint(c.codes), func(t *testing.T) {
			var does []sim.Behaviour
			for i, code := range c.codes {
				wait := time.Duration(i) * 10 * time.Millisecond // in this order
				if code == 0 {
					does = append(does, sim.Silent())
					continue
				}
				does = append(does, sim.Behaviour{sim.Send(code).In(wait)})
			}
			r, _ := fork(t, does...)
			if got := r.call(sim.CallSpec{}).Final(); got != c.want {
				t.Errorf("caller got %d, want %d", got, c.want)
			}
		})
	}
}

// One callee's 503 is no news of the others: the caller gets 500, and no Retry-After.
func TestRFC_025_ServiceUnavailable(t *testing.T) {
	r, _ := fork(t, sim.Status(503, nil, sim.Header{Name: "Retry-After", Value: "120"}), sim.Status(503, nil))
	if c := r.call(sim.CallSpec{}); c.Final() != 500 {
		t.Errorf("caller got %d", c.Final())
	}
	want(t, r.caller.Received("500")[0], "Retry-After")
}

// Challenges pass only where the script says so: then all of them, in order and unaltered.
func TestRFC_026_Challenges(t *testing.T) {
	proxy, www := `Digest realm="a", nonce="1",qop="auth"`, `Digest realm="b", nonce="2"`
	for name, c := range map[string]struct {
		pass      bool
		final     int
		proxy, ww []string
	}{
		"passed": {true, 407, []string{proxy, `Basic realm="c"`}, []string{www}},
		"kept":   {false, 403, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			auth := func(t *plan.Target) { t.Auth.Pass = c.pass }
			r := newRig(t, always(parallel(target("sip:a@192.0.2.11", auth), target("sip:b@192.0.2.12", auth))), 1)
			r.phone("sip:a@192.0.2.11", sim.Status(407, nil, sim.Header{Name: "Proxy-Authenticate", Value: proxy}, sim.Header{Name: "Proxy-Authenticate", Value: `Basic realm="c"`}))
			r.phone("sip:b@192.0.2.12", sim.Behaviour{sim.Send(401, sim.Header{Name: "WWW-Authenticate", Value: www}).In(20 * time.Millisecond)})
			if got := r.call(sim.CallSpec{}).Final(); got != c.final {
				t.Fatalf("caller got %d, want %d", got, c.final)
			}
			got := r.caller.Received(fmt.Sprint(c.final))[0]
			want(t, got, "Proxy-Authenticate", c.proxy...)
			want(t, got, "WWW-Authenticate", c.ww...)
		})
	}
}

// After a 2xx or a 6xx every pending branch is cancelled.
func TestRFC_027_PendingAreCancelled(t *testing.T) {
	for _, code := range []int{200, 600} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			r, phones := fork(t, sim.Status(code, seconds(2)), sim.Never(), sim.Never())
			r.call(sim.CallSpec{HangupAfter: seconds(1)})
			decided := phones[0].Sent(fmt.Sprint(code))[0].At
			for _, p := range phones[1:] {
				got := p.Received("CANCEL")
				if len(got) != 1 || got[0].At.Sub(decided) > 500*time.Millisecond {
					t.Errorf("%s: CANCEL %v, decided at %v", p.Name(), got, time.Duration(decided))
				}
			}
		})
	}
}

// No CANCEL before a provisional of its branch; then it goes, with the Reason of that time.
func TestRFC_028_NoCancelBeforeProvisional(t *testing.T) {
	late := sim.Behaviour{{Act: sim.IgnoreCancel}, sim.Ring().In(150 * time.Millisecond), sim.Send(486).In(time.Second)}
	r, phones := fork(t, sim.Behaviour{sim.Answer()}, late, sim.Silent())
	r.call(sim.CallSpec{HangupAfter: seconds(60)})
	rang := phones[1].Sent("180")[0].At
	if got := phones[1].Received("CANCEL"); len(got) != 1 || got[0].At < rang {
		t.Errorf("CANCEL %v, rang at %v", got, time.Duration(rang))
	}
	count(t, phones[2], "CANCEL", 0)
}

// Timer C: a branch that rings for ever is cancelled, one that says nothing counts as 408.
func TestRFC_030_TimerCFires(t *testing.T) {
	for name, c := range map[string]struct {
		does    sim.Behaviour
		final   int
		at      time.Duration
		cancels int
	}{
		"rings":  {sim.Never(), 480, 181 * time.Second, 1},
		"tries":  {sim.Behaviour{sim.Send(100)}, 408, 181 * time.Second, 1},
		"silent": {sim.Silent(), 408, 32 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, phones := fork(t, c.does)
			call := r.call(sim.CallSpec{})
			if call.Final() != c.final {
				t.Fatalf("caller got %d, want %d", call.Final(), c.final)
			}
			if got := time.Duration(r.caller.Received(fmt.Sprint(c.final))[0].At).Round(time.Second); got != c.at {
				t.Errorf("after %v, want %v", got, c.at)
			}
			count(t, phones[0], "CANCEL", c.cancels)
		})
	}
}

// A transport error ends its own branch as a 503 would; the others go on.
func TestRFC_031_TransportError(t *testing.T) {
	r := newRig(t, always(parallel(to("sip:a@192.0.2.99"), to("sip:b@192.0.2.12"))), 1)
	r.phone("sip:b@192.0.2.12", sim.After(time.Second))
	if c := r.call(sim.CallSpec{HangupAfter: seconds(1)}); c.AnsweredBy() != "b" {
		t.Errorf("answered by %q", c.AnsweredBy())
	}
	alone := newRig(t, always(serial(to("sip:a@192.0.2.99"), to("sip:b@192.0.2.98"))), 1)
	if c := alone.call(sim.CallSpec{}); c.Final() != 500 {
		t.Errorf("caller got %d, want 500 for two 503 of our own", c.Final())
	}
}
