package engine_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tandem/engine/identity"
	"tandem/engine/plan"
	codec "tandem/engine/sdp"
	"tandem/engine/sim"
)

func divert(d plan.Divert, n *plan.Node) *plan.Node {
	return &plan.Node{Kind: plan.KindSerial, Members: []*plan.Node{n}, Divert: &d}
}

func onBusy(n, then *plan.Node) *plan.Node {
	n.On = &plan.Edges{plan.Busy: then}
	return n
}

// What an INVITE says of diversions, byte by byte (RFC 5806 §4, RFC 7044 §9.2, §10).
func TestDivertedInvite(t *testing.T) {
	const (
		desk, box = "sip:100@192.0.2.11", "sip:voicemail@192.0.2.12"
		first     = "<sip:100@pbx.example>;index=1"
		busyDesk  = "<sip:100@192.0.2.11?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1;rc=1"
		lateDesk  = "<sip:100@192.0.2.11?Reason=SIP%3Bcause%3D408%3Btext%3D%22Request%20Timeout%22>;index=1.1;rc=1"
	)
	headers := func(h ...string) (all []sim.Header) {
		for i := 0; i < len(h); i += 2 {
			all = append(all, sim.Header{Name: h[i], Value: h[i+1]})
		}
		return all
	}
	for _, c := range []struct {
		name               string
		plan               *plan.Node
		desk               sim.Behaviour
		headers            []sim.Header
		diversion, history []string
	}{
		{
			"at once", divert(plan.Divert{}, to(box)), nil, nil,
			[]string{"<sip:100@pbx.example>;reason=unconditional;counter=1"},
			[]string{first + ", <sip:voicemail@192.0.2.12;cause=302>;index=1.1;mp=1"},
		},
		{
			"busy", serial(to(desk), divert(plan.Divert{}, to(box))), sim.Status(486, nil), nil,
			[]string{"<sip:100@pbx.example>;reason=user-busy;counter=1"},
			[]string{first + ", " + busyDesk + ", <sip:voicemail@192.0.2.12;cause=486>;index=1.2;mp=1"},
		},
		{
			"no answer", serial(ring(5*time.Second, to(desk)), divert(plan.Divert{By: "4711"}, to(box))), sim.Never(), nil,
			[]string{"<sip:4711@pbx.example>;reason=no-answer;counter=1"},
			[]string{first + ", " + lateDesk + ", <sip:voicemail@192.0.2.12;cause=408>;index=1.2;mp=1"},
		},
		{
			"twice", onBusy(divert(plan.Divert{By: "sip:1@h"}, to(desk)), divert(plan.Divert{}, to(box))), sim.Status(486, nil), nil,
			[]string{"<sip:100@192.0.2.11>;reason=user-busy;counter=1, <sip:1@h>;reason=unconditional;counter=1"},
			[]string{first + ", <sip:100@192.0.2.11;cause=302?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1;mp=1, <sip:voicemail@192.0.2.12;cause=486>;index=1.2;mp=1.1"},
		},
		{
			"again by the same", onBusy(divert(plan.Divert{By: "1"}, to(desk)), divert(plan.Divert{By: "1"}, to(box))), sim.Status(486, nil), nil,
			[]string{"<sip:1@pbx.example>;reason=user-busy;counter=1"},
			[]string{first + ", <sip:100@192.0.2.11;cause=302?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1.1;mp=1, <sip:voicemail@192.0.2.12;cause=486>;index=1.2;mp=1"},
		},
		{
			"what came in stays", divert(plan.Divert{Reason: "deflection"}, to(box)), nil,
			headers("Diversion", `"B, ob" <sip:9@gw>;odd`, "History-Info", "<sip:9@gw>;index=1 , <sip:100@pbx.example>;index=1.4", "Diversion", "<sip:8@gw>;counter=2"),
			[]string{"<sip:100@pbx.example>;reason=deflection;counter=1", `"B, ob" <sip:9@gw>;odd`, "<sip:8@gw>;counter=2"},
			[]string{"<sip:9@gw>;index=1 , <sip:100@pbx.example>;index=1.4", "<sip:voicemail@192.0.2.12;cause=480>;index=1.4.1;mp=1.4"},
		},
		{
			"the script's own", divert(plan.Divert{}, target(box, func(t *plan.Target) {
				t.Headers = []plan.Header{{Name: "diversion", Value: "<sip:x@h>"}, {Name: "History-Info", Remove: true}}
			})), nil,
			nil,
			[]string{"<sip:x@h>"},
			nil,
		},
		{"not diverted", to(box), nil, nil, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, always(c.plan), 1)
			if c.desk != nil {
				r.phone(desk, c.desk)
			}
			b := r.phone(box, sim.After(0))
			r.call(sim.CallSpec{Headers: c.headers, HangupAfter: seconds(1)})
			got := b.Received("INVITE")
			if len(got) != 1 {
				t.Fatalf("%d INVITEs", len(got))
			}
			if d := header(t, got[0], "Diversion"); !slices.Equal(d, c.diversion) {
				t.Errorf("Diversion\ngot  %q\nwant %q", d, c.diversion)
			}
			if h := header(t, got[0], "History-Info"); !slices.Equal(h, c.history) {
				t.Errorf("History-Info\ngot  %q\nwant %q", h, c.history)
			}
		})
	}
}

// A call in a circle, or diverted too often, is not sent: its branch fails with 482.
func TestDivertGuard(t *testing.T) {
	box := to("sip:voicemail@192.0.2.12")
	for _, c := range []struct {
		name    string
		plan    plan.Divert
		headers []sim.Header
		code    int
	}{
		{"the same user before", plan.Divert{}, []sim.Header{{Name: "Diversion", Value: "<sip:5@h>, <sip:100@PBX.example;user=phone>"}}, 482},
		{"in the history", plan.Divert{}, []sim.Header{{Name: "History-Info", Value: "<sip:100@pbx.example>;index=1,<sip:7@h;cause=302>;index=1.1;mp=1"}}, 482},
		{"too many", plan.Divert{}, []sim.Header{{Name: "Diversion", Value: "<sip:5@h>;counter=4, <sip:6@h>"}}, 482},
		{"as many as may be", plan.Divert{}, []sim.Header{{Name: "Diversion", Value: "<sip:5@h>;counter=4"}}, 200},
		{"more by the script", plan.Divert{Max: 6}, []sim.Header{{Name: "Diversion", Value: "<sip:5@h>;counter=4, <sip:6@h>"}}, 200},
		{"limit", plan.Divert{}, []sim.Header{{Name: "Diversion", Value: "<sip:5@h>;limit=1"}}, 482},
		{"within the limit", plan.Divert{}, []sim.Header{{Name: "Diversion", Value: "<sip:5@h>;limit=2"}}, 200},
		{"malformed", plan.Divert{}, []sim.Header{{Name: "Diversion", Value: "<>, <sip:"}}, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, always(divert(c.plan, box)), 1)
			b := r.phone("sip:voicemail@192.0.2.12", sim.After(0))
			call := r.call(sim.CallSpec{Headers: c.headers, HangupAfter: seconds(1)})
			if call.Final() != c.code || (len(b.Received("INVITE")) == 1) != (c.code == 200) {
				t.Errorf("%d, %d INVITEs; want %d", call.Final(), len(b.Received("INVITE")), c.code)
			}
		})
	}
}

// Diversion and History-Info of an INVITE say the same, whatever led to it.
func TestDivertedHeadersAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const users = "123"
		n := rapid.IntRange(1, len(users)).Draw(rt, "diversions")
		var p *plan.Node
		for i := range slices.Backward(make([]struct{}, n)) {
			d := divert(plan.Divert{Reason: rapid.SampledFrom(append([]string{""}, plan.DivertReasons...)).Draw(rt, "reason")}, to("sip:"+users[i:i+1]+"@192.0.2.1"+users[i:i+1]))
			if p != nil {
				d.On = &plan.Edges{plan.Busy: p, plan.NoAnswer: p, plan.Rejected: p}
				d.Members[0].Ring, d.Members[0].Target.On6xx = 3*time.Second, plan.SixBranch
			}
			p = d
		}
		r := newRig(t, always(p), 1)
		var last *sim.Phone
		for i := range n {
			does := rapid.SampledFrom([]sim.Behaviour{sim.Status(486, nil), sim.Never(), sim.Status(603, nil)}).Draw(rt, "does")
			if i == n-1 {
				does = sim.After(0)
			}
			last = r.phone("sip:"+users[i:i+1]+"@192.0.2.1"+users[i:i+1], does)
		}
		r.call(sim.CallSpec{HangupAfter: seconds(1)})
		got := last.Received("INVITE")[0]
		diversion := header(t, got, "Diversion")
		said := identity.ToDiversion(identity.Parse(header(t, got, "History-Info")...))
		var texts []string
		for _, e := range said {
			texts = append(texts, strings.ReplaceAll(e.String(), ";cause=", ";x="))
		}
		if want := strings.Join(texts, ", "); len(diversion) != 1 || diversion[0] != want || len(said) != n {
			rt.Fatalf("Diversion    %q\nHistory-Info %q\nsays         %s", diversion, header(t, got, "History-Info"), want)
		}
	})
}

// Rows M2 and M3: every diversion that wants it is told to the caller.
func TestDiversionIsTold(t *testing.T) {
	told := plan.Divert{Announce: true, Dialect: "minisipserver"}
	r := newRig(t, always(serial(to("sip:userb@192.0.2.11"), onBusy(divert(told, to("sip:userc@192.0.2.12")), divert(told, to("sip:userd@192.0.2.13"))))), 1)
	r.phone("sip:userb@192.0.2.11", sim.Status(486, nil))
	r.phone("sip:userc@192.0.2.12", sim.Status(486, nil))
	r.phone("sip:userd@192.0.2.13", sim.After(time.Second))
	call := r.call(sim.CallSpec{To: "sip:userb@pbx.example", HangupAfter: seconds(1)})
	if got := call.Provisionals(); !slices.Equal(got, []int{100, 181, 181, 180}) {
		t.Errorf("provisionals %v", got)
	}
	var info []string
	for _, l := range r.caller.Received("181") {
		info = append(info, header(t, l, "Call-Info")...)
	}
	if want := []string{`purpose=forwarding, username="userb", contact="userc"`, `purpose=forwarding, username="userc", contact="userd"`}; !slices.Equal(info, want) {
		t.Errorf("Call-Info %q, want %q", info, want)
	}
}

// medium returns the m= line of a message.
func medium(t *testing.T, l *sim.Logged) string {
	t.Helper()
	m, err := l.Message()
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(m.Body()), "\r\nm=")
	line, _, _ = strings.Cut(line, "\r\n")
	return line[strings.Index(line, " RTP/AVP ")+9:]
}

// Row X11: the offer to a target has the codecs that it takes, in re-INVITEs too; those to the caller, and answers, are as they came.
func TestCodecs(t *testing.T) {
	for name, c := range map[string]struct {
		codecs codec.Codecs
		want   string
	}{
		"in their order": {codec.Codecs{Names: []string{"PCMU", "PCMA"}}, "0 8 101"},
		"without one":    {codec.Codecs{Names: []string{"pcmu", "opus"}}, "0 101"},
		"the first":      {codec.Codecs{Names: []string{"opus", "PCMA", "PCMU"}, First: true}, "8 101"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Codecs = &c.codecs })), 1)
			a := r.phone("sip:a@192.0.2.11", append(sim.After(time.Second), sim.Resume().In(2*time.Second), sim.Bye().In(2*time.Second)))
			call := r.call(sim.CallSpec{Answered: sim.Behaviour{sim.Resume().In(time.Second)}})
			if call.Final() != 200 {
				t.Fatal(call.Final())
			}
			invites := a.Received("INVITE")
			if len(invites) != 2 {
				t.Fatalf("%d INVITEs", len(invites))
			}
			for _, l := range invites {
				if got := medium(t, l); got != c.want {
					t.Errorf("offer of %s, want %s", got, c.want)
				}
			}
			for _, l := range r.caller.Received("INVITE") {
				if got := medium(t, l); got != "8 0 101" {
					t.Errorf("the caller was offered %s", got)
				}
			}
			if got := medium(t, r.caller.Received("200")[0]); got != c.want {
				t.Errorf("answer of %s, want %s", got, c.want)
			}
		})
	}
}

// A new offer in the caller's PRACK has the codecs that the target takes too; without one of them it is refused, as in a re-INVITE, and the callee gets a PRACK
// all the same. So it is with an offer in an UPDATE (RFC 3262 §5, RFC 3311 §5.1).
func TestCodecsOfEarlyOffers(t *testing.T) {
	offer := func(formats string) *sim.Body {
		return &sim.Body{Type: "application/sdp", Content: []byte("v=0\r\no=- 1 2 IN IP4 192.0.2.100\r\ns=-\r\nc=IN IP4 192.0.2.100\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + formats + "\r\n")}
	}
	for _, c := range []struct {
		name, formats, want string
		code                int
	}{
		{"filtered", "8 0", "0", 200},
		{"as it came", "0", "0", 200},
		{"none is left", "8", "", 488},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Codecs = &codec.Codecs{Names: []string{"PCMU"}} })), 1)
			a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(9 * time.Second)})
			call := r.place(sim.CallSpec{Headers: supports100rel, PrackOffer: offer(c.formats), HangupAfter: seconds(1)})
			update := call.Request(at(5*time.Second), "UPDATE", nil, offer(c.formats))
			r.run()
			prack := a.Received("PRACK")
			if len(prack) != 1 || !call.Answered() || update.Code() != c.code {
				t.Fatalf("%d PRACK, answered %v, UPDATE %d", len(prack), call.Answered(), update.Code())
			}
			if got := r.caller.Received(strconv.Itoa(c.code)); !slices.ContainsFunc(got, func(l *sim.Logged) bool { return strings.HasSuffix(header(t, l, "CSeq")[0], " PRACK") }) {
				t.Errorf("the PRACK is not answered %d", c.code)
			}
			offers := append(prack, a.Received("UPDATE")...)
			if c.want == "" {
				if got := body(t, prack[0]); got != "" || len(offers) != 1 {
					t.Errorf("%d offers, PRACK with %q", len(offers), got)
				}
				return
			}
			for _, l := range offers {
				if got := medium(t, l); got != c.want || len(offers) != 2 {
					t.Errorf("of %d offers one with %s, want 2 with %s", len(offers), got, c.want)
				}
			}
		})
	}
}

// The answer in a PRACK to a callee's offer is as it came (RFC 3262 §5).
func TestCodecsOfAnswersInPrack(t *testing.T) {
	r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Codecs = &codec.Codecs{Names: []string{"opus"}} })), 1)
	a := r.phone("sip:a@192.0.2.11", sim.Behaviour{sim.Progress().Reliably(), sim.Answer().In(time.Second)})
	call := r.call(sim.CallSpec{Headers: supports100rel, Body: sim.NoBody, HangupAfter: seconds(1)})
	got, sent := a.Received("PRACK"), r.caller.Sent("PRACK")
	if len(got) != 1 || body(t, got[0]) == "" || body(t, got[0]) != body(t, sent[0]) || !call.Answered() {
		t.Errorf("%d PRACK, answered %v", len(got), call.Answered())
	}
}

// Without a codec that may be offered the target is not called, and fails with 488 (RFC 3261 §21.4.26).
func TestNoCodec(t *testing.T) {
	r := newRig(t, always(target("sip:a@192.0.2.11", func(t *plan.Target) { t.Codecs = &codec.Codecs{Names: []string{"opus"}} })), 1)
	a := r.phone("sip:a@192.0.2.11", sim.After(0))
	if call := r.call(sim.CallSpec{}); call.Final() != 488 || len(a.Received("INVITE")) != 0 {
		t.Errorf("%d, %d INVITEs", call.Final(), len(a.Received("INVITE")))
	}
	wantSeen(t, r.script, "failed", "exhausted", "ended")
	for range 30 {
		r.place(sim.CallSpec{})
	}
	r.run()
	if n := r.logs.FilterMessageSnippet("INVITE not sent").Len(); n != 11 {
		t.Errorf("logged %d times, want one, and 10 in a second later", n)
	}
}

// An entry that cannot be read breaks no call: it passes, and is told of once for each header of a call, whether the script looks at it or not.
func TestMalformedEntries(t *testing.T) {
	r, a := desk(t, sim.Ring(), sim.Answer().In(time.Second))
	headers := []sim.Header{
		{Name: "Diversion", Value: "<sip:1@h>;reason=away, <sip:2@h, <>"}, {Name: "Diversion", Value: "nonsense here"}, {Name: "History-Info", Value: "<sip:1@h>;index=1, @"},
	}
	r.call(sim.CallSpec{Headers: headers, HangupAfter: seconds(1)})
	for _, name := range []string{"Diversion", "History-Info"} {
		if n := r.logs.FilterMessageSnippet(name + " has an entry that cannot be read").Len(); n != 1 {
			t.Errorf("%s: told %d times", name, n)
		}
	}
	want(t, a.Received("INVITE")[0], "Diversion", headers[0].Value, headers[1].Value)
	want(t, a.Received("INVITE")[0], "History-Info", headers[2].Value)
}
